"""The one App of this process: opened when the server starts, and as the pages get it."""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from docmind.errors import DocMindError
from docmind.storage.settings import load_settings
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

P = ParamSpec("P")

log = logging.getLogger(__name__)

_ONE_AT_A_TIME = threading.RLock()
"""Held while the App is built or closed, so that no tab gets one that is being closed."""


@dataclass
class _Shared:
    """What all tabs share."""

    app: App | None = None
    """None before it is built, after it was closed, and where it can't be built."""


_shared = _Shared()


@asynccontextmanager
async def opened_from_start(_server: st.App) -> AsyncIterator[None]:
    """Open the App when the server starts, without waiting for a visit; close it at its end."""
    threading.Thread(target=_open_early, name="opening", daemon=True).start()
    try:
        yield
    finally:
        # The server ends by a signal, after which nothing that is registered for the exit runs.
        await asyncio.to_thread(_close)


def get_app() -> App:
    """Return the process's App; built once, whatever the number of tabs and reruns.

    Raises:
        DocMindError: it can't be built; the message says what to do.
    """
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        with st.spinner("Opening DocMind …"):
            _ONE_AT_A_TIME.acquire()
    try:
        return _built()
    finally:
        _ONE_AT_A_TIME.release()


def _open_early() -> None:
    """Build the App; where it can't be, say so where the server was started."""
    try:
        with _ONE_AT_A_TIME:
            _built()
    except DocMindError as exc:
        # The page tries again, and offers to take settings back.
        sys.stderr.write(f"DocMind could not start: {exc}\n")
    except Exception:
        log.exception("the app could not be opened")


def _built() -> App:
    """Return the App; build it unless it is there. The lock is held."""
    if _shared.app is None:
        from docmind.api.server import serve
        from docmind.app import build_app

        app = build_app(load_settings())
        try:
            serve(app)
        except DocMindError:
            app.close()
            raise
        atexit.register(app.close)
        _shared.app = app
    return _shared.app


def _close() -> None:
    """Close the App if there is one; the next call of `get_app` builds another."""
    with _ONE_AT_A_TIME:
        app = _shared.app
        if app is None:
            return
        _shared.app = None
        atexit.unregister(app.close)
        app.close()


def page_app() -> App:
    """Return the App to a page.

    The first visit after a start may come straight to a page's address. Streamlit then runs the
    file in pages/ without the router; from the second run on it never does.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    return get_app()


def redraw_after_restart(app: App) -> None:
    """Draw the page anew if `app` was restarted since it was drawn. Each fragment begins so."""
    try:
        is_current = get_app() is app
    except DocMindError:
        is_current = False  # it can't be built any more; the router says why
    if not is_current:
        st.rerun()


def restart_app(shown: App) -> None:
    """Close the App and build it anew: after a failed engine start, or to apply saved settings.

    Args:
        shown: the App of the page whose button was pressed. If another tab has restarted it,
            nothing is left to do.
    """
    with _ONE_AT_A_TIME:
        try:
            if get_app() is not shown:
                return
        except DocMindError:
            return  # the router says why
        _close()


def attempt(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do what a button is for; say what can't be done (the disk is full …), wherever that is."""
    try:
        act(*args, **kwargs)
    except DocMindError as exc:
        st.toast(plain(str(exc)), icon=":material/error:", duration="long")
