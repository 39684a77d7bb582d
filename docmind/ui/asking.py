"""From the input, or a message's actions, to a turn: what is asked now, and what has to wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind.agents.mentions import read_mentions
from docmind.errors import DocMindError
from docmind.ui import uploads
from docmind.ui.markdown import plain
from docmind.ui.scope_row import choose_scope, current_scope
from docmind.ui.tab import (
    Notice,
    WaitingQuestion,
    show_conversation,
    shown_conversation,
    this_tab,
)

if TYPE_CHECKING:
    from streamlit.elements.widgets.chat import ChatInputValue

    from docmind.app import App
    from docmind.storage.documents import Document
    from docmind.storage.messages import StoredMessage


def submit(app: App, value: ChatInputValue) -> None:
    """Take files and a question from the input."""
    tab = this_tab()
    conversation_id = shown_conversation(app)
    scope = current_scope(app, conversation_id)
    target = scope.collections[0] if scope.collections else None
    tab.notices = uploads.add(app, value.files or [], target)
    typed = (value.text or "").strip()
    if typed and tab.waiting is not None:
        _refuse(
            "Your last question is still waiting. Take it back, or ask this one after it.",
            typed,
        )
    elif typed:
        _ask_typed(app, typed, conversation_id, came_with_files=bool(value.files))
    st.rerun()


def _ask_typed(app: App, typed: str, conversation_id: str | None, *, came_with_files: bool) -> None:
    """Ask what was typed, of what it names: that is kept for the questions after it.

    Where nothing else was typed, only the choice is changed.
    """
    try:
        mentions = read_mentions(typed, app.documents.documents(), app.collections.all())
    except DocMindError as exc:
        _refuse(plain(str(exc)), typed)
        return
    if mentions.scope:
        choose_scope(app, conversation_id, mentions.scope)
    if mentions.question:
        ask_waiting(app, WaitingQuestion(text=mentions.question, came_with_files=came_with_files))


def ask_again(app: App, question: StoredMessage, temperature: float | None = None) -> None:
    """Answer a stored question once more; the answer is another version beside the last one.

    Args:
        app: The app.
        question: As it is stored.
        temperature: What the answer is sampled with; None: as in the settings.
    """
    again = WaitingQuestion(
        text=question.text,
        version_of=question.id,
        scope=question.scope,
        temperature=temperature,
    )
    ask_waiting(app, again)


def ask_suggested(app: App, question: str) -> None:
    """Ask a question that was offered."""
    ask_waiting(app, WaitingQuestion(text=question))


def ask_edited(app: App, question: StoredMessage, text: str) -> None:
    """Ask a stored question in other words; it becomes another version of that question.

    It is asked of the same documents, unless the text names others.
    """
    this_tab().edit(None)
    try:
        mentions = read_mentions(text, app.documents.documents(), app.collections.all())
    except DocMindError as exc:
        _refuse(plain(str(exc)), text)
        return
    if mentions.question:
        edited = WaitingQuestion(
            text=mentions.question,
            version_of=question.id,
            scope=mentions.scope or question.scope,
        )
        ask_waiting(app, edited)


def ask_waiting(app: App, question: WaitingQuestion) -> None:
    """Start a turn in this tab's conversation.

    If it can't begin yet, the question waits until `chat.draw_waiting` asks it. If it can't at all,
    the reason is shown and the question is back in the input.
    """
    tab = this_tab()
    # This may be the question that waited; it waits anew below if it has to.
    tab.waiting = None
    current_id = shown_conversation(app)
    if current_id is not None and app.chat.active(current_id):
        _refuse("An answer is being written. Stop it, or ask again when it is done.", question.text)
        return

    documents = app.documents.documents()
    if not documents:
        _refuse("There is nothing to ask about yet: drop a document here first.", question.text)
        return

    if waits_for_files(question, documents) or is_loading(app):
        tab.waiting = question
        return

    try:
        with app.conversations.existing_or_new(current_id) as conversation_id:
            if current_id is None:
                app.conversations.search_in(conversation_id, current_scope(app, None))
            app.chat.ask(
                question.text,
                conversation_id,
                version_of=question.version_of,
                scope=question.scope,
                temperature=question.temperature,
            )
    except DocMindError as exc:
        _refuse(plain(str(exc)), question.text)
        return
    show_conversation(conversation_id)


def is_loading(app: App) -> bool:
    """Tell whether the model can't be asked yet."""
    return app.engine.status().state in {"idle", "loading"}


def waits_for_files(question: WaitingQuestion, documents: Sequence[Document]) -> bool:
    """Return whether files must be read first: all if it came with some, else the first one."""
    has_ready = any(document.state == "ready" for document in documents)
    if has_ready and not question.came_with_files:
        return False
    return bool(uploads.pending(documents))


def _refuse(reason: str, question: str) -> None:
    """Say why the question was not asked, and leave it typed."""
    tab = this_tab()
    tab.notices = [*tab.notices, Notice(kind="wait", text=reason)]
    tab.draft = question
