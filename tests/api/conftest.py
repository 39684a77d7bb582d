"""An app that is served: all of it is real but the engine's words."""

import pytest

from docmind.api.client import Client
from docmind.api.server import serve
from tests.agents.conftest import make_app, plan  # noqa: F401 - fixtures
from tests.engines import PromptedEngine

ANSWER = "Pets are not allowed [1]."


def answering(text=ANSWER):
    """What an engine writes: a plan for one researcher, and its answer."""

    def reply(messages, constraint):
        if constraint:
            return plan((messages[-1]["content"][:80], "researcher"))
        return text

    return reply


@pytest.fixture
def serve_app(make_app):  # noqa: F811
    """`serve_app(engine, **settings)` → an App that listens; it is closed at the end."""

    def start(engine=None, **groups):
        app = make_app(engine or PromptedEngine(answering()), **groups)
        app.server = serve(app)
        return app

    return start


@pytest.fixture
def connected():
    """`connected(app)` → a client of the app."""
    clients = []

    def connect_to(app):
        client = Client(app.server.socket)
        clients.append(client)
        return client

    yield connect_to
    for client in clients:
        client.close()


@pytest.fixture
def client(serve_app, connected):
    """A client of an app that answers `ANSWER`."""
    return connected(serve_app())
