"""Collections on the pages: the bar of the documents page, and what a conversation searches."""

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


def searched_collections(app: App, conversation_id: str | None) -> list[int]:
    """Return the collections that a conversation searches; none: all.

    Args:
        conversation_id: None is this tab's next conversation.
    """
    chosen = list(this_tab().searched)
    if conversation_id is not None:
        conversation = app.conversations.get(conversation_id)
        if conversation is not None:
            chosen = list(conversation.collections)
    known = _names(app)
    return [collection for collection in chosen if collection in known]


def draw_search_choice(app: App, conversation_id: str | None) -> None:
    """Draw what is searched, and the choice, once there is more than one collection."""
    names = _names(app)
    if len(names) < 2:
        return
    searched = searched_collections(app, conversation_id)
    key = f"searched-{conversation_id}"

    def choose() -> None:
        chosen = st.session_state[key]
        if conversation_id is None:
            this_tab().search_in(chosen)
        else:
            app.conversations.search_in(conversation_id, chosen)

    with st.popover(
        _search_label([names[collection] for collection in searched]),
        icon=":material/folder_open:",
        type="tertiary",
    ):
        st.pills(
            "Search in",
            names,
            selection_mode="multi",
            default=searched,
            format_func=names.__getitem__,
            key=key,
            on_change=choose,
        )
        st.caption("Nothing chosen: all documents.")


def _search_label(names: list[str]) -> str:
    if not names:
        return "All documents"
    if len(names) < 3:
        return ", ".join(names)
    return f"{len(names)} collections"
