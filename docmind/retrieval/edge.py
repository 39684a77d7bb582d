"""The store inside this process: a Qdrant Edge shard with HNSW, sparse index and write-ahead log."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as qe

from docmind.retrieval.store import DENSE, RRF_K, SPARSE, Embedded, Vector, VectorStore, to_payload


class EdgeStore(VectorStore):
    """One Qdrant Edge shard; it takes concurrent readers and writers, and its log has what was written."""

    def __init__(self, folder: Path, dims: int) -> None:
        super().__init__(folder, dims)
        self._optimizing = threading.Lock()
        config = qe.EdgeConfig(
            vectors={DENSE: qe.EdgeVectorParams(dims, qe.Distance.Cosine)},
            sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
        )
        with self._translated():
            if any(folder.glob("segments/*")):
                self._shard = qe.EdgeShard.load(str(folder), config)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._shard = qe.EdgeShard.create(str(folder), config)
            if "document_id" not in self._shard.info().payload_schema:
                keyword = qe.PayloadSchemaType.Keyword
                self._shard.update(qe.UpdateOperation.create_field_index("document_id", keyword))

    def optimize(self) -> None:
        """Flush, and build the index of segments that have grown (about 13,000 chunks of 384 dims)."""
        with self._optimizing, self._translated():
            self._shard.flush()
            self._shard.optimize()

    def _close(self) -> None:
        self._shard.close()

    def _upsert(self, chunks: Sequence[Embedded]) -> None:
        points = [
            qe.Point(UUID(c.chunk.chunk_id), {DENSE: _vector(c.dense), SPARSE: _vector(c.sparse)}, to_payload(c.chunk))
            for c in chunks
        ]
        self._shard.update(qe.UpdateOperation.upsert_points(points))

    def _delete(self, document_id: str) -> None:
        self._shard.update(qe.UpdateOperation.delete_points_by_filter(_filter([document_id])))

    def _query(
        self, queries: Mapping[str, Vector], k: int, document_ids: Sequence[str] | None, candidates: int
    ) -> Sequence[Any]:
        where = _filter(document_ids)
        nearest = [qe.Query.Nearest(_vector(vector), using=name) for name, vector in queries.items()]
        request = qe.QueryRequest(
            limit=k,
            query=qe.Fusion.Rrf(RRF_K),  # type: ignore[arg-type]  # the stub forgets that Rrf is a Fusion
            prefetches=[qe.Prefetch(limit=candidates, query=query, filter=where) for query in nearest],
            with_payload=True,
        )
        return self._shard.query(request)

    def _scroll(self, document_id: str, page: int | None, limit: int) -> Sequence[Any]:
        where = _filter([document_id], page)
        return self._shard.scroll(qe.ScrollRequest(limit=limit, filter=where, with_payload=True))[0]

    def _count(self, document_id: str | None) -> int:
        where = _filter(None if document_id is None else [document_id])
        return int(self._shard.count(qe.CountRequest(exact=True, filter=where)))


def _vector(vector: Vector) -> Any:
    if isinstance(vector, dict):
        return qe.SparseVector(list(vector), list(vector.values()))
    return list(vector)


def _filter(document_ids: Sequence[str] | None, page: int | None = None) -> qe.Filter:
    must: list[Any] = []
    if document_ids is not None:
        must.append(qe.FieldCondition("document_id", match=qe.MatchAny(list(document_ids))))
    if page is not None:
        must.append(qe.FieldCondition("page", match=qe.MatchValue(page)))
    return qe.Filter(must=must)
