"""Where passages and their vectors live: one seam, three modes (edge | local | server), the same answers from each."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from docmind.errors import AlreadyRunning, DocMindError, StoreError
from docmind.passages import EmbeddedPassage, Passage, ScoredPassage, SparseVector
from docmind.retrieval.fusion import TIES, fuse
from docmind.settings import Settings

EVERY = 1_000_000
"""More documents than there are."""
DENSE, SPARSE = "dense", "sparse"
INDEXES = {"document_id": "keyword", "suffix": "keyword", "kind": "keyword", "page": "integer"}
"""What is filtered by, and the type of its payload index. Qdrant Edge takes the booleans of a filter for numbers and
finds nothing: `kind` is "table" or "text"."""
KINDS = ("text", "table")


@dataclass(frozen=True)
class Scope:
    """Where to look: only where all that is given holds; None does not narrow."""

    document_ids: Sequence[str] | None = None  # an empty one: nowhere
    first_page: int | None = None  # pages, slides or sheets from here, 1-based
    last_page: int | None = None  # to here, inclusive
    suffixes: Sequence[str] | None = None  # types of file: "pdf" or ".pdf"
    table: bool | None = None  # True: only tables; False: no tables
    near: int | None = (
        None  # only the passage at this position of its document, those before and after it
    )

    @property
    def any_of(self) -> dict[str, list[str]]:
        """The payload fields of which one of several values is wanted."""
        suffixes = (
            None if self.suffixes is None else [f".{s.lower().lstrip('.')}" for s in self.suffixes]
        )
        kinds = None if self.table is None else [KINDS[self.table]]
        wanted = {"document_id": self.document_ids, "suffix": suffixes, "kind": kinds}
        return {key: list(values) for key, values in wanted.items() if values is not None}

    @property
    def pages(self) -> dict[str, int]:
        """The range of pages, as Qdrant names its ends."""
        return {
            end: n
            for end, n in (("gte", self.first_page), ("lte", self.last_page))
            if n is not None
        }


EVERYWHERE = Scope()
Vector = Sequence[float] | SparseVector


class VectorStore(ABC):
    """Passages with dense and sparse vectors. Thread-safe; every failure is a StoreError.

    A mode brings the methods at the end, which may raise what their library raises.
    """

    def __init__(self, where: Path | str, dims: int, library: Any) -> None:
        self._where = where
        self._library = library  # Qdrant's two Python libraries name the parts of a request alike
        self._dims = dims
        self._turn: AbstractContextManager[Any] = (
            nullcontext()
        )  # a lock, where the library is not thread-safe
        self._closing = threading.Lock()
        self._closed = False

    def upsert(self, passages: Sequence[EmbeddedPassage]) -> None:
        """Write the passages, replacing those with the same id; they survive a kill once this returns."""
        if passages:
            with self._translated():
                self._upsert(passages)

    def delete(self, document_id: str) -> None:
        """Remove all passages of a document; none there is no error."""
        with self._translated():
            self._delete(Scope([document_id]))

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
            scope: look only there.
            candidates: taken from each of the two searches before they are fused.
            floor: the cosine from which on meaning counts.
        """
        asked = {DENSE: dense, SPARSE: sparse}
        queries = {name: vector for name, vector in asked.items() if vector}
        if not queries or not all(scope.any_of.values()):
            return []
        with self._translated():
            found = self._query(queries, scope, max(candidates, k) + TIES)
        floors = [floor if name == DENSE else 0.0 for name in queries]
        fused = fuse(found, max(candidates, k), floors)
        return [ScoredPassage(passage=_passage(point), score=score) for point, score in fused[:k]]

    def passages(
        self, document_id: str, page: int | None = None, near: int | None = None
    ) -> list[Passage]:
        """Return a document's passages in reading order.

        Args:
            page: only those of this page, 1-based.
            near: only the one at this position, the one before and the one after it.
        """
        scope = Scope([document_id], first_page=page, last_page=page, near=near)
        passages = [_passage(point) for point in self._all(scope)]
        return sorted(passages, key=lambda passage: passage.position)

    def embedded(self, document_id: str) -> list[EmbeddedPassage]:
        """Return a document's passages with their vectors, in no order."""
        return [_embedded(point) for point in self._all(Scope([document_id]), vectors=True)]

    def _all(self, scope: Scope, *, vectors: bool = False) -> Sequence[Any]:
        with self._translated():
            return self._scroll(scope, self._count(scope) or 1, vectors=vectors)

    def documents(self) -> dict[str, int]:
        """Return the documents' ids, each with the number of its passages."""
        with self._translated():
            return {
                str(hit.value): int(hit.count) for hit in self._facet("document_id") if hit.count
            }

    def count(self, document_id: str | None = None) -> int:
        """Return how many passages there are, in all or of one document."""
        with self._translated():
            return self._count(EVERYWHERE if document_id is None else Scope([document_id]))

    def optimize(self, *, wait: bool = False) -> None:  # noqa: B027 - most modes have nothing to do
        """Build in the background what makes search fast, if it has become worth it; `wait` until it is built."""

    def claim(self, model: str, own: Collection[str], *, stale: bool) -> None:  # noqa: B027 - a folder has one user
        """Note on a server that this model makes the vectors; those that another one made of `own` documents go.

        So do `stale` ones, of which there is no note. StoreError if others' are among them: nothing is changed then.
        """

    def close(self) -> None:
        """Write what is pending and let go of the files. Calling it again does nothing."""
        with self._closing:
            if not self._closed:
                with self._translated():
                    self._close()
                self._closed = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        closed = StoreError("The vector store is closed: DocMind is shutting down. Start it again.")
        with self._turn:
            if self._closed:
                raise closed
            try:
                yield
            except DocMindError:
                raise
            except (
                Exception
            ) as exc:  # local mode raises what its parts raise, Qdrant Edge bare Exception
                raise closed if self._closed else self._error(exc) from exc

    def _error(self, exc: Exception) -> DocMindError:
        """Return what an error of a store in a folder means."""
        if "WouldBlock" in str(exc) or "already accessed" in str(exc):
            return AlreadyRunning(
                f"Another DocMind is using {self._where}. Close it, or give this one its own folder with "
                "DOCMIND_DATA_DIR."
            )
        if "ncompatible" in str(exc):
            return self._other_dims()
        return StoreError(
            f"The vector store in {self._where} can't be used ({exc}). Check free disk space and the folder's rights; "
            "if its files are damaged, remove the folder: DocMind then ingests your documents anew at the next start."
        )

    def _other_dims(self) -> StoreError:
        return StoreError(
            f"The vectors in {self._where} were made by another embedding model: this one gives {self._dims} numbers "
            "a passage. Set the former DOCMIND_RETRIEVAL__EMBEDDING_MODEL again, or remove the stored vectors; "
            "DocMind then ingests your documents anew at the next start."
        )

    def _filter(self, scope: Scope) -> Any:
        lib = self._library
        must = [
            lib.FieldCondition(key=key, match=lib.MatchAny(any=values))
            for key, values in scope.any_of.items()
        ]
        span = lib.RangeFloat if hasattr(lib, "RangeFloat") else lib.Range
        if scope.pages:
            must.append(lib.FieldCondition(key="page", range=span(**scope.pages)))
        if scope.near is not None:
            must.append(
                lib.FieldCondition(
                    key="position", range=span(gte=scope.near - 1, lte=scope.near + 1)
                )
            )
        return lib.Filter(must=must)

    def _vector(self, vector: Vector) -> Any:
        if isinstance(vector, dict):
            return self._library.SparseVector(indices=list(vector), values=list(vector.values()))
        return list(vector)

    def _vectors(self, embedded: EmbeddedPassage) -> dict[str, Any]:
        return {DENSE: self._vector(embedded.dense), SPARSE: self._vector(embedded.sparse)}

    @abstractmethod
    def _close(self) -> None: ...

    @abstractmethod
    def _upsert(self, passages: Sequence[EmbeddedPassage]) -> None: ...

    @abstractmethod
    def _delete(self, scope: Scope) -> None: ...

    @abstractmethod
    def _query(
        self, queries: Mapping[str, Vector], scope: Scope, limit: int
    ) -> Sequence[Sequence[Any]]: ...

    @abstractmethod
    def _scroll(self, scope: Scope, limit: int, *, vectors: bool) -> Sequence[Any]: ...

    @abstractmethod
    def _count(self, scope: Scope) -> int: ...

    @abstractmethod
    def _facet(self, key: str) -> Sequence[Any]: ...


