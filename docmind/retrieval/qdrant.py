"""The store behind qdrant-client: its pure-Python mode in a folder, or a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import RLock
from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docmind.errors import StoreError
from docmind.retrieval.sparse import Sparse
from docmind.retrieval.store import (
    CLOSED,
    DENSE,
    RRF_K,
    SPARSE,
    Embedded,
    Vector,
    VectorStore,
    in_use,
    other_dims,
    to_payload,
    unreadable,
)
from docmind.settings import StoreSettings


class QdrantStore(VectorStore):
    """A QdrantClient; the modes `local` and `server` differ only in how it is made."""

    def __init__(self, settings: StoreSettings, folder: Path, dims: int) -> None:
        self._local = settings.mode == "local"
        self._where = str(folder) if self._local else str(settings.url)
        self._name = settings.collection
        self._lock: Any = RLock() if self._local else nullcontext()  # local mode is not thread-safe
        self._closed = False
        key = settings.api_key.get_secret_value() if settings.api_key else None
        try:
            self._client = (
                QdrantClient(path=self._where)
                if self._local
                # the client's own version check only warns; _prepare asks the server and raises
                else QdrantClient(url=settings.url, api_key=key, check_compatibility=False, timeout=30)
            )
        except (RuntimeError, OSError, ValueError) as exc:
            raise (in_use(folder) if "already accessed" in str(exc) else unreadable(folder, exc)) from exc
        try:
            with self._translated():
                self._prepare(dims)
        except BaseException:
            self.close()
            raise

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
            self._client.create_payload_index(self._name, "document_id", models.PayloadSchemaType.KEYWORD)

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
                vector={DENSE: _vector(c.dense), SPARSE: _vector(c.sparse)},
                payload=to_payload(c.chunk),
            )
            for c in chunks
        ]
        self._client.upsert(self._name, points, wait=True)

    def _delete(self, document_id: str) -> None:
        self._client.delete(self._name, models.FilterSelector(filter=_filter([document_id])), wait=True)

    def _query(
        self, queries: Mapping[str, Vector], k: int, document_ids: Sequence[str] | None, candidates: int
    ) -> Sequence[Any]:
        where = _filter(document_ids)
        return self._client.query_points(
            self._name,
            query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
            prefetch=[
                models.Prefetch(query=_vector(vector), using=name, limit=candidates, filter=where)
                for name, vector in queries.items()
            ],
            limit=k,
            with_payload=True,
        ).points

    def _scroll(self, document_id: str, page: int | None, limit: int) -> Sequence[Any]:
        where = _filter([document_id], page)
        return self._client.scroll(self._name, scroll_filter=where, limit=limit, with_payload=True)[0]

    def _retrieve(self, chunk_id: str) -> Sequence[Any]:
        return self._client.retrieve(self._name, [chunk_id], with_payload=True)

    def _count(self, document_id: str | None) -> int:
        where = _filter(None if document_id is None else [document_id])
        return self._client.count(self._name, count_filter=where, exact=True).count


def _vector(vector: Vector) -> Any:
    if isinstance(vector, Sparse):
        return models.SparseVector(indices=list(vector.indices), values=list(vector.values))
    return list(vector)


def _filter(document_ids: Sequence[str] | None, page: int | None = None) -> models.Filter:
    must: list[Any] = []
    if document_ids is not None:
        must.append(models.FieldCondition(key="document_id", match=models.MatchAny(any=list(document_ids))))
    if page is not None:
        must.append(models.FieldCondition(key="page", match=models.MatchValue(value=page)))
    return models.Filter(must=must)
