"""The library as a command uses it: that of the running app, else one opened for its work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from docmind.api.client import Client, connect
from docmind.cli.model import fetch_model
from docmind.resolution import resolve
from docmind.storage.settings import load_settings

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.settings import Settings


def find_library() -> Client | None:
    """Return a client of the running app; None if there is none."""
    return connect(load_settings().socket)


@contextmanager
def open_library(*, load_model: bool = True) -> Iterator[Client]:
    """Yield a client of the running app; without one, of an app that runs for this command.

    That app serves other commands meanwhile, and ends when what they asked for is done.

    Args:
        load_model: False for work that only ingests: an app of its own neither fetches nor loads
            the language model.
    """
    settings = load_settings()
    running = connect(settings.socket)
    if running is not None:
        with closing(running):
            yield running
        return

    from docmind.api.server import ApiServer

    with closing(_build_app(settings, load_model=load_model)) as app:
        server = ApiServer(app)
        try:
            with closing(Client(server.socket)) as client:
                yield client
        finally:
            server.stop_listening()
            server.wait()


def _build_app(settings: Settings, *, load_model: bool) -> App:
    """Fetch the models that are missing, and build an app."""
    from docmind.app import build_app

    resolved = resolve(settings)
    fetch_model(resolved.catalog, resolved.embedding_model)
    if load_model and not settings.llm.base_url:
        fetch_model(resolved.catalog, resolved.llm)
    return build_app(settings, load_model=load_model)
