"""Conversations that survive a restart: messages, their sources, and every trim, in SQLite.

The only module that imports langchain-community (it is being sunset, so it must stay replaceable).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from langchain_community.chat_message_histories.sql import (
    DefaultMessageConverter,
    SQLChatMessageHistory,
)
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.schema import CreateColumn

from docmind.errors import ConfigError, DocMindError
from docmind.events import Citation, ContextTrimmed, Usage, now
from docmind.passages import NumberedPassage

_META = MetaData()
_CONVERSATIONS = Table(
    "conversations",
    _META,
    Column("id", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("collections", String, nullable=False, server_default=""),
)
_TRIMS = Table(
    "trim_events",
    _META,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", String, nullable=False, index=True),
    Column("turn_id", String, nullable=False),
    Column("tokens_before", Integer, nullable=False),
    Column("tokens_after", Integer, nullable=False),
    Column("dropped", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", String, nullable=False),
    Column("first_kept_turn", Integer, nullable=False),
    Column("summary", String, nullable=False, server_default=""),
)


@dataclass(frozen=True)
class Conversation:
    """One conversation of the sidebar's list."""

    id: str
    title: str
    created_at: str
    updated_at: str
    collections: str = ""  # ids of those that are searched, separated by commas; empty: all

    @property
    def searches(self) -> tuple[int, ...]:
        """The collections that are searched; none: all."""
        return tuple(map(int, filter(None, self.collections.split(","))))


@dataclass(frozen=True)
class StoredMessage:
    """A question or an answer with all that the page needs to draw it again."""

    role: Literal["user", "assistant"]
    text: str
    at: str = ""
    sources: tuple[NumberedPassage, ...] = ()
    citations: tuple[Citation, ...] = ()
    usage: Usage | None = None
    steps: tuple[dict[str, Any], ...] = ()
    """The agents' events of the turn, as `events.to_dict` writes them."""
    stopped: bool = False
    error: str | None = None
    notices: tuple[str, ...] = ()
    confidence: float | None = None
    open_points: str = ""


_CONVERTER = DefaultMessageConverter("message_store")
"""One for all: by itself each history would make a class of its own for its table."""
_STORED = TypeAdapter(StoredMessage)
# Named here because `list` means the method below inside the class.
Conversations = list[Conversation]
Messages = list[StoredMessage]
Trims = list[ContextTrimmed]


