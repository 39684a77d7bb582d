"""Opening the store that the settings ask for."""

from __future__ import annotations

from docmind.retrieval.store.base import VectorStore
from docmind.settings import Settings


def open_store(settings: Settings, dims: int) -> VectorStore:
    """Open or create the store, for dense vectors of length `dims`.

    Raises:
        AlreadyRunning: another process has the folder open.
        StoreError: it can't be read or reached, or holds vectors of another length.
    """
    # Only the library of the mode in use is imported.
    if settings.store.mode == "edge":
        from docmind.retrieval.store.edge import EdgeStore

        return EdgeStore(settings.store_dir / "edge", dims)
    from docmind.retrieval.store.qdrant import QdrantStore

    return QdrantStore(settings.store, settings.store_dir / "local", dims)
