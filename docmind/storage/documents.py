"""Which documents there are and how far each has come: a table in DocMind's SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import count
from pathlib import Path, PurePath
from typing import Any, Literal

from docmind.errors import ConfigError, StoreError

State = Literal["queued", "parsing", "embedding", "ready", "failed"]
LOCKED, CANCELLED = "password", "cancelled"
"""The stage of a document that failed because it wants a password, or because the user wanted it so."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
INSERT OR IGNORE INTO collections (id, name) VALUES (1, 'General');
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, suffix TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', pages INTEGER NOT NULL DEFAULT 0,
    chunks INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, added_at TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    collection INTEGER NOT NULL DEFAULT 1, tags TEXT NOT NULL DEFAULT ''
);"""


@dataclass(frozen=True)
class Document:
    """A file that was added."""

    id: str  # SHA-256 of its content
    name: str  # what it is shown as; unique
    size: int  # bytes
    suffix: str
    state: State
    reason: str  # why it failed, and what to do
    pages: int  # pages, slides or sheets; 0 where the format has none
    chunks: int
    seconds: float  # how long its ingestion took
    added_at: str  # UTC time, ISO 8601
    stage: str  # while it is being ingested: parse, split, embed or store; if it failed LOCKED or CANCELLED
    done: int  # of `total` pages, characters or chunks of this stage
    total: int
    collection: int = 1
    tags: str = ""  # separated by commas

    @property
    def tag_list(self) -> list[str]:
        """The document's tags."""
        return [tag for tag in self.tags.split(",") if tag]


_COLUMNS = ", ".join(field.name for field in fields(Document))


class Registry:
    """The documents' table; thread-safe. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Path) -> None:
        self._lock = threading.RLock()
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                database, timeout=30, check_same_thread=False, isolation_level=None
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as exc:
            raise ConfigError(
                f"DocMind's database {database} can't be opened ({exc}). Check the folder's rights; if the file is "
                "damaged, move it away and add your documents again."
            ) from exc

    def add(self, document_id: str, name: str, size: int, suffix: str) -> Document:
        """Queue a document, a known one under its new name; a name that another one has becomes "name (2)"."""
        stem, ending = PurePath(name).stem, PurePath(name).suffix
        with self._lock:
            taken = {
                row[0]
                for row in self.execute("SELECT name FROM documents WHERE id != ?", document_id)
            }
            free = next(
                n
                for i in count(1)
                if (n := f"{stem} ({i}){ending}" if i > 1 else name) not in taken
            )
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            sql = "INSERT INTO documents (id, name, size, suffix, state, added_at) VALUES (?, ?, ?, ?, 'queued', ?) "
            sql += "ON CONFLICT (id) DO UPDATE SET name = excluded.name, suffix = excluded.suffix, state = 'queued', "
            sql += "reason = '', stage = '', done = 0, total = 0"
            self.execute(sql, document_id, free, size, suffix, now)
            return self._select("WHERE id = ?", document_id)[0]

    def get(self, document_id: str) -> Document | None:
        """Return a document, or None."""
        return next(iter(self._select("WHERE id = ?", document_id)), None)

    def all(self) -> list[Document]:
        """Return all documents, the newest first."""
        return self._select("ORDER BY added_at DESC, rowid DESC")

    def next_queued(self) -> Document | None:
        """Return the document that has waited longest, or None."""
        return next(
            iter(self._select("WHERE state = 'queued' ORDER BY added_at, rowid LIMIT 1")), None
        )

    def update(self, document_id: str, **changes: Any) -> None:
        """Change columns of a document, if it (still) exists."""
        assign = ", ".join(f"{column} = ?" for column in changes)
        self.execute(f"UPDATE documents SET {assign} WHERE id = ?", *changes.values(), document_id)

    def requeue_interrupted(self) -> None:
        """Queue again what was being ingested when the process ended."""
        self.execute(
            "UPDATE documents SET state = 'queued', stage = '' WHERE state IN ('parsing', 'embedding')"
        )

    def delete(self, document_id: str) -> None:
        """Forget a document."""
        self.execute("DELETE FROM documents WHERE id = ?", document_id)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def _select(self, where: str, *values: Any) -> list[Document]:
        return [
            Document(*row)
            for row in self.execute(f"SELECT {_COLUMNS} FROM documents {where}", *values)
        ]

    def execute(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement and return its rows."""
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as exc:
            raise StoreError(
                f"DocMind's database can't be written ({exc}). Free disk space or check the rights of the data "
                "folder, then try again."
            ) from exc
