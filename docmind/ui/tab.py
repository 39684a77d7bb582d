"""What one browser tab is looking at and waiting for, from one run of its page to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import streamlit as st

from docmind.question_scope import NOTHING_CHOSEN, QuestionScope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docmind.app import App
    from docmind.storage.notes import Note

_STATE_KEY = "tab"
_ADDRESS_KEY = "c"
"""The conversation's id in the page's address."""


@dataclass(frozen=True)
class Notice:
    """Something to be said above the list or the input, until the user goes on."""

    kind: Literal["known", "error", "wait"]
    """The file is there already; it could not be taken; the question was not asked."""
    text: str
    """Markdown."""


@dataclass(frozen=True)
class WaitingQuestion:
    """A question that is asked as soon as the model is loaded and its files are read."""

    text: str
    came_with_files: bool = False
    """It waits for all files then, else only for the first that can be asked about."""
    version_of: int | None = None
    """The id of the stored question in whose place it stands."""
    scope: QuestionScope | None = None
    """What it is asked of; None: as the conversation has it."""
    temperature: float | None = None
    """What its answer is sampled with; None: as in the settings."""


class Dialog(Protocol):
    """What is open above the page, or beside it; see docmind/ui/dialogs.py and viewer.py."""

    def draw(self, app: App) -> None:
        """Draw it, if what it is about is still there."""


@dataclass(frozen=True)
class Clipping:
    """A text for the clipboard."""

    text: str = ""
    number: int = 0
    """The browser copies each number once."""


@dataclass
class TabState:
    """All that a tab remembers, besides what its widgets hold."""

    conversation_id: str | None = None
    """The conversation that the chat page shows; None: a new one."""
    scope: QuestionScope = NOTHING_CHOSEN
    """What the next new conversation's questions are asked of."""
    deleted_conversation: str | None = None
    """The id of the one that was deleted last: the list offers to bring it back."""
    mention: Mapping[str, object] | None = None
    """What is being typed behind `@` or `#`, as docmind/ui/mentions.js tells it."""
    waiting: WaitingQuestion | None = None
    draft: str = ""
    """What stands in the input in the next run, as if the user had typed it."""
    whole_conversation_id: str | None = None
    """The conversation whose messages are all shown, not only the last ones."""
    shows_all_conversations: bool = False

    notices: list[Notice] = field(default_factory=list)
    """To be said in the next run."""
    said_notices: list[Notice] = field(default_factory=list)
    """What the last run said."""
    read_engine_notice: str = ""
    """The engine's notice that the user has read."""

    editing: int | None = None
    """The id of the question that is being edited."""
    asks_reason: int | None = None
    """The id of the answer that was just rated: the page asks why."""
    editing_note: int | None = None
    """The id of the note that is being edited."""
    deleted_note: Note | None = None
    """The one that was deleted last: the page offers to bring it back."""
    clipping: Clipping = Clipping()
    """What the browser puts into the clipboard next."""

    dialog: Dialog | None = None
    """One at a time; it stays open over reruns until it is answered or dismissed."""

    new_collection: int | None = None
    """A collection just made: the documents page shows it next."""
    picked: set[str] = field(default_factory=set)
    """The ids of the documents whose checkbox is ticked."""
    picks: int = 0
    """How often all or none were picked. It is part of the checkboxes' keys: a new key makes void
    what a browser still says of the old one."""
    uploads: int = 0
    """How often files were taken in. It is part of the upload field's key: a new key empties it."""

    saved_settings: str = ""
    """The settings that were saved and are used after a restart, in words."""

    def write_draft(self, text: str) -> None:
        """Put `text` into the input in the next run."""
        self.draft = text

    def open_dialog(self, dialog: Dialog) -> None:
        """Show a dialog in the next run."""
        self.dialog = dialog

    def close_dialog(self) -> None:
        """Show no dialog any more."""
        self.dialog = None

    def copy(self, text: str) -> None:
        """Put a text into the browser's clipboard."""
        self.clipping = Clipping(text=text, number=self.clipping.number + 1)

    def edit(self, question_id: int | None) -> None:
        """Show a question in a field to be edited; None: none any more."""
        self.editing = question_id

    def edit_note(self, note_id: int | None) -> None:
        """Show a note in fields to be edited; None: none any more."""
        self.editing_note = note_id

    def pick(self, document_ids: Iterable[str]) -> None:
        """Pick these documents and no others."""
        self.picked = set(document_ids)
        self.picks += 1

    def show_all_messages(self, conversation_id: str) -> None:
        """Show the whole conversation."""
        self.whole_conversation_id = conversation_id

    def show_all_conversations(self) -> None:
        """List all conversations in the sidebar."""
        self.shows_all_conversations = True

    def mark_engine_notice_read(self, notice: str) -> None:
        """Say this notice of the engine no more."""
        self.read_engine_notice = notice


def this_tab() -> TabState:
    """Return the state of the tab that is being drawn."""
    if _STATE_KEY not in st.session_state:
        st.session_state[_STATE_KEY] = TabState()
    tab: TabState = st.session_state[_STATE_KEY]
    return tab


def shown_conversation(app: App) -> str | None:
    """Return the conversation that this tab shows.

    It is the one in the address, else the last one looked at; None if that is gone.
    """
    wanted = st.query_params.get(_ADDRESS_KEY) or this_tab().conversation_id
    if wanted is not None and app.conversations.get(wanted) is None:
        wanted = None
    show_conversation(wanted)
    return wanted


def show_conversation(conversation_id: str | None) -> None:
    """Make this the tab's conversation; None starts a new one.

    The address follows, so that a reload finds it.
    """
    tab = this_tab()
    if tab.conversation_id != conversation_id:
        if tab.waiting is not None:
            # What was to be asked in the other conversation stays typed.
            tab.draft = tab.waiting.text
            tab.waiting = None
        if conversation_id is not None:
            tab.deleted_conversation = None
        tab.dialog = None
        tab.editing = None
        tab.asks_reason = None
        tab.notices = []
        # A new conversation searches everything until something is chosen for it.
        tab.scope = NOTHING_CHOSEN
    tab.conversation_id = conversation_id
    if conversation_id is None:
        st.query_params.pop(_ADDRESS_KEY, None)
    elif st.query_params.get(_ADDRESS_KEY) != conversation_id:
        st.query_params[_ADDRESS_KEY] = conversation_id
