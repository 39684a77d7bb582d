"""Rich Text Format (RTF 1.9.1) → text.

Our own reader: the kept libraries give running text, without the mark of a superscript (10^6
becomes 106), tables as text between bars, and lose footnotes, headers and comments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import Outline, PartlyRead, Progress, Section, one_line
from docmind.ingestion.readers.drawings import Piece, joined
from docmind.ingestion.readers.ooxml import Unread, says_only_page
from docmind.ingestion.readers.pictures import text_in_picture
from docmind.ingestion.readers.rtf_tables import RtfRow, RtfTable

_TOKEN = re.compile(
    r"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})?[ ]?"
    r"|\\'(?P<byte>[0-9A-Fa-f]{2})"
    r"|\\(?P<symbol>[^A-Za-z])"
    r"|(?P<brace>[{}])"
    r"|(?P<text>[^\\{}\r\n]+)"
    r"|[\r\n]+",
    re.DOTALL,
)
_ADDRESS = re.compile(r"HYPERLINK\s+(?:\\l\s+)?\"([^\"]+)\"")
_RUBY = re.compile(
    r"^\s*EQ\b.*\\o\\a\w+\(\\s\\up\s*\d+\((?P<reading>[^()]*)\),(?P<base>[^()]*)\)", re.IGNORECASE
)
"""The pronunciation of a word above it, which is written as an equation."""
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)

_CODE_PAGES: Mapping[int, str] = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
"""By the character set of a font."""
_CHARACTERS: Mapping[str, str] = {
    "emdash": "—", "endash": "\u2013", "lquote": "\u2018", "rquote": "\u2019",
    "ldblquote": "“", "rdblquote": "”", "bullet": "•", "tab": " ", "line": "\n",
    "emspace": " ", "enspace": " ", "qmspace": " ", "lbr": "\n",
}  # fmt: skip
_SYMBOLS: Mapping[str, str] = {
    "~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}", "\t": " ",
}  # fmt: skip
_ENDS_OF_PARAGRAPH = {"par", "sect", "page", "column"}
_FURNITURE = {
    "header": "Header", "headerl": "Header", "headerr": "Header", "headerf": "Header",
    "footer": "Footer", "footerl": "Footer", "footerr": "Footer", "footerf": "Footer",
}  # fmt: skip
_INFO = {
    "title": "Title", "subject": "Subject", "author": "Author", "keywords": "Keywords",
    "doccomm": "Description", "category": "Category",
}  # fmt: skip
_READ_APART = {"footnote", "annotation", "shptxt", "dptxbxtext", *_FURNITURE, *_INFO}
"""Destinations whose text stands elsewhere than among the paragraph's."""
_COLLECTED = {"fldinst", "atnauthor", "pict", "fonttbl", "stylesheet"}
"""Destinations whose content says something about what stands beside it."""
_TRANSPARENT = {
    "shppict", "shpinst", "shp", "shpgrp", "field", "fldrslt", "info", "listtext", "pntext",
    "object", "result", "rtf", "do", "upr",
}  # fmt: skip
_SKIPPED = {
    "nonshppict", "objdata", "objclass", "objname", "colortbl", "listtable", "listoverridetable",
    "rsidtbl", "generator", "themedata", "colorschememapping", "datastore", "latentstyles",
    "bkmkstart", "bkmkend", "sp", "sn", "sv", "xe", "tc", "rxe", "nonesttables",
    "nesttableprops", "atnid", "atnref", "atntime", "atndate", "atnicn", "atnparent",
    "atrfstart", "atrfend", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn",
    "revtbl", "filetbl", "template", "shprslt", "private", "pn", "pntxta", "pntxtb", "mmathPr",
    "xmlnstbl", "wgrffmtfilter", "fldtype", "datafield", "picprop", "blipuid", "pgptbl",
    "userprops", "docvar", "company", "operator", "creatim", "revtim", "printim", "buptim",
    "hlinkbase", "ffname", "ffhelptext", "ffstattext", "ffdeftext", "ffl", "ffformat",
}  # fmt: skip


