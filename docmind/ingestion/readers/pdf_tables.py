"""Ruled tables of a PDF page.

Their lines come from PDFium, their cells from pdfplumber's rules, their words from the page's
layout.

pdfplumber alone reads 5 to 20 pages a second; with PDFium's lines and text in place of its own it
costs little.

A word belongs to the cell in which its middle stands: no word is cut, and none is in two cells.
Words in no cell, and those of what is no table after all, stay with the page's text.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

from docmind.ingestion.parsed import Box, markdown_table
from docmind.ingestion.readers.pdf_lines import PageLayout, Point, Rect, TextLine, Word, around
from docmind.ingestion.readers.pdf_reading_order import join_words_across_lines

if TYPE_CHECKING:
    from pypdfium2 import PdfPage
    from pypdfium2.raw import FPDF_PAGEOBJECT, FS_MATRIX

MOST_SEGMENTS = 3000
"""A page with more is a drawing."""
SEGMENTS_OF_RECTANGLE = 5
SMALL = 20.0
"""Points; a path of many segments that is nowhere longer is no rule."""
SNAP = 3.0
"""Points up to which two lines are the same one, and up to which an end reaches a crossing line."""
STRAIGHT = 1.0
"""Points by which a horizontal or vertical line may lean."""
LEAST_RULES_OF_OPEN_TABLE = 3
"""So many horizontal lines that begin (or end) alike show a table whose side is open."""
LONG_CELL_CHARS = 100
"""A cell over several columns or rows that says more is no heading: it is not repeated in them, and
over all columns it is text between two tables."""
MOST_HEADER_ROWS = 4
MOST_REPEATED = 2.0
"""A table that says more than so many times what its cells do is none: its words are text."""
FLOWING = 0.36
"""Fraction of a line's height up to which a gap between words is a blank: what stands in cells of
their own has the room on both sides of a rule between it."""
LEAST_ROWS_WITHOUT_RULES = 3
"""So many lines of numbers in a cell are rows. Two may be one thing, as a value and its error."""
STICKING_OUT = 0.15
"""Fraction of a word's width by which it may reach over the side of its cell."""
MOST_CROSSED = 0.02
"""Fraction of words that may go on in the next cell, as a blank is all that parts them."""
MOST_CELL_CHARS_BESIDE_ROWS = 400
"""A cell beside several rows that says more is running text in a frame."""
MOST_SPANNING_VALUES = 0.1
"""Fraction of a table's values that may stand in several rows or columns. Where more do, shades and
frames were taken for rules, and the values of several rows stand in one cell."""
MOST_STICKING_OUT = 0.05
"""Fraction of words that may reach further: the lines of a drawing cross more of them."""

_NUMBER = re.compile(
    r"[(\[<>~\u2248+\-\u2212\u2013]?\s*[$\u20ac\u00a3\u00a5]?\s*"
    r"[+\-\u2212\u2013]?\(?\d[\d.,:/'\u2019\s]*\s*"
    r"(?:%|\)|pts?|bps|[kKmM]|x|[A-Z]{3}|[$\u20ac\u00a3\u00a5]|[*\u2020])*"
)
_NO_VALUE = re.compile(r"[-\u2212\u2013\u2014]+|n/?a|n\.a\.|nm|nil|\*+", re.IGNORECASE)
_YEAR = re.compile(r"(?:FY|Q[1-4] )?(?:19|20)\d\d(?:/\d\d)?")


class Segment(NamedTuple):
    """A straight line of a drawn path."""

    start: Point
    end: Point


class Edge(TypedDict):
    """A line in pdfplumber's form; points as in `Rect`."""

    orientation: Literal["h", "v"]
    x0: float
    x1: float
    top: float
    bottom: float
    width: float
    height: float


@dataclass(frozen=True)
class Table:
    """A table on a page."""

    markdown: str
    boxes: tuple[Box | None, ...]
    """Where each line of `markdown` stands."""
    words: frozenset[Word]
    """The words in its cells."""
    header_rows: int = 1
    """Rows that are heads of columns."""

    @property
    def is_whole(self) -> bool:
        """Tell whether it says each of its words, and none all over again.

        What several columns have in common is repeated in them, but never most of a table.
        """
        words: Counter[str] = Counter()
        for word in self.words:
            words.update(filter(str.isalnum, word.text))
        said = Counter(filter(str.isalnum, self.markdown))
        return words <= said and said.total() <= MOST_REPEATED * words.total()


