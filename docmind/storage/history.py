"""The messages of a conversation, through LangChain's SQLChatMessageHistory.

The only module that imports langchain-community: it is being sunset, so it must stay replaceable.
Its converter is ours, so that a message has columns of its own in our schema; what passes through
the library is `_Record`, a LangChain message that carries the stored one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from langchain_community.chat_message_histories.sql import (
    BaseMessageConverter,
    SQLChatMessageHistory,
)
from langchain_core.messages import BaseMessage
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase

from docmind.events import Citation, Usage
from docmind.passages import NumberedPassage
from docmind.question_scope import QuestionScope
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.messages import (
    StoredMessage,
    event_from_json,
    event_to_json,
    statement_from_json,
)

MOST_LOADED = 8
"""Conversations that are kept in memory: one a browser tab."""


@dataclass(frozen=True)
class _Loaded:
    """The messages of a conversation by id, each with its versions."""

    messages: dict[int, StoredMessage]


class MessageHistory:
    """The messages' table. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.engine
        self._adding = threading.Lock()
        self._loaded: dict[str, _Loaded] = {}
        """Conversations that were read last; a page reads its conversation several times."""
        self._changes = 0

    def forget_loaded(self) -> None:
        """Read messages anew: some were changed or deleted."""
        self._changes += 1
        self._loaded.clear()

    def add(self, conversation_id: str, message: StoredMessage) -> int:
        """Store a message of a conversation; return its id."""
        record = _Record(content=message.text, stored=message)
        newest = select(func.max(schema.messages.c.id))
        # The library does not say which id it was given.
        with self._adding:
            self._history_of(conversation_id).add_message(record)
            self.forget_loaded()
            with self._database.read() as connection:
                return int(connection.execute(newest).scalar_one())

    def line(self, conversation_id: str, last: int | None) -> list[int]:
        """Return the ids of the messages that lead to `last`, from the first question on."""
        parents = self._parents(conversation_id)
        line: list[int] = []
        while last is not None and last in parents:
            line.append(last)
            last = parents[last]
        line.reverse()
        return line

    def newest_after(self, conversation_id: str, message_id: int) -> int:
        """Return the last message of the newest line that leads on from this one."""
        following = {message_id}
        # A message is younger than all that lead to it: the youngest is a last one.
        for follower, parent in sorted(self._parents(conversation_id).items()):
            if parent in following:
                following.add(follower)
        return max(following)

    def messages(self, conversation_id: str, line: Sequence[int]) -> list[StoredMessage]:
        """Return the messages of `line`, each with the ids of its versions."""
        loaded = self._load(conversation_id)
        return [loaded.messages[message_id] for message_id in line]

    def _load(self, conversation_id: str) -> _Loaded:
        """Return all messages of a conversation, as they were read last or anew."""
        loaded = self._loaded.get(conversation_id)
        if loaded is not None:
            return loaded
        changes = self._changes
        records = cast("list[_Record]", self._history_of(conversation_id).messages)
        versions: dict[tuple[int | None, str], list[int]] = {}
        for record in records:
            message = record.stored
            versions.setdefault((message.parent, message.role), []).append(message.id)
        by_id: dict[int, StoredMessage] = {}
        for record in records:
            message = record.stored
            same_place = versions[message.parent, message.role]
            by_id[message.id] = replace(message, versions=tuple(same_place))
        loaded = _Loaded(messages=by_id)
        # What another thread wrote meanwhile may be missing.
        if changes == self._changes:
            if len(self._loaded) >= MOST_LOADED:
                self._loaded.clear()
            self._loaded[conversation_id] = loaded
        return loaded

    def _parents(self, conversation_id: str) -> dict[int, int | None]:
        """Return each message's id with that of the one it follows."""
        table = schema.messages
        of_conversation = table.c.conversation_id == conversation_id
        with self._database.read() as connection:
            rows = connection.execute(select(table.c.id, table.c.parent).where(of_conversation))
            return {row.id: row.parent for row in rows}

    def _history_of(self, conversation_id: str) -> SQLChatMessageHistory:
        return SQLChatMessageHistory(
            session_id=conversation_id,
            session_id_field_name="conversation_id",
            connection=self._engine,
            custom_message_converter=_Converter(),
        )


class _Base(DeclarativeBase):
    """Knows no tables to make: SQLChatMessageHistory would look for them at every call."""


class _Row(_Base):
    """A row of the table, as SQLAlchemy's sessions want it."""

    __table__ = schema.messages


class _Record(BaseMessage):
    """A stored message in the shape in which it passes through LangChain."""

    type: str = "stored"
    stored: StoredMessage


class _Converter(BaseMessageConverter):
    """Tells SQLChatMessageHistory how our messages become rows and back."""

    def get_sql_model_class(self) -> type[_Row]:
        """Return the class of the rows."""
        return _Row

    def to_sql_model(self, message: BaseMessage, session_id: str) -> _Row:
        """Return the row for a `_Record`."""
        stored = cast("_Record", message).stored
        return _Row(
            conversation_id=session_id,
            role=stored.role,
            text=stored.text,
            at=stored.at,
            sources=[source.to_json() for source in stored.sources],
            citations=[asdict(citation) for citation in stored.citations],
            statements=[asdict(statement) for statement in stored.statements],
            usage=None if stored.usage is None else asdict(stored.usage),
            steps=[event_to_json(event) for event in stored.steps],
            notices=list(stored.notices),
            stopped=stored.stopped,
            error=stored.error,
            confidence=stored.confidence,
            open_points=stored.open_points,
            parent=stored.parent,
            rating=stored.rating,
            rating_reason=stored.rating_reason,
            scope=stored.scope.to_json(),
        )

    def from_sql_model(self, sql_message: Any) -> _Record:
        """Return the `_Record` of a row."""
        row = sql_message
        stored = StoredMessage(
            role=row.role,
            text=row.text,
            at=row.at,
            sources=tuple(NumberedPassage.from_json(source) for source in row.sources),
            citations=tuple(Citation(**citation) for citation in row.citations),
            statements=tuple(statement_from_json(found) for found in row.statements),
            usage=None if row.usage is None else Usage(**row.usage),
            steps=tuple(event_from_json(step) for step in row.steps),
            stopped=row.stopped,
            error=row.error,
            notices=tuple(row.notices),
            confidence=row.confidence,
            open_points=row.open_points,
            rating=row.rating,
            rating_reason=row.rating_reason,
            scope=QuestionScope.from_json(row.scope),
            id=row.id,
            parent=row.parent,
        )
        return _Record(content=stored.text, stored=stored)
