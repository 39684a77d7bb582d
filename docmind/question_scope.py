"""What a question is asked of: documents, pages of them, collections, tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class PageRange:
    """Pages, slides or sheets from the first to the last one, both included; 1-based."""

    first: int
    last: int

    def __contains__(self, page: object) -> bool:
        """Return whether this page is one of them; a passage without a page is on none."""
        return isinstance(page, int) and self.first <= page <= self.last

    def __str__(self) -> str:
        """Return `p. 10` or `p. 10-20`."""
        if self.first == self.last:
            return f"p. {self.first}"
        return f"p. {self.first}-{self.last}"


@dataclass(frozen=True)
class ChosenDocument:
    """A document that was named for a question."""

    id: str
    name: str
    """As it was called then: what is shown also when the document is gone."""
    pages: PageRange | None = None
    """Only these of its pages; None: all."""

    @property
    def label(self) -> str:
        """Its name and its pages."""
        return self.name if self.pages is None else f"{self.name} {self.pages}"


@dataclass(frozen=True)
class QuestionScope:
    """What was chosen; a question searches all of it together. Nothing chosen: all documents."""

    documents: tuple[ChosenDocument, ...] = ()
    collections: tuple[int, ...] = ()
    """Ids; those that are gone do not count."""
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is chosen."""
        return bool(self.documents or self.collections or self.tags)

    def with_more(self, other: QuestionScope) -> QuestionScope:
        """Return what is chosen in either."""
        return QuestionScope(
            documents=_each_once(self.documents, other.documents),
            collections=_each_once(self.collections, other.collections),
            tags=_each_once(self.tags, other.tags),
        )

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QuestionScope:
        """Return what `to_json` wrote."""
        documents: list[ChosenDocument] = []
        for chosen in data.get("documents", []):
            pages = None
            if chosen["pages"] is not None:
                pages = PageRange(**chosen["pages"])
            document = ChosenDocument(id=chosen["id"], name=chosen["name"], pages=pages)
            documents.append(document)
        return cls(
            documents=tuple(documents),
            collections=tuple(data.get("collections", [])),
            tags=tuple(data.get("tags", [])),
        )


NOTHING_CHOSEN = QuestionScope()


@dataclass(frozen=True)
class SearchedDocuments:
    """The documents that a scope comes to, when a question is asked."""

    ids: Sequence[str] | None = None
    """None: all, whichever come."""
    pages: Mapping[str, Sequence[PageRange]] = field(default_factory=dict)
    """Of these documents, by id, only these pages."""

    def has_page(self, document_id: str, page: int | None) -> bool:
        """Return whether a page of a document is searched."""
        if self.ids is not None and document_id not in self.ids:
            return False
        ranges = self.pages.get(document_id)
        return ranges is None or any(page in pages for pages in ranges)


EVERY_DOCUMENT = SearchedDocuments()


def _each_once(first: Sequence[T], second: Sequence[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys([*first, *second]))
