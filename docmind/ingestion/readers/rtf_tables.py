"""Tables of RTF files: rows say where each of their cells ends, not in which column it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from docmind.ingestion.parsed import markdown_table, one_line
from docmind.ingestion.readers.ooxml import LONGEST_REPEATED_TEXT

SAME_EDGE = 30
"""Twips (1/20 point) between two cells' ends that are the same column's."""
DEFAULT_WIDTH = 1000
"""Twips of a cell that says nothing of its end."""


@dataclass
class _CellFormat:
    end: int = 0
    joins_left: bool = False
    joins_above: bool = False


@dataclass
class _TableCell:
    text: str
    start: int
    end: int
    joins_left: bool
    joins_above: bool


@dataclass
class RtfRow:
    """A row while it is read."""

    CONTROL_WORDS: ClassVar = frozenset({"cellx", "clmrg", "clvmrg"})
    formats: list[_CellFormat] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _next: _CellFormat = field(default_factory=_CellFormat)

    def begin_definition(self) -> None:
        """Forget the ends of the row before."""
        self.formats = []
        self._next = _CellFormat()

    def control(self, word: str, number: int) -> None:
        """Take what a control word says of the next cell; `cellx` is its last."""
        if word == "clmrg":
            self._next.joins_left = True
        elif word == "clvmrg":
            self._next.joins_above = True
        else:
            self._next.end = number
            self.formats.append(self._next)
            self._next = _CellFormat()

    def add_text(self, text: str) -> None:
        """Add a paragraph to the open cell."""
        self._open.append(text)

    def end_cell(self) -> None:
        """End the open cell."""
        self.texts.append(one_line(" ".join(self._open)))
        self._open = []

    def next_row(self) -> RtfRow:
        """Return the next row, which has the same cells unless it says something else."""
        return RtfRow(formats=self.formats)

    def cells(self) -> list[_TableCell]:
        """Return the cells with their places."""
        cells: list[_TableCell] = []
        start = 0
        for number, text in enumerate(self.texts):
            cell_format = _CellFormat(end=start + DEFAULT_WIDTH)
            if number < len(self.formats):
                cell_format = self.formats[number]
            cells.append(
                _TableCell(
                    text=text,
                    start=start,
                    end=cell_format.end,
                    joins_left=cell_format.joins_left,
                    joins_above=cell_format.joins_above,
                )
            )
            start = cell_format.end
        return cells


class RtfTable:
    """Rows that follow each other."""

    def __init__(self) -> None:
        self._rows: list[list[_TableCell]] = []

    def add(self, row: RtfRow) -> None:
        """Add a row that was read."""
        cells = row.cells()
        if cells:
            self._rows.append(cells)

    def markdown(self) -> str:
        """Return the table; what a merged cell says stands in each of its places."""
        edges = self._edges()
        rows: list[list[str]] = []
        for cells in self._rows:
            texts = [""] * len(edges)
            for number, cell in enumerate(cells):
                text = cell.text
                covered = [
                    column
                    for column, edge in enumerate(edges)
                    if cell.start + SAME_EDGE < edge <= cell.end + SAME_EDGE
                ]
                if cell.joins_left and number and covered:
                    text = text or texts[covered[0] - 1]
                is_title = len(cells) == 1
                repeats = not is_title and len(text) <= LONGEST_REPEATED_TEXT
                for column in covered:
                    if column == covered[0] or repeats:
                        texts[column] = text
                    if cell.joins_above and rows and not text:
                        texts[column] = rows[-1][column]
            rows.append(texts)
        return markdown_table(rows)

    def _edges(self) -> list[int]:
        """Return where columns end, from left to right."""
        edges: list[int] = []
        ends: set[int] = set()
        for cells in self._rows:
            ends.update(cell.end for cell in cells)
        for end in sorted(ends):
            if not edges or end > edges[-1] + SAME_EDGE:
                edges.append(end)
        return edges
