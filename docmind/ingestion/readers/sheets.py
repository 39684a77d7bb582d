"""XLSX → text: each block of rows of a sheet is a table, with its cells as the sheet shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import PartlyRead, Progress, Section, one_line
from docmind.ingestion.readers import number_formats
from docmind.ingestion.readers.drawings import (
    SCRIPTS,
    Piece,
    alternative_text,
    chart_text,
    diagram_text,
    joined,
    paragraphs,
    write_out_links,
)
from docmind.ingestion.readers.ooxml import (
    Package,
    attribute,
    is_on,
    local_name,
    number_attribute,
    preferred_alternatives,
    relationship_id,
    relationship_id_of_picture,
    says_only_page,
)
from docmind.ingestion.readers.pictures import Pictures
from docmind.ingestion.readers.sheet_blocks import Cell, Position, Row, blocks_of_rows, column_name

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_CELL_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_ESCAPED_CHARACTER = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How control characters are written in strings: `_x000D_`."""
_SHEET_TAG = re.compile(rb"<(?:\w+:)?worksheet\b[^>]*>")
_END_OF_CELLS = re.compile(rb"</(?:\w+:)?sheetData>|<(?:\w+:)?sheetData\s*/>")
_PAGE_PART = re.compile("&[LCR]")
"""Begins the left, middle or right part of a header or footer."""
_PAGE_CODE = re.compile(r'&"[^"]*"|&K[0-9A-Fa-f]{6}|&\d+|&[PNDTGZFASBIUEXYOH]')
"""What sets the font, the place, or the page's number in a header or footer of a sheet."""
_THREADED_MARK = "[Threaded comment]"
"""Begins the copy of a newer comment that is there for old programs."""


@dataclass(frozen=True)
class _Sheet:
    name: str
    part: str


@dataclass(frozen=True)
class _Workbook:
    """What a sheet's cells refer to."""

    strings: Sequence[str]
    formats: Sequence[str]
    """The number format of each cell style."""
    starts_1904: bool


@dataclass(frozen=True)
class _Surroundings:
    """What a sheet says around its cells."""

    merged: Sequence[tuple[Position, Position]] = ()
    """First and last cell of each merged range."""
    links: Mapping[Position, str] = field(default_factory=dict)
    """Addresses behind cells."""
    hints: Sequence[str] = ()
    """Texts that appear when a cell is chosen."""
    header: str = ""
    footer: str = ""


def read_xlsx(path: Path, progress: Progress) -> PartlyRead:
    """Read a workbook: page is the sheet's number, heading its name; a block of rows is a table."""
    sections: list[Section] = []
    with Package(path) as package:
        root = package.part(package.main)
        sheets = _sheets(package)
        workbook = _Workbook(
            strings=_shared_strings(package),
            formats=_cell_formats(package),
            starts_1904=root is not None and _counts_from_1904(root),
        )
        pictures = Pictures(package, progress)
        for index, sheet in enumerate(sheets):
            progress(index, len(sheets))
            place = Section(text="", page=index + 1, headings=(sheet.name,))
            # Also an empty sheet is a page.
            sections.append(place)
            if sheet.part not in package:
                package.unread.say(f"the sheet '{sheet.name}' is missing in the file")
                continue
            sections += _sheet_sections(package, sheet.part, workbook, place)
            for drawing in package.related(sheet.part, "drawing"):
                sections += _drawing_sections(package, drawing, pictures, place)
        sections += package.properties()
        return PartlyRead(sections, package.unread.sentences())


def _sheets(package: Package) -> list[_Sheet]:
    """Return the sheets in the order of their tabs; if the list is damaged, those that are there.

    A sheet's part is "" where the workbook names none.
    """
    sheets: list[_Sheet] = []
    for element in package.elements(package.main, "{*}sheets/{*}sheet"):
        target = package.target(package.main, relationship_id(element))
        part = "" if target is None else target.target
        sheets.append(_Sheet(name=attribute(element, "name") or "", part=part))
    if any(sheet.part for sheet in sheets):
        return sheets
    found: list[_Sheet] = []
    for number, part in enumerate(package.numbered("xl/worksheets/sheet"), start=1):
        found.append(_Sheet(name=f"Sheet {number}", part=part))
    return found or sheets


def _parts_of_workbook(package: Package, kind: str) -> list[str]:
    return package.related(package.main, kind) or [f"xl/{kind}.xml"]


