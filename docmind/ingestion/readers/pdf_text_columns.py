"""Columns of running text whose lines were drawn from row to row, and pages drawn in any order.

A file whose columns were drawn one after the other is read as it was drawn. Others have the lines
of all columns in turn, often as one piece of text each (text below a scan, prints of web pages):
these lines are parted between the columns, and a column is read down before the next one.

A row of a table must not be parted so. Columns are taken for running text where their lines are
full, of several words, and many of them begin within a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from docmind.ingestion.readers.pdf_lines import TextLine, Word, around

LEAST_SCATTERED = 8
"""Lines of a page of which one can tell that it was drawn in no order."""
MOST_NEIGHBOURS = 0.25
"""Fraction of lines that stand beside, below or above the one drawn before: on a page that was
drawn in any order hardly any, on others most."""
NEAR = 3.0
"""Heights of a line from one neighbour to the other."""
LEAST_LINES = 4
"""So many lines of a column begin alike."""
GUTTER = 0.7
"""Fraction of a line's height that parts the words of two columns; a blank is 0.2 to 0.3."""
WIDER = 1.8
"""Times a blank that a gutter is wide at least: those of a typewriter are 0.6 of its height."""
ALIKE = 0.35
"""Fraction of a line's height within which lines begin alike."""
MOST_MEASURED = 6
"""So many words of a line tell how wide its blanks are."""
STRIP = 3.0
"""Heights of a line that are empty over all columns: below them, other columns begin."""
LEAST_WORDS = 3.0
"""Of a line, on the average; cells of a table have fewer."""
FULL = 0.6
"""Fraction of a column's width from which a line is full."""
LEAST_FULL = 0.5
"""Fraction of full lines in a column of running text."""
MOST_NUMBERS = 0.2
"""Fraction of lines that have more digits than letters."""
LEAST_WITHIN = 0.3
"""Fraction of lines that begin with a small letter, that is, within a sentence. Rows of tables and
lists nearly all begin with a capital or a number."""
PARAGRAPH = 1.2
"""Times the usual step from line to line from which a paragraph, or a row, begins."""
MOST_IN_ORDER = 4
"""In columns drawn one after the other one line in so many, at most, is in another column than the
one drawn before it."""


class _Numbered(NamedTuple):
    """A line and its place in the file."""

    number: int
    line: TextLine


@dataclass
class _Band:
    """What stands left and right of a gutter that no line crosses."""

    left: list[_Numbered] = field(default_factory=list)
    right: list[_Numbered] = field(default_factory=list)
    parted: int = 0
    """Lines that were one piece of text over the gutter."""
    bottom: float | None = None
    """The baseline of its lowest line."""

    @property
    def first(self) -> int:
        """Its first place in the file."""
        return min(numbered.number for numbered in [*self.left, *self.right])

    @property
    def is_in_order(self) -> bool:
        """Tell whether its columns were drawn one after the other, from left to right."""
        if self.parted:
            return False
        sides = [(numbered.number, "left") for numbered in self.left]
        sides += [(numbered.number, "right") for numbered in self.right]
        sides.sort()
        changes = 0
        for (_, before), (_, side) in pairwise(sides):
            if before != side:
                changes += 1
        if changes == 1:
            return sides[0][1] == "left"
        return changes * MOST_IN_ORDER <= len(sides)


