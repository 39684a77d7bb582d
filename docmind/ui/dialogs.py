"""The dialogs of all pages. One is open at a time, and stays open over reruns until it is answered or dismissed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind.errors import DocMindError
from docmind.ui import format, sources, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document
    from docmind.storage.messages import StoredMessage

OPEN = "dialog"
MADE = "made_collection"
"""A collection just made: the documents page shows it next."""


def ask(what: str, which: Any = None) -> None:
    """Open a dialog in the next run of the whole page: one opened in a fragment would close with its next round."""
    state.keep(OPEN, (what, which))
    st.rerun()


def draw(app: App) -> None:
    """Draw the dialog that is open, if what it is about is still there."""
    opened: tuple[str, Any] = st.session_state.get(OPEN) or ("", "")
    what, which = opened
    conversation = app.conversations.get(str(which))
    documents = [d for d in app.documents.documents() if isinstance(which, list) and d.id in which]
    collection = next((c for c in app.collections.all() if c.id == which), None)
    match what:
        case "Passage":
            if found := sources.find(app, state.conversation_id(app), which):
                title = plain(f"{found[0].number} · {found[0].passage.file_name}")
                _open(title, partial(sources.passage, app, *found), "medium")
        case "Rename conversation" if conversation:
            _open(
                what, partial(_name, conversation.title, partial(app.conversations.rename, which))
            )
        case "Export conversation" if conversation:
            _open(what, partial(_export, conversation.title, app.conversations.messages(which)))
        case "Delete conversation" if conversation:
            title = f"**{plain(conversation.title or 'New conversation')}**"
            text = f"{title} with its messages, sources and trim events will be deleted. Your documents stay."
            _open(what, partial(_confirm, text, partial(_delete_conversation, app, which)))
        case "Delete documents" if documents:
            text = f"{_named(documents)} will be removed from this machine, with all passages and vectors. "
            text += "Answers keep the passages they cite."
            title = f"Delete {format.count(len(documents), 'document')}"
            _open(title, partial(_confirm, text, partial(_delete, app, documents)))
        case "Collection and tags" if documents:
            _open(what, partial(_collection_and_tags, app, documents))
        case "New collection":
            _open(
                what,
                partial(_name, "", lambda name: state.keep(MADE, app.collections.create(name).id)),
            )
        case "Rename collection" if collection:
            _open(what, partial(_name, collection.name, partial(app.collections.rename, which)))
        case "Delete collection" if collection:
            first = plain(app.collections.all()[0].name)
            text = f"**{plain(collection.name)}** goes; its documents move to **{first}**."
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


def _export(title: str, messages: Sequence[StoredMessage]) -> None:
    st.markdown("Questions, answers and the passages they cite, as one Markdown file.")
    name = "-".join(re.findall(r"\w+", title)).lower()[:60] or "conversation"
    text = format.transcript(title or "New conversation", messages)
    if st.download_button(
        "Save", text, f"{name}.md", "text/markdown", type="primary", icon=":material/download:"
    ):
        _do(lambda: None)


def _named(documents: Sequence[Document]) -> str:
    names = [f"**{plain(d.name)}**" for d in documents[:3]]
    return ", ".join(names) + (f" and {len(documents) - 3} more" if documents[3:] else "")


def _collection_and_tags(app: App, documents: Sequence[Document]) -> None:
    names = {c.id: c.name for c in app.collections.all()}  # a select box draws no Markdown
    known = sorted({tag for d in app.documents.documents() for tag in d.tags})
    shared = [tag for tag in documents[0].tags if all(tag in d.tags for d in documents)]
    at = (
        list(names).index(documents[0].collection)
        if len({d.collection for d in documents}) == 1
        else None
    )
    st.markdown(_named(documents))
    with st.form("document", border=False):
        collection = st.selectbox(
            "Collection", names, at, format_func=names.__getitem__, placeholder="As they are"
        )
        label, hint = "Tags" if len(documents) == 1 else "Tags of all of them", "Type to add a tag"
        tags = st.multiselect(label, known, shared, accept_new_options=True, placeholder=hint)
        saved = st.form_submit_button("Save", type="primary")

    def save() -> None:
        for document in documents:
            app.collections.tag(document.id, [t for t in document.tags if t not in shared] + tags)
            if collection:
                app.collections.move(document.id, collection)

    if saved:
        _do(save)


def _delete(app: App, documents: Sequence[Document]) -> None:
    for document in documents:
        app.documents.delete(document.id)


def _delete_conversation(app: App, conversation: str) -> None:
    if turn := app.chat.active(conversation):
        turn.stop()
        turn.wait(5)
    app.conversations.delete(conversation)
