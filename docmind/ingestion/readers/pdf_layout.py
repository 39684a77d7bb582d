"""The words and lines of a PDF page, in reading order.

PDFium says which characters a page has, in the order in which they were drawn, and where each one
stands. Which of them are one word and one line is decided here by where they stand, because pieces
of a line that were drawn one by one have no blank between them in the file.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from docmind.ingestion.readers.pdf_lines import (
    HYPHEN_MARK,
    SAME_BASELINE,
    SMALLER,
    Character,
    Direction,
    PageLayout,
    Rect,
    TextLine,
    Word,
    around,
)
from docmind.ingestion.readers.pdf_reading_order import in_reading_order

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

PDFIUM_HYPHEN = "\x02"
WORD_GAP = 0.3
"""Fraction of a line's height that parts two pieces drawn without a blank: they are two words.

A blank is 0.25 to 0.33 of the font size; letters that are spaced out stand closer."""
LETTER_GAP = 0.8
"""The same between letters, which may be spaced out in a title."""
PIECE_GAP = 0.1
"""The same for two pieces that PDFium itself has put on two lines."""
OTHER_LINE = 0.6
"""The same from which a character is on another line; a raised one is up to 0.5 higher."""
RAISED = 0.15
"""Fraction of a character's height from which a smaller one beside it stands higher or lower."""
MOST_WIDE = 0.7
"""Fraction of its height that a character takes on the average; letters take 0.3 to 0.6. Wider
words may have a gap in which PDFium has no blank."""
MOST_FIGURES_WIDE = 1.02
"""The same for a number, in widths of its first or last figure."""
SIGNS = "+-\u2212"
ANGLE = math.radians(10)
"""By so much the text of a line may lean."""
FIRST_OF_RIGHT_TO_LEFT = "\u0590"
"""Hebrew is the first in Unicode."""

_WORD = re.compile(r"\S+")
_WITH_DIGITS = re.compile(r"\d")
_NAMELESS = re.compile(r"[\x00-\x1f]")
"""For what these show a font has no name."""
_PLAIN = re.compile(r"[^\d+\-\u2212\ufffe\x00-\x1f]+")
"""Characters of which none may be a raised number or part a word at the end of a line."""


@dataclass(frozen=True)
class _Piece:
    """What PDFium takes for one line: the characters with indices start to end (exclusive)."""

    start: int
    end: int
    angle: float
    """Of its first character, counter-clockwise from PDF's x axis."""
    blank_before: bool


def layout(page: PdfPage, text_page: PdfTextPage) -> PageLayout:
    """Return the lines of text that can be seen on the page, in reading order."""
    characters = _characters(text_page)
    pieces = list(_pieces(text_page, characters))
    direction = _main_direction(pieces)
    reader = _PieceReader(page, text_page, characters, direction)
    lines: list[TextLine] = []
    for piece in pieces:
        for line in reader.lines(piece):
            if not (lines and _joined(lines[-1], line)):
                lines.append(line)
    return PageLayout(page=page, direction=direction, lines=in_reading_order(lines))


def _characters(text_page: PdfTextPage) -> str:
    """Return the text of the whole page in which a character's place is its index for PDFium."""
    import pypdfium2.raw as pdfium_c

    text: str = text_page.get_text_range()
    count = text_page.count_chars()
    if len(text) != count:
        # PDFium has left out what is no character: each is asked for by its index.
        codes = [pdfium_c.FPDFText_GetUnicode(text_page, index) for index in range(count)]
        text = "".join([chr(code) for code in codes])
    if PDFIUM_HYPHEN not in text:
        return text
    # Some fonts have another character under the number that PDFium takes for such a hyphen.
    characters = list(text)
    for index, character in enumerate(text):
        if character == PDFIUM_HYPHEN and pdfium_c.FPDFText_IsHyphen(text_page, index) == 1:
            characters[index] = HYPHEN_MARK
    return "".join(characters)


