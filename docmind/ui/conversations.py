"""The conversation list of the sidebar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.ui import dialogs, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.conversations import Conversation

SHOWN = 12
MENU = {"Rename": "edit", "Export": "download", "Delete": "delete"}
"""What can be done with a conversation, and the icons."""


def draw(app: App) -> None:
    """Draw the list into the current container (the sidebar)."""
    current = state.conversation_id(app)
    known = app.conversations.list()
    st.button(
        "New conversation",
        key="new-conversation",
        icon=":material/add:",
        width="stretch",
        shortcut="Ctrl+Shift+O",
        help="Ctrl+Shift+O",
        on_click=state.show_conversation,
        args=(None,),
    )
    limit = None if st.session_state.get("all_conversations") else SHOWN
    with st.container(key="conversations", gap=None):
        for conversation in known[:limit]:
            _row(conversation, conversation.id == current)
        if limit and len(known) > limit:
            label, args = f"Show {len(known) - limit} more", ("all_conversations", True)
            st.button(label, type="tertiary", on_click=state.keep, args=args)
    if not known:
        st.caption("Your conversations will be kept here.")


def _row(conversation: Conversation, current: bool) -> None:
    title = conversation.title or "New conversation"
    kind = "current" if current else "row"
    with st.container(
        key=f"conversation-{kind}-{conversation.id}",
        horizontal=True,
        gap=None,
        wrap=False,
        vertical_alignment="center",
    ):
        st.button(
            plain(title),
            key=f"open-{conversation.id}",
            type="tertiary",
            width="stretch",
            help=f"{plain(title)} · {plain(wording.when(conversation.updated_at))}",
            on_click=state.show_conversation,
            args=(conversation.id,),
        )
        chosen = st.menu_button(
            "",
            list(MENU),
            key=f"menu-{conversation.id}",
            type="tertiary",
            icon=":material/more_horiz:",
            format_func=lambda o: f":material/{MENU[o]}: {o}",
        )
    if chosen:
        dialogs.ask(f"{chosen} conversation", conversation.id)
