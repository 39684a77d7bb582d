"""The store behind qdrant-client: its pure-Python mode in a folder, or a Qdrant server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docmind.errors import DocMindError, StoreError
from docmind.retrieval.store import DENSE, RRF_K, SPARSE, Embedded, Vector, VectorStore, to_payload
from docmind.settings import StoreSettings


class QdrantStore(VectorStore):
    """A QdrantClient; the modes `local` and `server` differ only in how it is made."""

    def __init__(self, settings: StoreSettings, folder: Path, dims: int) -> None:
        self._local = settings.mode == "local"
        self._name = settings.collection
        super().__init__(folder if self._local else f"{settings.url}, collection '{self._name}'", dims)
        with self._translated():
            if self._local:
                self._turn = RLock()
                self._client = QdrantClient(path=str(folder))
            else:
                key = settings.api_key.get_secret_value() if settings.api_key else None
                # the client's own version check only warns; _prepare asks the server and raises
                self._client = QdrantClient(url=settings.url, api_key=key, check_compatibility=False, timeout=30)
            try:
                self._prepare()
            except BaseException:
                self._client.close()
                raise

    def _close(self) -> None:
        self._client.close()

    def _prepare(self) -> None:
        if self._client.collection_exists(self._name):
            vectors = self._client.get_collection(self._name).config.params.vectors
            found = vectors.get(DENSE) if isinstance(vectors, dict) else None
            if found is None or found.size != self._dims:
                raise self._other_dims()
            return
        self._client.create_collection(
            self._name,
            vectors_config={DENSE: models.VectorParams(size=self._dims, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        if not self._local:  # local mode filters without an index, and warns when asked for one
            self._client.create_payload_index(self._name, "document_id", models.PayloadSchemaType.KEYWORD)

    def _error(self, exc: Exception) -> DocMindError:
        if self._local:
            return super()._error(exc)
        if isinstance(exc, ResponseHandlingException):
            return StoreError(
                f"The Qdrant server at {self._where} can't be reached ({exc}). Start it or correct "
                "DOCMIND_STORE__URL, or use the built-in store with DOCMIND_STORE__MODE=edge."
            )
        denied = isinstance(exc, UnexpectedResponse) and exc.status_code in {401, 403}
        hint = "Check DOCMIND_STORE__API_KEY. " if denied else ""
        return StoreError(f"The Qdrant server at {self._where} answered with an error. {hint}({exc})")

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

    def _count(self, document_id: str | None) -> int:
        where = _filter(None if document_id is None else [document_id])
        return self._client.count(self._name, count_filter=where, exact=True).count


def _vector(vector: Vector) -> Any:
    if isinstance(vector, dict):
        return models.SparseVector(indices=list(vector), values=list(vector.values()))
    return list(vector)


def _filter(document_ids: Sequence[str] | None, page: int | None = None) -> models.Filter:
    must: list[Any] = []
    if document_ids is not None:
        must.append(models.FieldCondition(key="document_id", match=models.MatchAny(any=list(document_ids))))
    if page is not None:
        must.append(models.FieldCondition(key="page", match=models.MatchValue(value=page)))
    return models.Filter(must=must)
