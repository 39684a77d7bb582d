"""Migration 6: a document may be part of others: an attachment of a mail, a file in an archive."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Give every document the column `parents`, an empty list for those of before."""
    db.execute("ALTER TABLE documents ADD COLUMN parents JSON NOT NULL DEFAULT '[]'")
