"""The store inside this process: a Qdrant Edge shard with HNSW, sparse index and write-ahead log."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as qe

from docmind.errors import StoreError
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

log = logging.getLogger(__name__)

INDEX_KIB = 20_000
"""Dense vectors without HNSW from which a rebuild is worth its time: 13,300 chunks of 384 dims."""
DELETED = 1000
"""Deleted chunks from which their space is worth a rebuild, if they are also a fifth of all."""
_OPTIMIZE = """
import os, sys, qdrant_edge
os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
shard.optimize()
shard.close()
"""


class EdgeStore(VectorStore):
    """One Qdrant Edge shard; it takes concurrent readers and writers, and its log has what was written.

    A rebuilt shard gets a folder of its own: `edge`, `edge.1`, `edge.2`; the highest number is the one in use, and
    renaming it into place is what makes it so. What a killed rebuild leaves behind is removed at the next start.
    """

    def __init__(self, folder: Path, dims: int) -> None:
        self._first = folder
        # a name of this process's own: the builder of one that was killed may still be writing
        self._part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        self._number = max(shards(folder), default=0)
        super().__init__(self._path(self._number), dims, qe)
        self._writing = threading.Lock()
        self._rebuilding = threading.Lock()
        self._builder: subprocess.Popen[bytes] | None = None
        self._since: list[qe.UpdateOperation] | None = None  # written while a copy is being rebuilt
        self._deleted = 0
        self._config = qe.EdgeConfig(
            vectors={DENSE: qe.EdgeVectorParams(dims, qe.Distance.Cosine)},
            sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
            optimizers=qe.EdgeOptimizersConfig(indexing_threshold=INDEX_KIB),
        )
        with self._translated():
            path = self._path(self._number)
            if any(path.glob("segments/*")):
                self._shard = qe.EdgeShard.load(str(path), self._config)
            else:
                path.mkdir(parents=True, exist_ok=True)
                self._shard = qe.EdgeShard.create(str(path), self._config)
            self._prepare()
            self._tidy()

    def _path(self, number: int) -> Path:
        return self._first.with_name(f"{self._first.name}.{number}") if number else self._first

    def _tidy(self) -> None:
        """Remove former shards and unfinished ones."""
        for number, path in shards(self._first).items():
            if number != self._number:
                shutil.rmtree(path, ignore_errors=True)
        for path in self._first.parent.glob(f"{self._first.name}.*.part"):
            shutil.rmtree(path, ignore_errors=True)

    def _prepare(self) -> None:
        """Make the indexes that are missing."""
        for field in INDEXES.keys() - self._shard.info().payload_schema.keys():
            kind = getattr(qe.PayloadSchemaType, INDEXES[field].capitalize())
            self._shard.update(qe.UpdateOperation.create_field_index(field, kind))

    def optimize(self, *, wait: bool = False) -> None:
        """Flush, and rebuild the shard in the background once it has grown or shrunk much.

        Qdrant Edge keeps Python's lock while it builds, 9 s for 20,000 chunks in which no thread of the app would run.
        So another process does it to a copy. Readers and writers go on meanwhile; what is written goes to both.
        """
        with self._translated():
            self._shard.flush()
            info = self._shard.info()
        unindexed = (
            2 * info.points_count - info.indexed_vectors_count
        )  # the sparse vectors always have their index
        grown = unindexed * self._dims * 4 > INDEX_KIB * 1024
        shrunk = self._deleted > max(DELETED, info.points_count // 5)
        if (grown or shrunk) and self._rebuilding.acquire(blocking=False):
            thread = threading.Thread(target=self._rebuild, name="rebuild", daemon=True)
            thread.start()
            if wait:
                thread.join()

    def _rebuild(self) -> None:
        try:
            with self._writing, self._translated():
                self._since, self._deleted = [], 0
                shutil.rmtree(self._part, ignore_errors=True)
                self._shard.flush()
                shutil.copytree(self._path(self._number), self._part)
                self._builder = subprocess.Popen([sys.executable, "-c", _OPTIMIZE, str(self._part)])  # noqa: S603
            if code := self._builder.wait():
                raise StoreError(
                    f"The process that rebuilds the vector store ended with code {code}."
                )
            with self._writing, self._translated():
                self._swap()
        except Exception:
            if self._since is not None:  # else the store was closed
                log.exception(
                    "the vector store was not rebuilt; it is tried again after the next document"
                )
        finally:
            self._since = None
            shutil.rmtree(self._part, ignore_errors=True)
            self._rebuilding.release()

    def _swap(self) -> None:
        """Take over the rebuilt shard; searches that still run in the former one end there."""
        if self._since is None:
            return  # the store was closed
        rebuilt = qe.EdgeShard.load(str(self._part), self._config)
        for operation in self._since:
            rebuilt.update(operation)
        rebuilt.close()
        path = self._path(self._number + 1)
        self._part.rename(path)
        try:
            self._shard = qe.EdgeShard.load(str(path), self._config)
        except BaseException:
            path.rename(self._part)  # else the next start would take it for the one in use
            raise
        self._number += 1
        self._tidy()

    def _write(self, operation: qe.UpdateOperation) -> None:
        with self._writing:
            self._shard.update(operation)
            if self._since is not None:
                self._since.append(operation)

    def _close(self) -> None:
        with self._writing:
            self._since = None
            if self._builder is not None:
                self._builder.kill()
            self._shard.close()

    def _upsert(self, passages: Sequence[EmbeddedPassage]) -> None:
        points = [
            qe.Point(UUID(e.passage.id), self._vectors(e), to_payload(e.passage)) for e in passages
        ]
        self._write(qe.UpdateOperation.upsert_points(points))

    def _delete(self, scope: Scope) -> None:
        self._deleted += self._count(scope)
        self._write(qe.UpdateOperation.delete_points_by_filter(self._filter(scope)))

    def _query(
        self, queries: Mapping[str, Vector], scope: Scope, limit: int
    ) -> Sequence[Sequence[Any]]:
        where = self._filter(scope)
        nearest = [
            qe.Query.Nearest(self._vector(vector), using=name) for name, vector in queries.items()
        ]
        asked = [
            qe.QueryRequest(limit=limit, query=query, filter=where, with_payload=True)
            for query in nearest
        ]
        return self._shard.query_batch(qe.QueryBatchRequest(asked))

    def _scroll(self, scope: Scope, limit: int, *, vectors: bool) -> Sequence[Any]:
        where = self._filter(scope)
        asked = qe.ScrollRequest(limit=limit, filter=where, with_payload=True, with_vector=vectors)
        return self._shard.scroll(asked)[0]

    def _count(self, scope: Scope) -> int:
        return int(self._shard.count(qe.CountRequest(exact=True, filter=self._filter(scope))))

    def _facet(self, key: str) -> Sequence[Any]:
        return self._shard.facet(qe.FacetRequest(key, limit=EVERY, exact=True)).hits


def shards(folder: Path) -> dict[int, Path]:
    """Return the shards of a store by number; nothing else of that name, which may be somebody's backup."""
    found = {
        int(n): p for p in folder.parent.glob(f"{folder.name}.*") if (n := p.suffix[1:]).isdigit()
    }
    return {**({0: folder} if folder.exists() else {}), **found}
