import pytest

from docmind.ingestion.service import IngestionService
from docmind.retrieval.store.opening import open_store
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore
from docmind.storage.settings import load_settings
from tests.samples import write_all


@pytest.fixture
def samples(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    return write_all(folder)


@pytest.fixture
def settings(tmp_path):
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def store(settings, embedder):
    store = open_store(settings, embedder.dims)
    yield store
    store.close()


@pytest.fixture
def database(settings):
    database = Database(settings.database)
    yield database
    database.close()


@pytest.fixture
def documents(database):
    return DocumentStore(database)


@pytest.fixture
def service(settings, documents, store, embedder):
    service = IngestionService(
        settings=settings, documents=documents, store=store, embedder=embedder
    )
    yield service
    service.close()
