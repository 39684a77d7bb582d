"""The router: every page opens, and a start that fails is explained."""

import pytest

from docmind.errors import AlreadyRunning, StoreError
from docmind.ui import shared_app
from tests.ui.conftest import ROOT, words


@pytest.mark.parametrize("page", ["chat", "documents", "system", "settings"])
def test_every_page_has_the_live_panel(open_page, page):
    shown = words(open_page(page))
    assert "RAM" in shown
    assert "Engine" in shown
    assert "Tokens used" in shown


def test_what_fails_while_a_page_is_drawn_is_said(open_page, app, monkeypatch):
    tab = open_page()

    def full():
        raise StoreError("DocMind's database can't be read. Free disk space.")

    monkeypatch.setattr(app.documents, "documents", full)
    assert "Free disk space" in words(tab.run())
    assert not tab.exception


def test_a_start_that_fails_says_what_to_do(app, monkeypatch):
    from streamlit.testing.v1 import AppTest

    def refuse():
        raise AlreadyRunning("Another DocMind is working in this folder. Use that one.")

    monkeypatch.setattr(shared_app, "get_app", refuse)
    tab = AppTest.from_file(str(ROOT / "streamlit_app.py")).run()
    assert not tab.exception
    assert "Another DocMind" in words(tab)
    assert tab.button[0].label == "Try again"
