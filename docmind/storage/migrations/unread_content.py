"""Migration 2: a document says what its file holds that was not read."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def upgrade(db: sqlite3.Connection, data_dir: Path) -> None:  # noqa: ARG001
    """Give every document the column `unread`, an empty list for those read before."""
    db.execute("ALTER TABLE documents ADD COLUMN unread JSON NOT NULL DEFAULT '[]'")
