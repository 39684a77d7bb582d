"""The numbered steps from an empty database, or one of an earlier version, to today's schema.

A step is written once and never changed: it is SQL of its own and imports nothing of DocMind but
errors, because today's tables and types will move on while the step must not. A new step is a new
module, at the end of `MIGRATIONS`.

Not Alembic: what is hard here, working on a copy that replaces the file, excluding other processes,
and starting over after a kill, is outside of it and would be ours all the same. What it brings are
a folder of scripts with an environment that are found at run time, templates, branches, downgrades
and generated steps; a few frozen functions and SQLite's own `user_version` need none of these.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from docmind.storage.migrations import (
    kept_conversations,
    notes,
    one_database,
    parents,
    question_scopes,
    retained_turns,
    statements,
    unread_content,
    versions,
)

Migration = Callable[[sqlite3.Connection, Path], None]
"""Called with the database, inside a transaction, and the data folder, which it only reads."""

MIGRATIONS: tuple[Migration, ...] = (
    one_database.upgrade,
    unread_content.upgrade,
    statements.upgrade,
    retained_turns.upgrade,
    versions.upgrade,
    parents.upgrade,
    question_scopes.upgrade,
    kept_conversations.upgrade,
    notes.upgrade,
)

SCHEMA_VERSION = len(MIGRATIONS)
"""The number of the last migration; a file has its own in `PRAGMA user_version`."""
