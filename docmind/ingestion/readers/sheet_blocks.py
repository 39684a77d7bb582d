"""Sheets → blocks of rows between blank ones: what is a table, what its title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from docmind.ingestion.parsed import markdown_table
from docmind.ingestion.readers.ooxml import LONGEST_REPEATED_TEXT

Position = tuple[int, int]
"""Row and column of a cell, from 0."""


@dataclass(frozen=True)
class Cell:
    """A cell as the sheet shows it."""

    text: str
    is_number: bool = False
    """And no date: such a row is no header."""
    number: str = ""
    """The number itself, which may be longer than what is shown of it; "" if it is none."""


Row = dict[int, Cell]
"""Column → cell; without those that are empty."""


@dataclass(frozen=True)
class Block:
    """Rows of a sheet between blank ones."""

    rows: Sequence[Row]
    titles: Sequence[str] = ()
    """Lines of one cell above the first row of several."""

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that have a value in some row."""
        columns: set[int] = set()
        for row in self.rows:
            columns.update(row)
        return tuple(sorted(columns))

    @property
    def is_table(self) -> bool:
        """It has at least two rows and two columns."""
        return len(self.rows) > 1 and len(self.columns) > 1

    @property
    def text(self) -> str:
        """The rows as Markdown, or a line for each."""
        if not self.is_table:
            return "\n".join([_values_as_line(row) for row in self.rows])
        columns = self.columns
        lines: list[list[str]] = []
        for row in self.rows:
            lines.append([row[column].text if column in row else "" for column in columns])
        return markdown_table(lines)

    @property
    def numbers(self) -> tuple[tuple[str, ...], ...]:
        """The numbers behind a table's cells, row by row."""
        if not self.is_table:
            return ()
        columns = self.columns
        rows: list[tuple[str, ...]] = []
        for row in self.rows:
            rows.append(tuple(row[column].number if column in row else "" for column in columns))
        return tuple(rows)


def _values_as_line(row: Row) -> str:
    return " ".join(row[column].text for column in sorted(row))


def blocks_of_rows(
    rows: Iterable[tuple[int, Row]], merged: Sequence[tuple[Position, Position]]
) -> Iterator[Block]:
    """Yield the blocks of rows between blank ones.

    A block that starts with a number goes on with the header of the last block in the same columns.
    """
    header_of: dict[tuple[int, ...], Row] = {}
    """Columns with values → the first row of the last block that had these."""
    for first_number, run in _runs(rows):
        _fill_merged(first_number, run, merged)
        block = _without_titles(run)
        if not block.rows:
            yield block
            continue
        columns = block.columns
        starts_with_number = any(cell.is_number for cell in block.rows[0].values())
        if columns in header_of and starts_with_number:
            yield replace(block, rows=[header_of[columns], *block.rows])
        else:
            header_of[columns] = block.rows[0]
            yield block


def _runs(rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, list[Row]]]:
    """Yield each run of rows whose numbers follow one another, with the first one's number."""
    run: list[Row] = []
    previous = -1
    for number, row in rows:
        if run and number != previous + 1:
            yield previous - len(run) + 1, run
            run = []
        run.append(row)
        previous = number
    if run:
        yield previous - len(run) + 1, run


def _fill_merged(
    first_number: int, rows: Sequence[Row], merged: Sequence[tuple[Position, Position]]
) -> None:
    """Put the value of each merged range into all its cells, so that it stays under its header.

    Columns that have nothing else stay empty. What is alone in its row is a title, and a long text
    a remark: they stand once.
    """
    if not merged:
        return
    own_columns: set[int] = set()
    for row in rows:
        own_columns.update(row)
    for (top, left), (bottom, right) in merged:
        start = top - first_number
        if not 0 <= start < len(rows) or left not in rows[start]:
            continue
        cell = rows[start][left]
        is_title = len(rows[start]) == 1 and top == bottom
        repeats_across = not is_title and len(cell.text) <= LONGEST_REPEATED_TEXT
        columns = [left]
        if repeats_across:
            columns = [column for column in own_columns if left <= column <= right]
        for row in rows[start : bottom - first_number + 1]:
            for column in columns:
                row.setdefault(column, cell)


def _without_titles(rows: Sequence[Row]) -> Block:
    """Return a block whose lines of one cell at the top, if a header follows, are its titles."""
    first = 0
    while first < len(rows) and len(rows[first]) == 1:
        first += 1
    rest = rows[first:]
    has_header = bool(rest) and not any(cell.is_number for cell in rest[0].values())
    if not has_header or not Block(rest).is_table:
        return Block(rows)
    return Block(rest, titles=[_values_as_line(row) for row in rows[:first]])


def column_name(column: int) -> str:
    """Return the letters of a column, counted from 0: A, B, …, Z, AA."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