@dataclass(eq=False)
class _Cell:
    """A cell and what stands in it."""

    rect: Rect
    lines: list[TextLine] = field(default_factory=list)
    is_flowing: bool = False
    """Lines of the page run through its text, as if it were several cells."""

    def add(self, word: Word, line: TextLine) -> None:
        """Take a word of a line; the words of a line come one after the other."""
        if not self.lines or self.lines[-1].baseline != line.baseline:
            part = TextLine(
                words=[],
                rect=word.rect,
                baseline=line.baseline,
                font_height=line.font_height,
                sideways=line.sideways,
            )
            self.lines.append(part)
        part = self.lines[-1]
        part.words.append(word)
        part.rect = around(part.rect, word.rect)

    @property
    def words(self) -> list[Word]:
        """All its words, as they stand on the page."""
        return [word for line in self.lines for word in line.words]

    @property
    def baselines(self) -> list[float]:
        """Where its lines stand."""
        return [line.baseline for line in self.lines]

    @property
    def is_numbers(self) -> bool:
        """Tell whether each of its lines is a number."""
        return all(line.is_number for line in self.lines)

    def cut(self, baselines: Sequence[float]) -> list[_Cell]:
        """Return a cell for each of its lines; itself if it stands beside all of these rows."""
        rows: list[int] = []
        for line in self.lines:
            for row, baseline in enumerate(baselines):
                if abs(line.baseline - baseline) <= SNAP:
                    rows.append(row)
        if len(rows) != len(self.lines) or not rows:
            return [self]
        cells: list[_Cell] = []
        for row, line in zip(rows, self.lines, strict=True):
            top = self.rect.top
            if row > 0:
                top = baselines[row - 1]
            bottom = self.rect.bottom
            if row + 1 < len(baselines):
                bottom = baselines[row]
            cells.append(_Cell(self.rect._replace(top=top, bottom=bottom), lines=[line]))
        return cells

    def text(self) -> str:
        """Return what it says in one line."""
        copies: list[TextLine] = []
        for line in self.lines:
            words = [replace(word) for word in line.words]
            copies.append(replace(line, words=words))
        join_words_across_lines(copies)
        return " ".join(line.text for line in copies if line.words)


def find_tables(layout: PageLayout) -> list[Table]:
    """Return the tables whose cells are ruled off, from top to bottom."""
    edges = list(_edges(layout))
    horizontal = [edge for edge in edges if edge["orientation"] == "h"]
    vertical_count = len(edges) - len(horizontal)
    if len(horizontal) < 2 or vertical_count < 2:
        return []
    from pdfplumber.table import (
        cells_to_tables,
        edges_to_intersections,
        intersections_to_cells,
        merge_edges,
    )

    merged = merge_edges(
        [*edges, *_open_sides(horizontal)],
        snap_x_tolerance=SNAP,
        snap_y_tolerance=SNAP,
        join_x_tolerance=SNAP,
        join_y_tolerance=SNAP,
    )
    intersections = edges_to_intersections(merged, x_tolerance=SNAP, y_tolerance=SNAP)
    cells = intersections_to_cells(intersections)
    tables: list[Table] = []
    for group in cells_to_tables(cells):
        tables += _tables(layout, [Rect._make(cell) for cell in group])
    return tables


def _open_sides(rules: Sequence[Edge]) -> list[Edge]:
    """Return the left and right sides of tables that are open there.

    Args:
        rules: the horizontal lines; a side is where three of them begin or end alike.
    """
    sides: list[Edge] = []
    for end in ("x0", "x1"):
        remaining = sorted(rules, key=lambda rule: rule[end])
        while remaining:
            x = remaining[0][end]
            alike = [rule for rule in remaining if rule[end] - x <= SNAP]
            remaining = remaining[len(alike) :]
            tops = {round(rule["top"]) for rule in alike}
            if len(tops) >= LEAST_RULES_OF_OPEN_TABLE:
                sides.append(_edge("v", Rect(left=x, top=min(tops), right=x, bottom=max(tops))))
    return sides


