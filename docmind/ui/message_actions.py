"""What can be done with a question or an answer: copy, ask again, edit, switch versions, rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from docmind.transcripts.markdown import answer_with_sources
from docmind.ui import answer, dialogs, shared_app
from docmind.ui.asking import ask_again, ask_edited
from docmind.ui.icon_button import icon_button
from docmind.ui.markdown import plain
from docmind.ui.plain_text import plain_text
from docmind.ui.scope_row import labels
from docmind.ui.tab import this_tab

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.messages import Rating, StoredMessage

VARIED_TEMPERATURE = 0.7
"""What an answer is sampled with that shall not be the same again: the default is 0."""

_RATINGS: tuple[Rating, ...] = ("down", "up")
"""As `st.feedback` counts thumbs."""
_COPY_LABELS = {
    "sources": ":material/markdown: Copy with sources",
    "plain": ":material/notes: Copy as plain text",
}
_AGAIN_LABELS = {
    "again": ":material/refresh: Answer again",
    "varied": ":material/shuffle: Answer again in other words",
    "compare": ":material/compare_arrows: Compare with the other version",
}


def draw_question(app: App, message: StoredMessage, index: int, *, is_busy: bool) -> None:
    """Draw a stored question; it can be edited, unless an answer is being written."""
    if this_tab().editing == message.id and not is_busy:
        _draw_edit_form(app, message)
        return
    answer.draw_question(message.text, index, labels(app, message.scope))
    with st.container(
        key=f"actions-{index}", horizontal=True, gap="small", horizontal_alignment="right"
    ):
        _draw_version_switch(app, message, is_busy=is_busy)
        icon_button(
            "Edit and ask again",
            "edit",
            key=f"edit-{message.id}",
            disabled=is_busy,
            on_click=this_tab().edit,
            args=(message.id,),
        )


def draw_answer_actions(
    app: App, question: StoredMessage, message: StoredMessage, index: int, *, is_busy: bool
) -> None:
    """Draw what can be done with an answer.

    Args:
        app: The app.
        question: What it answers.
        message: The answer.
        index: Its place in the conversation.
        is_busy: Whether an answer is being written; nothing new is begun then.
    """
    with st.container(
        key=f"actions-{index}", horizontal=True, gap="small", vertical_alignment="center"
    ):
        _draw_version_switch(app, message, is_busy=is_busy)
        if message.text:
            _draw_copy_menu(message)
            _draw_keep_button(app, question, message)
        _draw_again_menu(app, question, message, is_busy=is_busy)
        if message.text:
            _draw_rating(app, message)
    if message.rating is not None:
        _draw_reason(app, message, message.rating)


def _draw_edit_form(app: App, message: StoredMessage) -> None:
    key = f"edited-{message.id}"
    with st.form(f"edit-form-{message.id}"):
        st.text_area("Your question", message.text, key=key)
        with st.container(horizontal=True, horizontal_alignment="right"):
            is_kept = st.form_submit_button("Keep as it was", type="tertiary")
            is_sent = st.form_submit_button("Ask", type="primary")
    if is_sent:
        ask_edited(app, message, str(st.session_state[key]))
        st.rerun()
    elif is_kept:
        this_tab().edit(None)
        st.rerun()


def _draw_version_switch(app: App, message: StoredMessage, *, is_busy: bool) -> None:
    """Draw `2 / 3` between two arrows, once there is more than one version."""
    versions = message.versions
    if len(versions) < 2:
        return
    place = versions.index(message.id)
    _draw_switch_button(app, message, place - 1, is_busy=is_busy)
    st.caption(f"{place + 1} / {len(versions)}", width="content")
    _draw_switch_button(app, message, place + 1, is_busy=is_busy)


def _draw_switch_button(app: App, message: StoredMessage, place: int, *, is_busy: bool) -> None:
    is_earlier = place < message.versions.index(message.id)
    direction = "left" if is_earlier else "right"
    is_there = 0 <= place < len(message.versions)

    def show() -> None:
        conversation_id = this_tab().conversation_id
        if conversation_id is not None:
            app.conversations.show_version(conversation_id, message.versions[place])

    icon_button(
        "Version before" if is_earlier else "Next version",
        f"chevron_{direction}",
        key=f"version-{direction}-{message.id}",
        disabled=is_busy or not is_there,
        on_click=shared_app.attempt,
        args=(show,),
    )


def _draw_copy_menu(message: StoredMessage) -> None:
    chosen = st.menu_button(
        "Copy",
        list(_COPY_LABELS),
        key=f"copy-{message.id}",
        type="tertiary",
        icon=":material/content_copy:",
        format_func=_COPY_LABELS.__getitem__,
    )
    if chosen is None:
        return
    text = plain_text(message.text)
    if chosen == "sources":
        text = answer_with_sources(message)
    this_tab().copy(text)
    st.toast("Copied", icon=":material/content_copy:")
    st.rerun()


def _draw_keep_button(app: App, question: StoredMessage, message: StoredMessage) -> None:
    """Draw the button that puts an answer with its sources into a note."""

    def keep() -> None:
        app.notes.add(question.text, answer_with_sources(message), this_tab().conversation_id)
        st.toast("Kept in a note: see the Notes page", icon=":material/sticky_note_2:")

    st.button(
        "Keep",
        key=f"keep-{message.id}",
        type="tertiary",
        icon=":material/sticky_note_2:",
        help="Keep this answer with its sources in a note",
        on_click=shared_app.attempt,
        args=(keep,),
    )


def _draw_again_menu(
    app: App, question: StoredMessage, message: StoredMessage, *, is_busy: bool
) -> None:
    choices = ["again", "varied"]
    if len(message.versions) > 1:
        choices.append("compare")
    chosen = st.menu_button(
        "Again",
        choices,
        key=f"again-{message.id}",
        type="tertiary",
        icon=":material/refresh:",
        format_func=_AGAIN_LABELS.__getitem__,
        disabled=is_busy,
    )
    match chosen:
        case "again":
            ask_again(app, question)
            st.rerun()
        case "varied":
            ask_again(app, question, VARIED_TEMPERATURE)
            st.rerun()
        case "compare":
            dialogs.ask(dialogs.CompareVersions(message.id))


def _draw_rating(app: App, message: StoredMessage) -> None:
    key = f"rating-{message.id}"

    def rate() -> None:
        chosen = st.session_state[key]
        rating = None if chosen is None else _RATINGS[chosen]
        shared_app.attempt(app.conversations.rate, message.id, rating, message.rating_reason)
        this_tab().asks_reason = message.id

    current = None if message.rating is None else _RATINGS.index(message.rating)
    st.feedback("thumbs", key=key, default=current, on_change=rate)


def _draw_reason(app: App, message: StoredMessage, rating: Rating) -> None:
    """Ask why, right after the answer was rated; later say what was given as the reason."""
    if this_tab().asks_reason != message.id:
        if message.rating_reason:
            st.caption(f"Your reason: {plain(message.rating_reason)}")
        return
    key = f"reason-{message.id}"

    def keep() -> None:
        reason = str(st.session_state[key])
        shared_app.attempt(app.conversations.rate, message.id, rating, reason)
        this_tab().asks_reason = None

    st.text_input(
        "What was wrong?" if rating == "down" else "What was good?",
        message.rating_reason,
        key=key,
        placeholder="Optional. It stays on this machine and in what you export.",
        max_chars=500,
        on_change=keep,
    )
