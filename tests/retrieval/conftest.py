import pytest

from docmind.models.catalog import Catalog
from docmind.retrieval.embeddings import Embedder
from tests.retrieval.store.rest import serve


@pytest.fixture(scope="session")
def rest_url():
    """The address of a server that answers as Qdrant does."""
    with serve() as url:
        yield url


@pytest.fixture(scope="session")
def e5(models_dir):
    """The real multilingual model, unpacked and converted the first time."""
    return Embedder(Catalog(models_dir).pull("e5-small"))