def _edges(layout: PageLayout) -> Iterator[Edge]:
    """Yield the horizontal and vertical lines on the page."""
    for start, end in _segments(layout.page):
        is_straight = abs(start.x - end.x) <= STRAIGHT or abs(start.y - end.y) <= STRAIGHT
        if not is_straight:
            continue
        line = layout.direction.rect(
            left=min(start.x, end.x),
            bottom=min(start.y, end.y),
            right=max(start.x, end.x),
            top=max(start.y, end.y),
        )
        if line.width > line.height:
            yield _edge("h", line)
        else:
            yield _edge("v", line)


def _edge(orientation: Literal["h", "v"], around: Rect) -> Edge:
    return {
        "orientation": orientation,
        "x0": around.left,
        "x1": around.right,
        "top": around.top,
        "bottom": around.bottom,
        "width": around.right - around.left,
        "height": around.bottom - around.top,
    }


def _segments(page: PdfPage) -> list[Segment]:
    """Return the straight lines of the page's paths; none if it is a drawing."""
    import pypdfium2.raw as pdfium_c

    segments: list[Segment] = []
    matrix = pdfium_c.FS_MATRIX()
    x = ctypes.c_float()
    y = ctypes.c_float()
    # pypdfium2's own objects cost more than all that is asked of them here
    for number in range(pdfium_c.FPDFPage_CountObjects(page)):
        path = pdfium_c.FPDFPage_GetObject(page, number)
        if pdfium_c.FPDFPageObj_GetType(path) != pdfium_c.FPDF_PAGEOBJ_PATH:
            continue
        count = pdfium_c.FPDFPath_CountSegments(path)
        if count > MOST_SEGMENTS:
            return []
        if count > SEGMENTS_OF_RECTANGLE and _is_small(path):
            continue
        pdfium_c.FPDFPageObj_GetMatrix(path, matrix)
        # a path begins here if it does not move elsewhere first
        start = Point(0.0, 0.0)
        here = Point(0.0, 0.0)
        for index in range(count):
            segment = pdfium_c.FPDFPath_GetPathSegment(path, index)
            # PDFium writes the point that the segment leads to into these two variables
            pdfium_c.FPDFPathSegment_GetPoint(segment, x, y)
            before = here
            here = _on_page(matrix, x.value, y.value)
            kind = pdfium_c.FPDFPathSegment_GetType(segment)
            if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
                start = here
            elif kind == pdfium_c.FPDF_SEGMENT_LINETO:
                segments.append(Segment(before, here))
            if pdfium_c.FPDFPathSegment_GetClose(segment):
                segments.append(Segment(here, start))
        if len(segments) > MOST_SEGMENTS:
            return []
    return segments


def _is_small(path: FPDF_PAGEOBJECT) -> bool:
    """Tell whether a path is a letter or a sign that was drawn: no cell is so small."""
    import pypdfium2.raw as pdfium_c

    left = ctypes.c_float()
    bottom = ctypes.c_float()
    right = ctypes.c_float()
    top = ctypes.c_float()
    pdfium_c.FPDFPageObj_GetBounds(path, left, bottom, right, top)
    width = right.value - left.value
    height = top.value - bottom.value
    return max(width, height) < SMALL


def _on_page(matrix: FS_MATRIX, x: float, y: float) -> Point:
    """Return where a path's point stands on its page."""
    return Point(
        matrix.a * x + matrix.c * y + matrix.e,
        matrix.b * x + matrix.d * y + matrix.f,
    )


def _tables(layout: PageLayout, rects: Sequence[Rect]) -> Iterator[Table]:
    """Yield the tables that these cells make: none if they only frame something.

    Text over all columns parts two tables.
    """
    cells = _filled_cells(layout, rects)
    if not cells or _is_drawing(cells) or _is_crossed(cells):
        return
    grid = _Grid(_cut_to_rows(cells))
    rows: list[int] = []
    for row in range(len(grid.tops)):
        if grid.is_text_between_tables(row):
            yield from _table(layout, grid, rows)
            rows = []
        else:
            rows.append(row)
    yield from _table(layout, grid, rows)


