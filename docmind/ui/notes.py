"""The notes page's parts: search, the list, one note that is edited."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.storage.notes import LONGEST_TITLE
from docmind.transcripts.notes import notes_as_markdown
from docmind.ui import shared_app
from docmind.ui.markdown import plain, safe
from docmind.ui.tab import show_conversation, this_tab

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.notes import Note


def draw(app: App) -> None:
    """Draw all notes, or those that have what is typed."""
    _offer_to_bring_back(app)
    all_notes = app.notes.all()
    if not all_notes:
        st.markdown("No notes yet. Below an answer, **Keep** puts it into a note.")
        return
    with st.container(key="notes-tools", horizontal=True, vertical_alignment="center"):
        text = st.text_input(
            "Search notes",
            key="note-search",
            placeholder="Search notes",
            label_visibility="collapsed",
            icon=":material/search:",
        )
        found = all_notes
        if text.strip():
            found = app.notes.all(text)
        st.download_button(
            f"Export {wording.count(len(found), 'note')}",
            data=notes_as_markdown(found),
            file_name="notes.md",
            mime="text/markdown",
            icon=":material/download:",
            disabled=not found,
            on_click="ignore",
        )
    if not found:
        st.caption("No note has this in its title or text.")
    for note in found:
        with st.container(key=f"note-{note.id}", border=True):
            if this_tab().editing_note == note.id:
                _draw_form(app, note)
            else:
                _draw_note(app, note)


def _draw_note(app: App, note: Note) -> None:
    st.markdown(f"## {plain(note.title)}", anchors=False)
    # As answers are drawn: what a document says becomes no picture here.
    st.markdown(safe(note.text), anchors=False)
    st.caption(plain(f"changed {wording.when(note.updated_at)}"))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Edit",
            key=f"edit-note-{note.id}",
            icon=":material/edit:",
            type="tertiary",
            on_click=this_tab().edit_note,
            args=(note.id,),
        )
        st.download_button(
            "Export",
            data=notes_as_markdown([note]),
            file_name="note.md",
            mime="text/markdown",
            key=f"export-note-{note.id}",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )
        st.button(
            "Delete",
            key=f"delete-note-{note.id}",
            icon=":material/delete:",
            type="tertiary",
            on_click=shared_app.attempt,
            args=(partial(_delete, app, note),),
        )
        conversation_id = note.conversation_id
        if conversation_id is None or app.conversations.get(conversation_id) is None:
            return
        if st.button(
            "Conversation",
            key=f"note-source-{note.id}",
            icon=":material/forum:",
            type="tertiary",
        ):
            show_conversation(conversation_id)
            st.switch_page("pages/chat.py", query_params=st.query_params)


def _draw_form(app: App, note: Note) -> None:
    with st.form(f"note-form-{note.id}", border=False):
        title = st.text_input("Title", note.title, max_chars=LONGEST_TITLE)
        text = st.text_area("Text", note.text, height=320)
        with st.container(horizontal=True, horizontal_alignment="right"):
            is_kept = st.form_submit_button("Keep as it was", type="tertiary")
            is_saved = st.form_submit_button("Save", type="primary")
    if is_saved:
        shared_app.attempt(app.notes.change, note.id, title, text)
    if is_saved or is_kept:
        this_tab().edit_note(None)
        st.rerun()


def _delete(app: App, note: Note) -> None:
    app.notes.delete(note.id)
    this_tab().deleted_note = note


def _offer_to_bring_back(app: App) -> None:
    tab = this_tab()
    note = tab.deleted_note
    if note is None:
        return

    def bring_back() -> None:
        app.notes.bring_back(note)
        tab.deleted_note = None

    with st.container(key="undo-note", horizontal=True, vertical_alignment="center"):
        st.caption("Note deleted", width="content")
        st.button(
            "Undo",
            key="bring-back-note",
            type="tertiary",
            icon=":material/undo:",
            on_click=shared_app.attempt,
            args=(bring_back,),
        )
