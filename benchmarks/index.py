"""The embedding model, and an index that starts empty: what is measured without the whole app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from docmind.app import build_embedder
from docmind.ingestion.service import IngestionService
from docmind.measurement import empty_data_folder
from docmind.resolution import resolve
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.opening import open_store
from docmind.settings import Settings
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore


def load_embedder(settings: Settings) -> Embedder:
    """Return the embedding model that the settings name; it is on this machine."""
    return build_embedder(resolve(settings))


@dataclass(frozen=True)
class Index:
    """The ingestion into a store, and the search in it."""

    service: IngestionService
    retriever: Retriever


@contextmanager
def empty_index(settings: Settings, embedder: Embedder) -> Iterator[Index]:
    """Yield an ingestion and a search that share an empty store, in a data folder of its own."""
    with empty_data_folder(settings) as fresh_settings, ExitStack() as stack:
        store = stack.enter_context(closing(open_store(fresh_settings, embedder.dims)))
        database = stack.enter_context(closing(Database(fresh_settings.database)))
        service = IngestionService(
            settings=fresh_settings,
            documents=DocumentStore(database),
            store=store,
            embedder=embedder,
        )
        stack.enter_context(closing(service))
        yield Index(service=service, retriever=Retriever(store, embedder, fresh_settings))
