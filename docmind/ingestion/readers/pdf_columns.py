"""Tables of a PDF page that have no rules: rows of words over columns that nothing crosses.

It would be worse to make a table of running text than to leave a table as lines of text, which keep
each row whole. So there is a table only where at least three lines below each other have cells over
the same gaps, and one of the columns is of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from docmind.ingestion.parsed import Box, markdown_table
from docmind.ingestion.readers.pdf_lines import PageLayout, TextLine, Word
from docmind.ingestion.readers.pdf_tables import Table, is_value

GAP = 0.9
"""Fraction of a line's height that parts two cells; a blank is 0.2 to 0.3."""
LEAST_GUTTER = 0.5
"""Fraction of a line's height between two columns that no cell of the table enters."""
LEAST_ROWS = 3
MOST_LEADING = 2.6
"""Heights of a line from one row to the next."""
LEAST_NUMBERS = 0.7
"""Fraction of a column's cells that are numbers in a column of numbers."""
MOST_CELL_CHARS = 90
"""A longer cell is running text."""
LEAST_FILLED = 0.5
"""Fraction of a table's cells that say something."""

_AFFIX = re.compile(r"[$\u20ac\u00a3\u00a5]|US\$|%|\)|%\)|[*\u2020\u2021]")
"""Stands at a number in a column of its own, and belongs to it."""
_LEADERS = re.compile(r"(?:\.\s?){4,}|_{4,}")
"""Dots of a list of contents, and blanks of a form."""


class _Cell(NamedTuple):
    """Words of a line with no wide gap between them."""

    words: list[Word]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def left(self) -> float:
        return self.words[0].rect.left

    @property
    def right(self) -> float:
        return self.words[-1].rect.right


@dataclass(eq=False)
class _Row:
    """A line in cells."""

    line: TextLine
    cells: list[_Cell]

    @property
    def has_numbers(self) -> bool:
        """Tell whether a cell after the first is a number and no year."""
        for cell in self.cells[1:]:
            if is_value(cell.text):
                return True
        return False


class _Column(NamedTuple):
    """A stretch of the page from left to right."""

    left: float
    right: float


def find_open_tables(layout: PageLayout, used: set[Word]) -> list[Table]:
    """Return the tables without rules, from top to bottom.

    Args:
        layout: the lines of the page.
        used: words that stand in other tables.
    """
    tables: list[Table] = []
    for rows in _runs(layout.lines, used):
        table = _table(layout, rows)
        if table is not None:
            tables.append(table)
    return tables


def _runs(lines: Sequence[TextLine], used: set[Word]) -> Iterator[list[_Row]]:
    """Yield rows below each other: those with several cells, and single lines between them."""
    rows: list[_Row] = []
    for line in lines:
        is_other = line.sideways or line.slanted or line.right_to_left or not line.words
        if is_other or (used and not used.isdisjoint(line.words)):
            yield from _trimmed(rows)
            rows = []
            continue
        row = _Row(line=line, cells=_cells(line))
        if rows and not _is_below(rows[-1], row):
            yield from _trimmed(rows)
            rows = []
        if len(row.cells) == 1 and rows and len(rows[-1].cells) == 1:
            # Two lines of text below each other are no rows.
            yield from _trimmed(rows)
            rows = []
        rows.append(row)
    yield from _trimmed(rows)