@dataclass(frozen=True)
class _Format:
    """How text is set; a group's end restores what was before it."""

    font: int = -1
    unicode_skip: int = 1
    baseline: int = 0
    deleted: bool = False
    skipped: bool = False
    """It belongs to a destination that is not read."""


@dataclass
class _Flow:
    """A text of its own: the body, a header, a footnote."""

    kind: str
    pieces: list[Piece] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    has_page_number: bool = False
    heading_level_around: int = 0
    in_table_around: bool = False
    """Of the paragraph in which it stands."""


@dataclass
class _Group:
    """What a brace has opened."""

    format: _Format
    """Of what follows the group."""
    destination: str = ""
    address: str = ""
    """Of the field's link."""
    field_start: int = 0
    """Pieces before the field's text."""


def read_rtf(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read a document: header, sections by headings with notes and comments, footer."""
    data = path.read_bytes()
    if not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{\\rtf"):
        raise CorruptFile("is no RTF file. Save it again in the program that made it.")
    reader = _RtfReader()
    # Letters of one byte each: what they mean depends on the font.
    reader.read(data.decode("latin-1"))
    return PartlyRead(reader.sections(), reader.unread.sentences())


class _RtfReader:
    """Follows a file's groups and control words."""

    def __init__(self) -> None:
        self.unread = Unread()
        self._outline = Outline()
        self._format = _Format()
        self._groups: list[_Group] = []
        self._flows = [_Flow("body")]
        self._encoding = "cp1252"
        self._bytes = bytearray()
        self._skip = 0
        """Characters that stand for a Unicode one which was read already."""
        self._next_may_be_skipped = False
        self._collected: dict[str, list[str]] = {}
        self._furniture: dict[str, dict[str, None]] = {}
        self._info: dict[str, None] = {}
        self._remarks: list[str] = []
        self._notes = 0
        self._author = ""
        self._fonts: dict[int, str] = {}
        self._style_levels: dict[int, int] = {}
        self._style = 0
        self._heading_level = 0
        self._in_table = False
        self._row = RtfRow()
        self._table = RtfTable()
        self._picture = bytearray()
        self._picture_is_read = False

    def read(self, text: str) -> None:
        """Read a file's text, whose characters are bytes."""
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:  # a lone backslash at the end
                break
            position = match.end()
            if match["word"] == "bin":
                length = max(0, int(match["number"] or 0))
                self._picture += text[position : position + length].encode("latin-1")
                position += length
            else:
                self._read_token(match)
        self._end_paragraph()
        self._end_table()

    def _read_token(self, match: re.Match[str]) -> None:
        if match["brace"] == "{":
            self._flush()
            self._groups.append(_Group(self._format))
            self._skip = 0
        elif match["brace"] == "}":
            self._flush()
            self._close_group()
            self._skip = 0
        elif match["word"]:
            self._flush()
            number = None if match["number"] is None else int(match["number"])
            self._control(match["word"], number)
        elif match["byte"]:
            if self._skip:
                self._skip -= 1
            else:
                self._add_bytes(bytes.fromhex(match["byte"]))
        elif match["symbol"]:
            self._flush()
            self._symbol(match["symbol"])
        elif match["text"]:
            text = match["text"]
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            self._add_bytes(text[skipped:].encode("latin-1"))

    # -- text

    def _add_bytes(self, data: bytes) -> None:
        destination = self._destination()
        if destination == "pict" and not self._format.skipped:
            self._picture += data
        else:
            self._bytes += data

    def _flush(self) -> None:
        """Add the bytes that were read, in the encoding of their font."""
        if self._bytes:
            encoding = self._fonts.get(self._format.font, self._encoding)
            text = bytes(self._bytes).decode(encoding, "replace")
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        destination = self._destination()
        if self._format.skipped:
            return
        if destination in _COLLECTED:
            self._collected.setdefault(destination, []).append(text)
        elif self._format.deleted:
            self._collected.setdefault("deleted", []).append(text)
        else:
            self._flows[-1].pieces.append(Piece(text, self._format.baseline))

    def _destination(self) -> str:
        for group in reversed(self._groups):
            if group.destination in _COLLECTED:
                return group.destination
            if group.destination in _READ_APART:
                return ""
        return ""

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._next_may_be_skipped = True
        elif symbol in "\r\n":
            self._end_paragraph()
        elif symbol in _SYMBOLS:
            self._add(_SYMBOLS[symbol])

    # -- control words

    def _control(self, word: str, number: int | None) -> None:
        may_be_skipped = self._next_may_be_skipped
        self._next_may_be_skipped = False
        if self._is_first_of_group() and self._enter(word, may_be_skipped=may_be_skipped):
            return
        if self._format.skipped:
            return
        if word == "u" and number is not None:
            self._add(chr(number % 0x10000))
            self._skip = self._format.unicode_skip
        elif word in _CHARACTERS:
            self._add(_CHARACTERS[word])
        elif word in _ENDS_OF_PARAGRAPH:
            self._end_paragraph()
        else:
            self._set(word, number)

    def _set(self, word: str, number: int | None) -> None:
        """Follow a control word that sets something."""
        if word in _HANDLERS:
            _HANDLERS[word](self, number)
        elif word in _SWITCHES:
            _SWITCHES[word](self)
        elif word in _BASELINES:
            self.set_baseline(0 if number == 0 else _BASELINES[word])
        elif word in _SEPARATORS:
            self.separate(_SEPARATORS[word])
        elif word in self._row.CONTROL_WORDS:
            self._row.control(word, number or 0)

    def _is_first_of_group(self) -> bool:
        return bool(self._groups) and not self._groups[-1].destination

    def _enter(self, word: str, *, may_be_skipped: bool) -> bool:
        """Go into a destination; False if the word is none."""
        group = self._groups[-1]
        is_known = word in _READ_APART or word in _COLLECTED or word in _TRANSPARENT
        if word in _SKIPPED or (may_be_skipped and not is_known):
            group.destination = word
            self._format = replace(self._format, skipped=True)
            return True
        if not is_known:
            return False
        group.destination = word
        if self._format.skipped:
            return True
        if word in _READ_APART:
            flow = _Flow(
                word,
                heading_level_around=self._heading_level,
                in_table_around=self._in_table,
            )
            self._flows.append(flow)
            self._format = replace(self._format, baseline=0, deleted=False)
        elif word == "pict":
            self._picture.clear()
            self._picture_is_read = False
        elif word == "object":
            self.unread.count("embedded object", "embedded objects")
        elif word == "field":
            group.field_start = len(self._flows[-1].pieces)
            self._collected.pop("fldinst", None)
        elif word in _COLLECTED:
            self._collected.pop(word, None)
        return True

    def _close_group(self) -> None:
        if not self._groups:
            return
        if self._destination() == "stylesheet":
            self._note_style("".join(self._collected.pop("stylesheet", [])))
        group = self._groups.pop()
        is_read = not self._format.skipped
        if is_read and group.destination:
            self._leave(group)
        self._format = group.format

    def _note_style(self, name: str) -> None:
        """Remember which level of heading a style is, if its name says so."""
        level = _HEADING_STYLE.match(name.strip())
        if level:
            self._style_levels.setdefault(self._style, int(level[1]))

    def _leave(self, group: _Group) -> None:
        destination = group.destination
        if destination in _READ_APART and len(self._flows) > 1:
            self._end_paragraph()
            flow = self._flows.pop()
            self._heading_level = flow.heading_level_around
            self._in_table = flow.in_table_around
            self._place(flow)
        elif destination == "fldinst":
            self._note_field("".join(self._collected.pop("fldinst", [])))
        elif destination == "field":
            self._add_address(group)
        elif destination == "pict":
            self._read_picture()
        elif destination == "atnauthor":
            self._author = one_line("".join(self._collected.pop("atnauthor", [])))

    def _note_field(self, instruction: str) -> None:
        ruby = _RUBY.search(instruction)
        if ruby:
            self._flows[-1].pieces.append(Piece(f"{ruby['base'].strip()}({ruby['reading']})"))
        address = _ADDRESS.search(instruction)
        for group in reversed(self._groups):
            if group.destination == "field":
                group.address = address[1] if address else ""
                break
        if instruction.split()[:1] in (["PAGE"], ["NUMPAGES"]):
            self._flows[-1].has_page_number = True

    def _add_address(self, group: _Group) -> None:
        """Put a link's address in brackets behind its text."""
        address = group.address.removeprefix("mailto:")
        pieces = self._flows[-1].pieces[group.field_start :]
        if address and address not in "".join(piece.text for piece in pieces):
            self._add(f" ({address})")

    def _read_picture(self) -> None:
        data = bytes(self._picture)
        with suppress(UnicodeDecodeError, ValueError):  # it was binary
            data = bytes.fromhex(data.decode("ascii"))
        self._picture.clear()
        text = text_in_picture(data) if self._picture_is_read else None
        if text is None:
            self.unread.count("picture", "pictures")
        elif text:
            self._add(f"\n{text}\n")

    # -- paragraphs

    def _end_paragraph(self) -> None:
        flow = self._flows[-1]
        text = _whole(joined(flow.pieces))
        flow.pieces.clear()
        if self._format.deleted or "deleted" in self._collected:
            deleted = one_line("".join(self._collected.pop("deleted", [])))
            if deleted:
                self._remarks.append(f"Deleted: {deleted}")
        if flow.kind != "body":
            if text.strip():
                flow.paragraphs.append(text.strip())
            return
        if self._in_table:
            self._row.add_text(text)
            return
        if not text.strip():
            return
        self._end_table()
        if self._heading_level:
            self._end_remarks()
            self._outline.add_heading(min(6, self._heading_level), text)
        else:
            self._outline.add_text(f"{text.strip()}\n\n")

    def _place(self, flow: _Flow) -> None:
        """Put a text that stands apart where it belongs."""
        text = "\n".join(flow.paragraphs)
        if not text:
            return
        if flow.kind == "footnote":
            self._notes += 1
            self._flows[-1].pieces.append(Piece(f"[{self._notes}]"))
            self._remarks.append(f"[{self._notes}] {one_line(text)}")
        elif flow.kind == "annotation":
            by_author = f" by {self._author}" if self._author else ""
            self._remarks.append(f"Comment{by_author}: {one_line(text)}")
        elif flow.kind in _FURNITURE:
            if not says_only_page(text, has_page_number=flow.has_page_number):
                self._furniture.setdefault(_FURNITURE[flow.kind], {})[text] = None
        elif flow.kind in _INFO:
            self._info[f"{_INFO[flow.kind]}: {one_line(text)}"] = None
        else:
            self._remarks.append(text)

    def _end_remarks(self) -> None:
        for remark in self._remarks:
            self._outline.add_text(f"\n{remark}\n")
        self._remarks.clear()

    def _end_table(self) -> None:
        markdown = self._table.markdown()
        self._table = RtfTable()
        if markdown:
            self._outline.add_table(markdown)

    def end_cell(self) -> None:
        """End a cell of a table."""
        self._in_table = True
        self._end_paragraph()
        self._row.end_cell()

    def end_row(self) -> None:
        """End a row of a table."""
        self._table.add(self._row)
        self._row = self._row.next_row()
        self._in_table = False

    # -- what control words set

    def set_code_page(self, number: int | None) -> None:
        """Set the encoding of text whose font says nothing else."""
        encoding = f"cp{number}"
        try:
            b"".decode(encoding)
        except LookupError:
            return
        self._encoding = encoding

    def set_font(self, number: int | None) -> None:
        """Choose a font, or begin its entry in the list of fonts."""
        self._format = replace(self._format, font=-1 if number is None else number)

    def set_character_set(self, number: int | None) -> None:
        """Say in which encoding a font's letters are."""
        encoding = _CODE_PAGES.get(number or 0)
        if self._destination() == "fonttbl" and encoding:
            self._fonts[self._format.font] = encoding

    def set_style(self, number: int | None) -> None:
        """Begin a paragraph of a style, or the style's entry in the list of styles."""
        self._style = number or 0
        if self._destination() != "stylesheet":
            self._heading_level = self._style_levels.get(self._style, self._heading_level)

    def set_outline_level(self, number: int | None) -> None:
        """Make a paragraph, or those of a style, a heading."""
        level = 0 if number is None or number > 8 else number + 1
        if self._destination() == "stylesheet":
            self._style_levels[self._style] = level
        else:
            self._heading_level = level

    def set_baseline(self, baseline: int) -> None:
        """Set letters high, low or on the line."""
        self._format = replace(self._format, baseline=baseline)

    def set_plain(self) -> None:
        """Go back to usual letters."""
        self._format = replace(self._format, baseline=0, deleted=False)

    def set_deleted(self, number: int | None) -> None:
        """Begin or end text that a tracked change has deleted."""
        self._format = replace(self._format, deleted=number != 0)

    def set_unicode_skip(self, number: int | None) -> None:
        """Say how many characters stand for a Unicode one."""
        self._format = replace(self._format, unicode_skip=1 if number is None else number)

    def begin_paragraph_format(self) -> None:
        """Go back to a usual paragraph."""
        if self._destination() == "stylesheet":
            return
        self._heading_level = 0
        self._in_table = False

    def set_in_table(self) -> None:
        """Say that the paragraph stands in a table."""
        self._in_table = True

    def begin_row(self) -> None:
        """Begin the definition of a row."""
        self._row.begin_definition()

    def separate(self, mark: str) -> None:
        """End a cell or row of a table within a table."""
        self._add(mark)

    def note_page_number(self) -> None:
        """Say that the page's number stands here."""
        self._flows[-1].has_page_number = True

    def note_picture_is_read(self) -> None:
        """Say that the picture is of a kind that can be opened."""
        self._picture_is_read = True

    # -- the result

    def sections(self) -> list[Section]:
        """Return what was read."""
        self._end_remarks()
        sections = self._outline.finish()
        for kind, texts in self._furniture.items():
            section = Section(text="\n".join([f"{kind}:", *texts]))
            if kind == "Header":
                sections.insert(0, section)
            else:
                sections.append(section)
        sections.append(Section(text="\n".join(self._info)))
        return sections


def _whole(text: str) -> str:
    """Return text in which letters beyond 16 bits are whole: RTF writes them as two."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_Handler = Callable[[_RtfReader, int | None], None]
_HANDLERS: Mapping[str, _Handler] = {
    "ansicpg": _RtfReader.set_code_page,
    "f": _RtfReader.set_font,
    "fcharset": _RtfReader.set_character_set,
    "s": _RtfReader.set_style,
    "outlinelevel": _RtfReader.set_outline_level,
    "deleted": _RtfReader.set_deleted,
    "uc": _RtfReader.set_unicode_skip,
}
_SWITCHES: Mapping[str, Callable[[_RtfReader], None]] = {
    "plain": _RtfReader.set_plain,
    "pard": _RtfReader.begin_paragraph_format,
    "intbl": _RtfReader.set_in_table,
    "trowd": _RtfReader.begin_row,
    "cell": _RtfReader.end_cell,
    "row": _RtfReader.end_row,
    "chpgn": _RtfReader.note_page_number,
    "pngblip": _RtfReader.note_picture_is_read,
    "jpegblip": _RtfReader.note_picture_is_read,
}
_BASELINES: Mapping[str, int] = {"super": 1, "up": 1, "sub": -1, "dn": -1, "nosupersub": 0}
_SEPARATORS: Mapping[str, str] = {"nestcell": " ", "nestrow": "; "}
