"""Ruled tables of a PDF page: lines from PDFium, cells by pdfplumber's rules, text from PDFium again.

pdfplumber alone reads 5 to 20 pages a second; with PDFium's lines and text in place of its own it costs little.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from docmind.ingestion.parsed import Box, clean, markdown_table

MOST_SEGMENTS = 3000
"""A page with more is a drawing."""
SNAP = 3.0
"""Points up to which two lines are the same one, and up to which an end reaches a crossing line."""
STRAIGHT = 1.0
"""Points by which a horizontal or vertical line may lean."""

FINE = 10_000
"""PDFium gives places on the page as whole device units: so many of them make its width and its height."""
Rect = tuple[float, float, float, float]
"""Left, top, right, bottom in points from the page's upper left corner."""


@dataclass(frozen=True)
class Table:
    """A table on a page."""

    markdown: str
    boxes: tuple[Box | None, ...]  # where each line of `markdown` stands
    area: Box
    letters: int  # in its cells, white space not counted

    def holds(self, box: Box) -> bool:
        """Tell whether the middle of a line of text is in the table."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return self.area[0] <= x <= self.area[2] and self.area[1] <= y <= self.area[3]


def find_tables(page: Any, texts: Any) -> list[Table]:
    """Return the tables whose cells are ruled off, from top to bottom.

    Args:
        page: pypdfium2 page; tables on a turned one stay plain text.
        texts: its text page.
    """
    if page.get_rotation():
        return []
    edges = list(_edges(page))
    across = sum(e["orientation"] == "h" for e in edges)
    if across < 2 or len(edges) - across < 2:
        return []
    from pdfplumber.table import (
        cells_to_tables,
        edges_to_intersections,
        intersections_to_cells,
        merge_edges,
    )

    merged = merge_edges(edges + _sides(edges), SNAP, SNAP, SNAP, SNAP)
    groups = cells_to_tables(intersections_to_cells(edges_to_intersections(merged, SNAP, SNAP)))
    return [table for cells in groups if (table := _table(page, texts, cells))]


def _sides(edges: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the left and right sides of tables that are open there: where three rules begin or end alike."""
    sides = []
    for end in ("x0", "x1"):
        rules = sorted((e for e in edges if e["orientation"] == "h"), key=lambda e: float(e[end]))
        while rules:
            alike = [e for e in rules if e[end] - rules[0][end] <= SNAP]
            rules = rules[len(alike) :]
            tops = {round(e["top"]) for e in alike}
            if len(tops) >= 3:
                sides.append(_edge("v", alike[0][end], alike[0][end], min(tops), max(tops)))
    return sides


def _edges(page: Any) -> Iterator[dict[str, Any]]:
    """Yield the horizontal and vertical lines on the page in pdfplumber's form."""
    height = page.get_height()
    for (x1, y1), (x2, y2) in _segments(page):
        if abs(x1 - x2) <= STRAIGHT or abs(y1 - y2) <= STRAIGHT:
            left, right, top, bottom = (
                min(x1, x2),
                max(x1, x2),
                height - max(y1, y2),
                height - min(y1, y2),
            )
            kind = "h" if right - left > bottom - top else "v"
            yield _edge(kind, left, right, top, bottom)


def _edge(kind: str, left: float, right: float, top: float, bottom: float) -> dict[str, Any]:
    size = {"width": right - left, "height": bottom - top}
    return {"orientation": kind, "x0": left, "x1": right, "top": top, "bottom": bottom, **size}


def _segments(page: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the straight lines of the page's paths, in points; none if it is a drawing."""
    import pypdfium2.raw as c

    x, y, close = ctypes.c_float(), ctypes.c_float(), 0
    found: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for path in page.get_objects([c.FPDF_PAGEOBJ_PATH], max_depth=1):
        matrix = path.get_matrix()
        start = here = (0.0, 0.0)
        for i in range(c.FPDFPath_CountSegments(path)):
            segment = c.FPDFPath_GetPathSegment(path, i)
            c.FPDFPathSegment_GetPoint(segment, x, y)
            before, here = here, matrix.on_point(x.value, y.value)
            kind, close = c.FPDFPathSegment_GetType(segment), c.FPDFPathSegment_GetClose(segment)
            if kind == c.FPDF_SEGMENT_MOVETO:
                start = here
            elif kind == c.FPDF_SEGMENT_LINETO:
                found.append((before, here))
            if close:
                found.append((here, start))
        if len(found) > MOST_SEGMENTS:
            return []
    return found


def _table(page: Any, texts: Any, cells: Sequence[Rect]) -> Table | None:
    """Return the table that these cells make; None if they only frame something."""
    height = page.get_height()
    cells = [
        c for c in cells if min(c[2] - c[0], c[3] - c[1]) > 2 * SNAP
    ]  # between the lines of a double line
    written = {
        c: clean(texts.get_text_bounded(c[0], height - c[3], c[2], height - c[1])) for c in cells
    }
    lefts, tops = (sorted({c[i] for c in cells if written[c]}) for i in (0, 1))
    # a cell over several columns or rows says the same in each of them
    columns = [[_at(written, x + SNAP, y + SNAP) for y in tops] for x in lefts]
    columns = [
        column for before, column in pairwise([[], *columns]) if column != before and any(column)
    ]
    grid = list(zip(*columns, strict=True))
    rows = [i for i, row in enumerate(grid) if any(row)]
    while (
        rows and len(set(grid[rows[0]])) == 1
    ):  # a title over all columns, or text between two rules
        rows.pop(0)
    while rows and len(set(grid[rows[-1]])) == 1:
        rows.pop()
    telling = [i for i in rows if len(set(filter(None, grid[i]))) > 1]
    if len(rows) < 2 or len(telling) < len(rows) / 2:
        return None
    top, end = tops[rows[0]], [*tops, max(c[3] for c in cells)][rows[-1] + 1]
    said = [text for cell, text in written.items() if text and top <= cell[1] < end]

    def place(top: float, bottom: float) -> Box:
        return shown(page, (lefts[0], height - bottom, max(c[2] for c in cells), height - top))

    boxes = [place(a, b) for a, b in pairwise([*(tops[i] for i in rows), end])]
    letters = sum(len("".join(text.split())) for text in said)
    return Table(
        markdown_table([grid[i] for i in rows]),
        (boxes[0], None, *boxes[1:]),
        place(top, end),
        letters,
    )


def _at(written: dict[Rect, str], x: float, y: float) -> str:
    return next(
        (text for c, text in written.items() if c[0] <= x <= c[2] and c[1] <= y <= c[3]), ""
    )


def shown(page: Any, rect: Sequence[float]) -> Box:
    """Return where a rectangle of the page (left, bottom, right, top, in points) stands when the page is shown."""
    import pypdfium2.raw as c

    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for px, py in ((rect[0], rect[1]), (rect[2], rect[3])):
        c.FPDF_PageToDevice(page, 0, 0, FINE, FINE, 0, px, py, x, y)
        corners.append((x.value / FINE, y.value / FINE))
    (a, b), (d, e) = corners
    return min(a, d), min(b, e), max(a, d), max(b, e)
