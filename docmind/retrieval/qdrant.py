"""The store behind qdrant-client: its pure-Python mode in a folder, or a Qdrant server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docmind.errors import AlreadyRunning, StoreError
from docmind.retrieval.sparse import Sparse
from docmind.retrieval.store import (
    DENSE,
    INDEXED,
    RRF_K,
    SPARSE,
    Embedded,
    Hit,
    other_dims,
    to_hit,
    to_payload,
)

PAGE = 1000
"""Points read per scroll."""


class QdrantStore:
    """`VectorStore` over a QdrantClient; `local` and `server` differ only in how the client is made."""

    def __init__(self, client: QdrantClient, where: str, collection: str, dims: int, *, one_at_a_time: bool) -> None:
        self._client = client
        self._where = where
        self._name = collection
        # qdrant-client's local mode is not thread-safe
        self._lock: Any = threading.RLock() if one_at_a_time else nullcontext()
        self._local = one_at_a_time
        self._closed = False
        try:
            self._prepare(dims)
        except BaseException:
            self.close()
            raise

    @classmethod
    def local(cls, folder: Path, collection: str, dims: int) -> Self:
        """Open the store in a folder of this machine."""
        try:
            client = QdrantClient(path=str(folder))
        except RuntimeError as exc:
            if "already accessed" not in str(exc):
                raise StoreError(f"The vector store in {folder} can't be opened ({exc}).") from exc
            raise AlreadyRunning(
                f"Another DocMind is using {folder}. Close it, or give this one its own folder with DOCMIND_DATA_DIR."
            ) from exc
        except (OSError, ValueError) as exc:
            raise StoreError(
                f"The vector store in {folder} can't be opened ({exc}). Check the folder's rights; if the files are "
                "damaged, remove the folder: DocMind then ingests your documents anew at the next start."
            ) from exc
        return cls(client, str(folder), collection, dims, one_at_a_time=True)

    @classmethod
    def server(cls, url: str, api_key: str | None, collection: str, dims: int) -> Self:
        """Open the store at a Qdrant server."""
        # the version check asks the server in the constructor and only warns; _prepare asks and raises
        client = QdrantClient(url=url, api_key=api_key, check_compatibility=False, timeout=30)
        return cls(client, url, collection, dims, one_at_a_time=False)

    def upsert(self, chunks: Sequence[Embedded]) -> None:
        """Write the chunks and wait until the store has them."""
        points = [
            models.PointStruct(
                id=c.chunk.chunk_id,
                vector={
                    DENSE: list(c.dense),
                    SPARSE: models.SparseVector(indices=list(c.sparse.indices), values=list(c.sparse.values)),
                },
                payload=to_payload(c.chunk),
            )
            for c in chunks
        ]
        if points:
            with self._translated():
                self._client.upsert(self._name, points, wait=True)

    def delete(self, document_id: str) -> None:
        """Remove all chunks of a document."""
        with self._translated():
            self._client.delete(self._name, models.FilterSelector(filter=_filter([document_id])), wait=True)

    def search(
        self,
        dense: Sequence[float] | None,
        sparse: Sparse | None,
        k: int,
        document_ids: Sequence[str] | None = None,
        *,
        candidates: int = 40,
    ) -> list[Hit]:
        """Return the best `k` chunks; both searches and their fusion run in Qdrant."""
        where = None if document_ids is None else _filter(document_ids)
        queries: list[tuple[Any, str]] = []
        if dense is not None:
            queries.append((list(dense), DENSE))
        if sparse is not None and sparse.indices:
            vector = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
            queries.append((vector, SPARSE))
        if not queries or (document_ids is not None and not document_ids):
            return []
        with self._translated():
            if len(queries) == 1:
                (query, using) = queries[0]
                found = self._client.query_points(
                    self._name, query=query, using=using, query_filter=where, limit=k, with_payload=True
                )
            else:
                found = self._client.query_points(
                    self._name,
                    query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
                    prefetch=[
                        models.Prefetch(query=q, using=using, limit=max(candidates, k), filter=where)
                        for q, using in queries
                    ],
                    limit=k,
                    with_payload=True,
                )
        return [to_hit(p.id, p.payload, p.score) for p in found.points]

    def chunks(self, document_id: str, page: int | None = None) -> list[Hit]:
        """Return a document's chunks (or those of one page) in reading order."""
        hits: list[Hit] = []
        offset: Any = None
        where = _filter([document_id], page)
        while True:
            with self._translated():
                records, offset = self._client.scroll(
                    self._name, scroll_filter=where, limit=PAGE, offset=offset, with_payload=True
                )
            hits += [to_hit(r.id, r.payload) for r in records]
            if offset is None:
                return sorted(hits, key=lambda h: h.position)

    def get(self, chunk_id: str) -> Hit | None:
        """Return one chunk, or None."""
        with self._translated():
            records = self._client.retrieve(self._name, [chunk_id], with_payload=True)
        return to_hit(records[0].id, records[0].payload) if records else None

    def count(self, document_id: str | None = None) -> int:
        """Return how many chunks there are, in all or of one document."""
        where = None if document_id is None else _filter([document_id])
        with self._translated():
            return self._client.count(self._name, count_filter=where, exact=True).count

    def optimize(self) -> None:
        """Do nothing: local mode has no index, and a server builds its own."""

    def close(self) -> None:
        """Let go of the folder or the connection."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._client.close()

    def _prepare(self, dims: int) -> None:
        with self._translated():
            if self._client.collection_exists(self._name):
                vectors = self._client.get_collection(self._name).config.params.vectors
                found = vectors.get(DENSE) if isinstance(vectors, dict) else None
                if found is None or found.size != dims:
                    raise StoreError(other_dims(dims, f"{self._where}, collection '{self._name}'"))
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
            except Exception as exc:
                if self._closed:
                    raise StoreError("The vector store is closed: DocMind is shutting down. Start it again.") from exc
                raise StoreError(f"The vector store at {self._where} failed ({type(exc).__name__}: {exc}).") from exc


def _filter(document_ids: Sequence[str], page: int | None = None) -> models.Filter:
    must: list[Any] = [models.FieldCondition(key="document_id", match=models.MatchAny(any=list(document_ids)))]
    if page is not None:
        must.append(models.FieldCondition(key="page", match=models.MatchValue(value=page)))
    return models.Filter(must=must)