def _pieces(text_page: PdfTextPage, characters: str) -> Iterator[_Piece]:
    """Yield what stands between PDFium's line ends."""
    import pypdfium2.raw as pdfium_c

    start = 0
    blank_before = False
    for text in characters.splitlines(keepends=True):
        end = start + len(text)
        first = start + len(text) - len(text.lstrip())
        if first < end:
            angle = pdfium_c.FPDFText_GetCharAngle(text_page, first)
            # PDFium's angles run clockwise
            turn = (-angle) % (2 * math.pi)
            yield _Piece(start=start, end=end, angle=turn, blank_before=blank_before)
            blank_before = False
        elif text != "\r\n" or characters[start - 2 : start] == "\r\n":
            blank_before = True
        start = end


def _main_direction(pieces: Sequence[_Piece]) -> Direction:
    """Return how most of the characters run."""
    counts: Counter[int] = Counter()
    for piece in pieces:
        counts[_quarter_turns(piece.angle)] += piece.end - piece.start
    if not counts:
        return Direction()
    return Direction(counts.most_common(1)[0][0])


def _quarter_turns(angle: float) -> int:
    return round(angle / (math.pi / 2)) % 4


class _PieceReader:
    """Cuts PDFium's lines into words and lines by where their characters stand."""

    def __init__(
        self, page: PdfPage, text_page: PdfTextPage, characters: str, direction: Direction
    ) -> None:
        self._places = _Places(text_page)
        self._characters = characters
        self._direction = direction
        self._visible = direction.rect(*page.get_bbox())

    def lines(self, piece: _Piece) -> Iterator[TextLine]:
        """Yield the lines of a piece; none if nothing of it can be seen."""
        away = abs(piece.angle - self._direction.quarter_turns * math.pi / 2)
        text = self._characters[piece.start : piece.end]
        right_to_left = max(text) >= FIRST_OF_RIGHT_TO_LEFT and any(map(_runs_left, text))
        sideways = ANGLE < away < 2 * math.pi - ANGLE
        quarters = piece.angle / (math.pi / 2)
        slanted = abs(quarters - round(quarters)) * math.pi / 2 > ANGLE
        blank_before = piece.blank_before
        for part in self._cut(piece, by_place=not sideways and not right_to_left):
            line = self._line(part)
            line.sideways = sideways
            line.slanted = slanted
            line.right_to_left = right_to_left
            line.blank_before = blank_before
            blank_before = False
            yield line

    def _cut(self, piece: _Piece, *, by_place: bool) -> Iterator[_LinePart]:
        """Yield the words of each line of a piece.

        Args:
            by_place: where its characters stand tells words and lines as well, not only blanks.
        """
        if by_place:
            at_once = self._words_drawn_at_once(piece)
            if at_once is not None:
                yield at_once
                return
        part = _LinePart()
        before: Character | None = None
        for match in _WORD.finditer(self._characters, piece.start, piece.end):
            begins_word = True
            for run in self._runs(match.start(), match.end()):
                mark = ""
                if before is not None and by_place:
                    if self._begins_line(before, run.first):
                        yield part
                        part = _LinePart()
                        begins_word = True
                    elif not begins_word:
                        begins_word = _begins_word(before, run.first)
                        mark = self._mark_between(before, run.first)
                if begins_word:
                    part.words.append(Word(run.text, run.rect))
                else:
                    part.words[-1].add(mark + run.text, run.rect)
                begins_word = False
                part.add(run)
                before = run.last
        if part.words:
            yield part

    def _words_drawn_at_once(self, piece: _Piece) -> _LinePart | None:
        """Return the words of a piece that is one piece of text in the file; None if it is not.

        Most lines are. Their characters have one size and one baseline, so that only the ends of
        words are asked for.
        """
        matches = list(_WORD.finditer(self._characters, piece.start, piece.end))
        if not matches or self._direction.quarter_turns:
            return None
        first = matches[0].start()
        end = matches[-1].end()
        if not self._places.are_drawn_at_once(first, end - first):
            return None
        words: list[Word] = []
        for match in matches:
            word = self._word_drawn_at_once(match[0], match.start())
            if word is None or (words and word.rect.left <= words[-1].rect.left):
                return None
            words.append(word)
        visible = self._visible
        rect = words[0].rect
        if rect.left < visible.left or rect.top < visible.top or rect.bottom > visible.bottom:
            return None
        if words[-1].rect.right > visible.right:
            return None
        return _LinePart(words=words, first=first, last=end - 1)

    def _word_drawn_at_once(self, text: str, start: int) -> Word | None:
        """Return a word of one piece of text; None if its ends do not tell enough of it."""
        of_character = self._places.of_character
        left, bottom, first_right, top = of_character(start)
        last_left, last_bottom, right, last_top = of_character(start + len(text) - 1)
        # The letters of some fonts have boxes of their own.
        limit = (top - bottom) / 10
        is_level = abs(last_bottom - bottom) <= limit and abs(last_top - top) <= limit
        if not is_level or last_left < left or _NAMELESS.search(text):
            return None
        width = right - left
        if not text.isalpha():
            # No figure is wider than another: a gap between them would make the number longer.
            figure = max(first_right - left, right - last_left)
            is_wide = width > MOST_FIGURES_WIDE * len(text) * figure
            if is_wide and _WITH_DIGITS.search(text):
                return None
        is_loose = width >= MOST_WIDE * len(text) * (top - bottom)
        if is_loose and len(text) > 1 and not _is_full_width(text):
            return None
        return Word(text, Rect(left, -top, right, -bottom))

    def _runs(self, start: int, end: int) -> list[_Run]:
        """Return the visible characters from start to end.

        They are one run if they are of one size on one line, so far as the first and the last one
        tell, and plain letters or drawn at once: to ask for the place of each takes half of the
        time of reading.
        """
        text = self._characters[start:end]
        count = end - start
        first = self._character(start)
        if count == 1:
            last = first
        else:
            last = self._character(end - 1)
        if self._is_one_run(text, first, last) and _overlap(first.rect, self._visible):
            left, top, _, bottom = first.rect
            return [_Run(text, first, last, Rect(left, top, last.rect.right, bottom))]
        runs: list[_Run] = []
        for index in range(start, end):
            if self._characters[index] <= " ":  # a font has no name for what it shows
                continue
            character = self._character(index)
            if _overlap(character.rect, self._visible):
                runs.append(_Run(character.text, character, character, character.rect))
        return runs

    def _is_one_run(self, text: str, first: Character, last: Character) -> bool:
        """Tell whether the characters between these two need not be asked for their places."""
        count = len(text)
        if count == 1:
            return text > " "
        if not _are_alike(first.rect, last.rect, count):
            return False
        if count > 3 and _PLAIN.fullmatch(text):
            return True
        if _NAMELESS.search(text):
            return False
        if _WITH_DIGITS.search(text):
            # No figure is wider than another: a gap between them would make the number longer.
            figure = max(first.rect.right - first.rect.left, last.rect.right - last.rect.left)
            if last.rect.right - first.rect.left > MOST_FIGURES_WIDE * count * figure:
                return False
        return self._places.are_drawn_at_once(first.number, count)

    def _character(self, index: int) -> Character:
        left, bottom, right, top = self._places.of_character(index)
        if self._direction.quarter_turns == 0:  # nearly always
            rect = Rect(left, -top, right, -bottom)
        else:
            rect = self._direction.rect(left, bottom, right, top)
        return Character(self._characters[index], rect, index)

    def _begins_line(self, before: Character, character: Character) -> bool:
        """Tell whether a character that PDFium has on the same line stands on another one."""
        was = before.rect
        now = character.rect
        if now.bottom == was.bottom and now.left > was.left:  # nearly always
            return False
        height = min(was.height, now.height)
        if was.left - now.left > 2 * height:
            return True
        limit = OTHER_LINE * height
        if before.text == HYPHEN_MARK:
            limit = height / 2
        if abs(now.bottom - was.bottom) <= limit:
            return False
        if _is_written_downwards(before, character):
            return False
        # some fonts, of mathematical signs above all, have their boxes far off the line
        return abs(self._baseline(character) - self._baseline(before)) > limit

    def _mark_between(self, before: Character, character: Character) -> str:
        was = before.rect.height
        now = character.rect.height
        if min(was, now) > SMALLER * max(was, now):
            return ""
        raised = self._baseline(before) - self._baseline(character)
        return _mark_between(before, character, raised)

    def _baseline(self, character: Character) -> float:
        x, y = self._places.origin(character.number)
        return self._direction.as_read(x, y).y

    def _line(self, part: _LinePart) -> TextLine:
        """Return a line whose height is that of what is drawn, not of its font."""
        x, y = self._places.origin(part.first)
        baseline = self._direction.as_read(x, y).y
        drawn = self._places.of_characters(part.first, part.last)
        if drawn is not None:
            rect = self._direction.rect(*drawn)
        else:
            rect = part.words[0].rect
            for word in part.words[1:]:
                rect = around(rect, word.rect)
        # A line may begin with a bullet of another font.
        font_height = max(part.words, key=lambda word: word.rect.width).rect.height
        for word in part.words:
            word.finish(rect)
        return TextLine(words=part.words, rect=rect, baseline=baseline, font_height=font_height)


