"""Migration 4: the first turn that a cut leaves to the model is called as in the code."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def upgrade(db: sqlite3.Connection, _data_dir: Path) -> None:
    """Rename the column."""
    db.execute("ALTER TABLE trim_events RENAME COLUMN first_kept_turn TO first_retained_turn")
