"""Migration 7: a conversation may be pinned, and a deleted one can be brought back for a while."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Add the columns."""
    db.execute("ALTER TABLE conversations ADD COLUMN pinned BOOLEAN NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE conversations ADD COLUMN deleted_at TEXT")