def _counts_from_1904(root: Element) -> bool:
    properties = root.find("{*}workbookPr")
    if properties is None or properties.get("date1904") is None:
        return False
    return is_on(properties, "date1904")


def _shared_strings(package: Package) -> list[str]:
    strings: list[str] = []
    for name in _parts_of_workbook(package, "sharedStrings"):
        strings += [_rich_text(item) for item in package.elements(name, "{*}si")]
    return strings


def _rich_text(item: Element) -> str:
    """Return a string's text, without the pronunciation that may stand beside it."""
    pieces = [Piece(item.findtext("{*}t") or "")]
    for run in item.iterfind("{*}r"):
        alignment = attribute(run.find("{*}rPr/{*}vertAlign"), "val") or ""
        pieces.append(Piece(run.findtext("{*}t") or "", SCRIPTS.get(alignment, 0)))
    text = joined(pieces)
    return _ESCAPED_CHARACTER.sub(lambda match: chr(int(match[1], 16)), text)


def _cell_formats(package: Package) -> list[str]:
    """Return the number format of each cell style; none of them if there is no list of styles."""
    formats: list[str] = []
    for name in _parts_of_workbook(package, "styles"):
        root = package.part(name)
        if root is None and name in package:
            package.unread.say("the sheets' styles are damaged: dates are shown as day numbers")
        if root is None:
            continue
        codes = dict(number_formats.BUILT_IN)
        for number_format in root.iterfind("{*}numFmts/{*}numFmt"):
            number = number_attribute(number_format, "numFmtId")
            if number is not None:
                codes[number] = number_format.get("formatCode") or "General"
        for style in root.iterfind("{*}cellXfs/{*}xf"):
            number = number_attribute(style, "numFmtId") or 0
            default = "yyyy-mm-dd" if number in number_formats.BUILT_IN_DATES else "General"
            formats.append(codes.get(number, default))
    return formats


# -- a sheet


def _sheet_sections(
    package: Package, part_name: str, workbook: _Workbook, place: Section
) -> Iterator[Section]:
    """Yield a sheet's header, blocks, comments and footer."""
    data = package.read(part_name)
    surroundings = _surroundings(package, part_name, data)
    if surroundings.header:
        yield replace(place, text=f"Header: {surroundings.header}")
    rows = _rows(package, part_name, data, workbook)
    for block in blocks_of_rows(_with_links(rows, surroundings.links), surroundings.merged):
        for title in block.titles:
            yield replace(place, text=title)
        if block.rows:
            yield replace(place, text=block.text, table=block.is_table, numbers=block.numbers)
    notes = [*_comments(package, part_name), *surroundings.hints]
    if surroundings.footer:
        notes.append(f"Footer: {surroundings.footer}")
    if notes:
        yield replace(place, text="\n".join(notes))


def _surroundings(package: Package, part_name: str, data: bytes) -> _Surroundings:
    """Return what stands behind a sheet's cells in its part, without parsing the cells."""
    from lxml import etree

    start = _SHEET_TAG.search(data)
    end_of_cells = _END_OF_CELLS.search(data)
    if not start or not end_of_cells:
        return _Surroundings()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=True)
    root = etree.fromstring(start[0] + data[end_of_cells.end() :], parser)
    if root is None:
        return _Surroundings()
    preferred_alternatives(root)

    merged: list[tuple[Position, Position]] = []
    for element in root.iterfind("{*}mergeCells/{*}mergeCell"):
        corners = _CELL_REFERENCE.findall(element.get("ref") or "")
        if len(corners) == 2:
            merged.append((_position(*corners[0]), _position(*corners[1])))
    links: dict[Position, str] = {}
    for element in root.iterfind("{*}hyperlinks/{*}hyperlink"):
        target = package.target(part_name, relationship_id(element))
        corner = _CELL_REFERENCE.match(element.get("ref") or "")
        if target is not None and target.external and corner:
            links[_position(corner[1], corner[2])] = target.target.removeprefix("mailto:")
    hints: list[str] = []
    for element in root.iterfind("{*}dataValidations/{*}dataValidation"):
        hint = one_line(f"{element.get('promptTitle') or ''} {element.get('prompt') or ''}")
        if hint:
            hints.append(f"Hint on {element.get('sqref')}: {hint}")
    for _ in root.iterfind("{*}oleObjects/{*}oleObject"):
        package.unread.count("embedded object", "embedded objects")
    return _Surroundings(
        merged=merged,
        links=links,
        hints=hints,
        header=_page_text(root, ("firstHeader", "oddHeader", "evenHeader")),
        footer=_page_text(root, ("firstFooter", "oddFooter", "evenFooter")),
    )


