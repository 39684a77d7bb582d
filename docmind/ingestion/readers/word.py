"""DOCX → text: what a reader of the document sees, and what is written around it.

The order: headers, the text with its tables, text boxes and charts where they are anchored, under
each heading its notes, comments and deletions, then footers, title and author.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import (
    Outline,
    PartlyRead,
    Progress,
    Section,
    markdown_table,
    one_line,
)
from docmind.ingestion.readers.drawings import (
    SCRIPTS,
    Piece,
    alternative_text,
    chart_text,
    diagram_text,
    joined,
)
from docmind.ingestion.readers.equations import linear
from docmind.ingestion.readers.ooxml import (
    LONGEST_REPEATED_TEXT,
    Package,
    attribute,
    is_on,
    local_name,
    number_attribute,
    preferred_alternatives,
    relationship_id,
    says_only_page,
)
from docmind.ingestion.readers.pictures import Pictures
from docmind.ingestion.readers.word_numbering import BULLET, Numbering

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

LEAST_COLUMNS = 2
"""A table with fewer only lays out the page."""
DEEPEST_HEADING = 6
MOST_STYLE_PARENTS = 20
"""Styles are based on others; in damaged files in a circle."""
_HEADING_NAME = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_TITLES = {"title": 1, "subtitle": 2}
_LINK_FIELD = re.compile(r'\s*HYPERLINK\s+"([^"]+)"')
_BLANKS = re.compile(r"[ \t]+")
_PAGE_FIELDS = {"PAGE", "NUMPAGES", "SECTIONPAGES"}
_WRAPPERS = {
    "customXml",
    "dir",
    "bdo",
    "fldSimple",
    "ins",
    "moveTo",
    "sdt",
    "sdtContent",
    "smartTag",
}
"""Elements that say something about what they hold, which stands in the text as if they were not
there."""
_REMOVED = {"del", "moveFrom"}
"""What is no longer in the text, but can still be brought back."""


@dataclass(frozen=True)
class _Style:
    name: str = ""
    parent: str = ""
    outline_level: int | None = None
    """From 0; 9 is body text."""
    number_id: str = ""
    level: int | None = None
    """Of its numbering."""
    baseline: int = 0


@dataclass
class _Field:
    """A field that is open: an instruction, then the text that it came to when last computed."""

    instruction: str = ""
    result: str = ""
    is_result: bool = False
    checkbox: Element | None = None


@dataclass
class _TableCell:
    start: int
    """Its first column."""
    span: int
    text: str
    continues: bool
    """It belongs to the cell above."""


@dataclass
class _Anchored:
    """What stands beside a paragraph and is read after it."""

    text_boxes: list[Element] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    """Parts."""
    diagrams: list[str] = field(default_factory=list)
    """Parts."""
    pictures: list[str] = field(default_factory=list)
    """Parts."""


def read_docx(path: Path, progress: Progress) -> PartlyRead:
    """Read a Word document."""
    with Package(path) as package:
        root = package.part(package.main)
        if root is None:
            raise CorruptFile(
                "is damaged: its text can't be read. Open it with the program that made it and "
                "save it again."
            )
        sections = _DocumentReader(package, progress).read(root)
        return PartlyRead(sections, package.unread.sentences())


class _DocumentReader:
    """Reads the parts of one document, in their order."""

    def __init__(self, package: Package, progress: Progress) -> None:
        self._package = package
        self._pictures = Pictures(package, progress)
        self._part = package.main
        """The part that is being read: ids of links and pictures count in it."""
        self._styles = self._read_styles()
        self._numbering = Numbering(self._first_part("numbering"))
        self._outline = Outline()
        self._was_list_item = False
        self._fields: list[_Field] = []
        self._anchored = _Anchored()
        self._of_deleted_paragraph: list[Piece] = []
        """A paragraph whose end is deleted goes on with the next one."""
        self._remarks: list[str] = []
        """Notes, comments and deletions of the present section."""
        self._notes = 0
        self._comments = 0
        self._saw_page_number = False
        self._other_parts: dict[str, Element | None] = {}
        """Notes and comments, as far as they were needed."""

    def read(self, root: Element) -> list[Section]:
        """Return the sections of the document whose main part this is."""
        preferred_alternatives(root)
        header = self._page_lines(root, "header")
        footer = self._page_lines(root, "footer")
        body = root.find("{*}body")
        if body is not None:
            self._blocks(body)
        self._end_remarks()
        sections = self._outline.finish()
        if header:
            sections.insert(0, Section(text="\n".join(["Header:", *header])))
        if footer:
            sections.append(Section(text="\n".join(["Footer:", *footer])))
        return sections + self._package.properties()

    def _first_part(self, kind: str) -> Element | None:
        for name in self._package.related(self._package.main, kind):
            root = self._package.part(name)
            if root is not None:
                preferred_alternatives(root)
                return root
        return None

    # -- styles

    def _read_styles(self) -> dict[str, _Style]:
        styles: dict[str, _Style] = {}
        root = self._first_part("styles")
        for element in [] if root is None else root.iterfind("{*}style"):
            alignment = attribute(element.find("{*}rPr/{*}vertAlign"), "val") or ""
            styles[attribute(element, "styleId") or ""] = _Style(
                name=attribute(element.find("{*}name"), "val") or "",
                parent=attribute(element.find("{*}basedOn"), "val") or "",
                outline_level=number_attribute(element.find("{*}pPr/{*}outlineLvl"), "val"),
                number_id=attribute(element.find("{*}pPr/{*}numPr/{*}numId"), "val") or "",
                level=number_attribute(element.find("{*}pPr/{*}numPr/{*}ilvl"), "val"),
                baseline=SCRIPTS.get(alignment, 0),
            )
        return styles

    def _with_parents(self, style_id: str) -> Iterator[tuple[str, _Style]]:
        """Yield a style and those that it is based on."""
        for _ in range(MOST_STYLE_PARENTS):
            if not style_id:
                return
            # Some files use the names of built-in styles and define none.
            style = self._styles.get(style_id, _Style(name=style_id))
            yield style_id, style
            style_id = style.parent

    def _heading_level(self, style_id: str, properties: Element | None) -> int:
        """Return 1 and up for a heading, 0 for other paragraphs."""
        level: int | None = None
        if properties is not None:
            level = number_attribute(properties.find("{*}outlineLvl"), "val")
        for _, style in self._with_parents(style_id):
            name = _HEADING_NAME.fullmatch(style.name)
            if name:
                return min(int(name[1]), DEEPEST_HEADING)
            if style.name.lower() in _TITLES:
                return _TITLES[style.name.lower()]
            if level is None:
                level = style.outline_level
        if level is None or level > 8:
            return 0
        return min(level + 1, DEEPEST_HEADING)

    def _label(self, style_id: str, properties: Element | None) -> str:
        """Count a paragraph and return its number or bullet; "" if it has none."""
        number_id: str | None = None
        level: int | None = None
        if properties is not None:
            number_id = attribute(properties.find("{*}numPr/{*}numId"), "val")
            level = number_attribute(properties.find("{*}numPr/{*}ilvl"), "val")
        for name, style in self._with_parents(style_id):
            if number_id is not None:
                break
            if style.number_id:
                number_id = style.number_id
                if level is None:
                    level = style.level
                if level is None:
                    level = self._numbering.level_of_style(name, number_id)
        if number_id is None:
            return ""
        return self._numbering.label(number_id, level or 0)

    # -- blocks

    def _blocks(self, parent: Element) -> None:
        """Read paragraphs and tables into the outline."""
        for element in parent:
            name = local_name(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name in _WRAPPERS:
                self._blocks(element)
            elif name in _REMOVED:
                self._note_removed(element)
            elif name == "altChunk":
                self._package.unread.count("embedded document", "embedded documents")

    def _paragraph(self, element: Element) -> None:
        text, label, level = self._paragraph_text(element)
        if not text.strip():
            pass
        elif level:
            self._end_remarks()
            self._outline.add_heading(level, f"{label} {text}" if label else text)
            self._was_list_item = False
        elif label:
            gap = "\n" if self._was_list_item else "\n\n"
            self._outline.add_text(f"{gap}{label} {text}")
            self._was_list_item = True
        else:
            self._outline.add_text(f"\n\n{text}")
            self._was_list_item = False
        self._end_anchored()

    def _paragraph_text(self, element: Element) -> tuple[str, str, int]:
        """Return a paragraph's text, its number or bullet, and its level as a heading (or 0)."""
        properties = element.find("{*}pPr")
        style_id = ""
        if properties is not None:
            style_id = attribute(properties.find("{*}pStyle"), "val") or ""
        pieces = [*self._of_deleted_paragraph, *self._inline(element)]
        self._of_deleted_paragraph = []
        # A field that does not come to its result in this paragraph never does: without this, one
        # that is left open would hide the rest of the document.
        for open_field in self._fields:
            open_field.is_result = True
        if properties is not None and properties.find("{*}rPr/{*}del") is not None:
            self._of_deleted_paragraph = pieces
            return "", "", 0
        label = self._label(style_id, properties)
        text = _BLANKS.sub(" ", joined(pieces)).strip()
        return text, label, self._heading_level(style_id, properties)

    def _end_anchored(self) -> None:
        """Read what is anchored in the paragraphs before."""
        anchored = self._anchored
        self._anchored = _Anchored()
        for box in anchored.text_boxes:
            self._blocks(box)
        for chart in anchored.charts:
            title, table = chart_text(self._package, chart)
            self._outline.add_text(f"\n\n{title}")
            self._outline.add_table(table)
        for diagram in anchored.diagrams:
            self._outline.add_text(f"\n\n{diagram_text(self._package, diagram)}")
        for picture in anchored.pictures:
            text = self._pictures.text(picture)
            if text:
                self._outline.add_text(f"\n\nIn the picture:\n{text}")

    def _end_remarks(self) -> None:
        for remark in self._remarks:
            self._outline.add_text(f"\n\n{remark}")
        self._remarks = []

    # -- tables

    def _table(self, table: Element) -> None:
        rows = list(_children(table, "tr"))
        if self._lays_out(rows):
            for row in rows:
                for cell in _children(row, "tc"):
                    self._blocks(cell)
            return
        grid = [self._cells(row) for row in rows if row.find("{*}trPr/{*}del") is None]
        filled = _filled(grid)
        titles = 0
        while titles < len(grid) - 2 and len(grid[titles]) == 1:
            titles += 1
        for cells in grid[:titles]:
            self._outline.add_text(f"\n\n{cells[0].text}")
        self._outline.add_table(markdown_table(filled[titles:]))
        self._was_list_item = False
        self._end_anchored()

    def _lays_out(self, rows: Sequence[Element]) -> bool:
        """Tell whether a table only arranges text: it has one column, tables, or whole chapters."""
        columns = 0
        for row in rows:
            cells = list(_children(row, "tc"))
            columns = max(columns, len(cells))
            for cell in cells:
                if cell.find(".//{*}tbl") is not None or self._is_chapter(cell):
                    return True
        return columns < LEAST_COLUMNS

    def _is_chapter(self, cell: Element) -> bool:
        """Tell whether a cell has a heading and a text under it."""
        paragraphs = [
            paragraph
            for paragraph in cell.iterfind("{*}p")
            if paragraph.find(".//{*}t") is not None
        ]
        if len(paragraphs) < 2:
            return False
        properties = paragraphs[0].find("{*}pPr")
        if properties is None:
            return False
        style_id = attribute(properties.find("{*}pStyle"), "val") or ""
        return self._heading_level(style_id, properties) > 0

    def _cells(self, row: Element) -> list[_TableCell]:
        """Return a row's cells with the columns that they cover."""
        cells: list[_TableCell] = []
        column = number_attribute(row.find("{*}trPr/{*}gridBefore"), "val") or 0
        for element in _children(row, "tc"):
            span = number_attribute(element.find("{*}tcPr/{*}gridSpan"), "val") or 1
            merge = element.find("{*}tcPr/{*}vMerge")
            across = element.find("{*}tcPr/{*}hMerge")
            text = self._cell_text(element)
            if across is not None and attribute(across, "val") != "restart" and cells:
                cells[-1].span += span
            else:
                continues = merge is not None and attribute(merge, "val") != "restart"
                cells.append(_TableCell(start=column, span=span, text=text, continues=continues))
            column += span
        return cells

    def _cell_text(self, cell: Element) -> str:
        lines: list[str] = []
        for paragraph in _children(cell, "p"):
            text, label, _ = self._paragraph_text(paragraph)
            if text and label and label != BULLET:
                text = f"{label} {text}"
            if text:
                lines.append(text)
        return "\n".join(lines)

    # -- inside of a paragraph

    def _inline(self, parent: Element) -> list[Piece]:
        pieces: list[Piece] = []
        for element in parent:
            name = local_name(element)
            if name == "r":
                pieces += self._run(element)
            elif name == "hyperlink":
                pieces += self._link(element)
            elif name == "fldSimple":
                pieces += self._simple_field(element)
            elif name == "sdt" and element.find("{*}sdtPr/{*}showingPlcHdr") is not None:
                continue  # a form's field that was not filled in says "Click here"
            elif name in _WRAPPERS:
                pieces += self._inline(element)
            elif name in _REMOVED:
                self._note_removed(element)
            elif name in {"oMath", "oMathPara"}:
                text = linear(element)
                following = element.getnext()
                if following is not None and local_name(following) == name:
                    text += "; "
                pieces.append(Piece(text))
        return pieces

    def _run(self, run: Element) -> list[Piece]:
        properties = run.find("{*}rPr")
        baseline = 0
        if properties is not None:
            alignment = attribute(properties.find("{*}vertAlign"), "val") or ""
            style_id = attribute(properties.find("{*}rStyle"), "val") or ""
            baseline = SCRIPTS.get(alignment, self._styles.get(style_id, _Style()).baseline)
        pieces: list[Piece] = []
        for element in run:
            text = self._run_content(element)
            if all(open_field.is_result for open_field in self._fields):
                for open_field in self._fields:
                    open_field.result += text
                own_baseline = baseline if local_name(element) == "t" else 0
                pieces.append(Piece(text, own_baseline))
        return pieces

    def _run_content(self, element: Element) -> str:
        """Return what one element of a run says."""
        name = local_name(element)
        if name in _CHARACTERS:
            return _CHARACTERS[name]
        text = ""
        if name == "t":
            text = element.text or ""
        elif name == "br":
            text = "\n" if attribute(element, "type") in {None, "textWrapping"} else ""
        elif name == "sym":
            text = _symbol(element)
        elif name in {"fldChar", "instrText"}:
            text = self._field_part(element)
        elif name in {"footnoteReference", "endnoteReference"}:
            text = self._note(element)
        elif name == "commentReference":
            text = self._comment(element)
        elif name == "ruby":
            text = self._ruby(element)
        elif name in {"drawing", "pict", "object"}:
            text = self._drawing(element)
        return text

    def _ruby(self, ruby: Element) -> str:
        """Return characters with their reading in brackets."""
        base = ruby.find("{*}rubyBase")
        reading = ruby.find("{*}rt")
        text = "" if base is None else joined(self._inline(base))
        spoken = "" if reading is None else joined(self._inline(reading))
        return f"{text}({spoken})" if spoken else text

    def _link(self, element: Element) -> list[Piece]:
        pieces = self._inline(element)
        target = self._package.target(self._part, relationship_id(element, "id"))
        if target is not None and target.external:
            pieces.append(_address(target.target, joined(pieces)))
        return pieces

    def _simple_field(self, element: Element) -> list[Piece]:
        instruction = attribute(element, "instr") or ""
        if _is_page_number(instruction):
            self._saw_page_number = True
            if self._part != self._package.main:
                return []
        return self._inline(element)

    def _field_part(self, element: Element) -> str:
        """Follow a field from its begin to its end; return what is to be added to its result."""
        if local_name(element) == "instrText":
            if self._fields:
                self._fields[-1].instruction += element.text or ""
            return ""
        kind = attribute(element, "fldCharType")
        if kind == "begin":
            self._fields.append(_Field(checkbox=element.find("{*}ffData/{*}checkBox")))
        elif kind == "separate" and self._fields:
            self._fields[-1].is_result = True
        elif kind == "end" and self._fields:
            return self._end_of_field(self._fields.pop())
        return ""

    def _end_of_field(self, ended: _Field) -> str:
        if ended.checkbox is not None:
            checked = ended.checkbox.find("{*}checked")
            if checked is None:
                checked = ended.checkbox.find("{*}default")
            return "☒" if is_on(checked) else "☐"
        if ended.instruction.strip().startswith("EQ ") and not ended.result:
            return ended.instruction.strip()  # an equation of before 2007
        if _is_page_number(ended.instruction):
            self._saw_page_number = True
        link = _LINK_FIELD.match(ended.instruction)
        if link:
            return _address(link[1], ended.result).text
        return ""

    def _drawing(self, drawing: Element) -> str:
        """Return what is written about a drawing; note what stands in it for later."""
        for box in drawing.iter("{*}txbxContent"):
            # One in another box is read with that one.
            if not _is_inside_box(box, drawing):
                self._anchored.text_boxes.append(box)
        self._note_graphics(drawing)
        texts: list[str] = []
        for properties in drawing.iter("{*}docPr", "{*}cNvPr"):
            texts.append(alternative_text(properties))
        for shape in drawing.iter("{urn:schemas-microsoft-com:vml}*"):
            if local_name(shape) == "textpath":
                texts.append(one_line(shape.get("string") or ""))
            else:
                texts.append(one_line(shape.get("alt") or ""))
        known = dict.fromkeys(text for text in texts if text)
        return "".join(f" [Picture: {text}] " for text in known)

    def _note_graphics(self, drawing: Element) -> None:
        """Note the diagrams, charts and pictures of a drawing, and what can't be read of it.

        What is noted in `_anchored` is written out at the end of the paragraph.
        """
        unread = self._package.unread
        has_object = False
        for element in drawing.iter("{*}chart", "{*}relIds", "{*}OLEObject", "{*}webVideoPr"):
            name = local_name(element)
            if name == "OLEObject":
                has_object = True
                unread.count("embedded object", "embedded objects")
            elif name == "webVideoPr":
                has_object = True
                unread.count("embedded video", "embedded videos")
            elif name == "relIds":
                target = self._package.target(self._part, relationship_id(element, "dm"))
                if target is not None:
                    self._anchored.diagrams.append(target.target)
            else:
                target = self._package.target(self._part, relationship_id(element, "id"))
                if target is not None and target.kind == "chart":
                    self._anchored.charts.append(target.target)
                else:
                    unread.count("chart of a new kind", "charts of a new kind")
        if not has_object:  # an object's picture only stands for it
            for element in drawing.iter("{*}blip", "{*}imagedata"):
                reference = relationship_id(element, "embed") or relationship_id(element)
                target = self._package.target(self._part, reference)
                if target is None or target.external:
                    self._pictures.count_unread()
                else:
                    self._anchored.pictures.append(target.target)

    # -- notes, comments, deletions

    def _note(self, reference: Element) -> str:
        """Count a note, take it down for the section's end, and return its mark."""
        kind = local_name(reference).removesuffix("Reference")
        text = self._text_of(f"{kind}s", kind, attribute(reference, "id"))
        if not text:
            return ""
        self._notes += 1
        self._remarks.append(f"[{self._notes}] {text}")
        return f"[{self._notes}]"

    def _comment(self, reference: Element) -> str:
        comment = self._find("comments", "comment", attribute(reference, "id"))
        text = self._text_of("comments", "comment", attribute(reference, "id"))
        if comment is None or not text:
            return ""
        self._comments += 1
        mark = f"[{attribute(comment, 'initials') or 'C'}{self._comments}]"
        author = attribute(comment, "author")
        by_author = f" by {author}" if author else ""
        self._remarks.append(f"{mark} Comment{by_author}: {text}")
        return mark

    def _find(self, part_kind: str, name: str, note_id: str | None) -> Element | None:
        if part_kind not in self._other_parts:
            self._other_parts[part_kind] = self._first_part(part_kind)
        root = self._other_parts[part_kind]
        for element in [] if root is None else root.iterfind(f"{{*}}{name}"):
            if attribute(element, "id") == note_id:
                return element
        return None

    def _text_of(self, part_kind: str, name: str, note_id: str | None) -> str:
        """Return the text of a note or comment, in one line."""
        element = self._find(part_kind, name, note_id)
        if element is None:
            return ""
        before = self._part
        fields = self._fields
        for part in self._package.related(self._package.main, part_kind):
            self._part = part
        self._fields = []
        lines = [joined(self._inline(paragraph)) for paragraph in element.iter(_PARAGRAPH)]
        self._fields = fields
        self._part = before
        return one_line(" ".join(lines))

    def _note_removed(self, element: Element) -> None:
        """Take down what was deleted while changes were tracked."""
        if local_name(element) == "moveFrom":
            return  # it stands elsewhere
        text = one_line("".join(deleted.text or "" for deleted in element.iter("{*}delText")))
        if text:
            author = attribute(element, "author")
            by_author = f" by {author}" if author else ""
            self._remarks.append(f"Deleted{by_author}: {text}")

    # -- headers and footers

    def _page_lines(self, root: Element, kind: str) -> list[str]:
        """Return the lines of all headers or footers, each once."""
        lines: dict[str, None] = {}
        for reference in root.iter(f"{{*}}{kind}Reference"):
            target = self._package.target(self._package.main, relationship_id(reference, "id"))
            part = None if target is None else self._package.part(target.target)
            if target is None or part is None:
                continue
            preferred_alternatives(part)
            self._part = target.target
            for paragraph in part.iter(_PARAGRAPH):
                self._saw_page_number = False
                text = one_line(joined(self._inline(paragraph)))
                if text and not says_only_page(text, has_page_number=self._saw_page_number):
                    lines[text] = None
            for picture in self._anchored.pictures:  # a logo with the name and address
                lines.update(dict.fromkeys(self._pictures.text(picture).splitlines()))
            # Text boxes were met paragraph by paragraph.
            self._anchored = _Anchored()
        self._part = self._package.main
        return list(lines)