def _filled_cells(layout: PageLayout, rects: Sequence[Rect]) -> list[_Cell]:
    """Return the cells in which words stand; what lies within a double line is no cell."""
    cells: list[_Cell] = []
    frame: Rect | None = None
    for rect in rects:
        if min(rect.width, rect.height) > 2 * SNAP:
            cells.append(_Cell(rect))
            frame = around(frame or rect, rect)
    if frame is None:
        return []
    for line in layout.lines:
        # what is written across a table is no part of it
        if line.slanted or line.rect.bottom < frame.top or frame.bottom < line.rect.top:
            continue
        band = [
            cell
            for cell in cells
            if cell.rect.top <= line.rect.bottom and line.rect.top <= cell.rect.bottom
        ]
        for word in line.words:
            for cell in band:
                if cell.rect.holds(word.rect.center):
                    cell.add(word, line)
                    break
    return _with_flowing_text(cell for cell in cells if cell.lines)


def _with_flowing_text(cells: Iterable[_Cell]) -> list[_Cell]:
    """Return the cells; those through which a text runs are one.

    The sides of shades and frames are lines as rules are, and stand where no cell ends.
    """
    joined: list[_Cell] = []
    for cell in sorted(cells, key=lambda cell: (cell.rect.top, cell.rect.bottom, cell.rect.left)):
        if joined and _flows(joined[-1], cell):
            before = joined[-1]
            joined[-1] = _Cell(
                around(before.rect, cell.rect),
                lines=_joined_lines(before, cell),
                is_flowing=True,
            )
        else:
            joined.append(cell)
    return joined


def _flows(left: _Cell, right: _Cell) -> bool:
    """Tell whether what stands in the right one of two cells goes on from the left one."""
    if (
        abs(left.rect.top - right.rect.top) > SNAP
        or abs(left.rect.bottom - right.rect.bottom) > SNAP
    ):
        return False
    if abs(right.rect.left - left.rect.right) > 2 * SNAP:
        return False
    flows = False
    for line in left.lines:
        for other in right.lines:
            if line.baseline != other.baseline:
                continue
            if not _goes_on(line, other):
                return False
            flows = True
    return flows


def _goes_on(line: TextLine, other: TextLine) -> bool:
    """Tell whether only a blank parts a line from another one to its right."""
    if line.sideways or other.sideways:
        return False
    before = line.words[-1]
    word = other.words[0]
    if is_value(before.text) or is_value(word.text):
        return False
    return abs(word.rect.left - before.rect.right) <= FLOWING * line.font_height


def _is_crossed(cells: Sequence[_Cell]) -> bool:
    """Tell whether the sides of these cells stand within sentences."""
    words = 0
    crossed = 0
    rows: dict[float, list[TextLine]] = {}
    for cell in cells:
        words += len(cell.words)
        for line in cell.lines:
            rows.setdefault(line.baseline, []).append(line)
    for row in rows.values():
        row.sort(key=lambda line: line.words[0].rect.left)
        for line, other in pairwise(row):
            if _goes_on(line, other):
                crossed += 1
    return crossed > 1 and crossed > MOST_CROSSED * words


def _joined_lines(left: _Cell, right: _Cell) -> list[TextLine]:
    """Return the lines of two cells beside each other, from top to bottom."""
    lines = list(left.lines)
    for other in right.lines:
        beside = [line for line in left.lines if line.baseline == other.baseline]
        if beside:
            beside[0].words += other.words
            beside[0].rect = around(beside[0].rect, other.rect)
        else:
            lines.append(other)
    return sorted(lines, key=lambda line: line.baseline)


def _is_drawing(cells: Sequence[_Cell]) -> bool:
    """Tell whether the sides of these cells run through words."""
    words = 0
    sticking_out = 0
    for cell in cells:
        for word in cell.words:
            words += 1
            allowed = STICKING_OUT * word.rect.width
            over_left = cell.rect.left - word.rect.left > allowed
            if over_left or word.rect.right - cell.rect.right > allowed:
                sticking_out += 1
    return sticking_out > MOST_STICKING_OUT * words


