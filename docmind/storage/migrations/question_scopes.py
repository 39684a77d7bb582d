"""Migration 6: what a question is asked of is kept with it: documents, pages, collections, tags.

Until then a conversation had only the collections that it searches.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_FROM_COLLECTIONS = """
UPDATE conversations SET scope = json_object(
    'documents', json('[]'), 'collections', json(collections), 'tags', json('[]')
) WHERE json_array_length(collections) > 0
"""
_QUESTIONS = """
UPDATE messages SET scope = (
    SELECT scope FROM conversations WHERE conversations.id = messages.conversation_id
) WHERE role = 'user'
"""


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Turn the collections into a scope, of the conversation and of its questions."""
    db.execute("ALTER TABLE conversations ADD COLUMN scope JSON NOT NULL DEFAULT '{}'")
    db.execute("ALTER TABLE messages ADD COLUMN scope JSON NOT NULL DEFAULT '{}'")
    db.execute(_FROM_COLLECTIONS)
    db.execute(_QUESTIONS)
    db.execute("ALTER TABLE conversations DROP COLUMN collections")
