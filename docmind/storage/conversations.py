"""Conversations that survive a restart: their titles, messages, choices and trims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from uuid import uuid4

from sqlalchemy import Row, select

from docmind.errors import DocMindError
from docmind.events import ContextTrimmed, now
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.history import MessageHistory
from docmind.storage.messages import StoredMessage
from docmind.storage.trims import TrimStore
from docmind.turns import CompletedTurn

LONGEST_TITLE = 120
LONGEST_FIRST_TITLE = 60
"""Of a title that is made from the first question."""

_TABLE = schema.conversations


@dataclass(frozen=True)
class Conversation:
    """One conversation of the sidebar's list."""

    id: str
    title: str
    created_at: str
    updated_at: str
    collections: tuple[int, ...] = ()
    """Ids of the collections that are searched; none: all."""


# Named here because `list` means the method below inside the class.
Conversations = list[Conversation]
Messages = list[StoredMessage]
Trims = list[ContextTrimmed]


class ConversationStore:
    """All conversations. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._history = MessageHistory(database)
        self._trims = TrimStore(database)

    def list(self) -> Conversations:
        """Return all conversations, the last used first."""
        last_used_first = select(_TABLE).order_by(_TABLE.c.updated_at.desc())
        with self._database.read() as connection:
            rows = connection.execute(last_used_first).all()
        return [_conversation(row) for row in rows]

    @contextmanager
    def existing_or_new(self, conversation_id: str | None) -> Iterator[str]:
        """Yield the id of this conversation, or of a new one if there is none yet.

        A new one is deleted again if the block fails: no empty conversation is left.
        """
        if conversation_id:
            yield conversation_id
            return
        new_id = self.create().id
        try:
            yield new_id
        except DocMindError:
            self.delete(new_id)
            raise

    def get(self, conversation_id: str) -> Conversation | None:
        """Return one conversation, or None if it does not exist (any more)."""
        with self._database.read() as connection:
            row = connection.execute(select(_TABLE).where(_TABLE.c.id == conversation_id)).first()
        return None if row is None else _conversation(row)

    def create(self, title: str = "") -> Conversation:
        """Begin a conversation; an empty title is replaced by its first question."""
        created_at = now()
        conversation = Conversation(
            id=uuid4().hex,
            title=title,
            created_at=created_at,
            updated_at=created_at,
        )
        with self._database.write() as connection:
            connection.execute(_TABLE.insert().values(**asdict(conversation)))
        return conversation

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title; blank titles are ignored."""
        title = " ".join(title.split())[:LONGEST_TITLE]
        if title:
            self._change(conversation_id, title=title)

    def search_in(self, conversation_id: str, collections: Sequence[int]) -> None:
        """Say which collections a conversation searches; none: all."""
        self._change(conversation_id, collections=[int(number) for number in collections])

    def delete(self, conversation_id: str) -> None:
        """Delete a conversation with its messages and trim events."""
        with self._database.write() as connection:
            for table in (schema.messages, schema.trim_events):
                connection.execute(table.delete().where(table.c.conversation_id == conversation_id))
            connection.execute(_TABLE.delete().where(_TABLE.c.id == conversation_id))

    def add_question(self, conversation_id: str, question: str) -> None:
        """Store a question; the first one names an untitled conversation."""
        at = now()
        self._history.add(conversation_id, StoredMessage(role="user", text=question, at=at))
        self._change(conversation_id, updated_at=at)
        conversation = self.get(conversation_id)
        if conversation is not None and not conversation.title:
            self.rename(conversation_id, _title_from(question))

    def add_answer(self, conversation_id: str, message: StoredMessage) -> None:
        """Store an answer, unless its conversation was deleted while the turn was running."""
        if self.get(conversation_id) is None:
            return
        self._history.add(conversation_id, message)
        self._change(conversation_id, updated_at=now())

    def messages(self, conversation_id: str) -> Messages:
        """Return the whole conversation, oldest first: trimming never touches it."""
        return self._history.messages(conversation_id)

    def add_trims(self, trims: Sequence[ContextTrimmed]) -> None:
        """Store a turn's trim events, unless its conversation was deleted meanwhile."""
        if trims and self.get(trims[0].conversation_id) is not None:
            self._trims.add(trims)

    def trims(self, conversation_id: str | None = None) -> Trims:
        """Return the trim events of one conversation, or of all, oldest first."""
        return self._trims.find(conversation_id)

    def _change(self, conversation_id: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                _TABLE.update().where(_TABLE.c.id == conversation_id).values(**values)
            )


def _conversation(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(
        id=row.id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        collections=tuple(row.collections),
    )


def _title_from(question: str) -> str:
    """Return the question, or its first words and an ellipsis."""
    if len(question) <= LONGEST_FIRST_TITLE:
        return question
    first_words = question[: LONGEST_FIRST_TITLE - 3].rsplit(" ", 1)[0]
    return f"{first_words}…"


def completed_turns(messages: Sequence[StoredMessage]) -> list[CompletedTurn]:
    """Return every question that was answered, with its answer, oldest first."""
    turns: list[CompletedTurn] = []
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text
        elif question and message.text:
            turns.append(CompletedTurn(question=question, answer=message.text))
            question = ""
    return turns