def _cut_to_rows(cells: Sequence[_Cell]) -> list[_Cell]:
    """Return cells of one line where a line of numbers in each of them is a row without a rule."""
    bands: dict[tuple[float, float], list[_Cell]] = {}
    for cell in cells:
        bands.setdefault((cell.rect.top, cell.rect.bottom), []).append(cell)
    cut: list[_Cell] = []
    for band in bands.values():
        baselines = _common_baselines(band)
        for cell in band:
            cut += cell.cut(baselines)
    return cut


def _common_baselines(band: Sequence[_Cell]) -> list[float]:
    """Return where the rows of these cells stand; none if each has what belongs together."""
    with_several = [cell for cell in band if len(cell.lines) >= LEAST_ROWS_WITHOUT_RULES]
    if len(with_several) < 2:
        return []
    baselines = with_several[0].baselines
    for cell in with_several:
        if len(cell.lines) != len(baselines):
            return []
        for own, common in zip(cell.baselines, baselines, strict=True):
            if abs(own - common) > SNAP:
                return []
    if not any(cell.is_numbers for cell in with_several):
        return []
    return baselines


class _Grid:
    """Cells in rows and columns; each stands in every row and column that it covers."""

    def __init__(self, cells: Sequence[_Cell]) -> None:
        self.lefts = sorted({cell.rect.left for cell in cells})
        self.tops = sorted({cell.rect.top for cell in cells})
        self.right = max(cell.rect.right for cell in cells)
        self.bottom = max(cell.rect.bottom for cell in cells)
        self._text_of = {cell: cell.text() for cell in cells}
        self._rows: list[list[_Cell | None]] = []
        for top in self.tops:
            band = [cell for cell in cells if cell.rect.top <= top + SNAP <= cell.rect.bottom]
            row = [_cell_at(band, Point(left + SNAP, top + SNAP)) for left in self.lefts]
            self._rows.append(row)

    def cells(self, row: int) -> list[_Cell]:
        """Return the different cells of a row."""
        return list(dict.fromkeys(cell for cell in self._rows[row] if cell is not None))

    def is_over_all_columns(self, row: int) -> bool:
        """Tell whether a row is one cell."""
        return len(set(self._rows[row])) == 1

    def is_text_between_tables(self, row: int) -> bool:
        """Tell whether a row is one cell that says more than a heading does."""
        (first, *others) = self.cells(row)
        if others:
            return False
        return self._is_long(first) and (
            self.is_over_all_columns(row) or self._rows[row].count(first) > 1
        )

    def without_repeated_rows(self, rows: Sequence[int]) -> list[int]:
        """Return the rows of which each says something that the one above or below it does not.

        A cell may be lower than those beside it: where it ends no row begins.
        """
        remaining: list[int] = []
        for row in rows:
            if remaining and self._says_no_more(row, remaining[-1]):
                continue
            if remaining and self._says_no_more(remaining[-1], row):
                remaining.pop()
            remaining.append(row)
        return remaining

    def _says_no_more(self, row: int, other: int) -> bool:
        """Tell whether each cell of a row stands in the other one as well."""
        for cell, other_cell in zip(self._rows[row], self._rows[other], strict=True):
            if cell is not None and cell is not other_cell:
                return False
        return True

    def is_of_frames(self, rows: Sequence[int]) -> bool:
        """Tell whether frames and shades were taken for rules: the cells are none of a table.

        Then values stand in several rows or columns, or sentences run through cells.
        """
        places: Counter[_Cell] = Counter()
        flowing: set[_Cell] = set()
        for row in rows:
            places.update(cell for cell in self._rows[row] if cell is not None)
        values = 0
        spanning = 0
        for cell, count in places.items():
            if cell.is_flowing:
                flowing.add(cell)
            if is_value(self._text_of[cell]):
                values += 1
                if count > 1:
                    spanning += 1
        if spanning > 1 and spanning > MOST_SPANNING_VALUES * values:
            return True
        return len(flowing) > len(places) / 2 or self._has_text_beside(rows)

    def _has_text_beside(self, rows: Sequence[int]) -> bool:
        """Tell whether running text stands beside several rows."""
        for row, following in pairwise(rows):
            for cell, below in zip(self._rows[row], self._rows[following], strict=True):
                if cell is not None and cell is below:
                    if len(self._text_of[cell]) > MOST_CELL_CHARS_BESIDE_ROWS:
                        return True
        return False

    def texts(self, rows: Sequence[int]) -> list[list[str]]:
        """Return what stands in the columns of these rows.

        A heading over several columns or rows says the same in each of them; a longer text, and one
        over all columns, stands in the first only. Columns that only repeat the one before are left
        out.
        """
        columns: list[list[str]] = []
        cells_before: list[_Cell | None] = []
        said: set[_Cell] = set()
        for column in range(len(self.lefts)):
            cells = [self._rows[row][column] for row in rows]
            if cells == cells_before:
                continue
            cells_before = cells
            texts: list[str] = []
            for row, cell in zip(rows, cells, strict=True):
                text = ""
                if cell is not None:
                    only_once = self._is_long(cell) or self.is_over_all_columns(row)
                    # the name of the rows below it, not a head of the columns that it reaches into
                    only_once = only_once or (cell.is_flowing and cell is self._rows[row][0])
                    if not only_once or cell not in said:
                        text = self._text_of[cell]
                    said.add(cell)
                texts.append(text)
            columns.append(texts)
        return [list(row) for row in zip(*columns, strict=True)]

    def rect(self, row: int) -> Rect:
        """Return where a row stands."""
        bottom = self.bottom
        if row + 1 < len(self.tops):
            bottom = self.tops[row + 1]
        return Rect(left=self.lefts[0], top=self.tops[row], right=self.right, bottom=bottom)

    def _is_long(self, cell: _Cell) -> bool:
        return len(self._text_of[cell]) > LONG_CELL_CHARS


