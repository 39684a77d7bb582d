"""The messages of a conversation, through LangChain's SQLChatMessageHistory.

The only module that imports langchain-community: it is being sunset, so it must stay replaceable.
Its converter is ours, so that a message has columns of its own in our schema; what passes through
the library is `_Record`, a LangChain message that carries the stored one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from langchain_community.chat_message_histories.sql import (
    BaseMessageConverter,
    SQLChatMessageHistory,
)
from langchain_core.messages import BaseMessage
from sqlalchemy.orm import DeclarativeBase

from docmind.events import Citation, Usage
from docmind.passages import NumberedPassage
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.messages import (
    StoredMessage,
    event_from_json,
    event_to_json,
    statement_from_json,
)


class MessageHistory:
    """The messages' table. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine

    def add(self, conversation_id: str, message: StoredMessage) -> None:
        """Append a message to a conversation."""
        record = _Record(content=message.text, stored=message)
        self._history_of(conversation_id).add_message(record)

    def messages(self, conversation_id: str) -> list[StoredMessage]:
        """Return all messages of a conversation, oldest first."""
        records = cast("list[_Record]", self._history_of(conversation_id).messages)
        return [record.stored for record in records]

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
        )
        return _Record(content=stored.text, stored=stored)