@dataclass
class _LinePart:
    """Words of a line and the indices of its first and last character."""

    words: list[Word] = field(default_factory=list)
    first: int = -1
    last: int = -1

    def add(self, run: _Run) -> None:
        """Go on to these characters."""
        if self.first < 0:
            self.first = run.first.number
        self.last = run.last.number


class _Run(NamedTuple):
    """Characters beside each other."""

    text: str
    first: Character
    last: Character
    rect: Rect
    """Around them."""


class _Places:
    """Asks PDFium where characters stand: left, bottom, right, top in PDF's points."""

    def __init__(self, text_page: PdfTextPage) -> None:
        import pypdfium2.raw as pdfium_c

        self._text_page = text_page
        self._raw = text_page.raw
        self._get_loose_box = pdfium_c.FPDFText_GetLooseCharBox
        self._get_origin = pdfium_c.FPDFText_GetCharOrigin
        self._count_rects = pdfium_c.FPDFText_CountRects
        self._x = ctypes.c_double()
        self._y = ctypes.c_double()
        self._rect = pdfium_c.FS_RECTF()
        self._pointer = ctypes.byref(self._rect)

    def of_character(self, index: int) -> tuple[float, float, float, float]:
        """Return a character's place: its advance wide, its font's height high."""
        self._get_loose_box(self._raw, index, self._pointer)
        rect = self._rect
        return rect.left, rect.bottom, rect.right, rect.top

    def are_drawn_at_once(self, first: int, count: int) -> bool:
        """Tell whether these characters are one piece of text in the file.

        Then PDFium has one rectangle for them. None of them is raised or has another size.
        """
        return bool(self._count_rects(self._raw, first, count) == 1)

    def origin(self, index: int) -> tuple[float, float]:
        """Return where a character begins on its baseline: x, y."""
        self._get_origin(self._raw, index, self._x, self._y)
        return self._x.value, self._y.value

    def of_characters(self, first: int, last: int) -> tuple[float, float, float, float] | None:
        """Return the place of what is drawn of these characters, if PDFium has one."""
        count = self._text_page.count_rects(first, last - first + 1)
        rects: list[tuple[float, float, float, float]] = []
        for index in range(count):
            rects.append(self._text_page.get_rect(index))
        if not rects:
            return None
        if count == 1:
            return rects[0]
        lefts, bottoms, rights, tops = zip(*rects, strict=True)
        return min(lefts), min(bottoms), max(rights), max(tops)


