"""Words and lines of a PDF page, and where they stand."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from docmind.ingestion.parsed import Box

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

HYPHEN_MARK = "\ufffe"
"""Stands here for a hyphen after which the word goes on in the next line."""
SAME_BASELINE = 0.25
"""Fraction of a line's height by which pieces of one line may stand higher or lower."""
SMALLER = 0.87
"""A raised character is at most so high as the one before it; Word's are 0.65, TeX's 0.7."""
WIDE_GAP = 1.5
"""Fraction of a line's height that no blank in running text has: what stands there are columns."""
MOST_LOOSE = 3.5
"""A font says that its characters are so many times as high as they are drawn: it says nothing."""
DEVICE_UNITS = 1_000_000
"""PDFium gives places on the page as whole device units; so many make its width, and its height."""
FAR_POINTS = 1000
"""So far from the origin PDFium is asked where a point is shown."""


class Rect(NamedTuple):
    """A rectangle in points, x to the right and y down as one reads the page's text.

    The origin is where the text's directions put it; only differences mean something.
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """In square points."""
        return self.width * self.height

    @property
    def center(self) -> Point:
        """The middle."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def holds(self, point: Point) -> bool:
        """Tell whether a point is inside or on the border."""
        across = self.left <= point.x <= self.right
        return across and self.top <= point.y <= self.bottom


class Point(NamedTuple):
    """A place in points, in PDF's directions (y up) or in those of `Rect`."""

    x: float
    y: float


@dataclass(frozen=True)
class Direction:
    """How most of a page's text runs, against PDF's own axes."""

    quarter_turns: int = 0
    """Counter-clockwise, 0 to 3. A landscape table on an upright sheet has 1."""

    def as_read(self, x: float, y: float) -> Point:
        """Return PDF's point (y up) as one reads the text (y down)."""
        if self.quarter_turns == 0:
            return Point(x, -y)
        if self.quarter_turns == 1:
            return Point(y, x)
        if self.quarter_turns == 2:
            return Point(-x, y)
        return Point(-y, -x)

    def as_in_file(self, point: Point) -> Point:
        """Return PDF's point for one of the text's."""
        if self.quarter_turns == 0:
            return Point(point.x, -point.y)
        if self.quarter_turns == 1:
            return Point(point.y, point.x)
        if self.quarter_turns == 2:
            return Point(-point.x, point.y)
        return Point(-point.y, -point.x)

    def rect(self, left: float, bottom: float, right: float, top: float) -> Rect:
        """Return PDF's rectangle as one reads the text."""
        if self.quarter_turns == 0:  # nearly always, and asked for each word
            return Rect(left, -top, right, -bottom)
        one = self.as_read(left, bottom)
        other = self.as_read(right, top)
        return Rect(
            left=min(one.x, other.x),
            top=min(one.y, other.y),
            right=max(one.x, other.x),
            bottom=max(one.y, other.y),
        )


@dataclass(eq=False)
class Word:
    """Characters without a blank between them."""

    text: str
    rect: Rect
    goes_on: bool = False
    """PDFium says that the hyphen at its end parts it from its rest in the next line."""

    def add(self, text: str, rect: Rect) -> None:
        """Go on with what stands beside it."""
        self.text += text
        self.rect = around(self.rect, rect)

    def finish(self, line_rect: Rect) -> None:
        """Take characters for what PDFium has in their place, and a height that makes sense."""
        if self.rect.height > MOST_LOOSE * line_rect.height:
            self.rect = self.rect._replace(top=line_rect.top, bottom=line_rect.bottom)
        if not self.text.isascii():
            self.goes_on = self.text[-1] == HYPHEN_MARK
            self.text = self.text.replace(HYPHEN_MARK, "-")
            # PDFium may have a character as the two halves that UTF-16 makes of it
            utf_16 = self.text.encode("utf-16-le", "surrogatepass")
            self.text = utf_16.decode("utf-16-le", "ignore")


class Character(NamedTuple):
    """A character and its place."""

    text: str
    rect: Rect
    """Its advance wide, its font's height high."""
    number: int = -1
    """PDFium's index."""


