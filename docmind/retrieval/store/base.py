"""Where passages and their vectors live: one seam, three modes, the same answers from each.

VectorStore
├─ EdgeStore     mode `edge`: Qdrant Edge in this process
└─ QdrantStore   modes `local` (qdrant-client in a folder) and `server`

`opening.open_store` opens the one that the settings ask for. Qdrant's two Python libraries name the
parts of a request alike, so filters and vectors are built here for both; where they differ, a mode
says so to the constructor.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any, Protocol

from docmind.errors import AlreadyRunning, DocMindError, StoreError
from docmind.passages import EmbeddedPassage, Passage, ScoredPassage, SparseVector
from docmind.question_scope import PageRange, SearchedDocuments
from docmind.retrieval.fusion import TIES, ScoredPoint, best_points, fuse, missing_ids
from docmind.retrieval.sparse import WORDS_VERSION

EVERY = 1_000_000
"""More documents than there are."""

DENSE = "dense"
"""Name of the vector of a passage's meaning."""

SPARSE = "sparse"
"""Name of the vector of a passage's words."""

INDEXES = {
    "document_id": "keyword",
    "suffix": "keyword",
    "kind": "keyword",
    "page": "integer",
}
"""What is filtered by, and the type of its payload index. Qdrant Edge takes the booleans of a
filter for numbers and finds nothing: so `kind` is one of two words."""

TEXT = "text"
"""`kind` of a passage of prose."""

TABLE = "table"
"""`kind` of a passage that is rows of a table."""

Vector = Sequence[float] | SparseVector


@dataclass(frozen=True)
class Scope:
    """Where to look: only where all that is given holds. None does not narrow."""

    document_ids: Sequence[str] | None = None
    """Only in these documents; in none of them if it is empty."""
    first_page: int | None = None
    """Only from this page, slide or sheet on; 1-based."""
    last_page: int | None = None
    """Only up to this page, slide or sheet, which is included."""
    pages: Mapping[str, Sequence[PageRange]] = field(default_factory=dict)
    """Of these documents, by id, only these pages; of all others every page."""
    suffixes: Sequence[str] | None = None
    """Only in these types of file: "pdf" or ".pdf"."""
    table: bool | None = None
    """True: only tables. False: no tables."""
    ids: Sequence[str] | None = None
    """Only these passages."""
    near: int | None = None
    """Only the passage at this position of its document, the one before and the one after it."""

    @classmethod
    def of(cls, searched: SearchedDocuments) -> Scope:
        """Return where to look for what a question is asked of."""
        return cls(document_ids=searched.ids, pages=searched.pages)

    @property
    def any_of(self) -> dict[str, list[str]]:
        """Payload field → the values of which a passage must have one."""
        wanted: dict[str, list[str]] = {}
        if self.document_ids is not None:
            wanted["document_id"] = list(self.document_ids)
        if self.suffixes is not None:
            wanted["suffix"] = [f".{suffix.lower().lstrip('.')}" for suffix in self.suffixes]
        if self.table is not None:
            wanted["kind"] = [_kind(self.table)]
        return wanted

    @property
    def ranges(self) -> dict[str, dict[str, int]]:
        """Payload field → the lowest (`gte`) and highest (`lte`) number that it may have."""
        pages: dict[str, int] = {}
        if self.first_page is not None:
            pages["gte"] = self.first_page
        if self.last_page is not None:
            pages["lte"] = self.last_page
        found: dict[str, dict[str, int]] = {}
        if pages:
            found["page"] = pages
        if self.near is not None:
            found["position"] = {"gte": self.near - 1, "lte": self.near + 1}
        return found

    def has_page_of(self, passage: Passage) -> bool:
        """Return whether a passage stands in a document and on a page that belong to the scope."""
        searched = SearchedDocuments(ids=self.document_ids, pages=self.pages)
        return searched.has_page(passage.document_id, passage.page)


EVERYWHERE = Scope()


@dataclass(frozen=True)
class StoredDocument:
    """What all passages of a document have in common."""

    file_name: str
    language: str
    """As ISO 639-1 has it; empty where it could not be told."""


def made_by(model: str) -> str:
    """Return what a store notes of how its vectors are made: by which model, from which words."""
    return f"{model}, words {WORDS_VERSION}"


