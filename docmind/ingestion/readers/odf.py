"""OpenDocument files → text: ODT by headings, ODS by sheets, ODP by slides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import Outline, PartlyRead, Progress, Section, one_line
from docmind.ingestion.readers.odf_package import OdfPackage, text_of
from docmind.ingestion.readers.odf_text import (
    MOST_REPEATED,
    Block,
    OdfText,
    cells_of,
    formula_text,
    lines_of,
    rows_of,
)
from docmind.ingestion.readers.ooxml import (
    attribute,
    local_name,
    number_attribute,
    says_only_page,
)
from docmind.ingestion.readers.pictures import Pictures
from docmind.ingestion.readers.sheet_blocks import Cell, Position, Row, blocks_of_rows, column_name

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_LENGTH = re.compile(r"(-?[\d.]+)(cm|mm|in|pt|pc|px)?")
_CENTIMETRES = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 0.0353, "pc": 0.423, "px": 0.0265}
SAME_ROW = 0.5
"""Centimetres between the tops of shapes that stand beside each other."""
_NUMBERS = {"float", "percentage", "currency"}
_FIELDS_OF_PAGES = (
    "page-number", "page-count", "sheet-name", "date", "time", "title", "file-name",
)  # fmt: skip
"""What a header says of the page or the file: it is another on every page, or known."""
_FURNITURE = ("header", "header-first", "header-left", "footer", "footer-first", "footer-left")


def read_odt(path: Path, progress: Progress) -> PartlyRead:
    """Read a text document: header, sections by headings, remarks under each, footer."""
    with OdfPackage(path) as package:
        reader = OdfText(package, Pictures(package, progress))
        body = package.body("text")
        outline = Outline()
        for line in _furniture(package, reader, "header"):
            outline.add_text(f"{line}\n")
        for block in reader.blocks(body):
            if block[0].startswith("heading"):
                _add_remarks(outline, reader)
            _add_block(outline, block)
        for line in _form_values(body):
            outline.add_text(f"\n{line}")
        reader.remarks += reader.deletions(body)
        _add_remarks(outline, reader)
        sections = outline.finish()
        footer = _furniture(package, reader, "footer")
        sections.append(Section(text="\n".join(footer)))
        sections += package.properties()
        return PartlyRead(sections, package.unread.sentences())


def _add_block(outline: Outline, block: Block) -> None:
    kind, text = block
    if kind.startswith("heading"):
        outline.add_heading(int(kind.split()[1]), text)
    elif kind == "table":
        outline.add_table(text)
    else:
        outline.add_text(f"{text}\n\n" if not text.lstrip().startswith("- ") else f"{text}\n")


def _add_remarks(outline: Outline, reader: OdfText) -> None:
    for remark in reader.remarks:
        outline.add_text(f"\n{remark}\n")
    reader.remarks.clear()


def _furniture(package: OdfPackage, reader: OdfText, kind: str) -> list[str]:
    """Return what stands above or below every page, once, behind the word for it."""
    lines: dict[str, None] = {}
    for root in package.roots:
        for element in root.iter(*[f"{{*}}{name}" for name in _FURNITURE if kind in name]):
            has_page_number = next(element.iter("{*}page-number"), None) is not None
            for field in element.iter(*[f"{{*}}{name}" for name in _FIELDS_OF_PAGES]):
                field.text = ""
            for _, text in reader.blocks(element):
                says_something = any(character.isalnum() for character in text)
                if says_something and not says_only_page(text, has_page_number=has_page_number):
                    lines[text] = None
    if not lines:
        return []
    return [f"{kind.capitalize()}:", *lines]


def _form_values(body: Element) -> Iterator[str]:
    """Yield the fields of a form as "name: value"."""
    for forms in body.iterfind("{*}forms"):
        for field in forms.iter():
            value = attribute(field, "current-value")
            if value:
                name = attribute(field, "label") or attribute(field, "name") or "Field"
                yield f"{name}: {value}"


# -- sheets


def read_ods(path: Path, progress: Progress) -> PartlyRead:
    """Read a workbook: page is the sheet's number, heading its name; a block of rows is a table."""
    with OdfPackage(path) as package:
        reader = OdfText(package, Pictures(package, progress))
        sections: list[Section] = []
        sheets = list(package.body("spreadsheet").iterfind("{*}table"))
        for index, sheet in enumerate(sheets):
            progress(index, len(sheets))
            name = attribute(sheet, "name") or f"Sheet {index + 1}"
            place = Section(text="", page=index + 1, headings=(name,))
            sections.append(place)
            sections += _SheetReader(package, reader).sections(sheet, place)
        furniture: list[str] = []
        for kind in ("header", "footer"):
            furniture += _furniture(package, reader, kind)
        sections.append(Section(text="\n".join(furniture)))
        hints = list(_hints(package))
        sections.append(Section(text="\n".join(hints)))
        sections += package.properties()
        return PartlyRead(sections, package.unread.sentences())


