"""The chat page's parts: banners, the empty page, the running turn, and what a submitted question does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind import wording
from docmind.errors import DocMindError
from docmind.ui import answer, collections, engine_status, state, uploads
from docmind.ui.markdown import plain
from docmind.ui.turn_view import fold

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

FOLLOW_S = 0.25
INPUT = "question"
LOADING = {"idle", "loading"}


def submit(app: App, value: Any) -> None:
    """Take files and a question from the input."""
    chosen = collections.searched(app, state.conversation_id(app))
    state.keep("notice", uploads.add(app, value.files or [], next(iter(chosen), None)))
    question = (value.text or "").strip()
    if question and st.session_state.get("waiting"):
        _refuse(
            "Your last question is still waiting. Take it back, or ask this one after it.", question
        )
    elif question:
        ask(app, question, about_new=bool(value.files))
    st.rerun()


def ask(app: App, question: str, about_new: bool = False) -> None:
    """Start a turn in this tab's conversation; if it can't begin yet it waits, and if it can't at all that is said.

    Args:
        about_new: wait for the files that are being read, even if others can be asked about already.
    """
    current = state.conversation_id(app)
    documents = app.documents.documents()
    state.keep("waiting", None)
    if current and app.chat.active(current):
        return _refuse(
            "An answer is being written. Stop it, or ask again when it is done.", question
        )
    if not documents:
        return _refuse("There is nothing to ask about yet: drop a document here first.", question)
    state.keep("about_new", about_new)
    if _reads(documents) or app.engine.status().state in LOADING:
        return state.keep("waiting", question)
    try:
        with app.conversations.begun(current) as asked_in:
            if not current:
                app.conversations.choose(asked_in, collections.searched(app, None))
            app.chat.ask(question, asked_in)
    except DocMindError as exc:
        return _refuse(plain(str(exc)), question)
    return state.show_conversation(asked_in)


def _reads(documents: Sequence[Document]) -> bool:
    """Return whether a question must wait for files: for all if it came with some, else for the first one."""
    enough = not st.session_state.get("about_new") and any(d.state == "ready" for d in documents)
    return not enough and bool(uploads.pending(documents))


def _refuse(text: str, question: str) -> None:
    """Say why the question was not asked, and leave it typed."""
    state.keep("notice", [*(st.session_state.get("notice") or []), ("wait", text)])
    state.keep("draft", question)


def waiting(app: App, question: str) -> None:
    """Draw the question that can't be asked yet, or ask it now."""
    loading = app.engine.status().state in LOADING
    if not loading and not _reads(app.documents.documents()):
        ask(app, question, bool(st.session_state.get("about_new")))
        st.rerun()
    answer.question(question, "waiting")
    with st.container(horizontal=True, vertical_alignment="center"):
        until = "the model is loaded" if loading else "your documents are read"
        st.markdown(f":shimmer[It will be asked as soon as {until} …]", width="content")
        if st.button("Take it back", type="tertiary"):
            state.keep("waiting", None)
            state.keep("draft", question)
            st.rerun()


def engine_banner(app: App) -> None:
    """Say that the model is loading or could not start, or serves otherwise than it was asked to."""
    status = app.engine.status()
    if status.state == "failed":
        st.error(f"**The model could not start.** {plain(status.error)}", icon=":material/error:")
        with st.container(horizontal=True):
            st.button(
                "Try again",
                icon=":material/refresh:",
                type="primary",
                on_click=state.restart_app,
                args=(app,),
            )
            if st.button("Choose another model", icon=":material/tune:"):
                st.switch_page("pages/settings.py")
    elif status.state in LOADING:
        _loading(app)
    elif status.notice and status.notice != st.session_state.get("read"):
        st.warning(plain(status.notice), icon=":material/warning:")
        with st.container(horizontal=True):
            st.button("OK", on_click=state.keep, args=("read", status.notice))
            if status.attempts and st.button(
                "What was tried", icon=":material/monitoring:", type="tertiary"
            ):
                st.switch_page("pages/system.py")


@st.fragment(run_every=1.0)
def _loading(app: App) -> None:
    state.check(app)
    status = app.engine.status()
    if status.state not in LOADING:
        uploads.redraw()
    with st.container(key="engine-loading"):
        st.markdown(f":shimmer[Loading the model] **{plain(engine_status.model_name(status))}**")
        so_far = f"{status.stage or 'starting'} · {wording.duration(status.elapsed_s)}"
        st.caption(f"{plain(so_far)} · You can add documents and ask meanwhile.")


def empty(app: App) -> None:
    """Draw the page of a new conversation: what can be asked about, or that something must be added."""
    documents = app.documents.documents()
    chosen = collections.searched(app, None)
    ready = [d for d in documents if d.state == "ready" and (not chosen or d.collection in chosen)]
    with st.container(key="empty", horizontal_alignment="center"):
        st.title("Ask your documents", anchor=False, text_alignment="center")
        if not documents:
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
            return
        if not ready:
            said = "No document could be read. The Documents page says why."
            if uploads.pending(documents):
                said = "Your documents are being read. You can ask as soon as one is ready."
            elif chosen:
                said = "No document of the chosen collections is ready. Choose others below."
            st.markdown(said, text_alignment="center")
            return
        pages = sum(d.pages or 0 for d in ready)
        summary = wording.count(len(ready), "document")
        summary += f" with {wording.count(pages, 'page')}" if pages else ""
        st.markdown(
            f"{summary} ready. Answers cite the passages they rest on.", text_alignment="center"
        )
        with st.container(key="suggestions", horizontal=True, horizontal_alignment="center"):
            for document in ready[:6]:
                st.button(
                    plain(document.name),
                    key=f"suggest-{document.id}",
                    icon=":material/description:",
                    help="Ask for a summary of this document",
                    on_click=state.keep,
                    args=("draft", f"Summarize {document.name}"),
                )
        if len(ready) > 6:
            st.page_link("pages/documents.py", label=f"and {len(ready) - 6} more", width="content")


@st.fragment(run_every=FOLLOW_S)
def follow(app: App, conversation: str) -> None:
    """Redraw the running turn from its events until it ends; then the stored answer takes its place."""
    state.check(app)
    turn = app.chat.active(conversation)
    if turn is None or turn.done:
        uploads.redraw()
    answer.running(fold(turn.events()), turn.elapsed_s)


@st.fragment(run_every=1.0)
def ingesting(app: App) -> None:
    """Show in one line what is being read, until it is."""
    state.check(app)
    waiting = uploads.pending(app.documents.documents())
    if not waiting:
        uploads.redraw()
    working = next((d for d in waiting if d.state != "queued"), waiting[0])
    share, words = uploads.progress(working) if working.state != "queued" else (0.0, "Waiting")
    more = f" · {len(waiting) - 1} more waiting" if len(waiting) > 1 else ""
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom"):
        st.progress(share, f"{plain(working.name)} — {words}{more}")
        label = "Cancel all" if len(waiting) > 1 else "Cancel"
        args = (uploads.cancel, app, waiting)
        st.button(
            label, type="tertiary", icon=":material/close:", on_click=state.attempt, args=args
        )
