"""The conversation list of the sidebar."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.ui import dialogs
from docmind.ui.markdown import plain
from docmind.ui.tab import show_conversation, shown_conversation, this_tab

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.conversations import Conversation

SHOWN = 12
"""Conversations listed at first."""
_SEARCH_KEY = "conversation-search"
_MENU_LABELS = {
    "Pin": ":material/keep: Pin",
    "Unpin": ":material/keep_off: Unpin",
    "Rename": ":material/edit: Rename",
    "Duplicate": ":material/content_copy: Duplicate",
    "Export": ":material/download: Export",
    "Delete": ":material/delete: Delete",
}


def draw(app: App) -> None:
    """Draw the list into the current container (the sidebar)."""
    current = shown_conversation(app)
    conversations = app.conversations.list()
    st.button(
        "New conversation",
        key="new-conversation",
        icon=":material/add:",
        width="stretch",
        shortcut="Ctrl+Shift+O",
        help="Ctrl+Shift+O",
        on_click=show_conversation,
        args=(None,),
    )
    if conversations:
        conversations = _search(app, conversations)
    _offer_to_bring_back(app)
    tab = this_tab()
    listed = conversations if tab.shows_all_conversations else conversations[:SHOWN]
    today = datetime.now().astimezone().date()
    day = ""
    with st.container(key="conversations", gap=None):
        titles = Counter(conversation.title for conversation in conversations)
        for conversation in listed:
            day_of_this = "Pinned"
            if not conversation.pinned:
                day_of_this = wording.day(conversation.updated_at, today)
            if day_of_this != day:
                day = day_of_this
                st.caption(day)
            label = plain(conversation.title or "New conversation")
            if titles[conversation.title] > 1:
                # The same question was asked before: the time tells them apart.
                label += f" · {plain(wording.when(conversation.updated_at))}"
            _draw_row(app, conversation, label, is_current=conversation.id == current)
        left_out = len(conversations) - len(listed)
        if left_out:
            st.button(f"Show {left_out} more", type="tertiary", on_click=tab.show_all_conversations)
    if not conversations and _searched_text():
        st.caption("No conversation has this in its title, questions, answers or passages.")
    elif not conversations:
        st.caption("Your conversations will be kept here.")


def _search(app: App, conversations: list[Conversation]) -> list[Conversation]:
    """Draw the search box; return the conversations that have what is typed in it."""
    st.text_input(
        "Search conversations",
        key=_SEARCH_KEY,
        placeholder="Search conversations",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    text = _searched_text()
    if not text:
        return conversations
    return app.conversations.search(text)


def _searched_text() -> str:
    return str(st.session_state.get(_SEARCH_KEY, "")).strip()


def _draw_row(app: App, conversation: Conversation, label: str, *, is_current: bool) -> None:
    title = plain(conversation.title or "New conversation")
    kind = "current" if is_current else "row"  # the stylesheet tells them apart
    with st.container(
        key=f"conversation-{kind}-{conversation.id}",
        horizontal=True,
        gap=None,
        wrap=False,
        vertical_alignment="center",
    ):
        st.button(
            label,
            key=f"open-{conversation.id}",
            type="tertiary",
            width="stretch",
            help=f"{title} · {plain(wording.when(conversation.updated_at))}",
            on_click=show_conversation,
            args=(conversation.id,),
        )
        action = st.menu_button(
            "",
            _actions(conversation),
            key=f"menu-{conversation.id}",
            type="tertiary",
            icon=":material/more_horiz:",
            format_func=_MENU_LABELS.__getitem__,
        )
    match action:
        case "Pin" | "Unpin":
            app.conversations.pin(conversation.id, pinned=action == "Pin")
            st.rerun()
        case "Duplicate":
            show_conversation(app.conversations.duplicate(conversation.id))
            st.rerun()
        case "Rename":
            dialogs.ask(dialogs.RenameConversation(conversation.id))
        case "Export":
            dialogs.ask(dialogs.ExportConversation(conversation.id))
        case "Delete":
            _put_away(app, conversation.id)
            st.rerun()


def _actions(conversation: Conversation) -> list[str]:
    other = "Pin" if conversation.pinned else "Unpin"
    return [action for action in _MENU_LABELS if action != other]


def _put_away(app: App, conversation_id: str) -> None:
    turn = app.chat.active(conversation_id)
    if turn is not None:
        turn.stop()
        turn.wait(5)
    app.conversations.put_away(conversation_id)
    this_tab().deleted_conversation = conversation_id


def _offer_to_bring_back(app: App) -> None:
    """Offer to undo the last deletion."""
    tab = this_tab()
    conversation_id = tab.deleted_conversation
    if conversation_id is None:
        return

    def bring_back() -> None:
        app.conversations.bring_back(conversation_id)
        tab.deleted_conversation = None
        show_conversation(conversation_id)

    with st.container(key="undo-delete", horizontal=True, vertical_alignment="center"):
        st.caption("Conversation deleted", width="content")
        st.button("Undo", key="undo", type="tertiary", icon=":material/undo:", on_click=bring_back)
