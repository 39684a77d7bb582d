"""The chat page's parts: banners, the empty page, the running turn, what a question does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.errors import DocMindError
from docmind.ui import answer, engine_status, shared_app, uploads
from docmind.ui.collections import searched_collections
from docmind.ui.markdown import plain
from docmind.ui.tab import (
    Notice,
    WaitingQuestion,
    show_conversation,
    shown_conversation,
    this_tab,
)
from docmind.ui.turn_view import view_turn

if TYPE_CHECKING:
    from streamlit.elements.widgets.chat import ChatInputValue

    from docmind.app import App
    from docmind.storage.documents import Document
    from docmind.storage.messages import StoredMessage
    from docmind.turns import Turn

FOLLOW_S = 0.25
"""How often a running turn is drawn anew."""
SHOWN = 40
"""Messages drawn at first; older ones on demand."""
SUGGESTIONS = 6
"""Documents whose summary the empty page suggests."""
_INPUT_KEY = "question"


def submit(app: App, value: ChatInputValue) -> None:
    """Take files and a question from the input."""
    tab = this_tab()
    collections = searched_collections(app, shown_conversation(app))
    target = collections[0] if collections else None
    tab.notices = uploads.add(app, value.files or [], target)
    question = (value.text or "").strip()
    if question and tab.waiting is not None:
        _refuse(
            "Your last question is still waiting. Take it back, or ask this one after it.",
            question,
        )
    elif question:
        ask(app, question, came_with_files=bool(value.files))
    st.rerun()


def ask(app: App, question: str, came_with_files: bool = False) -> None:
    """Start a turn in this tab's conversation.

    If it can't begin yet, the question waits until `draw_waiting` asks it. If it can't at all, the
    reason is shown and the question is back in the input.

    Args:
        app: The app.
        question: As it was typed, or as it waited.
        came_with_files: wait for the files that are being read, even if others can be asked about
            already.
    """
    tab = this_tab()
    # This may be the question that waited; it waits anew below if it has to.
    tab.waiting = None
    current_id = shown_conversation(app)
    if current_id is not None and app.chat.active(current_id):
        _refuse("An answer is being written. Stop it, or ask again when it is done.", question)
        return

    documents = app.documents.documents()
    if not documents:
        _refuse("There is nothing to ask about yet: drop a document here first.", question)
        return

    waiting = WaitingQuestion(text=question, came_with_files=came_with_files)
    if _waits_for_files(waiting, documents) or _is_loading(app):
        tab.waiting = waiting
        return

    try:
        with app.conversations.existing_or_new(current_id) as conversation_id:
            if current_id is None:
                app.conversations.search_in(conversation_id, searched_collections(app, None))
            app.chat.ask(question, conversation_id)
    except DocMindError as exc:
        _refuse(plain(str(exc)), question)
        return
    show_conversation(conversation_id)


def _is_loading(app: App) -> bool:
    return app.engine.status().state in {"idle", "loading"}


def _waits_for_files(question: WaitingQuestion, documents: Sequence[Document]) -> bool:
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


def draw_waiting(app: App, question: WaitingQuestion) -> None:
    """Draw the question that can't be asked yet; ask it once nothing has to be waited for."""
    is_loading = _is_loading(app)
    if not is_loading and not _waits_for_files(question, app.documents.documents()):
        ask(app, question.text, question.came_with_files)
        st.rerun()
    answer.draw_question(question.text, "waiting")
    with st.container(horizontal=True, vertical_alignment="center"):
        until = "the model is loaded" if is_loading else "your documents are read"
        st.markdown(f":shimmer[It will be asked as soon as {until} …]", width="content")
        if st.button("Take it back", type="tertiary"):
            tab = this_tab()
            tab.waiting = None
            tab.draft = question.text
            st.rerun()


def draw_engine_banner(app: App) -> None:
    """Say that the model is loading or could not start, or serves otherwise than asked."""
    status = app.engine.status()
    tab = this_tab()
    if status.state == "failed":
        st.error(f"**The model could not start.** {plain(status.error)}", icon=":material/error:")
        with st.container(horizontal=True):
            st.button(
                "Try again",
                icon=":material/refresh:",
                type="primary",
                on_click=shared_app.restart_app,
                args=(app,),
            )
            if st.button("Choose another model", icon=":material/tune:"):
                st.switch_page("pages/settings.py")
    elif _is_loading(app):
        _draw_loading(app)
    elif status.notice and status.notice != tab.read_engine_notice:
        st.warning(plain(status.notice), icon=":material/warning:")
        with st.container(horizontal=True):
            st.button("OK", on_click=tab.mark_engine_notice_read, args=(status.notice,))
            if status.attempts and st.button(
                "What was tried", icon=":material/monitoring:", type="tertiary"
            ):
                st.switch_page("pages/system.py")


@st.fragment(run_every=1.0)
def _draw_loading(app: App) -> None:
    shared_app.redraw_after_restart(app)
    if not _is_loading(app):
        uploads.redraw()
    status = app.engine.status()
    with st.container(key="engine-loading"):
        model = plain(engine_status.model_name(status))
        st.markdown(f":shimmer[Loading the model] **{model}**")
        so_far = f"{status.stage or 'starting'} · {wording.duration(status.elapsed_s)}"
        st.caption(f"{plain(so_far)} · You can add documents and ask meanwhile.")


