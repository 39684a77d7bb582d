"""Running heads, feet and page numbers of a PDF: what stands on page after page.

A running head stays where it stands first, so that it is found; on later pages it would only be in
the way of what is searched. Page numbers go everywhere: they are stored as the page's label.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from docmind.ingestion.parsed import Box, Section

MARGIN = 0.12
"""Fraction of a page's height, above and below, in which running heads and feet stand."""
SAME_PLACE = 0.012
"""Fraction of a page's height by which the same head may stand higher or lower."""
LEAST_PAGES = 3
LEAST_FRACTION = 0.2
"""Of the pages of a document: so many have a head for it to be a running one. Heads of left and
right pages, and of chapters, stand on fewer than half of them."""
MOST_CHARS = 150

_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"[-\u2013|\[( ]*(?:(?:page|p\.|seite|s\.)\s*)?(\d{1,4}|[ivxlc]{1,7})"
    r"(?:\s*(?:of|/|von|de|sur)\s*\d{1,4})?[-\u2013|\]) ]*",
    re.IGNORECASE,
)


class _Place(NamedTuple):
    """A line of a section."""

    section: int
    line: int


class _Candidate(NamedTuple):
    """A line near the upper or lower edge of a page."""

    place: _Place
    page: int
    text: str
    middle: float


def without_furniture(sections: Sequence[Section]) -> list[Section]:
    """Return the sections without page numbers, and with each running head once."""
    pages = {section.page for section in sections if section.text}
    dropped: dict[int, set[int]] = defaultdict(set)
    for place in _furniture(list(_candidates(sections)), len(pages)):
        dropped[place.section].add(place.line)
    for number in list(dropped):
        if _is_all_of_its_page(sections, sections[number].page, dropped):
            del dropped[number]
    result: list[Section] = []
    for number, section in enumerate(sections):
        if number in dropped:
            result.append(_without_lines(section, dropped[number]))
        else:
            result.append(section)
    return result


def _is_all_of_its_page(
    sections: Sequence[Section], page: int | None, dropped: Mapping[int, set[int]]
) -> bool:
    """Tell whether nothing would be left of a page."""
    for number, section in enumerate(sections):
        if section.page != page or not section.text:
            continue
        if section.table or number not in dropped:
            return False
        for index, line in enumerate(section.text.split("\n")):
            if line and index not in dropped[number]:
                return False
    return True


def _candidates(sections: Sequence[Section]) -> Iterator[_Candidate]:
    """Yield the lines in the margins of all pages."""
    for number, section in enumerate(sections):
        if section.table or section.page is None or not section.boxes:
            continue
        lines = section.text.split("\n")
        if len(lines) != len(section.boxes):
            continue
        for index, (text, box) in enumerate(zip(lines, section.boxes, strict=True)):
            if box is None or not text or len(text) > MOST_CHARS:
                continue
            if box.bottom < MARGIN or box.top > 1 - MARGIN:
                yield _Candidate(
                    place=_Place(section=number, line=index),
                    page=section.page,
                    text=text,
                    middle=(box.top + box.bottom) / 2,
                )


def _furniture(candidates: Sequence[_Candidate], pages: int) -> Iterator[_Place]:
    """Yield where a page number or a repeated running head stands."""
    groups: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        key = candidate.text.casefold()
        if _PAGE_NUMBER.fullmatch(candidate.text):
            key = "#"
        else:
            # A number that changes with the page is one of it; another one is part of the head.
            key = _DIGITS.sub("#", key)
        groups[key].append(candidate)
    least = max(LEAST_PAGES, LEAST_FRACTION * pages)
    for key, group in groups.items():
        for alike in _at_one_place(group):
            if _count_pages(alike) < least:
                continue
            if key == "#":
                yield from _counting(alike)
            elif _says_the_same(alike):
                for candidate in alike[1:]:
                    yield candidate.place


def _at_one_place(group: Sequence[_Candidate]) -> Iterator[list[_Candidate]]:
    """Yield those that stand at the same height, in the order of their pages."""
    ordered = sorted(group, key=lambda candidate: candidate.middle)
    alike: list[_Candidate] = []
    for candidate in ordered:
        if alike and candidate.middle - alike[0].middle > SAME_PLACE:
            yield sorted(alike, key=lambda candidate: candidate.page)
            alike = []
        alike.append(candidate)
    if alike:
        yield sorted(alike, key=lambda candidate: candidate.page)


def _count_pages(group: Sequence[_Candidate]) -> int:
    """Return on how many pages these lines stand; they are in the order of their pages."""
    count = 0
    page = 0
    for candidate in group:
        if candidate.page != page:
            count += 1
            page = candidate.page
    return count


def _numbers(text: str) -> list[int]:
    return list(map(int, _DIGITS.findall(text)))


def _counting(group: Sequence[_Candidate]) -> Iterator[_Place]:
    """Yield where a number is that of its page: it grows by one from page to page.

    A number of a table that ends on the page does not.
    """
    shifts: dict[int, list[_Place]] = defaultdict(list)
    for candidate in group:
        found = _PAGE_NUMBER.fullmatch(candidate.text)
        if found is not None:
            shift = _value(found[1]) - candidate.page
            shifts[shift].append(candidate.place)
    for places in shifts.values():
        if len(places) >= LEAST_PAGES:
            yield from places


def _says_the_same(group: Sequence[_Candidate]) -> bool:
    """Tell whether these lines differ in nothing but a number that counts pages."""
    differences: set[tuple[int, ...]] = set()
    for candidate in group:
        numbers = _numbers(candidate.text)
        if candidate.page in numbers:
            numbers.remove(candidate.page)
        differences.add(tuple(numbers))
    if len(differences) == 1:
        return True
    # Printed numbers may be behind the pages by some: then each stands as far from its page.
    shifts: set[tuple[int, ...]] = set()
    for candidate in group:
        numbers = _numbers(candidate.text)
        shifts.add(tuple(number - candidate.page for number in numbers))
    return len(shifts) == 1 or _last_counts(group)


def _last_counts(group: Sequence[_Candidate]) -> bool:
    """Tell whether only one number of these lines changes, and by the pages between them."""
    rows: list[list[int]] = []
    for candidate in group:
        rows.append(_numbers(candidate.text))
    changing = 0
    for numbers in zip(*rows, strict=True):
        if len(set(numbers)) == 1:
            continue
        changing += 1
        shifts: set[int] = set()
        for number, candidate in zip(numbers, group, strict=True):
            shifts.add(number - candidate.page)
        if len(shifts) > 1:
            return False
    return changing == 1


def _value(text: str) -> int:
    """Return a number that is written in figures or as the Romans did."""
    if text.isdigit():
        return int(text)
    values = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
    total = 0
    following = 0
    for letter in reversed(text.casefold()):
        value = values.get(letter, 0)
        total += value if value >= following else -value
        following = max(following, value)
    return total


def _without_lines(section: Section, numbers: set[int]) -> Section:
    """Return a section without some of its lines, and without blank ones at its ends."""
    texts: list[str] = []
    boxes: list[Box | None] = []
    lines = section.text.split("\n")
    for number, (text, box) in enumerate(zip(lines, section.boxes, strict=True)):
        previous_has_text = bool(texts and texts[-1])
        if number not in numbers and (text or previous_has_text):
            texts.append(text)
            boxes.append(box)
    while texts and not texts[-1]:
        texts.pop()
        boxes.pop()
    return replace(section, text="\n".join(texts), boxes=tuple(boxes))
