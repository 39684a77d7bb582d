"""Collections on the pages: the bar of the documents page, and what a conversation searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from docmind.storage.collections import FIRST
from docmind.ui import dialogs, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

ALL = 0
CHOSEN = "shown_collection"
"""The collection that the documents page shows; what is dropped there goes into it."""


def bar(app: App) -> int:
    """Draw the collections, once there is more than one, and their menu; return the chosen one, or ALL."""
    names = {ALL: "All", **_names(app)}
    made = state.take(dialogs.MADE)
    if made or st.session_state.get(CHOSEN) not in names:
        st.session_state[CHOSEN] = made if made in names else ALL
    several, show = len(names) > 2, names.__getitem__
    with st.container(key="collections", horizontal=True, vertical_alignment="center"):
        if several:
            st.pills(
                "Collection",
                names,
                required=True,
                format_func=show,
                key=CHOSEN,
                label_visibility="collapsed",
            )
        chosen = int(st.session_state[CHOSEN])
        own = (
            ["Rename collection", *(["Delete collection"] if chosen > FIRST else [])]
            if chosen
            else []
        )
        label, icon = (
            ("", ":material/more_horiz:") if several else ("Collections", ":material/folder:")
        )
        asked = st.menu_button(
            label, ["New collection", *own], key="menu-collections", type="tertiary", icon=icon
        )
    if asked:
        dialogs.ask(asked, chosen)
    return chosen


def _names(app: App) -> dict[int, str]:
    return {c.id: plain(c.name) for c in app.collections.all()}


def searched(app: App, conversation: str | None) -> list[int]:
    """Return the collections that a conversation (None: this tab's next one) searches; none: all."""
    stored = app.conversations.get(conversation) if conversation else None
    chosen = stored.collections if stored else st.session_state.get("searched") or ()
    known = _names(app)
    return [c for c in chosen if c in known]


def chooser(app: App, conversation: str | None) -> None:
    """Draw what is searched, and the choice, once there is more than one collection."""
    names, now, key = _names(app), searched(app, conversation), f"searched-{conversation}"
    if len(names) < 2:
        return

    def choose() -> None:
        if conversation:
            app.conversations.choose(conversation, st.session_state[key])
        else:
            state.keep("searched", st.session_state[key])

    label, show = (
        ", ".join(names[c] for c in now) if len(now) < 3 else f"{len(now)} collections",
        names.__getitem__,
    )
    with st.popover(label or "All documents", icon=":material/folder_open:", type="tertiary"):
        st.pills(
            "Search in",
            names,
            selection_mode="multi",
            default=now,
            format_func=show,
            key=key,
            on_change=choose,
        )
        st.caption("Nothing chosen: all documents.")
