"""Collections on the pages: the bar and the dialogs of the documents page, and what a conversation searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from docmind.errors import DocMindError
from docmind.ingestion.collections import FIRST
from docmind.ui import state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.ingestion.registry import Document

ALL = 0
CHOSEN = "shown_collection"
"""The collection that the documents page shows; what is dropped there goes into it."""


def bar(app: App) -> int:
    """Draw the collections, once there is more than one, and their menu; return the chosen one, or ALL."""
    names = {ALL: "All", **_names(app)}
    if st.session_state.get(CHOSEN) not in names:
        st.session_state[CHOSEN] = ALL
    with st.container(key="collections", horizontal=True, vertical_alignment="center"):
        if len(names) > 2:
            st.pills(
                "Collection",
                names,
                required=True,
                format_func=names.__getitem__,
                key=CHOSEN,
                label_visibility="collapsed",
            )
        chosen = int(st.session_state[CHOSEN])
        own = ["Rename", "Delete"] if chosen > FIRST else ["Rename"] if chosen else []
        label, icon = ("", "more_horiz") if len(names) > 2 else ("Collections", "folder")
        asked = st.menu_button(
            label, ["New collection", *own], key="menu-collections", type="tertiary", icon=f":material/{icon}:"
        )
    if asked:
        open_dialog(asked, chosen)
    return chosen


def _names(app: App) -> dict[int, str]:
    return {c.id: plain(c.name) for c in app.collections.all()}


def open_dialog(what: str, which: int | str) -> None:
    """Ask the page to open a dialog: one opened in a fragment would close at the fragment's next round."""
    state.keep("organising", (what, which))
    st.rerun()


def dialogs(app: App) -> None:
    """Open the dialog that was asked for, until it is answered."""
    what, which = st.session_state.get("organising") or ("", "")
    if what == "Document" and (document := app.documents.get(which)):
        _document(app, document)
    elif isinstance(which, int):
        _collection(app, what, which)


def _answered() -> None:
    state.keep("organising", None)


@st.dialog("Collection and tags", on_dismiss=_answered)
def _document(app: App, document: Document) -> None:
    names = _names(app)
    known = {tag for d in app.documents.documents() for tag in d.tag_list}
    st.markdown(f"**{plain(document.name)}**")
    with st.form("document", border=False):
        collection = st.selectbox(
            "Collection", names, list(names).index(document.collection), format_func=names.__getitem__
        )
        tags = st.multiselect(
            "Tags", sorted(known), document.tag_list, accept_new_options=True, placeholder="Type to add a tag"
        )
        if st.form_submit_button("Save", type="primary"):
            app.collections.move(document.id, collection)
            app.collections.tag(document.id, tags)
            _answered()
            st.rerun()


@st.dialog("Collection", on_dismiss=_answered)
def _collection(app: App, what: str, which: int) -> None:
    with st.form("collection", border=False):
        name = next((c.name for c in app.collections.all() if c.id == which), "")
        if what == "Delete":
            st.markdown(f"**{plain(name)}** goes; its documents move to the first collection.")
        else:
            name = st.text_input("Name", name if what == "Rename" else "", max_chars=60)
        act = {"Rename": lambda: app.collections.rename(which, name), "Delete": lambda: app.collections.delete(which)}
        if st.form_submit_button(what if what in act else "Create", type="primary"):
            try:
                act.get(what, lambda: app.collections.create(name))()
            except DocMindError as exc:
                st.error(plain(str(exc)))
                return
            _answered()
            st.rerun()


def searched(app: App, conversation: str | None) -> list[int]:
    """Return the collections that a conversation (None: this tab's next one) searches; none: all."""
    stored = app.conversations.get(conversation) if conversation else None
    chosen = stored.searches if stored else st.session_state.get("searched") or ()
    return [c for c in chosen if c in _names(app)]


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

    label = ", ".join(names[c] for c in now) if len(now) < 3 else f"{len(now)} collections"
    with st.popover(label or "All documents", icon=":material/folder_open:", type="tertiary"):
        st.pills(
            "Search in",
            names,
            selection_mode="multi",
            default=now,
            format_func=names.__getitem__,
            key=key,
            on_change=choose,
        )
        st.caption("Nothing chosen: all documents.")
