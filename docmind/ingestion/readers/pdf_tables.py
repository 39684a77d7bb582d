"""Ruled tables of a PDF page.

Their lines come from PDFium, their cells from pdfplumber's rules, their text from PDFium again.

pdfplumber alone reads 5 to 20 pages a second; with PDFium's lines and text in place of its own it
costs little.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

from docmind.ingestion.parsed import Box, clean, markdown_table

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

MOST_SEGMENTS = 3000
"""A page with more is a drawing."""
SNAP = 3.0
"""Points up to which two lines are the same one, and up to which an end reaches a crossing line."""
STRAIGHT = 1.0
"""Points by which a horizontal or vertical line may lean."""
LEAST_RULES_OF_OPEN_TABLE = 3
"""So many horizontal lines that begin (or end) alike show a table whose side is open."""
DEVICE_UNITS = 10_000
"""PDFium gives places on the page as whole device units; so many make its width, and its height."""


class Rect(NamedTuple):
    """A rectangle in points from the page's upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point is inside or on the border."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom


class Point(NamedTuple):
    """A place in points from the page's lower left corner, PDF's own origin."""

    x: float
    y: float


class Segment(NamedTuple):
    """A straight line of a drawn path."""

    start: Point
    end: Point


class Edge(TypedDict):
    """A line in pdfplumber's form; points from the page's upper left corner."""

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
    area: Box
    letters: int
    """Characters in its cells, white space not counted."""

    def holds(self, box: Box) -> bool:
        """Tell whether the middle of a line of text is in the table."""
        x = (box.left + box.right) / 2
        y = (box.top + box.bottom) / 2
        return self.area.left <= x <= self.area.right and self.area.top <= y <= self.area.bottom


def find_tables(page: PdfPage, text_page: PdfTextPage) -> list[Table]:
    """Return the tables whose cells are ruled off, from top to bottom.

    Tables on a turned page stay plain text: none of them is returned.
    """
    if page.get_rotation():
        return []
    edges = list(_edges(page))
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
        table = _table(page, text_page, [Rect._make(cell) for cell in group])
        if table is not None:
            tables.append(table)
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


def _edges(page: PdfPage) -> Iterator[Edge]:
    """Yield the horizontal and vertical lines on the page."""
    height = page.get_height()
    for start, end in _segments(page):
        is_upright = abs(start.x - end.x) <= STRAIGHT
        is_level = abs(start.y - end.y) <= STRAIGHT
        if not is_upright and not is_level:
            continue
        around = Rect(
            left=min(start.x, end.x),
            top=height - max(start.y, end.y),
            right=max(start.x, end.x),
            bottom=height - min(start.y, end.y),
        )
        if around.right - around.left > around.bottom - around.top:
            yield _edge("h", around)
        else:
            yield _edge("v", around)


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
    for path in page.get_objects([pdfium_c.FPDF_PAGEOBJ_PATH], max_depth=1):
        matrix = path.get_matrix()
        # a path begins here if it does not move elsewhere first
        start = Point(0.0, 0.0)
        here = Point(0.0, 0.0)
        x = ctypes.c_float()
        y = ctypes.c_float()
        for index in range(pdfium_c.FPDFPath_CountSegments(path)):
            segment = pdfium_c.FPDFPath_GetPathSegment(path, index)
            # PDFium writes the point that the segment leads to into these two variables
            pdfium_c.FPDFPathSegment_GetPoint(segment, x, y)
            before = here
            here = Point._make(matrix.on_point(x.value, y.value))
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


def _table(page: PdfPage, text_page: PdfTextPage, cells: Sequence[Rect]) -> Table | None:
    """Return the table that these cells make; None if they only frame something."""
    text_of = _cell_texts(page, text_page, cells)
    filled = [cell for cell, text in text_of.items() if text]
    lefts = sorted({cell.left for cell in filled})
    tops = sorted({cell.top for cell in filled})
    grid = _grid(text_of, lefts, tops)
    rows = _table_rows(grid)
    if not rows:
        return None

    right = max(cell.right for cell in text_of)
    row_tops = [tops[row] for row in rows]
    row_ends = [*tops[1:], max(cell.bottom for cell in text_of)]
    bottom = row_ends[rows[-1]]
    boxes = []
    for row_top, row_bottom in pairwise([*row_tops, bottom]):
        row_rect = Rect(left=lefts[0], top=row_top, right=right, bottom=row_bottom)
        boxes.append(_box_of(page, row_rect))
    area = _box_of(page, Rect(left=lefts[0], top=row_tops[0], right=right, bottom=bottom))
    letters = 0
    for cell in filled:
        if row_tops[0] <= cell.top < bottom:
            letters += letter_count(text_of[cell])
    return Table(
        markdown=markdown_table([grid[row] for row in rows]),
        boxes=(boxes[0], None, *boxes[1:]),  # the rule below the header stands nowhere
        area=area,
        letters=letters,
    )


