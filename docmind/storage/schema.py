"""The tables of DocMind's database, as this version reads and writes them.

    collections ──< documents            a document is in one collection
    conversations ──< messages           questions and answers; each names the one that it follows
                  └─< trim_events        what the model no longer sees of a conversation
    notes                                what was kept from answers
    settings                             what the Settings page and `docmind model use` saved

A change here needs a migration (`migrations/`): a test compares these tables with what the
migrations make. Moments are text, UTC in ISO 8601. The references are there to be read: SQLite is
not told to enforce them.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    # An id is never given twice: a conversation may still name a collection that was deleted.
    sqlite_autoincrement=True,
)

documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("suffix", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("failure", Text),
    Column("reason", Text, nullable=False),
    Column("stage", Text),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("passages", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("added_at", Text, nullable=False),
    Column("collection", Integer, ForeignKey("collections.id"), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("unread", JSON, nullable=False),
    # Ids of the mails and archives that hold it; none if it was added by itself.
    Column("parents", JSON, nullable=False, server_default="[]"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    # What its questions are asked of, as `QuestionScope.to_json` writes it.
    Column("scope", JSON, nullable=False, server_default="{}"),
    # The last message of the versions that are shown. Its parents lead back to the first question.
    Column("shown_message", Integer),
    Column("pinned", Boolean, nullable=False, server_default="0"),
    # Set while it can still be brought back.
    Column("deleted_at", Text),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("citations", JSON, nullable=False),
    Column("usage", JSON(none_as_null=True)),
    Column("steps", JSON, nullable=False),
    Column("notices", JSON, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("error", Text),
    Column("confidence", Float),
    Column("open_points", Text, nullable=False),
    Column("statements", JSON, nullable=False, server_default="[]"),
    # Messages of one parent are versions: of an answer, or of a question that was edited.
    Column("parent", Integer, ForeignKey("messages.id")),
    Column("rating", Text),
    Column("rating_reason", Text, nullable=False, server_default=""),
    # Of a question: what it was asked of.
    Column("scope", JSON, nullable=False, server_default="{}"),
    Index("messages_of_conversation", "conversation_id"),
)

trim_events = Table(
    "trim_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False),
    Column("turn_id", Text, nullable=False),
    Column("tokens_before", Integer, nullable=False),
    Column("tokens_after", Integer, nullable=False),
    Column("dropped", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("first_retained_turn", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    # A cut holds for the versions that come after its question.
    Column("question", Integer, ForeignKey("messages.id")),
    Index("trim_events_of_conversation", "conversation_id"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    # Markdown, with the passages that it cites.
    Column("text", Text, nullable=False),
    # Where its answer was given; a note outlives its conversation.
    Column("conversation_id", Text, ForeignKey("conversations.id")),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    # A deleted note can be brought back under its id.
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    metadata,
    Column("section", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # Text, not JSON: what cannot be read must still be found and set aside.
    Column("value", Text, nullable=False),
)
