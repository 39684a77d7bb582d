"""The store inside this process: a Qdrant Edge shard with HNSW, sparse index and write-ahead log."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as qe

from docmind.retrieval.store import (
    DENSE,
    INDEXES,
    SPARSE,
    Embedded,
    Scope,
    Vector,
    VectorStore,
    filtered_by,
    to_payload,
)


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
            self._prepare()

    def _prepare(self) -> None:
        """Make the indexes that are missing, and give chunks of an earlier version what they lack for filters."""
        for field in INDEXES.keys() - self._shard.info().payload_schema.keys():
            kind = getattr(qe.PayloadSchemaType, INDEXES[field].capitalize())
            self._shard.update(qe.UpdateOperation.create_field_index(field, kind))
        old = qe.Filter(must=[qe.IsEmptyCondition("suffix")])
        limit = int(self._shard.count(qe.CountRequest(exact=True, filter=old)))
        names = ["document_id", "file_name"]
        found = self._shard.scroll(qe.ScrollRequest(limit=limit, filter=old, with_payload=names))[0] if limit else []
        for document_id, name in {tuple((point.payload or {})[n] for n in names) for point in found}:
            where, add = _filter(Scope([document_id])), filtered_by(name, table=False)
            self._shard.update(qe.UpdateOperation.set_payload_by_filter(where, add))

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

    def _delete(self, scope: Scope) -> None:
        self._shard.update(qe.UpdateOperation.delete_points_by_filter(_filter(scope)))

    def _query(self, queries: Mapping[str, Vector], scope: Scope, limit: int) -> Sequence[Sequence[Any]]:
        where = _filter(scope)
        nearest = [qe.Query.Nearest(_vector(vector), using=name) for name, vector in queries.items()]
        asked = [qe.QueryRequest(limit=limit, query=query, filter=where, with_payload=True) for query in nearest]
        return self._shard.query_batch(qe.QueryBatchRequest(asked))

    def _scroll(self, scope: Scope, limit: int) -> Sequence[Any]:
        return self._shard.scroll(qe.ScrollRequest(limit=limit, filter=_filter(scope), with_payload=True))[0]

    def _count(self, scope: Scope) -> int:
        return int(self._shard.count(qe.CountRequest(exact=True, filter=_filter(scope))))


def _vector(vector: Vector) -> Any:
    if isinstance(vector, dict):
        return qe.SparseVector(list(vector), list(vector.values()))
    return list(vector)


def _filter(scope: Scope) -> qe.Filter:
    must: list[Any] = [qe.FieldCondition(key, match=qe.MatchAny(values)) for key, values in scope.any_of.items()]
    if scope.pages:
        must.append(qe.FieldCondition("page", range=qe.RangeFloat(**scope.pages)))
    return qe.Filter(must=must)