def _cell_texts(page: PdfPage, text_page: PdfTextPage, cells: Sequence[Rect]) -> dict[Rect, str]:
    """Return each cell's text; what lies between the lines of a double line is no cell."""
    height = page.get_height()
    texts: dict[Rect, str] = {}
    for cell in cells:
        smaller_side = min(cell.right - cell.left, cell.bottom - cell.top)
        if smaller_side > 2 * SNAP:
            text = text_page.get_text_bounded(
                left=cell.left,
                bottom=height - cell.bottom,
                right=cell.right,
                top=height - cell.top,
            )
            texts[cell] = clean(text)
    return texts


def _grid(
    text_of: dict[Rect, str], lefts: Sequence[float], tops: Sequence[float]
) -> list[tuple[str, ...]]:
    """Return the table's rows: a cell over several columns or rows says the same in each of them.

    Columns without text, and those that only repeat the one before, are left out.
    """
    columns: list[list[str]] = []
    previous: list[str] = []
    for left in lefts:
        column = [_text_at(text_of, left + SNAP, top + SNAP) for top in tops]
        if column != previous and any(column):
            columns.append(column)
        previous = column
    return list(zip(*columns, strict=True))


def _text_at(text_of: dict[Rect, str], x: float, y: float) -> str:
    """Return the text of the first cell that holds this point; "" if none does."""
    for cell, text in text_of.items():
        if cell.holds(x, y):
            return text
    return ""


def _table_rows(grid: Sequence[Sequence[str]]) -> list[int]:
    """Return the indices of the rows that make a table; none if it only frames something."""
    rows = [index for index, row in enumerate(grid) if any(row)]
    # The same in all columns is a title above the table, or text between two rules.
    while rows and len(set(grid[rows[0]])) == 1:
        rows.pop(0)
    while rows and len(set(grid[rows[-1]])) == 1:
        rows.pop()
    with_several_texts = 0
    for row in rows:
        different_texts = set(filter(None, grid[row]))
        if len(different_texts) > 1:
            with_several_texts += 1
    if len(rows) < 2 or with_several_texts < len(rows) / 2:
        return []
    return rows


def _box_of(page: PdfPage, rect: Rect) -> Box:
    height = page.get_height()
    return box_on_page(
        page,
        left=rect.left,
        bottom=height - rect.bottom,
        right=rect.right,
        top=height - rect.top,
    )


def letter_count(text: str) -> int:
    """Return the number of characters, white space not counted."""
    return len("".join(text.split()))


def box_on_page(page: PdfPage, *, left: float, bottom: float, right: float, top: float) -> Box:
    """Return where a rectangle stands when the page is shown.

    Args:
        page: it may be turned, or cut by its crop box.
        left, bottom, right, top: in points from PDF's origin, the page's lower left corner.
    """
    x1, y1 = _as_shown(page, Point(left, bottom))
    x2, y2 = _as_shown(page, Point(right, top))
    # On a turned page the lower left corner may be shown as any of the four.
    return Box(left=min(x1, x2), top=min(y1, y2), right=max(x1, x2), bottom=max(y1, y2))


def _as_shown(page: PdfPage, point: Point) -> tuple[float, float]:
    """Return x and y in fractions of the page as it is shown, from its upper left corner."""
    import pypdfium2.raw as pdfium_c

    device_x = ctypes.c_int()
    device_y = ctypes.c_int()
    # PDFium draws the page, not turned further, into a square of DEVICE_UNITS and says which of
    # them the point falls on: by writing into the last two arguments.
    pdfium_c.FPDF_PageToDevice(
        page, 0, 0, DEVICE_UNITS, DEVICE_UNITS, 0, point.x, point.y, device_x, device_y
    )
    return device_x.value / DEVICE_UNITS, device_y.value / DEVICE_UNITS