class ConversationStore:
    """All conversations of this data folder. Thread-safe."""

    def __init__(self, database: Path) -> None:
        self._engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": 30})
        event.listen(
            self._engine,
            "connect",
            lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"),
        )
        try:
            _META.create_all(self._engine)
            self._add_columns()
            self._history(
                ""
            )  # makes the messages' table; two first questions at once would both try
        except Exception as exc:
            raise ConfigError(
                f"The conversations in {database} can't be opened ({exc}). Restore a backup, or move the file away."
            ) from exc
        self._database = database
        event.listen(self._engine, "handle_error", self._explained)

    def _explained(self, failed: ExceptionContext) -> ConfigError | None:
        """Return the error for the user in place of SQLite's."""
        if failed.sqlalchemy_exception is None:
            return None
        why = f"The conversations in {self._database} can't be read or written ({failed.original_exception})."
        return ConfigError(f"{why} Free disk space, or restore a backup, then try again.")

    def _add_columns(self) -> None:
        """Give tables of an earlier version the columns that have come since; each has a default."""
        found = inspect(self._engine)
        with self._engine.begin() as db:
            for table in _META.sorted_tables:
                there = {column["name"] for column in found.get_columns(table.name)}
                for column in (c for c in table.columns if c.name not in there):
                    definition = CreateColumn(column).compile(self._engine)
                    db.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))

    def _history(self, conversation_id: str) -> SQLChatMessageHistory:
        return SQLChatMessageHistory(
            conversation_id, connection=self._engine, custom_message_converter=_CONVERTER
        )

    def list(self) -> Conversations:
        """Return all conversations, the last used first."""
        with self._engine.connect() as db:
            rows = db.execute(
                select(_CONVERSATIONS).order_by(_CONVERSATIONS.c.updated_at.desc())
            ).all()
        return [Conversation(*row) for row in rows]

    @contextmanager
    def begun(self, conversation_id: str | None) -> Iterator[str]:
        """Yield the id of a conversation to ask in: a new one's if None is given, which goes again if asking fails."""
        asked_in = conversation_id or self.create().id
        try:
            yield asked_in
        except DocMindError:
            if not conversation_id:
                self.delete(asked_in)
            raise

    def get(self, conversation_id: str) -> Conversation | None:
        """Return one conversation, or None if it does not exist (any more)."""
        with self._engine.connect() as db:
            row = db.execute(
                select(_CONVERSATIONS).where(_CONVERSATIONS.c.id == conversation_id)
            ).first()
        return Conversation(*row) if row else None

    def create(self, title: str = "") -> Conversation:
        """Begin a conversation; an empty title is replaced by its first question."""
        at = now()
        made = Conversation(uuid4().hex, title, at, at)
        with self._engine.begin() as db:
            db.execute(_CONVERSATIONS.insert().values(**asdict(made)))
        return made

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title; blank titles are ignored."""
        if title := " ".join(title.split())[:120]:
            self._change(conversation_id, title=title)

    def choose(self, conversation_id: str, collections: Sequence[int]) -> None:
        """Say which collections a conversation searches; none: all."""
        self._change(conversation_id, collections=",".join(map(str, collections)))

    def _change(self, conversation_id: str, **values: str) -> None:
        with self._engine.begin() as db:
            db.execute(
                _CONVERSATIONS.update()
                .where(_CONVERSATIONS.c.id == conversation_id)
                .values(**values)
            )

    def delete(self, conversation_id: str) -> None:
        """Delete a conversation with its messages and trim events."""
        self._history(conversation_id).clear()
        with self._engine.begin() as db:
            db.execute(_TRIMS.delete().where(_TRIMS.c.conversation_id == conversation_id))
            db.execute(_CONVERSATIONS.delete().where(_CONVERSATIONS.c.id == conversation_id))

    def add_question(self, conversation_id: str, question: str) -> None:
        """Store a question; the first one names an untitled conversation."""
        at = now()
        self._history(conversation_id).add_message(
            HumanMessage(question, additional_kwargs={"at": at})
        )
        conversation = self.get(conversation_id)
        self._change(conversation_id, updated_at=at)
        if conversation and not conversation.title:
            short = question if len(question) <= 60 else question[:57].rsplit(" ", 1)[0] + "…"
            self.rename(conversation_id, short)

    def add_answer(self, conversation_id: str, message: StoredMessage) -> None:
        """Store an answer with its sources, citations, usage and steps."""
        if self.get(conversation_id) is None:
            return  # deleted while the turn was running
        extra = {k: v for k, v in asdict(message).items() if k not in {"role", "text"}}
        self._history(conversation_id).add_message(AIMessage(message.text, additional_kwargs=extra))
        self._change(conversation_id, updated_at=now())

    def messages(self, conversation_id: str) -> Messages:
        """Return the whole conversation, oldest first: trimming never touches it."""
        roles = {"human": "user", "ai": "assistant"}
        rows = self._history(conversation_id).messages
        return [
            _STORED.validate_python({**m.additional_kwargs, "role": roles[m.type], "text": m.text})
            for m in rows
        ]

    def add_trims(self, trims: Sequence[ContextTrimmed]) -> None:
        """Store a turn's trim events, unless its conversation was deleted meanwhile."""
        if trims and self.get(trims[0].conversation_id) is not None:
            with self._engine.begin() as db:
                db.execute(_TRIMS.insert(), [asdict(t) for t in trims])

    def trims(self, conversation_id: str | None = None) -> Trims:
        """Return the trim events of one conversation, or of all, oldest first."""
        query = select(_TRIMS).order_by(_TRIMS.c.id)
        if conversation_id is not None:
            query = query.where(_TRIMS.c.conversation_id == conversation_id)
        with self._engine.connect() as db:
            rows = db.execute(query).mappings().all()
        return [ContextTrimmed(**{k: v for k, v in row.items() if k != "id"}) for row in rows]

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def answered(messages: Sequence[StoredMessage]) -> list[tuple[str, str]]:
    """Return every question that was answered, with its answer, oldest first."""
    turns: list[tuple[str, str]] = []
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text
        elif question and message.text:
            turns.append((question, message.text))
            question = ""
    return turns