def _cell_at(cells: Sequence[_Cell], point: Point) -> _Cell | None:
    """Return the first cell that holds this point, if any does."""
    for cell in cells:
        if cell.rect.holds(point):
            return cell
    return None


def _table(layout: PageLayout, grid: _Grid, rows: Sequence[int]) -> Iterator[Table]:
    """Yield the table that these rows make, if they make one."""
    rows = grid.without_repeated_rows(_table_rows(grid, rows))
    if not rows or grid.is_of_frames(rows):
        return
    boxes = [layout.box(grid.rect(row)) for row in rows]
    words: set[Word] = set()
    for row in rows:
        for cell in grid.cells(row):
            words.update(cell.words)
    texts = grid.texts(rows)
    yield Table(
        markdown=markdown_table(texts),
        boxes=(boxes[0], None, *boxes[1:]),  # the rule below the header stands nowhere
        words=frozenset(words),
        header_rows=_count_header_rows(texts),
    )


def _count_header_rows(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows stand above the first one with a value; 1 where that says nothing."""
    for number, row in enumerate(rows):
        if any(map(is_value, row[1:])):
            return number if 1 <= number <= MOST_HEADER_ROWS else 1
    return 1


def is_value(text: str) -> bool:
    """Tell whether a cell says a number, or that there is none, and not just a year."""
    is_number = _NUMBER.fullmatch(text) or _NO_VALUE.fullmatch(text)
    return bool(is_number) and not _YEAR.fullmatch(text)


def _table_rows(grid: _Grid, rows: Sequence[int]) -> list[int]:
    """Return those of these rows that make a table; none if they only frame something."""
    remaining = list(rows)
    # One cell over all columns is a title above the table, or text between two rules.
    while remaining and grid.is_over_all_columns(remaining[0]):
        remaining.pop(0)
    while remaining and grid.is_over_all_columns(remaining[-1]):
        remaining.pop()
    with_several_cells = 0
    for row in remaining:
        if len(grid.cells(row)) > 1:
            with_several_cells += 1
    if len(remaining) < 2 or with_several_cells < len(remaining) / 2:
        return []
    return remaining
