"""Migration 5: a question or answer may have several versions, and an answer may be rated.

Until then a conversation was one line of messages: each now follows the one before it, and the
last one is what the conversation shows. A cut belongs to the question in whose turn it was made.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_PREVIOUS_MESSAGE = """
UPDATE messages SET parent = (
    SELECT MAX(earlier.id) FROM messages AS earlier
    WHERE earlier.conversation_id = messages.conversation_id AND earlier.id < messages.id
)
"""
_LAST_MESSAGE = """
UPDATE conversations SET shown_message = (
    SELECT MAX(id) FROM messages WHERE conversation_id = conversations.id
)
"""
_QUESTION_OF_CUT = """
UPDATE trim_events SET question = (
    SELECT MAX(id) FROM messages
    WHERE conversation_id = trim_events.conversation_id
        AND role = 'user' AND at <= trim_events.at
)
"""


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Add the columns, and fill them for what is there."""
    db.execute("ALTER TABLE messages ADD COLUMN parent INTEGER REFERENCES messages (id)")
    db.execute("ALTER TABLE messages ADD COLUMN rating TEXT")
    db.execute("ALTER TABLE messages ADD COLUMN rating_reason TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE conversations ADD COLUMN shown_message INTEGER")
    db.execute("ALTER TABLE trim_events ADD COLUMN question INTEGER REFERENCES messages (id)")
    db.execute(_PREVIOUS_MESSAGE)
    db.execute(_LAST_MESSAGE)
    db.execute(_QUESTION_OF_CUT)
