"""A passage of a document, from the vector store to the page, and what is known of it on the way.

Passage            a stretch of a document's text, with its place
├─ EmbeddedPassage   with its vectors, on its way into the store
├─ ScoredPassage     with its score, as a search result
└─ NumberedPassage   with its number in a turn: what `[n]` in an answer refers to
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

SparseVector = dict[int, float]
"""Dimension (uint32) → value."""


@dataclass(frozen=True)
class Passage:
    """A stretch of a document's text."""

    id: str
    document_id: str
    file_name: str
    text: str
    page: int | None = None
    """1-based page, slide or sheet; None where the format has none."""
    page_label: str = ""
    """What is printed on the page where that is another number, for example `iv`."""
    heading: str = ""
    """The headings above it, outermost first."""
    start: int = 0
    """Character span in the document's extracted text: [start, end)."""
    end: int = 0
    position: int = 0
    """0-based place among the document's passages."""
    table: bool = False
    """Rows of a table, below its header."""
    boxes: Sequence[Sequence[float]] = ()
    """Where it stands on its page: left, top, right and bottom as fractions (0 to 1) of the page's
    width and height."""
    language: str = ""
    """Of its document, as ISO 639-1 has it; empty where it could not be told."""
    merged: bool = False
    """Several consecutive passages read as one. Such a passage is in no store."""

    def __post_init__(self) -> None:
        # JSON has lists; as tuples a passage can be hashed and compared.
        object.__setattr__(self, "boxes", tuple(tuple(box) for box in self.boxes))

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        return {
            "id": self.id,
            "document_id": self.document_id,
            "file_name": self.file_name,
            "text": self.text,
            "page": self.page,
            "page_label": self.page_label,
            "heading": self.heading,
            "start": self.start,
            "end": self.end,
            "position": self.position,
            "table": self.table,
            "boxes": [list(box) for box in self.boxes],
            "language": self.language,
            "merged": self.merged,
        }

    @property
    def page_name(self) -> str:
        """The page as one looks for it: `6`, or `iv (6)` where it has another number printed on it.

        "" where the format has no pages.
        """
        if self.page is None:
            return ""
        if self.page_label:
            return f"{self.page_label} ({self.page})"
        return str(self.page)


@dataclass(frozen=True)
class EmbeddedPassage:
    """A passage with its vectors."""

    passage: Passage
    dense: Sequence[float]
    """Vector of its meaning, [dims], length 1."""
    sparse: SparseVector
    """BM25 weights of its words, without IDF."""


@dataclass(frozen=True)
class ScoredPassage:
    """A search result."""

    passage: Passage
    score: float
    """Higher is better; comparable within one search only."""


@dataclass(frozen=True)
class NumberedPassage:
    """A passage that was found in a turn; `[number]` in the answer refers to it."""

    number: int
    """From 1, unique within the turn."""
    passage: Passage

    def to_json(self) -> dict[str, Any]:
        """Return number and passage as one flat object of plain data."""
        return {"number": self.number, **self.passage.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NumberedPassage:
        """Return what `to_json` wrote; KeyError or TypeError if it is something else."""
        fields = dict(data)
        number = int(fields.pop("number"))
        return cls(number=number, passage=Passage(**fields))


def merged_passage_id(document_id: str, start: int, end: int) -> str:
    """Return the id of consecutive passages that span [start, end) of the document's text."""
    return str(uuid5(NAMESPACE_OID, f"{document_id}:{start}-{end}"))


def passage_id(document_id: str, position: int) -> str:
    """Return the id of a passage: the same for the same document and position.

    So every write into the store can be repeated.
    """
    return str(uuid5(NAMESPACE_OID, f"{document_id}:{position}"))