def _hints(package: OdfPackage) -> Iterator[str]:
    """Yield the texts that appear when a cell is chosen."""
    for message in package.content.iter("{*}help-message", "{*}error-message"):
        text = one_line(f"{attribute(message, 'title') or ''} {text_of(message)}")
        if text:
            yield f"Hint at a cell: {text}"


class _SheetReader:
    """Reads one sheet."""

    def __init__(self, package: OdfPackage, reader: OdfText) -> None:
        self._package = package
        self._reader = reader
        self._merged: list[tuple[Position, Position]] = []
        self._notes: list[str] = []

    def sections(self, sheet: Element, place: Section) -> Iterator[Section]:
        """Yield a sheet's blocks of rows, its comments, and what stands on it."""
        rows = list(self._rows(sheet))
        for block in blocks_of_rows(rows, self._merged):
            for title in block.titles:
                yield replace(place, text=title)
            if block.rows:
                yield replace(place, text=block.text, table=block.is_table, numbers=block.numbers)
        yield replace(place, text="\n".join(self._notes))
        yield from _drawn_sections(self._reader, sheet.iterfind("{*}shapes"), place)
        for row in rows_of(sheet):
            yield from _drawn_sections(self._reader, cells_of(row), place)

    def _rows(self, sheet: Element) -> Iterator[tuple[int, Row]]:
        """Yield each row with a value and its number from 0."""
        number = 0
        for element in rows_of(sheet):
            times = number_attribute(element, "number-rows-repeated") or 1
            row = self._row(element, number)
            if row:
                if times > MOST_REPEATED:
                    self._package.unread.say(
                        f"of a row that is repeated {times:,} times {MOST_REPEATED:,} were read"
                    )
                for offset in range(min(times, MOST_REPEATED)):
                    yield number + offset, dict(row)
            number += times

    def _row(self, element: Element, number: int) -> Row:
        row: Row = {}
        column = 0
        for cell in cells_of(element):
            times = number_attribute(cell, "number-columns-repeated") or 1
            shown = self._cell(cell)
            name = f"{column_name(column)}{number + 1}"
            for annotation in cell.iterfind("{*}annotation"):
                comment = self._reader.comment(annotation)
                self._notes.append(comment.replace("Comment", f"Comment on {name}", 1))
            if shown is not None:
                for offset in range(min(times, MOST_REPEATED)):
                    row[column + offset] = shown
            across = number_attribute(cell, "number-columns-spanned") or 1
            down = number_attribute(cell, "number-rows-spanned") or 1
            if across * down > 1:
                last = (number + down - 1, column + across - 1)
                self._merged.append(((number, column), last))
            column += times
        return row

    def _cell(self, cell: Element) -> Cell | None:
        """Return a cell with the text that it shows; None if it is empty."""
        if local_name(cell) == "covered-table-cell":
            return None
        kind = attribute(cell, "value-type") or ""
        value = attribute(cell, "value") or ""
        paragraphs: list[str] = []
        for paragraph in cell.iterfind("{*}p"):
            paragraphs.append(self._reader.paragraph(paragraph))
        self._notes += self._reader.remarks
        self._reader.remarks.clear()
        text = "\n".join(paragraphs).strip()
        if kind in _NUMBERS and value:
            return Cell(text or value, is_number=True, number=_plain_number(value))
        if kind == "date":
            return Cell(_date(text, attribute(cell, "date-value") or ""))
        if kind == "boolean":
            return Cell(text or (attribute(cell, "boolean-value") or "").upper(), is_number=True)
        text = text or attribute(cell, "string-value") or attribute(cell, "time-value") or ""
        formula = attribute(cell, "formula")
        if not text and formula:
            text = formula_text(formula)
        return Cell(text) if text else None


def _plain_number(value: str) -> str:
    """Return a number as Python writes it: `12`, not `12.0` or `1.2E1`."""
    try:
        return repr(float(value)).removesuffix(".0")
    except ValueError:
        return ""


