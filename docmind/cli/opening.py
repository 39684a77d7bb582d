"""The app as a command uses it: opened for its work, closed when that is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from docmind.cli.model import fetch_model
from docmind.resolution import resolve
from docmind.storage.settings import load_settings

if TYPE_CHECKING:
    from docmind.app import App


@contextmanager
def open_app(*, load_model: bool = True) -> Iterator[App]:
    """Fetch the models that are missing, and yield the app.

    Args:
        load_model: False for work that only ingests: the language model is neither fetched nor
            loaded.
    """
    from docmind.app import build_app

    settings = load_settings()
    resolved = resolve(settings)
    fetch_model(resolved.catalog, resolved.embedding_model)
    if load_model and not settings.llm.base_url:
        fetch_model(resolved.catalog, resolved.llm)
    with closing(build_app(settings, load_model=load_model)) as app:
        yield app
