"""Collections on the documents page: the bar that chooses what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from docmind.storage.documents import FIRST_COLLECTION
from docmind.ui import dialogs
from docmind.ui.markdown import plain
from docmind.ui.tab import this_tab

if TYPE_CHECKING:
    from docmind.app import App

ALL = 0
"""The choice of the bar that is no collection."""
_SHOWN_KEY = "shown_collection"
"""Of the bar's widget."""


def shown_collection() -> int:
    """Return the collection that the documents page shows, or ALL.

    What is dropped there goes into it.
    """
    return int(st.session_state.get(_SHOWN_KEY, ALL))


def draw_bar(app: App) -> int:
    """Draw the collections, once there is more than one, and their menu; return the chosen one."""
    names = {ALL: "All", **_names(app)}
    _choose_new_or_known(names)
    has_several = len(names) > 2
    with st.container(key="collections", horizontal=True, vertical_alignment="center"):
        if has_several:
            st.pills(
                "Collection",
                names,
                required=True,
                format_func=names.__getitem__,
                key=_SHOWN_KEY,
                label_visibility="collapsed",
            )
        chosen = shown_collection()
        action = st.menu_button(
            "" if has_several else "Collections",
            _actions(chosen),
            key="menu-collections",
            type="tertiary",
            icon=":material/more_horiz:" if has_several else ":material/folder:",
        )
    match action:
        case "New collection":
            dialogs.ask(dialogs.NewCollection())
        case "Rename collection":
            dialogs.ask(dialogs.RenameCollection(chosen))
        case "Delete collection":
            dialogs.ask(dialogs.DeleteCollection(chosen))
    return chosen


def _choose_new_or_known(names: dict[int, str]) -> None:
    """Choose a collection that was just made; choose ALL where the chosen one is gone."""
    tab = this_tab()
    made = tab.new_collection
    tab.new_collection = None
    if made is not None:
        st.session_state[_SHOWN_KEY] = made
    if st.session_state.get(_SHOWN_KEY) not in names:
        st.session_state[_SHOWN_KEY] = ALL


def _actions(chosen: int) -> list[str]:
    if chosen == ALL:
        return ["New collection"]
    if chosen == FIRST_COLLECTION:
        return ["New collection", "Rename collection"]
    return ["New collection", "Rename collection", "Delete collection"]


def _names(app: App) -> dict[int, str]:
    return {collection.id: plain(collection.name) for collection in app.collections.all()}
