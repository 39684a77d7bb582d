"""Collections on the pages: the bar and the dialogs of the documents page, and what a conversation searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind.errors import DocMindError
from docmind.ui import state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.ingestion.registry import Document

ALL = 0
CHOSEN = "collection"
"""The collection that the documents page shows; what is dropped there goes into it."""


def bar(app: App, documents: Sequence[Document]) -> int:
    """Draw the collections, once there is more than one, and their menu; return the chosen one, or ALL."""
    names = {c.id: c.name for c in app.collections.all()}
    shown = [ALL, *names] if len(names) > 1 else []
    with st.container(key="collections", horizontal=True, vertical_alignment="center"):
        if st.session_state.get(CHOSEN) not in shown:
            st.session_state[CHOSEN] = ALL
        if shown:
            counts = {n: sum(d.collection == n for d in documents) for n in names} | {ALL: len(documents)}
            st.pills(
                "Collection",
                shown,
                required=True,
                format_func=lambda n: f"{plain(names.get(n, 'All'))} {counts[n]}",
                key=CHOSEN,
                label_visibility="collapsed",
            )
        chosen = int(st.session_state[CHOSEN])
        own = ["Rename", "Delete"] if chosen > 1 else ["Rename"] if chosen else []
        icons = {"New collection": "create_new_folder", "Rename": "edit", "Delete": "delete"}
        asked = st.menu_button(
            "" if shown else "Collections",
            ["New collection", *own],
            key="menu-collections",
            type="tertiary",
            icon=":material/more_horiz:" if shown else ":material/folder:",
            format_func=lambda o: f":material/{icons[o]}: {o}",
        )
    if asked:
        _open(asked, chosen)
    return chosen


def organise(document: Document) -> None:
    """Draw a document's button for its collection and tags."""
    help_ = "Collection and tags"
    if st.button("", key=f"organise-{document.id}", icon=":material/label:", type="tertiary", help=help_):
        _open("Document", document.id)


def _open(what: str, which: int | str) -> None:
    # a dialog opened in a fragment would close at its next round: the page opens it
    state.keep("organising", (what, which))
    st.rerun()


def dialogs(app: App) -> None:
    """Open the dialog that was asked for, until it is answered."""
    what, which = st.session_state.get("organising") or ("", 0)
    if what == "Document":
        if document := app.documents.get(str(which)):
            _document(app, document)
    elif what:
        _collection(app, what, next((c.name for c in app.collections.all() if c.id == which), ""))


def _answered() -> None:
    state.keep("organising", None)


@st.dialog("Collection and tags", on_dismiss=_answered)
def _document(app: App, document: Document) -> None:
    names = {c.id: c.name for c in app.collections.all()}
    known = sorted({tag for d in app.documents.documents() for tag in d.tags.split(",") if tag}, key=str.casefold)
    with st.form("document", border=False):
        st.markdown(f"**{plain(document.name)}**")
        place = list(names).index(document.collection) if document.collection in names else 0
        collection = st.selectbox("Collection", names, place, format_func=names.__getitem__)
        tags = [tag for tag in document.tags.split(",") if tag]
        chosen = st.multiselect("Tags", known, tags, accept_new_options=True, placeholder="Type to add a tag")
        if st.form_submit_button("Save", type="primary"):
            app.collections.move(document.id, collection)
            app.collections.tag(document.id, chosen)
            _answered()
            st.rerun()


@st.dialog("Collection", on_dismiss=_answered)
def _collection(app: App, what: str, name: str) -> None:
    which = int(st.session_state["organising"][1])
    with st.form("collection", border=False):
        if what == "Delete":
            st.markdown(f"**{plain(name)}** will be removed; its documents move to the first collection.")
            wanted = name
        else:
            wanted = st.text_input("Name", name if what == "Rename" else "", max_chars=60)
        if st.form_submit_button({"New collection": "Create"}.get(what, what), type="primary"):
            try:
                if what == "Rename":
                    app.collections.rename(which, wanted)
                elif what == "Delete":
                    app.collections.delete(which)
                else:
                    app.collections.create(wanted)
            except DocMindError as exc:
                st.error(plain(str(exc)))
                return
            _answered()
            st.rerun()


def searched(app: App, conversation: str | None) -> list[int]:
    """Return the collections that this tab's conversation searches; none: all."""
    known = {c.id for c in app.collections.all()}
    stored = app.conversations.get(conversation) if conversation else None
    return [c for c in (stored.searches if stored else st.session_state.get("searched") or ()) if c in known]


def chooser(app: App, conversation: str | None) -> None:
    """Draw what is searched, and the choice, once there is more than one collection."""
    names = {c.id: c.name for c in app.collections.all()}
    if len(names) < 2:
        return
    now = searched(app, conversation)
    label = (
        ", ".join(names[c] for c in now) if 0 < len(now) < 3 else f"{len(now)} collections" if now else "All documents"
    )
    key = f"searched-{conversation or 'new'}"

    def choose() -> None:
        picked = list(st.session_state[key])
        if conversation:
            app.conversations.choose(conversation, picked)
        else:
            state.keep("searched", picked)

    with st.container(key="searched"), st.popover(plain(label), icon=":material/folder_open:", type="tertiary"):
        st.pills(
            "Search in",
            names,
            selection_mode="multi",
            default=now,
            format_func=lambda c: plain(names[c]),
            key=key,
            on_change=choose,
            help="Nothing chosen: all documents.",
        )
