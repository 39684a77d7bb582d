"""A grid as CSV or as an Excel workbook: for each question a value, its citation and its verdict.

A spreadsheet takes a text that begins with `=`, `+`, `-` or `@` for a formula. What a document says
must never be one: it is written as text.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from docmind.errors import DocMindError
from docmind.extraction.grid import Extraction

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The endings of the files that a grid can be written to, and what these are."""

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")

_ILLEGAL = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
"""Control characters that a workbook can't have."""


def rows(extraction: Extraction) -> list[list[str]]:
    """Return the grid with its head; what is not filled in yet is empty."""
    head = ["Document"]
    for question in extraction.questions:
        head += [question, f"{question}: citation", f"{question}: verdict"]
    table = [head]
    for document in extraction.documents:
        row = [document.name]
        for question in extraction.questions:
            cell = extraction.cell(document, question)
            if cell is None:
                row += ["", "", ""]
            else:
                row += [cell.value, cell.citation, cell.verdict]
        table.append(row)
    return table


def to_csv(extraction: Extraction) -> bytes:
    """Return the grid as CSV in UTF-8, with the mark by which Excel knows that."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows(extraction):
        writer.writerow([_no_formula(value) for value in row])
    return text.getvalue().encode("utf-8-sig")


def _no_formula(value: str) -> str:
    """Return a value behind an apostrophe if a spreadsheet would take it for a formula."""
    if value.startswith(FORMULA_BEGINNINGS):
        return f"'{value}"
    return value


def to_xlsx(extraction: Extraction) -> bytes:
    """Return the grid as a workbook with a fixed head."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell, WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Extraction")
    sheet.freeze_panes = "B2"
    for number, row in enumerate(rows(extraction)):
        cells: list[Cell] = []
        for value in row:
            cell = WriteOnlyCell(sheet, value.translate(_ILLEGAL))
            cell.data_type = "s"  # never a formula
            cell.quotePrefix = value.startswith(FORMULA_BEGINNINGS)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.font = Font(bold=number == 0)
            cells.append(cell)
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_file(extraction: Extraction, suffix: str) -> bytes:
    """Return a grid as a file with this ending.

    Raises:
        DocMindError: the ending is another.
    """
    check_ending(Path(f"grid{suffix}"))
    if suffix.lower() == ".xlsx":
        return to_xlsx(extraction)
    return to_csv(extraction)


def write(data: bytes, path: Path) -> None:
    """Write what `as_file` gave.

    Raises:
        DocMindError: the file can't be written.
    """
    try:
        path.write_bytes(data)
    except OSError as exc:
        raise DocMindError(f"{path} can't be written ({exc.strerror}). Name another file.") from exc


def check_ending(path: Path) -> None:
    """Raise DocMindError for a file that is neither CSV nor a workbook."""
    if path.suffix.lower() not in MEDIA_TYPES:
        raise DocMindError(f"{path.name} must end with .csv or .xlsx.")