def _trimmed(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Yield these rows without single lines at both ends, if they may be a table."""
    numbers = 0
    first = len(rows)
    last = -1
    for index, row in enumerate(rows):
        if len(row.cells) > 1:
            first = min(first, index)
            last = index
        if row.has_numbers:
            numbers += 1
    # The heads of several columns may be a line of their own, which does not stand over the first.
    labels_end = max((row.cells[0].right for row in rows if row.has_numbers), default=0.0)
    while first > 0 and rows[first - 1].cells[0].left > labels_end:
        first -= 1
    if numbers >= LEAST_ROWS:
        yield list(rows[first : last + 1])


def _is_below(row: _Row, following: _Row) -> bool:
    """Tell whether a line is the next one below a row."""
    height = max(row.line.font_height, following.line.font_height)
    return 0 < following.line.baseline - row.line.baseline < MOST_LEADING * height


def _cells(line: TextLine) -> list[_Cell]:
    """Return the words of a line, parted at wide gaps."""
    words = sorted(line.words, key=lambda word: word.rect.left)
    cells = [_Cell([words[0]])]
    for before, word in pairwise(words):
        if word.rect.left - before.rect.right > GAP * line.font_height:
            cells.append(_Cell([word]))
        else:
            cells[-1].words.append(word)
    return cells


def _table(layout: PageLayout, rows: Sequence[_Row]) -> Table | None:
    """Return the table that these rows make, if they make one."""
    if any(_LEADERS.search(row.line.text) for row in rows):
        return None
    body_start = 0
    while not rows[body_start].has_numbers:
        body_start += 1
    columns = _columns(rows[body_start:])
    if len(columns) < 2:
        return None
    body: list[list[str]] = []
    for row in rows[body_start:]:
        texts = _in_columns(row, columns)
        if texts is None:
            return None
        body.append(texts)
    heads = _heads(rows[:body_start], columns)
    if heads is None or not _is_table(body):
        return None
    boxes: list[Box | None] = []
    boxes.append(None)  # no place for the heads, if there are none
    if body_start > 0:
        boxes[0] = layout.box(rows[body_start - 1].line.rect)
    boxes.append(None)
    words: set[Word] = set()
    for number, row in enumerate(rows):
        words.update(row.line.words)
        if number >= body_start:
            boxes.append(layout.box(row.line.rect))
    return Table(
        markdown=markdown_table(body, header=heads),
        boxes=tuple(boxes),
        words=frozenset(words),
    )


def _columns(rows: Sequence[_Row]) -> list[_Column]:
    """Return the columns: what is left between stretches that no cell of several enters."""
    cells: list[_Cell] = []
    for row in rows:
        if len(row.cells) > 1:
            cells += row.cells
    cells.sort(key=lambda cell: cell.left)
    gutter = LEAST_GUTTER * rows[0].line.font_height
    columns: list[_Column] = []
    for cell in cells:
        if columns and cell.left - columns[-1].right < gutter:
            right = max(columns[-1].right, cell.right)
            columns[-1] = columns[-1]._replace(right=right)
        else:
            columns.append(_Column(left=cell.left, right=cell.right))
    return _without_affixes(columns, cells)


def _without_affixes(columns: Sequence[_Column], cells: Sequence[_Cell]) -> list[_Column]:
    """Return the columns; one of signs of currency, or of per cent, is part of its numbers'."""
    joined: list[_Column] = []
    waiting: _Column | None = None
    for column in columns:
        texts: list[str] = []
        for cell in cells:
            if column.left <= cell.left and cell.right <= column.right:
                texts.append(cell.text)
        current = column
        if waiting is not None:
            current = current._replace(left=waiting.left)
            waiting = None
        elif all(_AFFIX.fullmatch(text) for text in texts):
            if texts[0] in {"%", ")", "%)", "*"} and joined:
                joined[-1] = joined[-1]._replace(right=column.right)
            else:
                waiting = column
            continue
        joined.append(current)
    if waiting is not None:
        joined.append(waiting)
    return joined


def _in_columns(row: _Row, columns: Sequence[_Column]) -> list[str] | None:
    """Return what a row says in each column; None if one of its cells is over several."""
    texts = [""] * len(columns)
    if len(row.cells) == 1:
        # the name of the rows below it, or a row that says nothing further
        if row.cells[0].left > columns[0].right:
            return None
        texts[0] = row.cells[0].text
        return texts
    for cell in row.cells:
        over = _columns_of(cell, columns)
        if len(over) != 1:
            return None
        (column,) = over
        texts[column] = f"{texts[column]} {cell.text}".strip()
    return texts


def _columns_of(cell: _Cell, columns: Sequence[_Column]) -> list[int]:
    """Return the numbers of the columns that a cell stands over."""
    over: list[int] = []
    for number, column in enumerate(columns):
        if cell.left < column.right and column.left < cell.right:
            over.append(number)
    return over


def _heads(rows: Sequence[_Row], columns: Sequence[_Column]) -> list[str] | None:
    """Return the heads of the columns, each from top to bottom; None if they stand elsewhere."""
    heads = [""] * len(columns)
    for row in rows:
        for cell in row.cells:
            over = _columns_of(cell, columns)
            if not over:
                # between two columns: it belongs to the nearer one
                middle = (cell.left + cell.right) / 2
                distances = [abs((column.left + column.right) / 2 - middle) for column in columns]
                over = [distances.index(min(distances))]
            for column in over:
                heads[column] = f"{heads[column]} {cell.text}".strip()
    if any(len(head) > MOST_CELL_CHARS for head in heads):
        return None
    return heads


def _is_table(body: Sequence[Sequence[str]]) -> bool:
    """Tell whether these rows are more than words that stand below each other by chance."""
    filled = 0
    rows_with_several = 0
    for row in body:
        texts = list(filter(None, row))
        filled += len(texts)
        if len(texts) > 1:
            rows_with_several += 1
        if any(len(text) > MOST_CELL_CHARS for text in texts):
            return False
    if rows_with_several < LEAST_ROWS or filled < LEAST_FILLED * len(body) * len(body[0]):
        return False
    for column in range(1, len(body[0])):
        cells = [row[column] for row in body if row[column]]
        numbers = sum(map(is_value, cells))
        if numbers >= LEAST_ROWS and numbers >= LEAST_NUMBERS * len(cells):
            return True
    return False
