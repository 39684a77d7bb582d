"""One App for all tabs, also while it is restarted."""

import asyncio
import threading
import time

import pytest

from docmind.errors import ModelError
from docmind.ui import shared_app


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
        app = SlowApp()
        apps.append(app)
        return app

    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("docmind.app.build_app", build_app)
    monkeypatch.setattr("docmind.api.server.serve", lambda app: app)
    monkeypatch.setattr(shared_app, "_shared", shared_app._Shared())
    return apps


def test_two_tabs_that_restart_together_restart_once(built):
    first = shared_app.get_app()
    one_tab = threading.Thread(target=shared_app.restart_app, args=(first,))
    other_tab = threading.Thread(target=shared_app.restart_app, args=(first,))
    one_tab.start()
    other_tab.start()
    time.sleep(0.1)
    assert not shared_app.get_app().closed, "a third tab waits for the new App"
    one_tab.join()
    other_tab.join()
    assert [app.closed for app in built] == [1, 0]


def test_an_app_that_fails_to_close_is_replaced_nevertheless(monkeypatch):
    def fail():
        raise OSError("the disk is gone")

    first = shared_app.get_app()
    monkeypatch.setattr(first, "close", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        shared_app.restart_app(first)
    assert shared_app.get_app() is not first


def test_a_fragment_of_an_old_app_draws_its_page_anew(monkeypatch):
    reruns = []
    monkeypatch.setattr(shared_app.st, "rerun", lambda: reruns.append(True))
    first = shared_app.get_app()
    shared_app.redraw_after_restart(first)
    assert not reruns
    shared_app.restart_app(first)
    shared_app.redraw_after_restart(first)
    assert len(reruns) == 1

    def refuse():
        raise ModelError("There is no model.")

    monkeypatch.setattr(shared_app, "get_app", refuse)
    shared_app.redraw_after_restart(first)
    assert len(reruns) == 2, "the router says why"


async def serve(until):
    """Let the server run until something is so."""
    async with shared_app.opened_from_start(None):
        while not until():
            await asyncio.sleep(0.01)


def test_the_app_opens_with_the_server_and_closes_with_it(built):
    asyncio.run(serve(until=lambda: shared_app._shared.app))
    assert [app.closed for app in built] == [1], "nobody has opened a page"


def test_what_keeps_the_app_from_opening_is_said_at_once_and_to_each_visit(monkeypatch, capfd):
    def fail(_settings):
        raise ModelError("There is no model. Pull one.")

    monkeypatch.setattr("docmind.app.build_app", fail)
    said = []

    def is_said():
        said.append(capfd.readouterr().err)
        return "could not start: There is no model. Pull one." in "".join(said)

    asyncio.run(serve(until=is_said))
    with pytest.raises(ModelError, match="Pull one"):
        shared_app.get_app()
