"""Which documents there are and how far each has come: a table in DocMind's SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, Literal

from docmind.errors import ConfigError

State = Literal["queued", "parsing", "embedding", "ready", "failed"]
UNFINISHED: tuple[State, ...] = ("queued", "parsing", "embedding")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, suffix TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', pages INTEGER NOT NULL DEFAULT 0,
    chunks INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, added_at TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0
)"""


@dataclass(frozen=True)
class Document:
    """A file that was added."""

    id: str
    """SHA-256 of its content."""
    name: str
    """What it is shown as; unique."""
    size: int
    """Bytes."""
    suffix: str
    state: State
    reason: str
    """Why it failed, and what to do."""
    pages: int
    """Pages, slides or sheets; 0 where the format has none."""
    chunks: int
    seconds: float
    """How long its ingestion took."""
    added_at: str
    """UTC time, ISO 8601."""
    stage: str
    """While it is being ingested: parse, split, embed or store."""
    done: int
    total: int
    """Progress within the stage: pages, sections or chunks."""


_COLUMNS = ", ".join(f.name for f in fields(Document))


class Registry:
    """The documents' table; thread-safe."""

    def __init__(self, database: Path) -> None:
        self._lock = threading.RLock()
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(database, timeout=30, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)
        except (sqlite3.Error, OSError) as exc:
            raise ConfigError(
                f"DocMind's database {database} can't be opened ({exc}). Check the folder's rights; if the file is "
                "damaged, move it away and add your documents again."
            ) from exc

    def add(self, document_id: str, name: str, size: int, suffix: str) -> Document:
        """Add a document as queued; a name that is taken becomes "name (2)"."""
        with self._lock:
            taken = {row[0] for row in self._db.execute("SELECT name FROM documents")}
            self._db.execute(
                "INSERT INTO documents (id, name, size, suffix, state, added_at) VALUES (?, ?, ?, ?, 'queued', ?)",
                (
                    document_id,
                    _free_name(name, taken),
                    size,
                    suffix,
                    datetime.now(UTC).isoformat(timespec="milliseconds"),
                ),
            )
            found = self.get(document_id)
        assert found is not None
        return found

    def get(self, document_id: str) -> Document | None:
        """Return a document, or None."""
        return next(self._select("WHERE id = ?", document_id), None)

    def all(self) -> list[Document]:
        """Return all documents, the newest first."""
        return list(self._select("ORDER BY added_at DESC, rowid DESC"))

    def next_queued(self) -> Document | None:
        """Return the document that has waited longest, or None."""
        return next(self._select("WHERE state = 'queued' ORDER BY added_at, rowid LIMIT 1"), None)

    def unfinished(self) -> int:
        """Return how many documents are waiting or being ingested."""
        marks = ", ".join("?" * len(UNFINISHED))
        with self._lock:
            row = self._db.execute(f"SELECT count(*) FROM documents WHERE state IN ({marks})", UNFINISHED)  # noqa: S608
            return int(row.fetchone()[0])

    def update(self, document_id: str, **changes: Any) -> bool:
        """Change columns of a document; return whether it (still) exists."""
        if unknown := changes.keys() - {f.name for f in fields(Document)}:
            raise TypeError(f"no such column: {', '.join(unknown)}")
        assign = ", ".join(f"{name} = ?" for name in changes)
        with self._lock:
            done = self._db.execute(
                f"UPDATE documents SET {assign} WHERE id = ?",  # noqa: S608 - names were checked above
                (*changes.values(), document_id),
            )
            return done.rowcount > 0

    def requeue_interrupted(self) -> int:
        """Queue again what was being ingested when the process ended; return how many."""
        with self._lock:
            done = self._db.execute(
                "UPDATE documents SET state = 'queued', stage = '', done = 0, total = 0 "
                "WHERE state IN ('parsing', 'embedding')"
            )
            return done.rowcount

    def delete(self, document_id: str) -> bool:
        """Forget a document; return whether it was there."""
        with self._lock:
            return self._db.execute("DELETE FROM documents WHERE id = ?", (document_id,)).rowcount > 0

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def _select(self, where: str, *values: Any) -> Iterator[Document]:
        with self._lock:
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM documents {where}", values).fetchall()  # noqa: S608
        return (Document(*row) for row in rows)


def _free_name(name: str, taken: set[str]) -> str:
    path = PurePath(name)
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free
