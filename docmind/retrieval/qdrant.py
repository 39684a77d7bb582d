"""The store behind qdrant-client: its pure-Python mode in a folder, or a Qdrant server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docmind.errors import StoreError
from docmind.retrieval.sparse import Sparse
from docmind.retrieval.store import (
    CLOSED,
    DENSE,
    INDEXED,
    PAGE,
    RRF_K,
    SPARSE,
    Embedded,
    VectorStore,
    in_use,
    other_dims,
    to_payload,
    unreadable,
)


class QdrantStore(VectorStore):
    """A QdrantClient; `local` and `server` differ only in how it is made."""

    def __init__(self, client: QdrantClient, where: str, collection: str, dims: int, *, local: bool) -> None:
        self._client = client
        self._where = where
        self._name = collection
        self._local = local
        self._lock: Any = threading.RLock() if local else nullcontext()  # local mode is not thread-safe
        self._closed = False
        try:
            with self._translated():
                self._prepare(dims)
        except BaseException:
            self.close()
            raise

    @classmethod
    def local(cls, folder: Path, collection: str, dims: int) -> Self:
        """Open the store in a folder of this machine."""
        try:
            client = QdrantClient(path=str(folder))
        except (RuntimeError, OSError, ValueError) as exc:
            raise (in_use(folder) if "already accessed" in str(exc) else unreadable(folder, exc)) from exc
        return cls(client, str(folder), collection, dims, local=True)

    @classmethod
    def server(cls, url: str, api_key: str | None, collection: str, dims: int) -> Self:
        """Open the store at a Qdrant server."""
        # the client's own version check only warns; _prepare asks the server and raises
        client = QdrantClient(url=url, api_key=api_key, check_compatibility=False, timeout=30)
        return cls(client, url, collection, dims, local=False)

    def close(self) -> None:
        """Let go of the folder or the connection."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._client.close()

    def _prepare(self, dims: int) -> None:
        if self._client.collection_exists(self._name):
            vectors = self._client.get_collection(self._name).config.params.vectors
            found = vectors.get(DENSE) if isinstance(vectors, dict) else None
            if found is None or found.size != dims:
                raise other_dims(dims, f"{self._where}, collection '{self._name}'")
            return
        self._client.create_collection(
            self._name,
            vectors_config={DENSE: models.VectorParams(size=dims, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        if not self._local:  # local mode filters without an index, and warns when asked for one
            for field, kind in INDEXED.items():
                self._client.create_payload_index(self._name, field, models.PayloadSchemaType(kind))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._lock:
            try:
                if self._closed:
                    raise StoreError(CLOSED)
                yield
            except StoreError:
                raise
            except ResponseHandlingException as exc:
                raise StoreError(
                    f"The Qdrant server at {self._where} can't be reached ({exc}). Start it or correct "
                    "DOCMIND_STORE__URL, or use the built-in store with DOCMIND_STORE__MODE=edge."
                ) from exc
            except UnexpectedResponse as exc:
                hint = "Check DOCMIND_STORE__API_KEY. " if exc.status_code in {401, 403} else ""
                raise StoreError(f"The Qdrant server at {self._where} answered with an error. {hint}({exc})") from exc
            except Exception as exc:  # local mode raises what its parts raise
                raise StoreError(f"The vector store at {self._where} failed ({type(exc).__name__}: {exc}).") from exc

    def _upsert(self, chunks: Sequence[Embedded]) -> None:
        points = [
            models.PointStruct(
                id=c.chunk.chunk_id,
                vector={DENSE: list(c.dense), SPARSE: _sparse(c.sparse)},
                payload=to_payload(c.chunk),
            )
            for c in chunks
        ]
        self._client.upsert(self._name, points, wait=True)

    def _delete(self, document_id: str) -> None:
        self._client.delete(self._name, models.FilterSelector(filter=_filter([document_id])), wait=True)

    def _query(
        self, queries: Sequence[Sequence[float] | Sparse], k: int, ids: Sequence[str] | None, candidates: int
    ) -> Sequence[Any]:
        where = None if ids is None else _filter(ids)
        nearest: list[tuple[Any, str]] = [
            (_sparse(q), SPARSE) if isinstance(q, Sparse) else (list(q), DENSE) for q in queries
        ]
        if len(nearest) == 1:
            query, using = nearest[0]
            return self._client.query_points(
                self._name, query=query, using=using, query_filter=where, limit=k, with_payload=True
            ).points
        return self._client.query_points(
            self._name,
            query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
            prefetch=[models.Prefetch(query=q, using=using, limit=candidates, filter=where) for q, using in nearest],
            limit=k,
            with_payload=True,
        ).points

    def _scroll(self, document_id: str, page: int | None, offset: Any) -> tuple[Sequence[Any], Any]:
        where = _filter([document_id], page)
        return self._client.scroll(self._name, scroll_filter=where, limit=PAGE, offset=offset, with_payload=True)

    def _retrieve(self, chunk_id: str) -> Sequence[Any]:
        return self._client.retrieve(self._name, [chunk_id], with_payload=True)

    def _count(self, document_id: str | None) -> int:
        where = None if document_id is None else _filter([document_id])
        return self._client.count(self._name, count_filter=where, exact=True).count


def _sparse(vector: Sparse) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _filter(document_ids: Sequence[str], page: int | None = None) -> models.Filter:
    must: list[Any] = [models.FieldCondition(key="document_id", match=models.MatchAny(any=list(document_ids)))]
    if page is not None:
        must.append(models.FieldCondition(key="page", match=models.MatchValue(value=page)))
    return models.Filter(must=must)