class StoredPoint(Protocol):
    """A passage as both libraries return it."""

    @property
    def id(self) -> object:
        """The passage's id: a string or a UUID."""
        ...

    @property
    def payload(self) -> Mapping[str, Any] | None:
        """What `to_payload` made."""
        ...


class FoundPoint(StoredPoint, ScoredPoint, Protocol):
    """A passage that a search found."""


class PointWithVectors(StoredPoint, Protocol):
    """A passage with its vectors."""

    @property
    def vector(self) -> Any:
        """Vectors by name; each library has a type of its own for a sparse one."""
        ...


class FieldValue(Protocol):
    """A value of a payload field, with the number of passages that have it."""

    @property
    def value(self) -> object:
        """The value."""
        ...

    @property
    def count(self) -> int:
        """Passages that have it."""
        ...


class VectorStore(ABC):
    """Passages with dense and sparse vectors. Thread-safe; every failure is a StoreError.

    A mode brings the methods at the end, which may raise what their library raises.
    """

    def __init__(
        self,
        *,
        where: Path | str,
        dims: int,
        library: ModuleType,
        range_type: type[Any],
        lock: AbstractContextManager[object],
    ) -> None:
        """Remember what all modes need.

        Args:
            where: the folder or server, for messages.
            dims: length of the dense vectors.
            library: has the parts of a request: `Filter`, `FieldCondition`, `SparseVector`, …
            range_type: what the library calls a range of numbers.
            lock: held around every call of the library; a null context where it is thread-safe.
        """
        self._where = where
        self._dims = dims
        self._library = library
        self._range_type = range_type
        self._lock = lock
        self._closing = threading.Lock()
        self._closed = False
        self._stored_documents: dict[str, StoredDocument] | None = None
        """By document id, once they were asked for."""

    def upsert(self, passages: Sequence[EmbeddedPassage]) -> None:
        """Write the passages, replacing those with the same id.

        They survive a kill once this returns.
        """
        if passages:
            with self._library_access():
                self._upsert(passages)
            if self._stored_documents is not None:
                for embedded in passages:
                    passage = embedded.passage
                    self._stored_documents[passage.document_id] = _stored_document(passage)

    def delete(self, document_id: str) -> None:
        """Remove all passages of a document; none there is no error."""
        with self._library_access():
            self._delete(Scope(document_ids=[document_id]))
        if self._stored_documents is not None:
            self._stored_documents.pop(document_id, None)

    def search(
        self,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        k: int,
        scope: Scope = EVERYWHERE,
        *,
        candidates: int = 100,
        floor: float = 0.0,
    ) -> list[ScoredPassage]:
        """Return the best `k` passages, best first: what two searches in Qdrant find, fused.

        Args:
            dense: query vector, [dims]; None searches by words only.
            sparse: BM25 query; None searches by meaning only.
            k: passages wanted.
            scope: look only there.
            candidates: taken from each of the two searches before they are fused.
            floor: the cosine from which on meaning counts.
        """
        queries: dict[str, Vector] = {}
        floors: list[float] = []
        if dense:
            queries[DENSE] = dense
            floors.append(floor)
        if sparse:
            queries[SPARSE] = sparse
            floors.append(0.0)
        looks_nowhere = not all(scope.any_of.values())
        if not queries or looks_nowhere:
            return []
        candidates = max(candidates, k)
        with self._library_access():
            found = self._query(queries, scope, candidates + TIES)
            results = [best_points(result, candidates) for result in found]
            others: list[Sequence[FoundPoint]] = []
            for (name, vector), ids in zip(queries.items(), missing_ids(results), strict=True):
                scored: Sequence[FoundPoint] = ()
                if ids:
                    (scored,) = self._query({name: vector}, Scope(ids=ids), len(ids))
                others.append(scored)
        fused = fuse(results, others, floors)
        return [
            ScoredPassage(passage=_to_passage(point), score=score) for point, score in fused[:k]
        ]

    def passages(
        self, document_id: str, page: int | None = None, near: int | None = None
    ) -> list[Passage]:
        """Return a document's passages in reading order.

        Args:
            document_id: the document.
            page: only those of this page, 1-based.
            near: only the one at this position, the one before and the one after it.
        """
        scope = Scope(document_ids=[document_id], first_page=page, last_page=page, near=near)
        passages = [_to_passage(point) for point in self._all(scope)]
        return sorted(passages, key=lambda passage: passage.position)

    def embedded(self, document_id: str) -> list[EmbeddedPassage]:
        """Return a document's passages with their vectors, in no order."""
        points = self._all(Scope(document_ids=[document_id]), vectors=True)
        return [_to_embedded_passage(point) for point in points]

    def documents(self) -> dict[str, int]:
        """Return the documents' ids, each with the number of its passages."""
        with self._library_access():
            values = self._facet("document_id")
        # A deleted document may still be listed, without passages.
        return {str(found.value): int(found.count) for found in values if found.count}

    def stored_documents(self) -> dict[str, StoredDocument]:
        """Return what is known of the documents by id; of a shared store as when first asked."""
        if self._stored_documents is None:
            found: dict[str, StoredDocument] = {}
            for document_id in self.documents():
                with self._library_access():
                    points = self._scroll(Scope(document_ids=[document_id]), 1, vectors=False)
                for point in points:
                    found[document_id] = _stored_document(_to_passage(point))
            self._stored_documents = found
        # A copy: another thread may be writing.
        return dict(self._stored_documents)

    def count(self, document_id: str | None = None) -> int:
        """Return how many passages there are, in all or of one document."""
        scope = EVERYWHERE
        if document_id is not None:
            scope = Scope(document_ids=[document_id])
        with self._library_access():
            return self._count(scope)

    def optimize(self, *, wait: bool = False) -> None:  # noqa: B027 - most modes have nothing to do
        """Build in the background what makes search fast, if it has become worth it.

        Args:
            wait: return only when it is built.
        """

    def claim(  # noqa: B027 - a folder has one user, so only a server has something to do
        self, model: str, own_documents: Collection[str], *, stale: bool
    ) -> None:
        """Note on a server which embedding model makes the vectors of its collection.

        Others may use the collection, too. Vectors that another model made can't be searched with
        this one's: those of our own documents are removed, to be made anew.

        Args:
            model: name of the embedding model.
            own_documents: ids of the documents that this DocMind has put there.
            stale: what is there was made by another model, as far as this DocMind knows; it counts
                where the collection has no note.

        Raises:
            StoreError: others' documents would have to go. Nothing is changed then.
        """

    def close(self) -> None:
        """Write what is pending and let go of the files. Calling it again does nothing."""
        with self._closing:
            if not self._closed:
                with self._library_access():
                    self._close()
                self._closed = True

    def _all(self, scope: Scope, *, vectors: bool = False) -> Sequence[PointWithVectors]:
        """Return all passages in a scope."""
        with self._library_access():
            limit = self._count(scope) or 1  # a limit of 0 is refused
            return self._scroll(scope, limit, vectors=vectors)

    @contextmanager
    def _library_access(self) -> Iterator[None]:
        """Let the block call the library: under its lock, and with its errors translated.

        Raises:
            StoreError: the store is closed, or the library raised something.
        """
        closed = StoreError("The vector store is closed: DocMind is shutting down. Start it again.")
        with self._lock:
            if self._closed:
                raise closed
            try:
                yield
            except DocMindError:
                raise
            # Local mode raises what its parts raise, Qdrant Edge bare Exceptions.
            except Exception as exc:
                if self._closed:  # by another thread, meanwhile
                    raise closed from exc
                raise self._error(exc) from exc

    def _error(self, exc: Exception) -> DocMindError:
        """Return what an error of a store in a folder means."""
        message = str(exc)
        # What Qdrant Edge and qdrant-client say about a folder that another process has locked.
        if "WouldBlock" in message or "already accessed" in message:
            return AlreadyRunning(
                f"Another DocMind is using {self._where}. "
                "Close it, or give this one its own folder with DOCMIND_DATA_DIR."
            )
        if "ncompatible" in message:
            return self._other_dims()
        return StoreError(
            f"The vector store in {self._where} can't be used ({exc}). "
            "Check free disk space and the folder's rights; if its files are damaged, remove the "
            "folder: DocMind then ingests your documents anew at the next start."
        )

    def _other_dims(self) -> StoreError:
        return StoreError(
            f"The vectors in {self._where} were made by another embedding model: "
            f"this one gives {self._dims} numbers a passage. "
            "Set the former DOCMIND_RETRIEVAL__EMBEDDING_MODEL again, or remove the stored vectors;"
            " DocMind then ingests your documents anew at the next start."
        )

    def _filter(self, scope: Scope) -> Any:
        """Return a scope as the library's Filter."""
        library = self._library
        conditions = []
        for key, values in scope.any_of.items():
            match = library.MatchAny(any=values)
            conditions.append(library.FieldCondition(key=key, match=match))
        for key, ends in scope.ranges.items():
            numbers = self._range_type(**ends)
            conditions.append(library.FieldCondition(key=key, range=numbers))
        for document_id, page_ranges in scope.pages.items():
            conditions.append(self._only_pages(document_id, page_ranges))
        if scope.ids is not None:
            conditions.append(self._has_id(scope.ids))
        return library.Filter(must=conditions)

    def _only_pages(self, document_id: str, page_ranges: Sequence[PageRange]) -> Any:
        """Return a Filter that lets every other document pass, and of this one only some pages."""
        library = self._library
        match = library.MatchAny(any=[document_id])
        of_document = library.FieldCondition(key="document_id", match=match)
        allowed = [library.Filter(must_not=[of_document])]
        for pages in page_ranges:
            numbers = self._range_type(gte=pages.first, lte=pages.last)
            allowed.append(library.FieldCondition(key="page", range=numbers))
        return library.Filter(should=allowed)

    def _vector(self, vector: Vector) -> Any:
        """Return a vector as the library takes it: a list of numbers, or its SparseVector."""
        if isinstance(vector, dict):
            return self._library.SparseVector(indices=list(vector), values=list(vector.values()))
        return list(vector)

    def _vectors(self, embedded: EmbeddedPassage) -> dict[str, Any]:
        """Return a passage's vectors as the library takes them, by name."""
        return {DENSE: self._vector(embedded.dense), SPARSE: self._vector(embedded.sparse)}

    @abstractmethod
    def _has_id(self, ids: Sequence[str]) -> Any:
        """Return the condition that a passage is one of these."""

    @abstractmethod
    def _close(self) -> None: ...

    @abstractmethod
    def _upsert(self, passages: Sequence[EmbeddedPassage]) -> None: ...

    @abstractmethod
    def _delete(self, scope: Scope) -> None: ...

    @abstractmethod
    def _query(
        self, queries: Mapping[str, Vector], scope: Scope, limit: int
    ) -> Sequence[Sequence[FoundPoint]]:
        """Return up to `limit` points for each query; a query's key is the name of its vector."""

    @abstractmethod
    def _scroll(self, scope: Scope, limit: int, *, vectors: bool) -> Sequence[PointWithVectors]:
        """Return up to `limit` points, in any order."""

    @abstractmethod
    def _count(self, scope: Scope) -> int: ...

    @abstractmethod
    def _facet(self, key: str) -> Sequence[FieldValue]:
        """Return the values of a payload field."""


