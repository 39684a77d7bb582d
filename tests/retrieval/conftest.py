import pytest

from docmind.engine.models import Catalog
from docmind.retrieval.embeddings import Embedder


@pytest.fixture(scope="session")
def embedder(minilm):
    return Embedder(minilm)


@pytest.fixture(scope="session")
def e5(models_dir):
    """The real multilingual model, unpacked and converted the first time."""
    return Embedder(Catalog(models_dir).pull("e5-small"))
