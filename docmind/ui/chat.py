"""The chat page's parts: banners, the empty page, the running turn, what a question does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.ui import answer, engine_status, message_actions, shared_app, uploads
from docmind.ui.asking import ask_again, ask_suggested, ask_waiting, is_loading, waits_for_files
from docmind.ui.markdown import plain
from docmind.ui.outdated import draw_outdated
from docmind.ui.scope_row import current_scope, draw_scope_row
from docmind.ui.tab import WaitingQuestion, this_tab
from docmind.ui.turn_view import view_turn

if TYPE_CHECKING:
    from streamlit.elements.widgets.chat import ChatInputValue

    from docmind.app import App
    from docmind.storage.documents import Document
    from docmind.storage.messages import StoredMessage
    from docmind.suggestions import Suggestions
    from docmind.turns import Turn

FOLLOW_S = 0.25
"""How often a running turn is drawn anew."""
SUGGESTION_S = 2.0
"""How often suggestions are looked for while they are made."""
SHOWN = 40
"""Messages drawn at first; older ones on demand."""
SUGGESTIONS = 6
"""Documents whose summary the empty page suggests."""
_INPUT_KEY = "question"


def draw_waiting(app: App, question: WaitingQuestion) -> None:
    """Draw the question that can't be asked yet; ask it once nothing has to be waited for."""
    model_is_loading = is_loading(app)
    if not model_is_loading and not waits_for_files(question, app.documents.documents()):
        ask_waiting(app, question)
        st.rerun()
    answer.draw_question(question.text, "waiting")
    with st.container(horizontal=True, vertical_alignment="center"):
        until = "the model is loaded" if model_is_loading else "your documents are read"
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
    elif is_loading(app):
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
    if not is_loading(app):
        uploads.redraw()
    status = app.engine.status()
    with st.container(key="engine-loading"):
        model = plain(engine_status.model_name(status))
        st.markdown(f":shimmer[Loading the model] **{model}**")
        so_far = f"{status.stage or 'starting'} · {wording.duration(status.elapsed_s)}"
        st.caption(f"{plain(so_far)} · You can add documents and ask meanwhile.")


def draw_empty(app: App, conversation_id: str | None) -> None:
    """Draw the page of a new conversation: what can be asked about, or what is missing."""
    documents = app.documents.documents()
    scope = current_scope(app, conversation_id)
    searched = app.collections.searched(scope).ids
    ready = [document for document in documents if document.state == "ready"]
    if searched is not None:
        ready = [document for document in ready if document.id in searched]
    with st.container(key="empty", horizontal_alignment="center"):
        st.title("Ask your documents", anchor=False, text_alignment="center")
        if not documents:
            _draw_first_steps()
        elif ready:
            _draw_suggestions(ready)
        else:
            why = _why_none_is_ready(documents, bool(scope))
            st.markdown(why, text_alignment="center")
        draw_next_questions(app, (), conversation_id)


def _draw_first_steps() -> None:
    st.markdown(
        "Add PDF or Office files, web pages, e-mails, e-books, text, pictures or ZIP archives. "
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
        return "None of the chosen documents is ready. Choose others below."
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


def draw_messages(app: App, messages: Sequence[StoredMessage], conversation_id: str) -> None:
    """Draw the conversation's last messages; the earlier ones if they are asked for."""
    is_busy = app.chat.active(conversation_id) is not None
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
    documents = {document.id: document for document in app.documents.documents()}
    for index, message in enumerate(messages):
        if index < first:
            continue
        if message.role == "user":
            message_actions.draw_question(app, message, index, is_busy=is_busy)
        else:
            answer.draw_answer(message, index)
            draw_outdated(app, messages[index - 1], message, documents, is_busy=is_busy)
            message_actions.draw_answer_actions(
                app, messages[index - 1], message, index, is_busy=is_busy
            )


def draw_ask_again(app: App, messages: Sequence[StoredMessage]) -> None:
    """Offer to repeat the last question, if its answer failed or was stopped."""
    if len(messages) < 2:
        return
    last = messages[-1]
    if last.role != "assistant" or not (last.error or last.stopped):
        return
    question = messages[-2]
    st.button("Ask again", icon=":material/refresh:", on_click=ask_again, args=(app, question))


def draw_next_questions(
    app: App, messages: Sequence[StoredMessage], conversation_id: str | None
) -> None:
    """Offer what can be asked next; while it is made, look for it now and then."""
    if messages and (messages[-1].role == "user" or not messages[-1].text):
        return
    suggestions = _suggestions(app, messages, conversation_id)
    draw_fragment = st.fragment(
        _draw_next_questions, run_every=None if suggestions.done else SUGGESTION_S
    )
    draw_fragment(app, messages, conversation_id, was_done=suggestions.done)


def _draw_next_questions(
    app: App,
    messages: Sequence[StoredMessage],
    conversation_id: str | None,
    *,
    was_done: bool,
) -> None:
    shared_app.redraw_after_restart(app)
    suggestions = _suggestions(app, messages, conversation_id)
    if suggestions.done and not was_done:
        # A fragment keeps its interval until the page is drawn anew.
        uploads.redraw()
    with st.container(key="next-questions", gap="xxsmall"):
        for number, question in enumerate(suggestions.questions):
            st.button(
                plain(question),
                key=f"next-question-{number}",
                icon=":material/arrow_outward:",
                type="tertiary",
                on_click=ask_suggested,
                args=(app, question),
            )


def _suggestions(
    app: App, messages: Sequence[StoredMessage], conversation_id: str | None
) -> Suggestions:
    scope = current_scope(app, conversation_id)
    if messages:
        return app.suggestions.after_answer(messages, scope)
    return app.suggestions.for_empty_page(scope)


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


def draw_question_options(app: App, conversation_id: str | None, turn: Turn | None) -> None:
    """Draw the row above the input: what is searched, and the button that ends the running turn.

    The row is there also where it is empty: what stands above must not jump when a turn ends.
    """
    with st.container(
        key="ask-options",
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
    ):
        draw_scope_row(app, conversation_id)
        if turn is not None:
            _draw_stop_button(turn)


def _draw_stop_button(turn: Turn) -> None:
    # Escape closes the dialog that is open; else it stops the answer.
    shortcut = None if this_tab().dialog else "Escape"
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
        "Ask about your documents, drop files, or type @ for one of them",
        key=_INPUT_KEY,
        accept_file="multiple",
        max_upload_size=uploads.limit_mb(app),
    )
