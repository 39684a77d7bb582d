"""The pages over in-memory parts, driven by AppTest."""

import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.ui import NoPagesFolder
from docmind.events import ContextTrimmed
from docmind.ui import shared_app
from tests.fakes import fake_app

ROOT = Path(__file__).parents[2]
TEXT_ELEMENTS = (
    "markdown",
    "caption",
    "error",
    "warning",
    "info",
    "success",
    "title",
    "subheader",
    "html",
)


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An App of fakes, which every page gets."""
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit.runtime.pages_manager.Path", NoPagesFolder)
    app = fake_app(tmp_path)
    monkeypatch.setattr(shared_app, "get_app", lambda: app)
    return app


@pytest.fixture
def open_page(app):
    """Open a page as a browser tab would: `open_page("documents")`."""

    def open_page(name="chat"):
        tab = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=20).run()
        if name != "chat":
            tab.switch_page(f"pages/{name}.py").run()
        assert not tab.exception, tab.exception
        return tab

    return open_page


@pytest.fixture
def ready(app):
    """A document that can be asked about."""
    return app.documents.add_bytes(b"Passage 1 about the fee. It is five.", "prices.txt").document


@pytest.fixture
def running(app):
    """Turns stay running until the returned event is set."""
    app.chat.gate = threading.Event()
    yield app.chat.gate
    app.chat.gate.set()


def words(tab):
    """Return all that is written on the page."""
    texts = [str(bar.proto.text) for bar in tab.get("progress")]
    for kind in TEXT_ELEMENTS:
        for element in tab.get(kind):
            text = element.value if hasattr(element, "value") else element.proto.body
            texts.append(str(text))
    return "\n".join(texts)


def button(tab, label):
    """Return the first button whose label contains `label`."""
    for candidate in tab.button:
        if label in candidate.label:
            return candidate
    raise AssertionError(f"there is no button {label!r}")


def buttons_with_key(tab, start):
    """Return the buttons whose key begins with `start`."""
    return [found for found in tab.button if str(found.key).startswith(start)]


def cut(conversation_id):
    """Return the trim event of a conversation that lost two turns."""
    return ContextTrimmed(
        conversation_id=conversation_id,
        turn_id="t",
        tokens_before=7400,
        tokens_after=5600,
        dropped="2 turns",
        reason="window",
        at="2026-01-02T03:04:05+00:00",
        first_retained_turn=1,
    )


def tab_state(tab):
    """Return what the tab remembers; see docmind/ui/tab.py."""
    return tab.session_state["tab"]
