"""The tables of a document as it was read → typed data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from docmind.ingestion.parsed import ParsedDocument, Section
from docmind.tables.cells import typed_cells, unit_of_header
from docmind.tables.table import NUMERIC, Column, ColumnType, Table, TableRow

MOST_CELLS = 2_000_000
"""Cells of one document that are kept as data; what is beyond can be found but not computed."""
MOST_COLUMNS = 200
MOST_HEADER_ROWS = 3
LONGEST_NAME = 80
"""Characters of a column's name."""

_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class _Line:
    """A row as it stands in the text."""

    cells: tuple[str, ...]
    start: int
    end: int


def tables_of(document: ParsedDocument) -> list[Table]:
    """Return a document's tables in reading order, without those that are too large."""
    return tables_within(document, MOST_CELLS)[0]


def tables_within(document: ParsedDocument, most_cells: int) -> tuple[list[Table], int]:
    """Return a document's tables, and how many are left out because they are too large."""
    tables: list[Table] = []
    left_out = 0
    cells = 0
    for start, section in document.spans():
        if not section.table:
            continue
        table = _table(start, section)
        if table is None:
            continue
        size = len(table.rows) * len(table.columns)
        if cells + size > most_cells:
            left_out += 1
        else:
            cells += size
            tables.append(table)
    return tables, left_out


def _table(start: int, section: Section) -> Table | None:
    """Return a section as a table; None if it has no rows below a header."""
    header, *rows = _lines(start, section.text)
    width = len(header.cells)
    if not rows or width > MOST_COLUMNS or any(len(row.cells) != width for row in rows):
        return None
    headers = [header]
    numbers = list(section.numbers[1:])
    if [len(behind) for behind in numbers] != [width] * len(rows):
        numbers = []
    while _goes_on_with_header(headers, rows):
        headers.append(rows.pop(0))
        numbers = numbers[1:]
    columns: list[Column] = []
    values_by_column = []
    for index, name in enumerate(_column_names(headers)):
        texts = [row.cells[index] for row in rows]
        behind = [row[index] for row in numbers]
        typed = typed_cells(texts, behind)
        unit = typed.unit
        if typed.type is ColumnType.NUMBER:
            unit = unit or unit_of_header(name)
        columns.append(Column(name=name, type=typed.type, unit=unit))
        values_by_column.append(typed.values)
    table_rows: list[TableRow] = []
    for row, values in zip(rows, zip(*values_by_column, strict=True), strict=True):
        table_rows.append(TableRow(values=values, start=row.start, end=row.end))
    if _last_is_total(table_rows, columns):
        last = table_rows[-1]
        table_rows[-1] = TableRow(values=last.values, start=last.start, end=last.end, is_total=True)
    return Table(
        title=section.headings[-1] if section.headings else "",
        page=section.page,
        start=start,
        end=start + len(section.text),
        body_start=rows[0].start,
        columns=tuple(columns),
        rows=tuple(table_rows),
    )


def _lines(start: int, markdown: str) -> list[_Line]:
    """Return the rows of a Markdown table without the rule below its header."""
    lines: list[_Line] = []
    offset = start
    for number, text in enumerate(markdown.split("\n")):
        if number != 1:
            inner = text.strip().removeprefix("|")
            cells = [cell.strip().replace("\\|", "|") for cell in _BAR.split(inner)[:-1]]
            lines.append(_Line(cells=tuple(cells), start=offset, end=offset + len(text)))
        offset += len(text) + 1
    return lines


def _goes_on_with_header(headers: Sequence[_Line], rows: Sequence[_Line]) -> bool:
    """Tell whether the first row still belongs to the header.

    The header so far leaves names open or says one twice, and the row has no number but years,
    while a row below it has.
    """
    if len(rows) < 2 or len(headers) >= MOST_HEADER_ROWS:
        return False
    above = headers[-1].cells[1:]
    is_complete = all(above) and len(set(above)) == len(above)
    if is_complete or _has_number(rows[0]):
        return False
    return any(rows[0].cells[1:]) and any(_has_number(row) for row in rows[1:])


def _has_number(row: _Line) -> bool:
    for cell in row.cells[1:]:
        typed = typed_cells([cell])
        if typed.type is ColumnType.NUMBER and cell:
            return True
    return False


def _column_names(headers: Sequence[_Line]) -> list[str]:
    """Return a name for each column, none of them twice."""
    parts: list[list[str]] = [[] for _ in headers[0].cells]
    for number, header in enumerate(headers):
        above = ""
        for index, cell in enumerate(header.cells):
            # What stands above several columns is written once.
            above = cell or above
            name = above if number + 1 < len(headers) and index else cell
            if name and name not in parts[index]:
                parts[index].append(name)
    names: list[str] = []
    for index, pieces in enumerate(parts):
        name = " ".join(pieces).replace('"', "'")[:LONGEST_NAME].strip()
        if not name:
            name = "Item" if index == 0 else f"Column {index + 1}"
        unique = name
        count = 1
        while unique in names:
            count += 1
            unique = f"{name} ({count})"
        names.append(unique)
    return names


def _last_is_total(rows: Sequence[TableRow], columns: Sequence[Column]) -> bool:
    """Tell whether the last row adds up those above it: in one column at least, none against."""
    *above, last = rows
    if len(above) < 2:
        return False
    matches = 0
    for index, column in enumerate(columns):
        value = last.values[index]
        if column.type not in NUMERIC or not isinstance(value, Decimal) or not value:
            continue
        total = Decimal()
        count = 0
        for row in above:
            number = row.values[index]
            if isinstance(number, Decimal):
                total += number
                count += 1
        if count > 1 and total == value:
            matches += 1
    return matches > 0