def _runs_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in {"R", "AL"}


def _is_full_width(text: str) -> bool:
    """Tell whether each character is as wide as high, as Chinese, Japanese and Korean ones are."""
    return all(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)


def _overlap(one: Rect, other: Rect) -> bool:
    across = one.left <= other.right and other.left <= one.right
    return across and one.top <= other.bottom and other.top <= one.bottom


def _are_alike(first: Rect, last: Rect, count: int) -> bool:
    """Tell whether two characters may be the ends of a word of so many on one line."""
    height = first.height
    if first is last:
        return True
    if abs(first.bottom - last.bottom) > height / 10 or abs(first.top - last.top) > height / 10:
        return False
    return 0 < last.right - first.left < MOST_WIDE * count * height


def _is_written_downwards(before: Character, character: Character) -> bool:
    """Tell whether two characters may be ones of a Chinese or Japanese line from top to bottom."""
    widths = {unicodedata.east_asian_width(text) for text in (before.text, character.text)}
    return widths <= {"W", "F"} and character.rect.right > before.rect.left


def _begins_word(before: Character, character: Character) -> bool:
    """Tell whether there is a gap that is a blank on paper, though none was written."""
    gap = character.rect.left - before.rect.right
    height = min(before.rect.height, character.rect.height)
    if before.text.isdigit() or character.text.isdigit():
        return gap > WORD_GAP * height
    return gap > LETTER_GAP * height


