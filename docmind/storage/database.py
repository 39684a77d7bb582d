"""The one SQLite database: opened once, shared by all stores and threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from docmind.errors import ConfigError, StoreError
from docmind.storage.upgrade import schema_version, upgrade_database

WAIT_S = 30
"""How long a write waits for another process's."""


class Database:
    """DocMind's database, brought to today's schema. Thread-safe.

    What goes wrong later is raised as StoreError, whichever store or library ran the statement.
    """

    def __init__(self, path: Path, *, upgrade: bool = True) -> None:
        """Open the database at `path`, or make it.

        Args:
            upgrade: False leaves the file as it is, for those who only look before the app begins.
                They must know which of its tables have which form: see `schema_version`.

        Raises:
            AlreadyRunning: it has to be upgraded, and another process uses it.
            ConfigError: it can't be opened, or a newer DocMind wrote it.
        """
        try:
            if upgrade:
                path.parent.mkdir(parents=True, exist_ok=True)
                upgrade_database(path)
            self.schema_version = schema_version(path)
            """Of the file: today's after an upgrade; 0 if there is no file."""
        except (sqlite3.Error, OSError) as exc:
            raise ConfigError(
                f"DocMind's database {path} can't be opened ({exc}). Check the folder's rights; if "
                "the file is damaged, move it away and add your documents again."
            ) from exc
        url = URL.create("sqlite", database=str(path))
        self.engine = create_engine(url, connect_args={"timeout": WAIT_S})
        """What libraries get that run statements of their own."""
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        event.listen(self.engine, "handle_error", _explain)
        self._writing = self.engine.execution_options(writing=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection whose statements all see the database as it is now."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection that alone may write; all its statements count, or none."""
        with self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's sqlite3 would begin transactions late and by itself; `_begin` does it.
    connection.isolation_level = None
    # Readers and the writer do not wait for each other.
    connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: Connection) -> None:
    # A transaction that reads before it writes must not let another one write in between.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _explain(failed: ExceptionContext) -> StoreError | None:
    if failed.sqlalchemy_exception is None:
        return None  # not the database's, for example a mistake in our own code
    return StoreError(
        f"DocMind's database can't be written ({failed.original_exception}). Free disk space or "
        "check the rights of the data folder, then try again."
    )