def _page_text(root: Element, kinds: Sequence[str]) -> str:
    """Return what stands above or below the printed pages, each text once."""
    texts: dict[str, None] = {}
    for kind in kinds:
        coded = root.findtext(f"{{*}}headerFooter/{{*}}{kind}") or ""
        for part in _PAGE_PART.split(coded.replace("&&", "\0")):
            text = one_line(_PAGE_CODE.sub(" ", part).replace("\0", "&"))
            if any(character.isalnum() for character in text) and not says_only_page(
                text, has_page_number="&P" in part
            ):
                texts[text] = None
    return "; ".join(texts)


def _rows(
    package: Package, part_name: str, data: bytes, workbook: _Workbook
) -> Iterator[tuple[int, Row]]:
    """Yield each row with a value and its number from 0; a damaged sheet ends where it must."""
    from lxml import etree

    if not data:
        return
    shared_formulas: dict[str, tuple[str, str]] = {}
    events = etree.iterparse(
        BytesIO(data), tag="{*}row", recover=True, huge_tree=True, resolve_entities=False
    )
    number = -1
    try:
        for _, row in events:
            stated = number_attribute(row, "r")
            number = number + 1 if stated is None else stated - 1
            cells = _row_cells(row, number, workbook, shared_formulas)
            if cells:
                yield number, cells
            # What is read is not held: a sheet may have a million rows.
            row.clear()
            while row.getprevious() is not None:
                del row.getparent()[0]
    except etree.XMLSyntaxError:
        package.unread.say(f"the part '{part_name}' is damaged and was read as far as possible")
        return
    if len(events.error_log):
        package.unread.say(f"the part '{part_name}' is damaged and was read as far as possible")


def _row_cells(
    row: Element,
    number: int,
    workbook: _Workbook,
    shared_formulas: dict[str, tuple[str, str]],
) -> Row:
    cells: Row = {}
    column = -1
    for element in row.iterfind("{*}c"):
        reference = element.get("r") or ""
        match = _CELL_REFERENCE.match(reference)
        column = _position(match[1], match[2])[1] if match else column + 1
        cell = _cell(element, workbook)
        formula = element.find("{*}f")
        if formula is not None:
            name = reference or f"{column_name(column)}{number + 1}"
            text = _formula(formula, name, shared_formulas)
            if cell is None and text:
                cell = Cell(text)
        if cell is not None and cell.text.strip():
            cells[column] = cell
    return cells


def _cell(element: Element, workbook: _Workbook) -> Cell | None:
    """Return a cell with the text that it shows; None if it has no value."""
    kind = element.get("t") or "n"
    number_format = "General"
    style = number_attribute(element, "s") or 0
    if style < len(workbook.formats):
        number_format = workbook.formats[style]
    if kind == "inlineStr":
        inline = element.find("{*}is")
        return None if inline is None else Cell(_rich_text(inline))
    value = element.findtext("{*}v")
    if value is None or not value.strip():
        return None
    if kind == "n":
        return _number(value, number_format, starts_1904=workbook.starts_1904)
    if kind == "b":
        return Cell("TRUE" if value.strip() == "1" else "FALSE", is_number=True)
    if kind == "d":
        return Cell(value.replace("T00:00:00", "").removesuffix(".000").replace("T", " "))
    if kind == "s":
        index = int(value) if value.strip().isdigit() else len(workbook.strings)
        value = workbook.strings[index] if index < len(workbook.strings) else ""
    else:  # a formula's text or an error
        value = _ESCAPED_CHARACTER.sub(lambda match: chr(int(match[1], 16)), value)
    return Cell(number_formats.shown_text(value, number_format))


def _number(value: str, number_format: str, *, starts_1904: bool) -> Cell:
    try:
        number = float(value)
    except ValueError:
        return Cell(value)
    is_number = not number_formats.is_date_format(number_format)
    return Cell(
        number_formats.shown(number, number_format, starts_1904=starts_1904),
        is_number=is_number,
        number=repr(number).removesuffix(".0") if is_number else "",
    )


