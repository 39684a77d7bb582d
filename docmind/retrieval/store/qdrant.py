"""The store behind qdrant-client: its pure-Python mode in a folder, or a Qdrant server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import RLock

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docmind.errors import DocMindError, StoreError
from docmind.passages import EmbeddedPassage
from docmind.retrieval.store.base import (
    DENSE,
    EVERY,
    INDEXES,
    SPARSE,
    FieldValue,
    FoundPoint,
    PointWithVectors,
    Scope,
    Vector,
    VectorStore,
    to_payload,
)
from docmind.settings import StoreSettings

MADE_BY = "embedding_model"
"""Name of the note on a collection that tells which model made its vectors."""

TIMEOUT_S = 30
"""Seconds that a server has for an answer."""


class QdrantStore(VectorStore):
    """A QdrantClient; the modes `local` and `server` differ only in how it is made."""

    def __init__(self, settings: StoreSettings, folder: Path, dims: int) -> None:
        self._is_local = settings.mode == "local"
        self._collection = settings.collection
        where: Path | str = f"{settings.url}, collection '{self._collection}'"
        lock: AbstractContextManager[object] = nullcontext()
        if self._is_local:
            where = folder
            # Local mode is not thread-safe: 679 errors with one writer and three readers. The lock
            # can be taken again by the thread that has it: `claim` calls `documents`.
            lock = RLock()
        super().__init__(
            where=where,
            dims=dims,
            library=models,
            range_type=models.Range,
            lock=lock,
        )
        with self._library_access():
            self._client = self._connect(settings, folder)
            try:
                self._create_what_is_missing()
            except BaseException:
                self._client.close()
                raise

    def claim(self, model: str, own_documents: Collection[str], *, stale: bool) -> None:
        """See `VectorStore.claim`; the note is metadata of the collection."""
        if self._is_local:
            return
        with self._library_access():
            metadata = self._client.get_collection(self._collection).config.metadata or {}
            made_by = metadata.get(MADE_BY)
            if made_by == model:
                return
            of_another_model: Collection[str] = ()
            if stale or made_by:
                of_another_model = self.documents().keys()
            if not set(of_another_model) <= set(own_documents):
                maker = made_by or "another embedding model"
                raise StoreError(
                    f"The vectors in {self._where} were made by {maker}, others' documents among "
                    f"them, and {model} can't search them. Set the former "
                    "DOCMIND_RETRIEVAL__EMBEDDING_MODEL, or name another collection with "
                    "DOCMIND_STORE__COLLECTION."
                )
            if of_another_model:
                self._delete(Scope(document_ids=list(of_another_model)))
            self._client.update_collection(self._collection, metadata={MADE_BY: model})

    def _connect(self, settings: StoreSettings, folder: Path) -> QdrantClient:
        if self._is_local:
            return QdrantClient(path=str(folder))
        api_key = None
        if settings.api_key:
            api_key = settings.api_key.get_secret_value()
        return QdrantClient(
            url=settings.url,
            api_key=api_key,
            # The client's own check of versions only warns. The first request raises.
            check_compatibility=False,
            timeout=TIMEOUT_S,
        )

    def _create_what_is_missing(self) -> None:
        """Create the collection and its indexes; StoreError if it has vectors of another length."""
        if not self._client.collection_exists(self._collection):
            dense = models.VectorParams(size=self._dims, distance=models.Distance.COSINE)
            sparse = models.SparseVectorParams(modifier=models.Modifier.IDF)
            self._client.create_collection(
                self._collection,
                vectors_config={DENSE: dense},
                sparse_vectors_config={SPARSE: sparse},
            )
        info = self._client.get_collection(self._collection)
        vectors = info.config.params.vectors
        # A collection of somebody else's may have one vector without a name.
        if not isinstance(vectors, dict) or DENSE not in vectors:
            raise self._other_dims()
        if vectors[DENSE].size != self._dims:
            raise self._other_dims()
        # Local mode filters without an index, and warns when asked for one.
        if not self._is_local:
            existing = info.payload_schema or {}
            for field in INDEXES.keys() - existing.keys():
                schema = models.PayloadSchemaType(INDEXES[field])
                self._client.create_payload_index(self._collection, field, schema)

    def _error(self, exc: Exception) -> DocMindError:
        if self._is_local:
            return super()._error(exc)
        if isinstance(exc, ResponseHandlingException):
            return StoreError(
                f"The Qdrant server at {self._where} can't be reached ({exc}). "
                "Start it or correct DOCMIND_STORE__URL, "
                "or use the built-in store with DOCMIND_STORE__MODE=edge."
            )
        hint = ""
        if isinstance(exc, UnexpectedResponse) and exc.status_code in {401, 403}:
            hint = "Check DOCMIND_STORE__API_KEY. "
        return StoreError(
            f"The Qdrant server at {self._where} answered with an error. {hint}({exc})"
        )

    def _close(self) -> None:
        self._client.close()

    def _has_id(self, ids: Sequence[str]) -> models.HasIdCondition:
        return models.HasIdCondition(has_id=list(ids))

    def _upsert(self, passages: Sequence[EmbeddedPassage]) -> None:
        points = [
            models.PointStruct(
                id=embedded.passage.id,
                vector=self._vectors(embedded),
                payload=to_payload(embedded.passage),
            )
            for embedded in passages
        ]
        self._client.upsert(self._collection, points, wait=True)

    def _delete(self, scope: Scope) -> None:
        selector = models.FilterSelector(filter=self._filter(scope))
        self._client.delete(self._collection, selector, wait=True)

    def _query(
        self, queries: Mapping[str, Vector], scope: Scope, limit: int
    ) -> Sequence[Sequence[FoundPoint]]:
        scope_filter = self._filter(scope)
        requests: list[models.QueryRequest] = []
        for name, vector in queries.items():
            request = models.QueryRequest(
                query=self._vector(vector),
                using=name,
                filter=scope_filter,
                limit=limit,
                with_payload=True,
            )
            requests.append(request)
        responses = self._client.query_batch_points(self._collection, requests)
        return [response.points for response in responses]

    def _scroll(self, scope: Scope, limit: int, *, vectors: bool) -> Sequence[PointWithVectors]:
        points, _next_offset = self._client.scroll(
            self._collection,
            scroll_filter=self._filter(scope),
            limit=limit,
            with_payload=True,
            with_vectors=vectors,
        )
        return points

    def _count(self, scope: Scope) -> int:
        counted = self._client.count(self._collection, count_filter=self._filter(scope), exact=True)
        return counted.count

    def _facet(self, key: str) -> Sequence[FieldValue]:
        return self._client.facet(self._collection, key, limit=EVERY, exact=True).hits
