"""The store behind qdrant-client: its pure-Python mode in a folder, or a Qdrant server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docmind.errors import DocMindError, StoreError
from docmind.passages import EmbeddedPassage
from docmind.retrieval.store.base import (
    DENSE,
    EVERY,
    INDEXES,
    SPARSE,
    Scope,
    Vector,
    VectorStore,
    to_payload,
)
from docmind.settings import StoreSettings

MADE_BY = "embedding_model"  # what the note on a collection is called


class QdrantStore(VectorStore):
    """A QdrantClient; the modes `local` and `server` differ only in how it is made."""

    def __init__(self, settings: StoreSettings, folder: Path, dims: int) -> None:
        self._local = settings.mode == "local"
        self._name = settings.collection
        super().__init__(
            folder if self._local else f"{settings.url}, collection '{self._name}'", dims, models
        )
        with self._translated():
            if self._local:
                self._turn = RLock()
                self._client = QdrantClient(path=str(folder))
            else:
                key = settings.api_key.get_secret_value() if settings.api_key else None
                # the client's own version check only warns; _prepare asks the server and raises
                self._client = QdrantClient(
                    url=settings.url, api_key=key, check_compatibility=False, timeout=30
                )
            try:
                self._prepare()
            except BaseException:
                self._client.close()
                raise

    def _close(self) -> None:
        self._client.close()

    def _prepare(self) -> None:
        if not self._client.collection_exists(self._name):
            self._client.create_collection(
                self._name,
                vectors_config={
                    DENSE: models.VectorParams(size=self._dims, distance=models.Distance.COSINE)
                },
                sparse_vectors_config={
                    SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
        info = self._client.get_collection(self._name)
        vectors = info.config.params.vectors
        found = vectors.get(DENSE) if isinstance(vectors, dict) else None
        if found is None or found.size != self._dims:
            raise self._other_dims()
        if not self._local:  # local mode filters without an index, and warns when asked for one
            for field in INDEXES.keys() - (info.payload_schema or {}).keys():
                self._client.create_payload_index(
                    self._name, field, models.PayloadSchemaType(INDEXES[field])
                )

    def claim(self, model: str, own: Collection[str], *, stale: bool) -> None:
        """See `VectorStore.claim`; the note is metadata of the collection."""
        if self._local:
            return
        with self._translated():
            made_by = (self._client.get_collection(self._name).config.metadata or {}).get(MADE_BY)
            if made_by == model:
                return
            former = self.documents().keys() if stale or made_by else set()
            if former - set(own):
                raise StoreError(
                    f"The vectors in {self._where} were made by {made_by or 'another embedding model'}, others' "
                    f"documents among them, and {model} can't search them. Set the former "
                    "DOCMIND_RETRIEVAL__EMBEDDING_MODEL, or name another collection with DOCMIND_STORE__COLLECTION."
                )
            if former:
                self._delete(Scope(list(former)))
            self._client.update_collection(self._name, metadata={MADE_BY: model})

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
        return StoreError(
            f"The Qdrant server at {self._where} answered with an error. {hint}({exc})"
        )

    def _upsert(self, passages: Sequence[EmbeddedPassage]) -> None:
        points = [
            models.PointStruct(
                id=e.passage.id, vector=self._vectors(e), payload=to_payload(e.passage)
            )
            for e in passages
        ]
        self._client.upsert(self._name, points, wait=True)

    def _delete(self, scope: Scope) -> None:
        self._client.delete(
            self._name, models.FilterSelector(filter=self._filter(scope)), wait=True
        )

    def _query(
        self, queries: Mapping[str, Vector], scope: Scope, limit: int
    ) -> Sequence[Sequence[Any]]:
        where = self._filter(scope)
        asked = [
            models.QueryRequest(
                query=self._vector(vector), using=name, filter=where, limit=limit, with_payload=True
            )
            for name, vector in queries.items()
        ]
        return [answer.points for answer in self._client.query_batch_points(self._name, asked)]

    def _scroll(self, scope: Scope, limit: int, *, vectors: bool) -> Sequence[Any]:
        where = self._filter(scope)
        return self._client.scroll(
            self._name, scroll_filter=where, limit=limit, with_payload=True, with_vectors=vectors
        )[0]

    def _count(self, scope: Scope) -> int:
        return self._client.count(self._name, count_filter=self._filter(scope), exact=True).count

    def _facet(self, key: str) -> Sequence[Any]:
        return self._client.facet(self._name, key, limit=EVERY, exact=True).hits
