"""The conversation list of the sidebar."""

from __future__ import annotations

from collections import Counter
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
_MENU_LABELS = {
    "Rename": ":material/edit: Rename",
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
    tab = this_tab()
    listed = conversations if tab.shows_all_conversations else conversations[:SHOWN]
    with st.container(key="conversations", gap=None):
        titles = Counter(conversation.title for conversation in conversations)
        for conversation in listed:
            label = plain(conversation.title or "New conversation")
            if titles[conversation.title] > 1:
                # The same question was asked before: the time tells them apart.
                label += f" · {plain(wording.when(conversation.updated_at))}"
            _draw_row(conversation, label, is_current=conversation.id == current)
        left_out = len(conversations) - len(listed)
        if left_out:
            st.button(f"Show {left_out} more", type="tertiary", on_click=tab.show_all_conversations)
    if not conversations:
        st.caption("Your conversations will be kept here.")


def _draw_row(conversation: Conversation, label: str, *, is_current: bool) -> None:
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
            list(_MENU_LABELS),
            key=f"menu-{conversation.id}",
            type="tertiary",
            icon=":material/more_horiz:",
            format_func=_MENU_LABELS.__getitem__,
        )
    match action:
        case "Rename":
            dialogs.ask(dialogs.RenameConversation(conversation.id))
        case "Export":
            dialogs.ask(dialogs.ExportConversation(conversation.id))
        case "Delete":
            dialogs.ask(dialogs.DeleteConversation(conversation.id))
