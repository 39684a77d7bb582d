import pytest

from docmind.ingestion.service import IngestionService
from docmind.retrieval.store.opening import open_store
from docmind.settings import load_settings
from docmind.storage.documents import Registry
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
def registry(settings):
    registry = Registry(settings.database)
    yield registry
    registry.close()


@pytest.fixture
def service(settings, registry, store, embedder):
    service = IngestionService(settings, registry, store, embedder)
    yield service
    service.close()