def _date(shown: str, value: str) -> str:
    """Return a date as it is shown, or in the form of ISO where its order can't be seen."""
    has_month_name = any(character.isalpha() for character in shown)
    if shown and has_month_name and re.search(r"\d{4}", shown):
        return shown
    return value.replace("T00:00:00", "").replace("T", " ") or shown


# -- slides


def read_odp(path: Path, progress: Progress) -> PartlyRead:
    """Read a presentation: page is the slide's number, heading its title; notes under the slide."""
    with OdfPackage(path) as package:
        reader = OdfText(package, Pictures(package, progress))
        sections: list[Section] = []
        pages = list(package.body("presentation").iterfind("{*}page"))
        for index, page in enumerate(pages):
            progress(index, len(pages))
            sections += _slide_sections(reader, page, index + 1)
        sections.append(Section(text="\n".join(_master_texts(package, reader))))
        sections += package.properties()
        return PartlyRead(sections, package.unread.sentences())


def _slide_sections(reader: OdfText, page: Element, number: int) -> Iterator[Section]:
    shapes: list[Element] = []
    title = ""
    for shape in page:
        if local_name(shape) in {"notes", "forms", "annotation"}:
            continue
        if attribute(shape, "class") == "title" and not title:
            title = one_line(lines_of(list(reader.drawing(shape))))
        else:
            shapes.append(shape)
    place = Section(text="", page=number, headings=(title,) if title else ())
    yield replace(place, text=f"# {title}" if title else "")
    yield from _drawn_sections(reader, [_Group(_in_reading_order(shapes))], place)
    remarks = list(reader.remarks)
    reader.remarks.clear()
    for annotation in page.iterfind("{*}annotation"):
        remarks.append(reader.comment(annotation))
    for notes in page.iterfind("{*}notes"):
        text = lines_of(list(reader.blocks(notes)))
        if text:
            remarks.append(f"Notes: {text}")
    yield replace(place, text="\n".join(remarks))


class _Group(list["Element"]):
    """Shapes in their order."""


def _drawn_sections(
    reader: OdfText, groups: Sequence[Sequence[Element]] | Iterator[Element], place: Section
) -> Iterator[Section]:
    """Yield what shapes say: their texts together, each table apart."""
    texts: list[str] = []
    for group in groups:
        for shape in group:
            if local_name(shape) in {"p", "annotation"}:
                continue
            for kind, text in reader.drawing(shape):
                if kind == "table":
                    yield replace(place, text="\n".join(texts))
                    yield replace(place, text=text, table=True)
                    texts.clear()
                else:
                    texts.append(text)
    yield replace(place, text="\n".join(texts))


def _in_reading_order(shapes: Sequence[Element]) -> list[Element]:
    """Return shapes from top to bottom, those beside each other from left to right."""
    ordered: list[Element] = []
    row: list[Element] = []
    for shape in sorted(shapes, key=_top):
        if row and _top(shape) > _top(row[0]) + SAME_ROW:
            ordered += sorted(row, key=_left)
            row = []
        row.append(shape)
    return ordered + sorted(row, key=_left)


def _top(shape: Element) -> float:
    return _length(shape, "y")


def _left(shape: Element) -> float:
    return _length(shape, "x")


def _length(shape: Element, name: str) -> float:
    """Return where a shape begins, in centimetres; a group begins with its first member."""
    match = _LENGTH.match(attribute(shape, name) or attribute(shape, f"{name}1") or "")
    if match:
        return float(match[1]) * _CENTIMETRES[match[2] or "cm"]
    for child in shape:
        if attribute(child, name):
            return _length(child, name)
    return 0.0


def _master_texts(package: OdfPackage, reader: OdfText) -> Iterator[str]:
    """Yield what stands on every slide, once; prompts of placeholders are no text."""
    seen: set[str] = set()
    for root in package.roots:
        for master in root.iter("{*}master-page"):
            for shape in master:
                if local_name(shape) in {"notes", "forms"}:
                    continue
                if attribute(shape, "class"):  # a prompt, or a place for the date
                    continue
                text = lines_of(list(reader.drawing(shape)))
                if text and text not in seen:
                    seen.add(text)
                    yield text
    for declared in package.content.iter("{*}header-decl", "{*}footer-decl"):
        text = one_line(text_of(declared))
        if text and text not in seen:
            seen.add(text)
            yield text