def to_payload(passage: Passage) -> dict[str, Any]:
    """Return what is stored beside a passage's vectors."""
    payload = passage.to_json()
    del payload["id"]  # it is the point's own
    del payload["merged"]  # no merged passage is stored
    # For filters only.
    payload["suffix"] = PurePath(passage.file_name).suffix.lower()
    payload["kind"] = _kind(passage.table)
    return payload


def _kind(table: bool) -> str:
    return TABLE if table else TEXT


def _stored_document(passage: Passage) -> StoredDocument:
    return StoredDocument(file_name=passage.file_name, language=passage.language)


def _to_passage(point: StoredPoint) -> Passage:
    payload = point.payload or {}
    return Passage(
        id=str(point.id),
        document_id=payload["document_id"],
        file_name=payload["file_name"],
        text=payload["text"],
        page=payload["page"],
        page_label=payload.get("page_label", ""),
        heading=payload["heading"],
        start=payload["start"],
        end=payload["end"],
        position=payload["position"],
        table=payload.get("table", False),
        boxes=payload.get("boxes", ()),
        language=payload.get("language", ""),
    )


def _to_embedded_passage(point: PointWithVectors) -> EmbeddedPassage:
    sparse = point.vector[SPARSE]
    return EmbeddedPassage(
        passage=_to_passage(point),
        dense=point.vector[DENSE],
        sparse=dict(zip(sparse.indices, sparse.values, strict=True)),
    )
