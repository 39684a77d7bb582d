"""Migration 3: an answer's sentences with their verdicts; answers of before have none."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Add the column."""
    db.execute("ALTER TABLE messages ADD COLUMN statements JSON NOT NULL DEFAULT '[]'")