_PARAGRAPH = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}p"
_CHARACTERS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
"""Characters that are elements."""


def _filled(grid: Sequence[Sequence[_TableCell]]) -> list[list[str]]:
    """Return the rows of a table with merged cells in all places that have columns of their own.

    A long text is a remark and stands once.
    """
    own_columns: set[int] = set()
    for cells in grid:
        own_columns.update(cell.start for cell in cells if cell.text)
    rows: list[list[str]] = []
    above: dict[int, str] = {}
    for cells in grid:
        row: dict[int, str] = {}
        for cell in cells:
            text = cell.text
            if cell.continues and not text:
                text = above.get(cell.start, "")
            row[cell.start] = text
            is_alone = len(cells) == 1
            if len(text) <= LONGEST_REPEATED_TEXT and not is_alone:
                for column in range(cell.start + 1, cell.start + cell.span):
                    if column in own_columns:
                        row[column] = text
        above = row
        width = max(row, default=-1) + 1
        rows.append([row.get(column, "") for column in range(width)])
    return rows


def _children(parent: Element, name: str) -> Iterator[Element]:
    """Yield the elements of a name, also those in wrappers such as a form's fields."""
    for element in parent:
        if local_name(element) == name:
            yield element
        elif local_name(element) in _WRAPPERS:
            yield from _children(element, name)


def _is_inside_box(box: Element, drawing: Element) -> bool:
    for above in box.iterancestors():
        if above is drawing:
            return False
        if local_name(above) == "txbxContent":
            return True
    return False


def _is_page_number(instruction: str) -> bool:
    words = instruction.split()
    return bool(words) and words[0].upper() in _PAGE_FIELDS


def _address(address: str, text: str) -> Piece:
    """Return where a link leads, in brackets, if its text does not say so."""
    address = address.removeprefix("mailto:")
    if not address or address.startswith("#") or address in text:
        return Piece("")
    return Piece(f" ({address})")


def _symbol(element: Element) -> str:
    """Return a character of a symbol font; "" if nobody knows what it looks like."""
    from mammoth.docx.dingbats import dingbats

    font = attribute(element, "font") or ""
    try:
        code = int(attribute(element, "char") or "", 16)
    except ValueError:
        return ""
    # Symbol fonts begin at F000.
    known = dingbats.get((font, code)) or dingbats.get((font, code & 0xFF))
    if known is not None:
        return chr(known)
    is_private = 0xE000 <= code <= 0xF8FF
    return "" if is_private else chr(code)
