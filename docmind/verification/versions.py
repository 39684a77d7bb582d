"""What differs between two documents that are much the same: versions of one, or one form twice.

Their sentences are laid beside each other by `difflib`, so that no difference depends on what a
model notices.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docmind.ingestion.parsed import HEADING_SEPARATOR
from docmind.passages import Passage
from docmind.verification.quotations import headed_quotes

ALIKE = 0.6
"""Likeness of two sentences (`difflib` ratio of their words) from which one is the other, changed.
"""
VERSIONS = 0.5
"""Fraction of the sentences that two documents must share, as they are or changed, to be laid side
by side. Below it they are documents of their own."""
LABEL_WORDS = 5
"""Words that a difference without a heading is called by."""


@dataclass(frozen=True)
class Place:
    """A sentence of a document."""

    words: str
    passage: Passage
    heading: str = ""
    """The one that stands next above it."""


@dataclass(frozen=True)
class Difference:
    """A sentence that is another one in the other document, or is not there."""

    label: str
    """Its heading, or its first words; unique among the differences."""
    before: Place | None
    """In the first document."""
    after: Place | None
    """In the second document."""


@dataclass(frozen=True)
class Versions:
    """Two documents, side by side."""

    differences: tuple[Difference, ...]
    shared: float
    """Fraction of all sentences, 0 to 1, that stand in both, as they are or changed."""

    @property
    def are_alike(self) -> bool:
        """Whether they are much the same, and differ somewhere."""
        return self.shared >= VERSIONS and bool(self.differences)


def lay_side_by_side(first: Sequence[Passage], second: Sequence[Passage]) -> Versions:
    """Return what differs between two documents, in the order of the first.

    Args:
        first: all passages of the one, in order, without what neighbours share.
        second: those of the other.
    """
    before = _places(first)
    after = _places(second)
    matcher = difflib.SequenceMatcher(
        None,
        [place.words for place in before],
        [place.words for place in after],
        autojunk=False,
    )
    pairs: list[tuple[Place | None, Place | None]] = []
    shared = 0
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "equal":
            shared += 2 * (end - start)
            continue
        for pair in _paired(before[start:end], after[other_start:other_end]):
            pairs.append(pair)
            if None not in pair:
                shared += 2
    total = len(before) + len(after)
    return Versions(
        differences=tuple(_labelled(pairs)),
        shared=shared / max(total, 1),
    )


def _places(passages: Sequence[Passage]) -> list[Place]:
    """Return the sentences of a document, each with the heading next above it."""
    places: list[Place] = []
    for passage in passages:
        *_, heading = passage.heading.split(HEADING_SEPARATOR)
        for over, words in headed_quotes(passage):
            # A short document is one passage, with its headings among its lines.
            if over.startswith("#"):
                heading = over.strip("# ")
            places.append(Place(words=words, passage=passage, heading=heading))
    return places


def _paired(
    before: Sequence[Place], after: Sequence[Place]
) -> Iterator[tuple[Place | None, Place | None]]:
    """Yield each sentence with the one that it became, in order; None where there is none."""
    left = list(after)
    for place in before:
        likeness = [_likeness(place.words, other.words) for other in left]
        best = max(range(len(left)), key=likeness.__getitem__, default=-1)
        if best < 0 or likeness[best] < ALIKE:
            yield place, None
            continue
        for added in left[:best]:
            yield None, added
        yield place, left[best]
        left = left[best + 1 :]
    for added in left:
        yield None, added


def _likeness(words: str, other: str) -> float:
    """Return how much two sentences have in common, 0 to 1."""
    matcher = difflib.SequenceMatcher(None, words.split(), other.split(), autojunk=False)
    return matcher.ratio()


def _labelled(pairs: Sequence[tuple[Place | None, Place | None]]) -> Iterator[Difference]:
    """Yield differences by their headings, numbered where one has several."""
    counts: dict[str, int] = {}
    for before, after in pairs:
        name = _name(before or after)
        counts[name] = counts.get(name, 0) + 1
        label = name
        if counts[name] > 1:
            label = f"{name} ({counts[name]})"
        yield Difference(label=label, before=before, after=after)


def _name(place: Place | None) -> str:
    """Return what a difference is called: its heading, else its first words."""
    if place is None:
        return ""
    if place.heading:
        return place.heading
    words = place.words.split()
    name = " ".join(words[:LABEL_WORDS])
    if len(words) > LABEL_WORDS:
        name += " \u2026"
    return name