def draw_empty(app: App) -> None:
    """Draw the page of a new conversation: what can be asked about, or what is missing."""
    documents = app.documents.documents()
    searched = searched_collections(app, None)
    ready = [document for document in documents if document.state == "ready"]
    if searched:
        ready = [document for document in ready if document.collection in searched]
    with st.container(key="empty", horizontal_alignment="center"):
        st.title("Ask your documents", anchor=False, text_alignment="center")
        if not documents:
            _draw_first_steps()
        elif ready:
            _draw_suggestions(ready)
        else:
            why = _why_none_is_ready(documents, bool(searched))
            st.markdown(why, text_alignment="center")


def _draw_first_steps() -> None:
    st.markdown(
        "Add PDF, Word, PowerPoint or Excel files, web pages, e-mails, e-books, text or pictures. "
        "They are read and your questions answered on this machine; nothing leaves it.",
        text_alignment="center",
    )
    if st.button(
        "Add documents", key="add-documents", type="primary", icon=":material/upload_file:"
    ):
        st.switch_page("pages/documents.py")
    st.caption("or drop files into the field below", text_alignment="center")


def _why_none_is_ready(documents: Sequence[Document], some_are_chosen: bool) -> str:
    if uploads.pending(documents):
        return "Your documents are being read. You can ask as soon as one is ready."
    if some_are_chosen:
        return "No document of the chosen collections is ready. Choose others below."
    return "No document could be read. The Documents page says why."


def _draw_suggestions(ready: Sequence[Document]) -> None:
    summary = wording.count(len(ready), "document")
    pages = sum(document.pages or 0 for document in ready)
    if pages:
        summary += f" with {wording.count(pages, 'page')}"
    st.markdown(
        f"{summary} ready. Answers cite the passages they rest on.", text_alignment="center"
    )
    with st.container(key="suggestions", horizontal=True, horizontal_alignment="center"):
        for document in ready[:SUGGESTIONS]:
            st.button(
                plain(document.name),
                key=f"suggest-{document.id}",
                icon=":material/description:",
                help="Ask for a summary of this document",
                on_click=this_tab().write_draft,
                args=(f"Summarize {document.name}",),
            )
    more = len(ready) - SUGGESTIONS
    if more > 0:
        st.page_link("pages/documents.py", label=f"and {more} more", width="content")


def draw_messages(messages: Sequence[StoredMessage], conversation_id: str) -> None:
    """Draw the conversation's last messages; the earlier ones if they are asked for."""
    tab = this_tab()
    first = max(0, len(messages) - SHOWN)
    if tab.whole_conversation_id == conversation_id:
        first = 0
    if first:
        st.button(
            f"Show {first} earlier messages",
            type="tertiary",
            icon=":material/expand_less:",
            on_click=tab.show_all_messages,
            args=(conversation_id,),
        )
    for index, message in enumerate(messages):
        if index < first:
            continue
        if message.role == "user":
            answer.draw_question(message.text, index)
        else:
            answer.draw_answer(message, index)


def draw_ask_again(app: App, messages: Sequence[StoredMessage]) -> None:
    """Offer to repeat the last question, if its answer failed or was stopped."""
    if not messages:
        return
    last = messages[-1]
    if last.role != "assistant" or not (last.error or last.stopped):
        return
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text
    st.button("Ask again", icon=":material/refresh:", on_click=ask, args=(app, question))


@st.fragment(run_every=FOLLOW_S)
def follow(app: App, conversation_id: str) -> None:
    """Draw the running turn from its events until it ends and its stored answer takes its place."""
    shared_app.redraw_after_restart(app)
    turn = app.chat.active(conversation_id)
    if turn is None or turn.done:
        uploads.redraw()
    answer.draw_running(view_turn(turn.events()), turn.elapsed_s)


@st.fragment(run_every=1.0)
def draw_ingesting(app: App) -> None:
    """Show in one line what is being read, until it is."""
    shared_app.redraw_after_restart(app)
    unfinished = uploads.pending(app.documents.documents())
    if not unfinished:
        uploads.redraw()
    current = _being_read(unfinished)
    progress = uploads.progress(current)
    if current.state == "queued":
        progress = uploads.Progress(fraction=0.0, words="Waiting")
    others = len(unfinished) - 1
    more = f" · {others} more waiting" if others else ""
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom"):
        st.progress(progress.fraction, f"{plain(current.name)} — {progress.words}{more}")
        st.button(
            "Cancel all" if others else "Cancel",
            type="tertiary",
            icon=":material/close:",
            on_click=shared_app.attempt,
            args=(uploads.cancel, app, unfinished),
        )


def _being_read(unfinished: Sequence[Document]) -> Document:
    """Return the document that is at work, or else the first that waits."""
    for document in unfinished:
        if document.state != "queued":
            return document
    return unfinished[0]


def draw_stop_button(turn: Turn) -> None:
    """Draw the button that ends the running turn."""
    # Escape closes the dialog that is open; else it stops the answer.
    shortcut = None if this_tab().dialog else "Escape"
    with st.container(key="stop", horizontal=True, horizontal_alignment="center"):
        st.button(
            "Stop",
            icon=":material/stop:",
            shortcut=shortcut,
            on_click=turn.stop,
            key="stop-turn",
        )


def write_draft_into_input() -> None:
    """Put what is to stand in the input there, before it is drawn."""
    tab = this_tab()
    if tab.draft:
        st.session_state[_INPUT_KEY] = tab.draft
        tab.draft = ""


def draw_input(app: App) -> ChatInputValue | None:
    """Draw the input for questions and files; return what was sent."""
    return st.chat_input(
        "Ask about your documents, or drop files",
        key=_INPUT_KEY,
        accept_file="multiple",
        max_upload_size=uploads.limit_mb(app),
    )