def in_text_columns(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines; those of columns of text down one column after the other."""
    numbered: list[_Numbered] = []
    for number, line in enumerate(lines):
        if line.words and not (line.sideways or line.slanted or line.right_to_left):
            numbered.append(_Numbered(number, line))
    if len(numbered) < 2 * LEAST_LINES:
        return list(lines)
    gutter = _gutter(numbered)
    starts = _column_starts(numbered, gutter)
    if not starts:
        return list(lines)
    bands = _column_bands(numbered, starts, gutter)
    if not bands:
        return list(lines)
    columns_at: dict[int, list[TextLine]] = {}
    in_bands: set[int] = set()
    for band, columns in bands:
        columns_at[band.first] = columns
        in_bands.update(numbered.number for numbered in [*band.left, *band.right])
    arranged: list[TextLine] = []
    for number, line in enumerate(lines):
        if number in columns_at:
            arranged += columns_at[number]
        elif number not in in_bands:
            arranged.append(line)
    return arranged


def in_rows(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines; those of a page that was drawn in no order from row to row.

    What stands on one baseline is then one line, as if it had been drawn at once.
    """
    upright = [line for line in lines if not (line.sideways or line.slanted or line.right_to_left)]
    if len(upright) < LEAST_SCATTERED:
        return list(lines)
    neighbours = 0
    for before, line in pairwise(upright):
        if _are_neighbours(before, line):
            neighbours += 1
    if neighbours > MOST_NEIGHBOURS * len(upright):
        return list(lines)
    others = [line for line in lines if line.sideways or line.slanted or line.right_to_left]
    rows: list[list[TextLine]] = []
    for line in sorted(upright, key=lambda line: line.baseline):
        if rows and line.baseline - rows[-1][0].baseline <= ALIKE * line.font_height:
            rows[-1].append(line)
        else:
            rows.append([line])
    joined: list[TextLine] = []
    for row in rows:
        joined += _joined_row(row)
    return [*joined, *others]


def _are_neighbours(one: TextLine, other: TextLine) -> bool:
    """Tell whether two lines stand beside each other, or one close below the other."""
    distance = abs(one.baseline - other.baseline)
    if distance < one.font_height and other.rect.left > one.rect.right:
        return True  # a value may stand beside the middle of a name of two lines
    overlap = one.rect.left < other.rect.right and other.rect.left < one.rect.right
    return overlap and distance < NEAR * one.font_height


def _joined_row(row: Sequence[TextLine]) -> Iterator[TextLine]:
    """Yield the lines on a baseline as one; each by itself if one is drawn over another."""
    words: list[Word] = []
    for line in row:
        words += line.words
    words.sort(key=lambda word: word.rect.left)
    for before, word in pairwise(words):
        overlap = before.rect.right - word.rect.left
        if overlap > ALIKE * before.rect.height:
            yield from sorted(row, key=lambda line: line.rect.left)
            return
    wider = max(row, key=lambda line: line.rect.width)
    rect = row[0].rect
    for line in row:
        rect = around(rect, line.rect)
    yield replace(wider, words=words, rect=rect, blank_before=False)


def _gutter(lines: Sequence[_Numbered]) -> float:
    """Return the fraction of a line's height that parts two columns on this page."""
    blanks: list[float] = []
    for _, line in lines:
        for before, word in pairwise(line.words[:MOST_MEASURED]):
            blanks.append((word.rect.left - before.rect.right) / line.font_height)
    if not blanks:
        return GUTTER
    blanks.sort()
    return max(GUTTER, WIDER * blanks[len(blanks) // 2])


def _column_starts(lines: Sequence[_Numbered], gutter: float) -> list[float]:
    """Return where lines begin, or go on after a gap, one below the other, from left to right."""
    starts: list[tuple[float, float]] = []
    for _, line in lines:
        height = line.font_height
        least = gutter * height
        right = float("inf")
        starts.append((line.words[0].rect.left, height))
        for word in line.words:
            rect = word.rect
            if rect.left - right > least:
                starts.append((rect.left, height))
            right = rect.right
    starts.sort()
    found: list[float] = []
    group: list[float] = []
    for left, height in starts:
        if group and left - group[0] > ALIKE * height:
            if len(group) >= LEAST_LINES:
                found.append(group[0])
            group = []
        group.append(left)
    if len(group) >= LEAST_LINES:
        found.append(group[0])
    return found[1:]  # nothing stands to the left of the first one


def _column_bands(
    lines: Sequence[_Numbered], starts: Sequence[float], gutter: float
) -> list[tuple[_Band, list[TextLine]]]:
    """Return bands of text columns that were not drawn in order, each with its lines in order."""
    found: list[tuple[_Band, list[TextLine]]] = []
    remaining = sorted(lines, key=lambda numbered: numbered.line.baseline)
    for index, start in enumerate(starts):
        for band in list(_bands(remaining, start, gutter)):
            if band.is_in_order or not _is_running_text(band.left):
                continue
            columns = _right_columns(band.right, starts[index + 1 :], gutter)
            if columns is None or _has_common_rows(band):
                continue
            left = [numbered.line for numbered in band.left]
            found.append((band, [*left, *columns]))
            used = {numbered.number for numbered in [*band.left, *band.right]}
            remaining = [numbered for numbered in remaining if numbered.number not in used]
    return found


def _right_columns(
    lines: Sequence[_Numbered], starts: Sequence[float], gutter: float
) -> list[TextLine] | None:
    """Return what stands right of a gutter, column by column; None if it is no running text."""
    further = _column_bands(lines, starts, gutter)
    if not further:
        if not _is_running_text(lines):
            return None
        return [numbered.line for numbered in lines]
    columns: list[TextLine] = []
    in_bands: set[int] = set()
    for band, _ in further:
        in_bands.update(numbered.number for numbered in [*band.left, *band.right])
    waiting = sorted(further, key=lambda found: found[1][0].baseline)
    for number, line in lines:
        # what stands above the next band goes first
        while waiting and waiting[0][1][0].baseline <= line.baseline:
            columns += waiting.pop(0)[1]
        if number not in in_bands:
            columns.append(line)
    for _, band_columns in waiting:
        columns += band_columns
    return columns


def _bands(lines: Sequence[_Numbered], start: float, gutter: float) -> Iterator[_Band]:
    """Yield the bands between lines that cross the gutter left of `start`, from top to bottom."""
    band = _Band()
    for number, line in lines:
        is_far_below = (
            band.bottom is not None and line.baseline - band.bottom > STRIP * line.font_height
        )
        cut = _cut(line, start, gutter * line.font_height)
        if cut is None or is_far_below:
            if len(band.left) >= LEAST_LINES and len(band.right) >= LEAST_LINES:
                yield band
            band = _Band()
        if cut is None:
            continue
        band.bottom = line.baseline
        if cut == 0:
            band.right.append(_Numbered(number, line))
        elif cut == len(line.words):
            band.left.append(_Numbered(number, line))
        else:
            band.parted += 1
            band.left.append(_Numbered(number, _part(line, line.words[:cut])))
            right = replace(_part(line, line.words[cut:]), blank_before=False)
            band.right.append(_Numbered(number, right))
    if len(band.left) >= LEAST_LINES and len(band.right) >= LEAST_LINES:
        yield band


def _cut(line: TextLine, start: float, gutter: float) -> int | None:
    """Return how many words of a line stand left of the gutter; None if it crosses it."""
    count = 0
    right = float("-inf")
    for word in line.words:
        if word.rect.left >= start - 1:
            break
        right = max(right, word.rect.right)
        count += 1
    if count == 0:
        return 0
    gutter_end = start
    if count < len(line.words):
        gutter_end = line.words[count].rect.left
        if gutter_end > start + 2 * line.font_height:
            # it may be cut here, but no column of text begins there
            gutter_end = start
    if gutter_end - right < gutter:
        return None
    return count


def _part(line: TextLine, words: list[Word]) -> TextLine:
    """Return some neighbouring words of a line as a line."""
    rect = line.rect._replace(left=words[0].rect.left, right=words[-1].rect.right)
    return replace(line, words=words, rect=rect)


def _is_running_text(lines: Sequence[_Numbered]) -> bool:
    """Tell whether these lines are one column of sentences."""
    left = min(numbered.line.words[0].rect.left for numbered in lines)
    rights = sorted(numbered.line.words[-1].rect.right for numbered in lines)
    width = rights[len(rights) * 9 // 10] - left
    if any(numbered.line.words[0].rect.left > rights[len(rights) // 2] for numbered in lines):
        return False  # something stands beside the column, as the labels of another one
    count = 0
    words = 0
    full = 0
    numbers = 0
    within = 0
    for _, line in lines:
        count += 1
        words += len(line.words)
        if line.words[-1].rect.right - left >= FULL * width:
            full += 1
        if line.is_number:
            numbers += 1
        if line.words[0].text[0].islower():
            within += 1
    if words < LEAST_WORDS * count or numbers > MOST_NUMBERS * count:
        return False
    return full >= LEAST_FULL * count and within >= LEAST_WITHIN * count


def _has_common_rows(band: _Band) -> bool:
    """Tell whether paragraphs begin side by side again and again: they are cells of a table."""
    left = _paragraph_starts(band.left)
    right = _paragraph_starts(band.right)
    common = 0
    for baseline, height in left:
        if any(abs(baseline - other) <= ALIKE * height for other, _ in right):
            common += 1
    return common >= 2 and 2 * common >= min(len(left), len(right))


def _paragraph_starts(lines: Sequence[_Numbered]) -> list[tuple[float, float]]:
    """Return baseline and height of each line that stands farther below than is usual."""
    steps: list[float] = []
    for (_, before), (_, line) in pairwise(lines):
        steps.append(line.baseline - before.baseline)
    usual = sorted(steps)[len(steps) // 2]
    starts: list[tuple[float, float]] = []
    for step, (_, line) in zip(steps, lines[1:], strict=True):
        if step > PARAGRAPH * usual:
            starts.append((line.baseline, line.font_height))
    return starts
