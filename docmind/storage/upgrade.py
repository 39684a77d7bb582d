"""Brings a database file to today's schema before it is opened, so that nothing can be lost.

    docmind.sqlite3                the database
    docmind.sqlite3.lock           held while a process upgrades
    docmind.sqlite3.migrating      the copy that the migrations work on
    docmind.sqlite3.before-N       the file as it was before it came to schema N, kept
    settings.json.before-1         the settings file of version 0.1.0, kept

The migrations run on the copy, which then takes the place of the file in one step. A process that
is killed on the way leaves the old file or the new one; the next start begins again.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from docmind.errors import AlreadyRunning, ConfigError
from docmind.storage.migrations import MIGRATIONS, SCHEMA_VERSION
from docmind.storage.migrations.one_database import SETTINGS_FILE

log = logging.getLogger(__name__)

WAIT_FOR_OTHERS_S = 5.0
"""SQLite itself does not wait here: where somebody else has the file open it says no at once."""


def upgrade_database(path: Path) -> None:
    """Bring the database at `path` to today's schema; without a file there, make it.

    Raises:
        AlreadyRunning: another process has the database open, so it can't be replaced.
        ConfigError: a newer DocMind wrote it; nothing was changed.
        sqlite3.Error, OSError: it can't be read or written.
    """
    if schema_version(path) < SCHEMA_VERSION:
        with _locked(path):
            # Another process may have upgraded it while this one waited for the lock.
            version = schema_version(path)
            if version < SCHEMA_VERSION:
                _replace(path, _migrated_copy(path, version))
                log.info("%s: schema %s became %s", path, version, SCHEMA_VERSION)
    _set_settings_file_aside(path.parent)


def schema_version(path: Path) -> int:
    """Return the schema of the database at `path`; 0 for version 0.1.0's and where there is none.

    Raises:
        ConfigError: a newer DocMind wrote it.
        sqlite3.Error: it is no database, or can't be read.
    """
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(path, timeout=30)) as db:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{path} was written by a newer DocMind (its schema is {version}, this one knows "
            f"{SCHEMA_VERSION}). Install the newer version again, or choose another data folder "
            "with DOCMIND_DATA_DIR."
        )
    return version


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time upgrade; the others wait. A lock ends with its process."""
    with _beside(path, "lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _migrated_copy(path: Path, version: int) -> Path:
    """Return a copy of the database on which all migrations after `version` have run."""
    copy = _beside(path, "migrating")
    # What an upgrade left that was killed. Its journal would be applied to the new copy.
    copy.unlink(missing_ok=True)
    copy.with_name(f"{copy.name}-journal").unlink(missing_ok=True)

    if path.is_file():
        _make_single_file(path)
        shutil.copyfile(path, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        for number, upgrade in enumerate(MIGRATIONS[version:], start=version + 1):
            db.execute("BEGIN")
            upgrade(db, path.parent)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
    return copy


def _make_single_file(path: Path) -> None:
    """Write the write-ahead log into the file, which works only while nobody else has it open.

    Whoever had it open would go on writing into the file that is replaced.
    """
    deadline = time.monotonic() + WAIT_FOR_OTHERS_S
    while not _left_write_ahead_log(path):
        # Another start has it open for a moment, to read its version.
        if time.monotonic() >= deadline:
            raise AlreadyRunning(
                f"Another DocMind is working in {path.parent}. Use that one, close it, "
                "or give this one its own folder with DOCMIND_DATA_DIR."
            )
        time.sleep(0.05)


def _left_write_ahead_log(path: Path) -> bool:
    """Tell whether the write-ahead log is in the file now: nobody else has it open."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        try:
            (mode,) = db.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
    return bool(mode == "delete")


def _replace(path: Path, copy: Path) -> None:
    """Keep the old file aside, then put the copy in its place."""
    if path.is_file():
        shutil.copyfile(path, _beside(path, f"before-{SCHEMA_VERSION}"))
    copy.replace(path)


def _set_settings_file_aside(data_dir: Path) -> None:
    """Rename the settings file of version 0.1.0, which the first migration has read."""
    file = data_dir / SETTINGS_FILE
    aside = data_dir / f"{SETTINGS_FILE}.before-1"
    if file.is_file() and not aside.exists():
        # Another start may have done it meanwhile.
        with suppress(FileNotFoundError):
            file.rename(aside)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")
