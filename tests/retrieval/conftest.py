import pytest

from docmind.retrieval.embeddings import Embedder


@pytest.fixture(scope="session")
def embedder(minilm):
    return Embedder(minilm)
