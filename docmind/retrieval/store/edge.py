"""The store in this process: a Qdrant Edge shard with HNSW, sparse index and write-ahead log."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import qdrant_edge as qe

from docmind.errors import StoreError
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

log = logging.getLogger(__name__)

INDEX_KIB = 20_000
"""Dense vectors without HNSW from which a rebuild is worth its time: 13,300 passages of 384 dims.
"""

DELETED = 1000
"""Deleted passages from which their space is worth a rebuild, if they are also a fifth of all."""

_OPTIMIZE = """
import os, sys, qdrant_edge
os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
shard.optimize()
shard.close()
"""
"""The program that builds the indexes of the shard in its first argument."""


@dataclass
class _Rebuild:
    """A rebuild under way: a copy of the shard, and a process that builds the copy's indexes.

    Qdrant Edge keeps Python's lock while it builds, 9 s for 20,000 passages in which no thread of
    the app would run. So another process does it.
    """

    folder: Path
    """Where the copy is."""
    process: subprocess.Popen[bytes]
    missing: list[qe.UpdateOperation] = field(default_factory=list)
    """What was written since the copy was made; the copy gets it before it takes over."""

    @classmethod
    def start(cls, shard: Path, folder: Path) -> _Rebuild:
        """Copy a flushed shard to a folder, and start to build the copy's indexes."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(shard, folder)
        process = subprocess.Popen([sys.executable, "-c", _OPTIMIZE, str(folder)])  # noqa: S603
        return cls(folder=folder, process=process)

    def wait(self) -> None:
        """Return when the indexes are built; StoreError if they were not."""
        code = self.process.wait()
        if code != 0:
            raise StoreError(f"The process that rebuilds the vector store ended with code {code}.")


