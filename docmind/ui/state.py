"""What the pages share: the one App of this process, and what this browser tab is looking at."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from docmind.errors import DocMindError
from docmind.storage.settings import load_settings
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App


_ONE = threading.RLock()
"""Held while the App is built or closed, so that no tab gets one that is being closed."""


def get_app() -> App:
    """Return the process's App; built once, whatever the number of tabs and reruns.

    Raises:
        DocMindError: it can't be built; the message says what to do.
    """
    with _ONE:
        return _built()


@st.cache_resource(show_spinner="Opening DocMind …")
def _built() -> App:
    from docmind.app import build_app

    app = build_app(load_settings())
    atexit.register(app.close)
    return app


def page_app() -> App:
    """Return the App to a page.

    The first visit after a start may come straight to a page's address; Streamlit then runs the file in pages/
    without the router. From the second run on it never does.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    return get_app()


def check(app: App) -> None:
    """Begin each fragment with this: a page drawn with an App that was restarted since is drawn anew."""
    try:
        same = get_app() is app
    except DocMindError:  # it can't be built any more; the router says why
        same = False
    if not same:
        st.rerun()


def restart_app(shown: App) -> None:
    """Close the App and build it anew: after a failed engine start, or to apply saved settings.

    Args:
        shown: the App of the page whose button was pressed; if another tab restarted it, nothing is left to do.
    """
    with _ONE:
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


def conversation_id(app: App) -> str | None:
    """Return the conversation this tab shows: the one in the address, else the last one looked at."""
    wanted = st.query_params.get("c") or st.session_state.get("conversation")
    known = any(c.id == wanted for c in app.conversations.list())
    show_conversation(wanted if known else None)
    return wanted if known else None


def show_conversation(wanted: str | None) -> None:
    """Make `wanted` this tab's conversation; None starts a new one. The address follows, so reload finds it."""
    if st.session_state.get("conversation") != wanted:
        if waiting := take("waiting"):  # what was to be asked elsewhere stays typed
            keep("draft", waiting)
        for name in ("dialog", "notice"):
            keep(name, None)
    st.session_state["conversation"] = wanted
    if wanted:
        if st.query_params.get("c") != wanted:
            st.query_params["c"] = wanted
    else:
        st.query_params.pop("c", None)


def attempt(act: Callable[..., object], *args: Any) -> None:
    """Do what a button is for; what can't be done (the disk is full …) is said, whichever page or fragment it is on."""
    try:
        act(*args)
    except DocMindError as exc:
        st.toast(plain(str(exc)), icon=":material/error:", duration="long")


def keep(name: str, value: Any) -> None:
    """Remember `value` for this tab's next run."""
    st.session_state[name] = value


def take(name: str) -> Any:
    """Return what was kept under `name`, once."""
    return st.session_state.pop(name, None)
