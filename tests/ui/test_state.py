"""One App for all tabs, also while it is restarted."""

import threading
import time

import pytest

from docmind.errors import ModelError
from docmind.ui import state


class SlowApp:
    def __init__(self):
        self.closed = 0

    def close(self):
        time.sleep(0.2)
        self.closed += 1


@pytest.fixture(autouse=True)
def built(tmp_path, monkeypatch):
    """Every App that was built."""
    apps = []

    def build_app(_settings):
        apps.append(SlowApp())
        return apps[-1]

    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("docmind.app.build_app", build_app)
    state._built.clear()
    yield apps
    state._built.clear()


def test_two_tabs_that_restart_together_restart_once(built):
    first = state.get_app()
    tabs = [threading.Thread(target=state.restart_app, args=(first,)) for _ in range(2)]
    for tab in tabs:
        tab.start()
    time.sleep(0.1)
    assert not state.get_app().closed, "a third tab waits for the new App"
    for tab in tabs:
        tab.join()
    assert [a.closed for a in built] == [1, 0]


def test_an_app_that_fails_to_close_is_replaced_nevertheless(monkeypatch):
    first = state.get_app()
    monkeypatch.setattr(first, "close", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        state.restart_app(first)
    assert state.get_app() is not first


def test_a_fragment_of_an_old_app_draws_its_page_anew(monkeypatch):
    reruns = []
    monkeypatch.setattr(state.st, "rerun", lambda: reruns.append(True))
    first = state.get_app()
    state.check(first)
    assert not reruns
    state.restart_app(first)
    state.check(first)
    assert len(reruns) == 1

    def refuse():
        raise ModelError("There is no model.")

    monkeypatch.setattr(state, "get_app", refuse)
    state.check(first)
    assert len(reruns) == 2, "the router says why"
