"""Migration 9: notes, kept from answers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_NOTES = """
CREATE TABLE notes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    conversation_id TEXT REFERENCES conversations (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
)
"""


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Add the table."""
    db.execute(_NOTES)
