"""The store inside this process: a Qdrant Edge shard with HNSW, sparse index and write-ahead log."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as qe

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


class EdgeStore:
    """`VectorStore` over one Qdrant Edge shard; the shard itself takes concurrent readers and writers."""

    def __init__(self, folder: Path, dims: int) -> None:
        self._folder = folder
        self._closing = threading.Lock()
        self._optimizing = threading.Lock()
        self._closed = False
        config = qe.EdgeConfig(
            vectors={DENSE: qe.EdgeVectorParams(dims, qe.Distance.Cosine)},
            sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
        )
        segments = folder / "segments"
        try:
            if segments.is_dir() and any(segments.iterdir()):
                self._shard = qe.EdgeShard.load(str(folder), config)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._shard = qe.EdgeShard.create(str(folder), config)
            indexed = self._shard.info().payload_schema
            kinds = {"keyword": qe.PayloadSchemaType.Keyword, "integer": qe.PayloadSchemaType.Integer}
            for field, kind in INDEXED.items():
                if field not in indexed:
                    self._shard.update(qe.UpdateOperation.create_field_index(field, kinds[kind]))
        except Exception as exc:
            raise _opening_error(exc, folder, dims) from exc

    def upsert(self, chunks: Sequence[Embedded]) -> None:
        """Write the chunks; the write-ahead log has them once this returns."""
        points = [
            qe.Point(
                UUID(c.chunk.chunk_id),
                {
                    DENSE: list(c.dense),
                    SPARSE: qe.SparseVector(list(c.sparse.indices), list(c.sparse.values)),
                },
                to_payload(c.chunk),
            )
            for c in chunks
        ]
        if points:
            with self._translated("written"):
                self._shard.update(qe.UpdateOperation.upsert_points(points))

    def delete(self, document_id: str) -> None:
        """Remove all chunks of a document."""
        with self._translated("written"):
            self._shard.update(qe.UpdateOperation.delete_points_by_filter(_filter([document_id])))

    def search(
        self,
        dense: Sequence[float] | None,
        sparse: Sparse | None,
        k: int,
        document_ids: Sequence[str] | None = None,
        *,
        candidates: int = 40,
    ) -> list[Hit]:
        """Return the best `k` chunks; both searches and their fusion run inside the shard."""
        where = None if document_ids is None else _filter(document_ids)
        queries = []
        if dense is not None:
            queries.append(qe.Query.Nearest(list(dense), using=DENSE))
        if sparse is not None and sparse.indices:
            vector = qe.SparseVector(list(sparse.indices), list(sparse.values))
            queries.append(qe.Query.Nearest(vector, using=SPARSE))
        if not queries or (document_ids is not None and not document_ids):
            return []
        if len(queries) == 1:
            request = qe.QueryRequest(limit=k, query=queries[0], filter=where, with_payload=True)
        else:
            request = qe.QueryRequest(
                limit=k,
                query=qe.Fusion.Rrf(RRF_K),  # type: ignore[arg-type]  # the stub forgets that Rrf is a Fusion
                prefetches=[qe.Prefetch(limit=max(candidates, k), query=q, filter=where) for q in queries],
                with_payload=True,
            )
        with self._translated("read"):
            return [to_hit(p.id, p.payload, p.score) for p in self._shard.query(request)]

    def chunks(self, document_id: str, page: int | None = None) -> list[Hit]:
        """Return a document's chunks (or those of one page) in reading order."""
        hits: list[Hit] = []
        offset = None
        with self._translated("read"):
            while True:
                request = qe.ScrollRequest(
                    offset=offset, limit=PAGE, filter=_filter([document_id], page), with_payload=True
                )
                records, offset = self._shard.scroll(request)
                hits += [to_hit(r.id, r.payload) for r in records]
                if offset is None:
                    return sorted(hits, key=lambda h: h.position)

    def get(self, chunk_id: str) -> Hit | None:
        """Return one chunk, or None."""
        with self._translated("read"):
            records = self._shard.retrieve([UUID(chunk_id)], with_payload=True, with_vector=False)
        return to_hit(records[0].id, records[0].payload) if records else None

    def count(self, document_id: str | None = None) -> int:
        """Return how many chunks there are, in all or of one document."""
        where = None if document_id is None else _filter([document_id])
        with self._translated("read"):
            return int(self._shard.count(qe.CountRequest(exact=True, filter=where)))

    def optimize(self) -> None:
        """Flush, and build the index of segments that have grown (about 13,000 chunks of 384 dims)."""
        with self._optimizing, self._translated("written"):
            self._shard.flush()
            self._shard.optimize()

    def close(self) -> None:
        """Flush and release the folder."""
        with self._closing:
            if not self._closed:
                self._closed = True
                with self._translated("closed"):
                    self._shard.close()

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            if self._closed and what != "closed":
                raise StoreError("The vector store is closed: DocMind is shutting down. Start it again.") from exc
            raise StoreError(
                f"The vector store in {self._folder} can't be {what} ({exc}). Check free disk space and rights; "
                "if it stays so, remove that folder: DocMind then ingests your documents anew at the next start."
            ) from exc


def _filter(document_ids: Sequence[str], page: int | None = None) -> Any:
    must: list[Any] = [qe.FieldCondition("document_id", match=qe.MatchAny(list(document_ids)))]
    if page is not None:
        must.append(qe.FieldCondition("page", match=qe.MatchValue(page)))
    return qe.Filter(must=must)


def _opening_error(exc: Exception, folder: Path, dims: int) -> Exception:
    text = str(exc)
    if "WouldBlock" in text:
        return AlreadyRunning(
            f"Another DocMind is using {folder}. Close it, or give this one its own folder with DOCMIND_DATA_DIR."
        )
    if "ncompatible" in text:
        return StoreError(other_dims(dims, str(folder)))
    return StoreError(
        f"The vector store in {folder} can't be opened ({text}). Check the folder's rights; if the files are "
        "damaged, remove the folder: DocMind then ingests your documents anew at the next start."
    )
