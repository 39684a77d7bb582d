"""Copying all passages to another store, and comparing them before the old store may go."""

from __future__ import annotations

from collections.abc import Callable

from docmind.errors import StoreError
from docmind.passages import EmbeddedPassage
from docmind.retrieval.store.base import VectorStore

BATCH = 200
"""Passages of one write: about 2 MB of JSON on the way to a server."""

SAMPLE = 50
"""Documents whose passages are compared one by one, at least (all, where there are fewer)."""

CLOSE = 1e-3
"""Largest difference between two numbers of a vector: the modes round differently."""


def copy_passages(
    source: VectorStore,
    target: VectorStore,
    progress: Callable[[int, int], object],
    *,
    shared: bool = False,
) -> int:
    """Make `target` hold what `source` holds, compare them, and return the number of passages.

    Documents that are in the target with all their passages are not copied again.

    Args:
        source: the store to copy; it is only read.
        target: the store to fill. What else it holds goes (it was removed from the source since an
            earlier attempt), unless it is `shared`.
        progress: called with (documents done, documents).
        shared: others may use the target, too.

    Raises:
        StoreError: they differ afterwards, or a shared target holds other documents.
    """
    wanted = source.documents()
    already_there = target.documents()
    only_in_target = already_there.keys() - wanted.keys()
    if only_in_target and shared:
        raise StoreError(
            f"The collection on the server holds {len(only_in_target)} documents "
            "that are not in this store. Name another one with DOCMIND_STORE__COLLECTION, "
            "or remove it on the server if it is left from an earlier attempt."
        )
    for document_id in only_in_target:
        target.delete(document_id)
    for done, (document_id, passage_count) in enumerate(wanted.items(), start=1):
        if already_there.get(document_id) != passage_count:
            _copy_document(document_id, source, target)
        progress(done, len(wanted))
    if target.documents() != wanted:
        raise StoreError(
            "The new store has another number of passages than the old one, which is kept. "
            "Move again."
        )
    # The ids are hashes: every `step`-th in their order is a random sample.
    step = max(1, len(wanted) // SAMPLE)
    for document_id in sorted(wanted)[::step]:
        _compare_document(document_id, source, target)
    return sum(wanted.values())


def _copy_document(document_id: str, source: VectorStore, target: VectorStore) -> None:
    """Copy a document's passages; those of an interrupted attempt are replaced."""
    target.delete(document_id)
    passages = source.embedded(document_id)
    for start in range(0, len(passages), BATCH):
        target.upsert(passages[start : start + BATCH])


def _compare_document(document_id: str, source: VectorStore, target: VectorStore) -> None:
    """Raise StoreError if a document's passages differ; the next attempt then copies it again."""
    copies = {copy.passage.id: copy for copy in target.embedded(document_id)}
    for original in source.embedded(document_id):
        if not _is_same(original, copies[original.passage.id]):
            target.delete(document_id)
            raise StoreError(
                "A passage in the new store differs from the old one, which is kept. Move again."
            )


def _is_same(a: EmbeddedPassage, b: EmbeddedPassage) -> bool:
    """Return whether two passages are equal, their vectors but for rounding."""
    if a.passage != b.passage or a.sparse.keys() != b.sparse.keys():
        return False
    pairs = list(zip(a.dense, b.dense, strict=True))
    for dimension, weight in a.sparse.items():
        pairs.append((weight, b.sparse[dimension]))
    return all(abs(x - y) < CLOSE for x, y in pairs)
