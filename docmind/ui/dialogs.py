"""The dialogs of all pages. One is open at a time, and stays open over reruns until it is answered or dismissed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind.errors import DocMindError
from docmind.ui import sources, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.ingestion.registry import Document

OPEN = "dialog"


def ask(what: str, which: Any = None) -> None:
    """Open a dialog in the next run of the whole page: one opened in a fragment would close with its next round."""
    state.keep(OPEN, (what, which))
    st.rerun()


def draw(app: App) -> None:
    """Draw the dialog that is open, if what it is about is still there."""
    opened: tuple[str, Any] = st.session_state.get(OPEN) or ("", "")
    what, which = opened
    conversation, document = app.conversations.get(str(which)), app.documents.get(str(which))
    collection = next((c for c in app.collections.all() if c.id == which), None)
    match what:
        case "Passage":
            source = sources.find(app, state.conversation_id(app), which)
            if source is not None:
                _open(plain(f"{source.number} · {source.file_name}"), partial(sources.passage, app, source), "medium")
        case "Rename conversation" if conversation:
            _open(what, partial(_name, conversation.title, partial(app.conversations.rename, which)))
        case "Delete conversation" if conversation:
            title = f"**{plain(conversation.title or 'New conversation')}**"
            text = f"{title} with its messages, sources and trim events will be deleted. Your documents stay."
            _open(what, partial(_confirm, text, partial(_delete_conversation, app, which)))
        case "Delete document" if document:
            text = f"**{plain(document.name)}**, its passages and its vectors will be removed from this machine. "
            text += "Answers that cite it keep the passages they cite."
            _open(what, partial(_confirm, text, partial(app.documents.delete, which)))
        case "Collection and tags" if document:
            _open(what, partial(_document, app, document))
        case "New collection":
            _open(what, partial(_name, "", app.collections.create))
        case "Rename collection" if collection:
            _open(what, partial(_name, collection.name, partial(app.collections.rename, which)))
        case "Delete collection" if collection:
            text = f"**{plain(collection.name)}** goes; its documents move to the first collection."
            _open(what, partial(_confirm, text, partial(app.collections.delete, which)))


def _open(title: str, body: Callable[[], None], width: Any = "small") -> None:
    st.dialog(title, width=width, on_dismiss=partial(state.keep, OPEN, None))(body)()


def _do(act: Callable[[], object]) -> None:
    """Do what was asked for and close the dialog; what can't be done is said in it."""
    try:
        act()
    except DocMindError as exc:
        st.error(plain(str(exc)), icon=":material/error:")
        return
    state.keep(OPEN, None)
    st.rerun()


def _confirm(text: str, act: Callable[[], object]) -> None:
    st.markdown(text)
    with st.container(horizontal=True, horizontal_alignment="right"):
        kept = st.button("Keep it", key="delete-no")
        deleted = st.button("Delete", key="delete-yes", type="primary", icon=":material/delete:")
    if kept or deleted:
        _do(act if deleted else lambda: None)


def _name(name: str, act: Callable[[str], object]) -> None:
    with st.form("name", border=False):
        name = st.text_input("Name", name, max_chars=120)
        if st.form_submit_button("Save", type="primary"):
            _do(partial(act, name))


def _document(app: App, document: Document) -> None:
    names = {c.id: plain(c.name) for c in app.collections.all()}
    known = {tag for d in app.documents.documents() for tag in d.tag_list}
    st.markdown(f"**{plain(document.name)}**")
    with st.form("document", border=False):
        at = list(names).index(document.collection)
        collection = st.selectbox("Collection", names, at, format_func=names.__getitem__)
        placeholder = "Type to add a tag"
        tags = st.multiselect(
            "Tags", sorted(known), document.tag_list, accept_new_options=True, placeholder=placeholder
        )
        if st.form_submit_button("Save", type="primary"):
            app.collections.tag(document.id, tags)
            _do(partial(app.collections.move, document.id, collection))


def _delete_conversation(app: App, conversation: str) -> None:
    if turn := app.chat.active(conversation):
        turn.stop()
        turn.wait(5)
    app.conversations.delete(conversation)
