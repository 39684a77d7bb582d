"""The order in which the lines of a PDF page are read."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Sequence
from dataclasses import dataclass

from docmind.ingestion.readers.pdf_lines import SAME_BASELINE, SMALLER, Rect, TextLine, around
from docmind.ingestion.readers.pdf_text_columns import in_rows, in_text_columns

SOFT_HYPHEN = "\xad"
BLOCK_GAP = 2.0
"""Heights of a line from which an empty stretch parts two blocks."""
MOST_LINES_BETWEEN = 8
"""Of footnotes, between the halves of a word at the end of a column."""
MOST_HEADS = 2
"""Numbers above the first row of a column of numbers, as years are."""
MOST_BLOCKS = 400
"""A page with more pieces is a map or a drawing: they stay as they were drawn."""


def in_reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return lines as they stand on the page; what nothing is known about stays as it was drawn.

    Lines drawn one below or above the other are a block. A block is read before those below it;
    blocks beside each other, as columns are, are read in the order of the file.
    """
    blocks = _blocks(in_text_columns(in_rows(lines)))
    if len(blocks) > MOST_BLOCKS:
        return list(lines)
    blocks = _with_numbers_in_rows(blocks)
    below: list[list[int]] = []
    waits_for = [0] * len(blocks)
    for upper in blocks:
        numbers: list[int] = []
        for number, lower in enumerate(blocks):
            if upper.is_above(lower):
                numbers.append(number)
                waits_for[number] += 1
        below.append(numbers)

    ordered: list[TextLine] = []
    ready = [number for number, count in enumerate(waits_for) if count == 0]
    last = -1
    while ready:
        # go on where the file does: a footer that was drawn first does not part two columns
        place = bisect(ready, last) % len(ready)
        number = ready.pop(place)
        last = number
        ordered += blocks[number].lines
        for later in below[number]:
            waits_for[later] -= 1
            if waits_for[later] == 0:
                insort(ready, later)
    return ordered


@dataclass(eq=False)
class _Block:
    """Lines that were drawn one below the other, or one above the other."""

    lines: list[TextLine]
    rect: Rect

    @property
    def is_numbers(self) -> bool:
        """Tell whether most of at least two lines have more digits than letters."""
        if len(self.lines) < 2 or self.lines[0].sideways:
            return False
        return sum(line.is_number for line in self.lines) > len(self.lines) / 2

    def line_beside(self, line: TextLine) -> TextLine | None:
        """Return the line of this block with the same baseline, if there is one."""
        for own in self.lines:
            if abs(own.baseline - line.baseline) <= SAME_BASELINE * line.font_height:
                return own
        return None

    def end_beside(self, column: _Block) -> float | None:
        """Return where the rows end that a column of numbers is put into; None if it has others.

        What stands above the first row are heads of columns, as years are.
        """
        ends: list[float] = []
        heads = 0
        for number in column.lines:
            row = self.line_beside(number)
            if row is not None:
                ends.append(row.words[-1].rect.right)
            elif number.is_number:
                heads += 1
                if number.baseline > self.lines[0].baseline:
                    return None
        if not ends or heads > MOST_HEADS or heads > len(ends) / 2:
            return None
        return max(ends)

    def add_column(self, column: _Block) -> None:
        """Put each line of a column that stands to the right into its row."""
        for line in column.lines:
            row = self.line_beside(line)
            if row is None:
                self.lines.append(line)
            else:
                row.words += line.words
                row.rect = around(row.rect, line.rect)
        self.lines.sort(key=lambda line: line.baseline)
        self.rect = around(self.rect, column.rect)

    def is_above(self, other: _Block) -> bool:
        """Tell whether it ends where the other begins, or above, and one looks down on it.

        The heights of lines may reach into each other, their middles do not.
        """
        if self.lines[0].sideways or other.lines[0].sideways:
            return False
        if self.rect.right <= other.rect.left or other.rect.right <= self.rect.left:
            return False
        end = self.lines[-1].rect.center.y
        begin = other.lines[0].rect.center.y
        return end < begin and end < other.rect.top and self.rect.bottom < begin


def _with_numbers_in_rows(blocks: Sequence[_Block]) -> list[_Block]:
    """Return the blocks; a column of numbers that was drawn by itself is put into its rows."""
    remaining = list(blocks)
    numbers = [block for block in blocks if block.is_numbers]
    for column in sorted(numbers, key=lambda block: block.rect.left):
        nearest: _Block | None = None
        nearest_end = float("-inf")
        for block in remaining:
            if block is column:
                continue
            end = block.end_beside(column)
            if end is not None and nearest_end < end <= column.rect.left:
                nearest = block
                nearest_end = end
        if nearest is not None:
            nearest.add_column(column)
            remaining.remove(column)
    return remaining


def _blocks(lines: Sequence[TextLine]) -> list[_Block]:
    blocks: list[_Block] = []
    for line in lines:
        if blocks and _goes_on(blocks[-1].lines[-1], line):
            block = blocks[-1]
            block.lines.append(line)
            block.rect = around(block.rect, line.rect)
        else:
            blocks.append(_Block(lines=[line], rect=line.rect))
    for block in blocks:
        if not block.lines[0].sideways:
            block.lines.sort(key=lambda line: line.baseline)
    return blocks


def _goes_on(before: TextLine, line: TextLine) -> bool:
    """Tell whether a line stands right below the one before it, or right above.

    PDFium may give the lines of a turned page from bottom to top.
    """
    if before.sideways or line.sideways:
        return before.sideways == line.sideways
    if before.rect.right <= line.rect.left or line.rect.right <= before.rect.left:
        return False
    gap = max(line.rect.top - before.rect.bottom, before.rect.top - line.rect.bottom)
    height = max(before.rect.height, line.rect.height)
    return -height / 2 < gap < BLOCK_GAP * height


def join_words_across_lines(lines: Sequence[TextLine]) -> None:
    """Put the rest of a word that was parted at the end of a line into the line that it begins in.

    A hyphen goes only between two lower-case letters: that of a code, a date or a double name
    stays. A line that gives all its words away is left without any.
    """
    for index, line in enumerate(lines):
        following = _next_of_its_size(lines, index)
        if following is None or not line.words or not following.words:
            continue
        word = line.words[-1]
        rest = following.words[0]
        if not word.text.endswith(("-", SOFT_HYPHEN)) or not rest.text[0].isalnum():
            continue
        if len(word.text) < 2 or not word.text[-2].isalnum():
            continue
        if not word.goes_on and not _is_parted(line, following):
            continue
        if word.text[-2].islower() and rest.text[0].islower():
            word.text = word.text[:-1]
        word.text += rest.text
        word.goes_on = rest.goes_on
        following.words = following.words[1:]
        if not following.words:
            line.rect = around(line.rect, following.rect)


def _next_of_its_size(lines: Sequence[TextLine], index: int) -> TextLine | None:
    """Return the line that goes on after this one: footnotes, which are smaller, stand between."""
    height = lines[index].font_height
    for line in lines[index + 1 : index + 1 + MOST_LINES_BETWEEN]:
        if SMALLER * height < line.font_height < height / SMALLER:
            return line
    return None


def _is_parted(line: TextLine, following: TextLine) -> bool:
    """Tell whether a hyphen at the end of running text parts a number or a code.

    In a column of numbers it is a minus, or nothing.
    """
    if len(line.words) < 3 or line.has_columns or following.has_columns:
        return False
    is_below = following.rect.top > line.rect.center.y
    before = line.words[-1].text[-2]
    after = following.words[0].text[0]
    return is_below and (before.isdigit() == after.isdigit() or before.isupper())