def open_store(settings: Settings, dims: int) -> VectorStore:
    """Open or create the store that the settings ask for, for dense vectors of length `dims`.

    Raises:
        AlreadyRunning: another process has the folder open.
        StoreError: it can't be read or reached, or holds vectors of another length.
    """
    if settings.store.mode == "edge":
        from docmind.retrieval.store.edge import EdgeStore

        return EdgeStore(settings.store_dir / "edge", dims)
    from docmind.retrieval.store.qdrant import QdrantStore

    return QdrantStore(settings.store, settings.store_dir / "local", dims)


def to_payload(passage: Passage) -> dict[str, Any]:
    """Return what is stored beside a passage's vectors.

    The id is the point's own; `suffix` and `kind` are for filters only.
    """
    return {
        "document_id": passage.document_id,
        "file_name": passage.file_name,
        "text": passage.text,
        "page": passage.page,
        "heading": passage.heading,
        "start": passage.start,
        "end": passage.end,
        "position": passage.position,
        "table": passage.table,
        "boxes": passage.boxes,
        "suffix": PurePath(passage.file_name).suffix.lower(),
        "kind": KINDS[passage.table],
    }


def _passage(point: Any) -> Passage:
    """Return a point of either of Qdrant's libraries as a passage."""
    payload = point.payload or {}
    return Passage(
        id=str(point.id),
        document_id=payload["document_id"],
        file_name=payload["file_name"],
        text=payload["text"],
        page=payload["page"],
        heading=payload["heading"],
        start=payload["start"],
        end=payload["end"],
        position=payload["position"],
        table=payload.get("table", False),
        boxes=payload.get("boxes", ()),
    )


def _embedded(point: Any) -> EmbeddedPassage:
    sparse = point.vector[SPARSE]
    weights = dict(zip(sparse.indices, sparse.values, strict=True))
    return EmbeddedPassage(passage=_passage(point), dense=point.vector[DENSE], sparse=weights)
