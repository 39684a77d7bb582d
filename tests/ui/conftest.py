"""The pages over in-memory parts, driven by AppTest."""

import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.ui import NoPagesFolder
from docmind.ui import state
from tests.fakes import fake_app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An App of fakes, which every page gets."""
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit.runtime.pages_manager.Path", NoPagesFolder)
    made = fake_app(tmp_path)
    monkeypatch.setattr(state, "get_app", lambda: made)
    return made


@pytest.fixture
def open_page(app):
    """Open a page as a browser tab would: `open_page("documents")`."""

    def opened(name="chat"):
        tab = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=20).run()
        if name != "chat":
            tab.switch_page(f"pages/{name}.py").run()
        assert not tab.exception, tab.exception
        return tab

    return opened


@pytest.fixture
def ready(app):
    """A document that can be asked about."""
    return app.documents.add_bytes(b"Passage 1 about the fee. It is five.", "prices.txt").document


@pytest.fixture
def held(app):
    """Turns stay running until the returned event is set."""
    app.chat.gate = threading.Event()
    yield app.chat.gate
    app.chat.gate.set()


def words(tab):
    """Return all that is written on the page."""
    kinds = (
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
    bars = [str(bar.proto.text) for bar in tab.get("progress")]
    return "\n".join(
        bars
        + [str(e.value if hasattr(e, "value") else e.proto.body) for k in kinds for e in tab.get(k)]
    )