@dataclass(eq=False)
class TextLine:
    """Words on one baseline, from left to right (or as the script runs)."""

    words: list[Word]
    rect: Rect
    """Around what is drawn."""
    baseline: float
    """Of its first character; it grows downwards as `rect` does."""
    font_height: float
    """Of the widest word, as its font has it."""
    sideways: bool = False
    """It runs in another direction than most text of the page."""
    slanted: bool = False
    """It runs neither along the sides of the page nor upright, as watermarks do."""
    right_to_left: bool = False
    blank_before: bool = False
    """An empty line stands above it in the file."""

    @property
    def text(self) -> str:
        """Its words with a blank between them."""
        return " ".join(word.text for word in self.words)

    @property
    def is_number(self) -> bool:
        """Tell whether it has more digits than letters."""
        text = self.text
        digits = sum(map(str.isdigit, text))
        return digits > 0 and digits > sum(map(str.isalpha, text))

    @property
    def has_columns(self) -> bool:
        """Tell whether there is a gap that no blank in running text has."""
        widest = WIDE_GAP * self.font_height
        return any(
            word.rect.left - before.rect.right > widest for before, word in pairwise(self.words)
        )

    def retain(self, words: list[Word]) -> None:
        """Go on with these of its words."""
        self.words = words
        for number, word in enumerate(words):
            self.rect = around(self.rect, word.rect) if number else word.rect

    @property
    def first_character(self) -> Character:
        """Its first character, as high as its font."""
        return self._character(self.words[0].text[:1], self.words[0].rect)

    @property
    def last_character(self) -> Character:
        """Its last character, as high as its font."""
        return self._character(self.words[-1].text[-1:], self.words[-1].rect)

    def _character(self, text: str, rect: Rect) -> Character:
        top = self.baseline - self.font_height
        return Character(text, rect._replace(top=top, bottom=self.baseline))


@dataclass
class PageLayout:
    """The lines of text on a page."""

    page: PdfPage
    direction: Direction
    lines: list[TextLine] = field(default_factory=list)
    """In reading order."""

    def box(self, rect: Rect) -> Box:
        """Return where a rectangle stands when the page is shown."""
        one = self._as_shown(Point(rect.left, rect.top))
        other = self._as_shown(Point(rect.right, rect.bottom))
        # On a turned page the upper left corner may be shown as any of the four.
        return Box(
            left=min(one.x, other.x),
            top=min(one.y, other.y),
            right=max(one.x, other.x),
            bottom=max(one.y, other.y),
        )

    def _as_shown(self, point: Point) -> Point:
        """Return a point in fractions of the page as it is shown, from its upper left corner."""
        x, y = self.direction.as_in_file(point)
        origin, right, up = self._shown_axes
        shown_x = origin.x + x * right.x + y * up.x
        shown_y = origin.y + x * right.y + y * up.y
        return Point(round(shown_x, 4), round(shown_y, 4))

    @cached_property
    def _shown_axes(self) -> tuple[Point, Point, Point]:
        """Where PDF's origin is shown, and what a point to the right and one up add to that.

        The page may be turned, or cut by its crop box. PDFium is asked once and not for each place,
        which would take a tenth of the time of reading.
        """
        origin = _shown(self.page, 0, 0)
        far_right = _shown(self.page, FAR_POINTS, 0)
        far_up = _shown(self.page, 0, FAR_POINTS)
        right = Point((far_right.x - origin.x) / FAR_POINTS, (far_right.y - origin.y) / FAR_POINTS)
        up = Point((far_up.x - origin.x) / FAR_POINTS, (far_up.y - origin.y) / FAR_POINTS)
        return origin, right, up


def around(one: Rect, other: Rect) -> Rect:
    """Return the smallest rectangle that has both in it."""
    left, top, right, bottom = one
    other_left, other_top, other_right, other_bottom = other
    return Rect(
        min(left, other_left),
        min(top, other_top),
        max(right, other_right),
        max(bottom, other_bottom),
    )


def _shown(page: PdfPage, x: float, y: float) -> Point:
    """Return PDF's point in fractions of the page as it is shown, from its upper left corner."""
    import pypdfium2.raw as pdfium_c

    device_x = ctypes.c_int()
    device_y = ctypes.c_int()
    # PDFium draws the page, not turned further, into a square of DEVICE_UNITS and says which of
    # them the point falls on: by writing into the last two arguments.
    pdfium_c.FPDF_PageToDevice(page, 0, 0, DEVICE_UNITS, DEVICE_UNITS, 0, x, y, device_x, device_y)
    return Point(device_x.value / DEVICE_UNITS, device_y.value / DEVICE_UNITS)
