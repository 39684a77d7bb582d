"""The one App of this process, as the pages get it."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from docmind.errors import DocMindError
from docmind.storage.settings import load_settings
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

P = ParamSpec("P")

_ONE_AT_A_TIME = threading.RLock()
"""Held while the App is built or closed, so that no tab gets one that is being closed."""


def get_app() -> App:
    """Return the process's App; built once, whatever the number of tabs and reruns.

    Raises:
        DocMindError: it can't be built; the message says what to do.
    """
    with _ONE_AT_A_TIME:
        return _built()


@st.cache_resource(show_spinner="Opening DocMind …")
def _built() -> App:
    from docmind.api.server import serve
    from docmind.app import build_app

    app = build_app(load_settings())
    try:
        serve(app)
    except DocMindError:
        app.close()
        raise
    atexit.register(app.close)
    return app


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
        atexit.unregister(shown.close)
        try:
            shown.close()
        finally:
            _built.clear()


def attempt(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do what a button is for; say what can't be done (the disk is full …), wherever that is."""
    try:
        act(*args, **kwargs)
    except DocMindError as exc:
        st.toast(plain(str(exc)), icon=":material/error:", duration="long")