def _mark_between(before: Character, character: Character, raised: float) -> str:
    """Return what keeps a raised or lowered number apart from what it stands at, else "".

    A raised 6 after 10 becomes `10^6`: without a mark it would be another number.

    Args:
        before, character: they stand beside each other.
        raised: by so many points the second stands higher.
    """
    was = before.rect
    now = character.rect
    is_number = character.text.isdigit() or character.text in SIGNS
    if now.height <= SMALLER * was.height and is_number:
        if raised > RAISED * was.height:
            return "^" if before.text.isalnum() or before.text in ")]" else ""
        # a lowered number at a letter (H2O) is read as it is written elsewhere
        if raised < 0 and before.text.isdigit():
            return "_"
    if was.height <= SMALLER * now.height and before.text.isdigit():
        is_back_from_above = -raised > RAISED * now.height
        if (is_back_from_above and character.text.isalnum()) or character.text.isdigit():
            return " "
    return ""


def _joined(line: TextLine, piece: TextLine) -> bool:
    """Put a piece that was drawn after a line into it if it stands on the same line."""
    if line.sideways or line.right_to_left or piece.sideways or piece.right_to_left:
        return False
    height = min(line.font_height, piece.font_height)
    gap = piece.words[0].rect.left - line.words[-1].rect.right
    mark = _mark_between(line.last_character, piece.first_character, line.baseline - piece.baseline)
    is_beside = -PIECE_GAP * height <= gap < WORD_GAP * height
    is_smaller = piece.font_height <= SMALLER * line.font_height
    is_raised = is_smaller and is_beside and _overlap_upright(line.rect, piece.rect)
    if not is_raised and abs(piece.baseline - line.baseline) > SAME_BASELINE * height:
        return False
    if gap < -WORD_GAP * height and piece.rect.right > line.rect.left:
        return False
    if is_raised or -WORD_GAP * height <= gap < PIECE_GAP * height:
        line.words[-1].add(mark + piece.words[0].text, piece.words[0].rect)
        line.words += piece.words[1:]
    else:
        line.words = sorted(line.words + piece.words, key=lambda word: word.rect.left)
    line.rect = around(line.rect, piece.rect)
    return True


def _overlap_upright(one: Rect, other: Rect) -> bool:
    return one.top < other.bottom and other.top < one.bottom