def _formula(element: Element, name: str, shared: dict[str, tuple[str, str]]) -> str:
    """Return a cell's formula, for example `=B2*C2`; "" if it is not known.

    Args:
        element: the formula.
        name: of its cell.
        shared: formulas by their number, each with the cell that it is written for; others have the
            same one, moved.
    """
    from openpyxl.formula.translate import Translator, TranslatorError

    text = f"={element.text}" if element.text else ""
    if element.get("t") != "shared":
        return text
    number = element.get("si") or ""
    if text:
        shared[number] = (text, name)
        return text
    if number not in shared:
        return ""
    original, origin = shared[number]
    try:
        return str(Translator(original, origin=origin).translate_formula(name))
    except (TranslatorError, ValueError, IndexError):
        return original


def _position(column_name: str, row_number: str) -> Position:
    column = 0
    for letter in column_name:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(row_number) - 1, column - 1


def _with_links(
    rows: Iterable[tuple[int, Row]], links: Mapping[Position, str]
) -> Iterator[tuple[int, Row]]:
    """Yield the rows with the addresses behind their cells in brackets."""
    for number, row in rows:
        for column, cell in row.items():
            address = links.get((number, column))
            if address and address not in cell.text:
                row[column] = replace(cell, text=f"{cell.text} ({address})")
        yield number, row


# -- beside the cells


def _comments(package: Package, part_name: str) -> Iterator[str]:
    """Yield a line for each comment."""
    with_thread: set[str] = set()
    authors = _persons(package)
    for name in package.related(part_name, "threadedComment"):
        for comment in package.elements(name, "{*}threadedComment"):
            reference = comment.get("ref") or ""
            with_thread.add(reference)
            author = authors.get(comment.get("personId") or "", "")
            yield _comment(reference, comment.findtext("{*}text") or "", author)
    for name in package.related(part_name, "comments"):
        root = package.part(name)
        if root is None:
            continue
        names = [one_line(author.text or "") for author in root.iterfind("{*}authors/{*}author")]
        for comment in root.iterfind("{*}commentList/{*}comment"):
            reference = comment.get("ref") or ""
            text = "".join(_rich_text(body) for body in comment.iterfind("{*}text"))
            if reference in with_thread and text.startswith(_THREADED_MARK):
                continue
            index = number_attribute(comment, "authorId")
            author = names[index] if index is not None and index < len(names) else ""
            yield _comment(reference, text, author)


def _comment(reference: str, text: str, author: str) -> str:
    text = one_line(text)
    by_author = ""
    if author and not author.startswith("tc=") and not text.startswith(f"{author}:"):
        by_author = f" by {author}"
    return f"Comment on {reference}{by_author}: {text}"


def _persons(package: Package) -> dict[str, str]:
    names: dict[str, str] = {}
    for part in package.related(package.main, "person"):
        for person in package.elements(part, "{*}person"):
            names[person.get("id") or ""] = person.get("displayName") or ""
    return names


def _drawing_sections(
    package: Package, drawing: str, pictures: Pictures, place: Section
) -> Iterator[Section]:
    """Yield what the text boxes, charts, diagrams and pictures on a sheet say."""
    yield replace(place, text="\n".join(_shape_texts(package, drawing, pictures)))
    for chart in package.related(drawing, "chart"):
        title, table = chart_text(package, chart)
        yield replace(place, text=title)
        yield replace(place, text=table, table=True)
    for diagram in package.related(drawing, "diagramData"):
        yield replace(place, text=diagram_text(package, diagram))
    for _ in package.related(drawing, "chartEx"):
        package.unread.count("chart of a new kind", "charts of a new kind")


def _shape_texts(package: Package, drawing: str, pictures: Pictures) -> list[str]:
    """Return the texts of a drawing's shapes and what is written about and in its pictures."""
    root = package.part(drawing)
    if root is None:
        return []
    preferred_alternatives(root)
    write_out_links(package, drawing, root)
    lines: list[str] = []
    for shape in root.iter("{*}sp", "{*}cxnSp", "{*}pic", "{*}graphicFrame"):
        for body in shape.iterfind("{*}txBody"):
            lines += paragraphs(body)
        description = alternative_text(shape.find(".//{*}cNvPr"))
        if description:
            lines.append(f"Picture: {description}")
        if local_name(shape) == "pic":
            picture = package.target(drawing, relationship_id_of_picture(shape))
            if picture is None or picture.external:
                pictures.count_unread()
            else:
                lines += pictures.text(picture.target).splitlines()
    return lines
