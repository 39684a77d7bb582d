"""Headings of a PDF without bookmarks: short lines that are larger than the text of their page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from docmind.ingestion.readers.pdf_lines import TextLine

LARGER = 1.2
"""Times the height of most of a page's text that a heading has at least; bold type is no larger."""
SAME_SIZE = 1.03
LEAST_TEXT = 200
"""Characters of a page; on one with fewer nothing says what its text is."""
MOST_CHARS = 120
MOST_HEADINGS = 12
"""A page with more is a poster or a title page, on which sizes mean something else."""
LEAST_LETTERS = 3


class SizedHeadings:
    """The headings from the top of a document down to where a reader is, by their size.

    A heading ends those of its own size and all smaller ones.
    """

    def __init__(self) -> None:
        self._open: list[tuple[float, str]] = []
        """Height and title of each heading above the present place."""

    @property
    def path(self) -> tuple[str, ...]:
        """Their titles, outermost first."""
        return tuple(title for _, title in self._open)

    def enter(self, lines: Sequence[TextLine]) -> None:
        """Go to a heading of one or several lines."""
        height = lines[0].font_height
        while self._open and self._open[-1][0] < SAME_SIZE * height:
            self._open.pop()
        title = " ".join(line.text for line in lines)
        self._open.append((height, title))


def find_headings(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Return the headings of a page, each with its lines, from top to bottom."""
    heights: Counter[float] = Counter()
    for line in lines:
        if not line.sideways and not line.slanted:
            heights[round(line.font_height, 1)] += len(line.text)
    if heights.total() < LEAST_TEXT:
        return []
    least = LARGER * heights.most_common(1)[0][0]
    headings: list[list[TextLine]] = []
    before: TextLine | None = None
    for line in lines:
        if line.font_height >= least and _may_be_heading(line):
            if headings and before is headings[-1][-1] and _goes_on(before, line):
                headings[-1].append(line)
            else:
                headings.append([line])
        before = line
    if len(headings) > MOST_HEADINGS:
        return []
    return [heading for heading in headings if sum(len(x.text) for x in heading) <= MOST_CHARS]


def _may_be_heading(line: TextLine) -> bool:
    """Tell whether a line is no number, no formula, no address and no watermark."""
    if line.sideways or line.slanted or line.has_columns or "@" in line.text:
        return False
    letters = sum(map(str.isalpha, line.text))
    return letters >= LEAST_LETTERS and letters > len(line.text) / 2


def _goes_on(before: TextLine, line: TextLine) -> bool:
    """Tell whether a line is the next one of the same heading."""
    height = before.font_height
    is_alike = height / SAME_SIZE < line.font_height < height * SAME_SIZE
    return is_alike and 0 < line.baseline - before.baseline < 1.6 * height