class EdgeStore(VectorStore):
    """One Qdrant Edge shard. It takes concurrent readers and writers; its log has what was written.

    A rebuilt shard gets a folder of its own: `edge`, `edge.1`, `edge.2`. The highest number is the
    one in use, and renaming it into place is what makes it so. What a killed rebuild leaves behind
    is removed at the next start.
    """

    def __init__(self, folder: Path, dims: int) -> None:
        self._first_folder = folder
        self._number = max(shards(folder), default=0)
        super().__init__(
            where=self._shard_folder(self._number),
            dims=dims,
            library=qe,
            range_type=qe.RangeFloat,
            lock=nullcontext(),
        )
        self._config = qe.EdgeConfig(
            vectors={DENSE: qe.EdgeVectorParams(dims, qe.Distance.Cosine)},
            sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
            optimizers=qe.EdgeOptimizersConfig(indexing_threshold=INDEX_KIB),
        )
        self._deleted = 0
        """Passages deleted since the last rebuild, or since the start."""
        self._writing = threading.Lock()
        """Held while something is written, and while shards are copied or change places."""
        self._rebuilding = threading.Lock()
        """Held as long as a rebuild runs: one at a time."""
        self._rebuild: _Rebuild | None = None
        """The rebuild whose copy still gets what is written."""
        self._shard_is_closed = False
        with self._library_access():
            self._shard = self._open_shard()
            self._create_missing_indexes()
            self._remove_other_shards()

    def optimize(self, *, wait: bool = False) -> None:
        """Flush, and rebuild the shard in the background once it has grown or shrunk much.

        Readers and writers go on meanwhile; what is written goes to both shards.
        """
        with self._library_access():
            self._shard.flush()
            info = self._shard.info()
        # A passage has two vectors, and the sparse one always has its index.
        without_index = 2 * info.points_count - info.indexed_vectors_count
        bytes_without_index = without_index * self._dims * 4
        has_grown = bytes_without_index > INDEX_KIB * 1024
        has_shrunk = self._deleted > max(DELETED, info.points_count // 5)
        if not has_grown and not has_shrunk:
            return
        if self._rebuilding.acquire(blocking=False):
            thread = threading.Thread(target=self._rebuild_thread, name="rebuild", daemon=True)
            thread.start()
            if wait:
                thread.join()

    def _rebuild_thread(self) -> None:
        """Rebuild the shard: copy it, build the copy's indexes, let the copy take over."""
        # A name of this process's own: the builder of one that was killed may still be writing.
        folder = self._first_folder.with_name(f"{self._first_folder.name}.{os.getpid()}.part")
        try:
            with self._writing, self._library_access():
                self._deleted = 0
                self._shard.flush()
                rebuild = _Rebuild.start(self._shard_folder(self._number), folder)
                self._rebuild = rebuild
            rebuild.wait()
            with self._writing, self._library_access():
                self._take_over(rebuild)
        except Exception:
            # Closing the store ends its rebuild; that is no failure.
            if not self._shard_is_closed:
                log.exception(
                    "the vector store was not rebuilt; it is tried again after the next document"
                )
        finally:
            self._rebuild = None
            shutil.rmtree(folder, ignore_errors=True)
            self._rebuilding.release()

    def _take_over(self, rebuild: _Rebuild) -> None:
        """Use the rebuilt shard from now on; searches that run in the former one end there."""
        if self._shard_is_closed:
            return
        rebuilt = qe.EdgeShard.load(str(rebuild.folder), self._config)
        for operation in rebuild.missing:
            rebuilt.update(operation)
        rebuilt.close()
        number = self._number + 1
        folder = self._shard_folder(number)
        rebuild.folder.rename(folder)
        try:
            self._shard = qe.EdgeShard.load(str(folder), self._config)
        except BaseException:
            # Else the next start would take it for the one in use.
            folder.rename(rebuild.folder)
            raise
        self._number = number
        self._remove_other_shards()

    def _open_shard(self) -> qe.EdgeShard:
        """Return the shard in use; a new one if there is none."""
        folder = self._shard_folder(self._number)
        if any(folder.glob("segments/*")):
            return qe.EdgeShard.load(str(folder), self._config)
        folder.mkdir(parents=True, exist_ok=True)
        return qe.EdgeShard.create(str(folder), self._config)

    def _shard_folder(self, number: int) -> Path:
        if number == 0:
            return self._first_folder
        return self._first_folder.with_name(f"{self._first_folder.name}.{number}")

    def _create_missing_indexes(self) -> None:
        existing = self._shard.info().payload_schema.keys()
        for key in INDEXES.keys() - existing:
            kind = getattr(qe.PayloadSchemaType, INDEXES[key].capitalize())
            self._shard.update(qe.UpdateOperation.create_field_index(key, kind))

    def _remove_other_shards(self) -> None:
        """Remove former shards and unfinished ones."""
        for number, folder in shards(self._first_folder).items():
            if number != self._number:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self._first_folder.parent.glob(f"{self._first_folder.name}.*.part"):
            shutil.rmtree(folder, ignore_errors=True)

    def _write(self, operation: qe.UpdateOperation) -> None:
        with self._writing:
            self._shard.update(operation)
            if self._rebuild is not None:
                self._rebuild.missing.append(operation)

    def _close(self) -> None:
        with self._writing:
            self._shard_is_closed = True
            if self._rebuild is not None:
                self._rebuild.process.kill()
            self._shard.close()

    def _has_id(self, ids: Sequence[str]) -> qe.HasIdCondition:
        return qe.HasIdCondition({UUID(passage_id) for passage_id in ids})

    def _upsert(self, passages: Sequence[EmbeddedPassage]) -> None:
        points = [
            qe.Point(
                id=UUID(embedded.passage.id),
                vector=self._vectors(embedded),
                payload=to_payload(embedded.passage),
            )
            for embedded in passages
        ]
        self._write(qe.UpdateOperation.upsert_points(points))

    def _delete(self, scope: Scope) -> None:
        self._deleted += self._count(scope)
        self._write(qe.UpdateOperation.delete_points_by_filter(self._filter(scope)))

    def _query(
        self, queries: Mapping[str, Vector], scope: Scope, limit: int
    ) -> Sequence[Sequence[FoundPoint]]:
        scope_filter = self._filter(scope)
        requests: list[qe.QueryRequest] = []
        for name, vector in queries.items():
            request = qe.QueryRequest(
                limit=limit,
                query=qe.Query.Nearest(self._vector(vector), using=name),
                filter=scope_filter,
                with_payload=True,
            )
            requests.append(request)
        return self._shard.query_batch(qe.QueryBatchRequest(requests))

    def _scroll(self, scope: Scope, limit: int, *, vectors: bool) -> Sequence[PointWithVectors]:
        request = qe.ScrollRequest(
            limit=limit, filter=self._filter(scope), with_payload=True, with_vector=vectors
        )
        points, _next_offset = self._shard.scroll(request)
        return points

    def _count(self, scope: Scope) -> int:
        return int(self._shard.count(qe.CountRequest(exact=True, filter=self._filter(scope))))

    def _facet(self, key: str) -> Sequence[FieldValue]:
        return self._shard.facet(qe.FacetRequest(key, limit=EVERY, exact=True)).hits


def shards(folder: Path) -> dict[int, Path]:
    """Return the folders of a store's shards by number: `edge` is 0, `edge.1` is 1.

    Nothing else of that name is one: `edge.bak` may be somebody's backup.
    """
    found: dict[int, Path] = {}
    if folder.exists():
        found[0] = folder
    for path in folder.parent.glob(f"{folder.name}.*"):
        number = path.suffix[1:]
        if number.isdigit():
            found[int(number)] = path
    return found
