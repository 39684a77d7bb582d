"""Making a backup while the app runs."""

from __future__ import annotations

import hashlib
import io
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from docmind.backup.archive import (
    DATABASE,
    FILES,
    FORMAT,
    MANIFEST,
    PASSAGES,
    Manifest,
    blocks,
    manifest_to_json,
    write_passages,
)
from docmind.errors import StoreError
from docmind.events import now
from docmind.retrieval.store.base import VectorStore
from docmind.settings import Settings
from docmind.storage.migrations import SCHEMA_VERSION

_UNFINISHED = "unfinished-backup-"
"""Begins the name of the folder in which a backup's copy of the database is."""


class _Written(io.RawIOBase):
    """A file that is read while it is written: what ZipFile writes waits here to be taken."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written; it can't be sought in."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take a piece."""
        self._waiting.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._waiting)
        self._waiting.clear()
        return taken


@dataclass
class _Making:
    """A backup that is being made."""

    written: _Written
    archive: zipfile.ZipFile
    hashes: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    """Names of documents whose original is not what was added."""

    def add_file(self, name: str, path: Path) -> Iterator[bytes]:
        """Add a file; yield what of the archive is ready."""
        with path.open("rb") as stream:
            yield from self._add(name, blocks(stream), zipfile.ZIP_STORED)

    def add_bytes(self, name: str, data: bytes) -> Iterator[bytes]:
        """Add a member; yield what of the archive is ready."""
        yield from self._add(name, iter([data]), zipfile.ZIP_DEFLATED)

    def _add(self, name: str, pieces: Iterator[bytes], compression: int) -> Iterator[bytes]:
        digest = hashlib.sha256()
        info = zipfile.ZipInfo(name)
        info.compress_type = compression
        with self.archive.open(info, "w", force_zip64=True) as member:
            for piece in pieces:
                digest.update(piece)
                member.write(piece)
                yield self.written.take()
        self.hashes[name] = digest.hexdigest()
        yield self.written.take()


@dataclass(frozen=True)
class _DocumentRow:
    """What a backup needs of a document."""

    id: str
    name: str
    suffix: str
    is_ready: bool
    passages: int


class BackupService:
    """Makes backups of what an app has open."""

    def __init__(self, *, settings: Settings, store: VectorStore, maker: str) -> None:
        """Remember what is backed up; remove the copies that a killed process has left.

        Args:
            settings: of the app.
            store: its vectors.
            maker: what makes them, see `store.base.made_by`.
        """
        self._settings = settings
        self._store = store
        self._maker = maker
        for folder in settings.data_dir.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def archive(self) -> Generator[bytes]:
        """Yield a backup piece by piece, of the moment at which this begins.

        What is added meanwhile is not in it, and what is deleted meanwhile neither. A document that
        is being read is read anew after the restore.

        Raises:
            StoreError: something can't be read.
        """
        data_dir = self._settings.data_dir
        try:
            with tempfile.TemporaryDirectory(dir=data_dir, prefix=_UNFINISHED) as folder:
                copy = Path(folder) / DATABASE
                _copy_database(self._settings.database, copy)
                yield from self._archive(copy)
        except (OSError, sqlite3.Error) as exc:
            raise StoreError(
                f"The backup can't be made ({exc}). Check the free disk space of {data_dir}."
            ) from exc

    def _archive(self, database: Path) -> Generator[bytes]:
        written = _Written()
        with zipfile.ZipFile(written, "w", compresslevel=1) as archive:
            making = _Making(written=written, archive=archive)
            documents = _documents_in(database)
            gone: list[str] = []
            for document in documents:
                original = self._settings.files_dir / f"{document.id}{document.suffix}"
                try:
                    yield from self._add_document(making, document, original)
                except FileNotFoundError:
                    gone.append(document.id)
            _forget(database, gone)
            yield from making.add_file(DATABASE, database)
            manifest = Manifest(
                format=FORMAT,
                docmind=version("docmind"),
                schema=SCHEMA_VERSION,
                maker=self._maker,
                made_at=now(),
                documents=len(documents) - len(gone),
                hashes=making.hashes,
                damaged=tuple(making.damaged),
            )
            archive.writestr(MANIFEST, manifest_to_json(manifest))
        yield written.take()

    def _add_document(
        self, making: _Making, document: _DocumentRow, original: Path
    ) -> Iterator[bytes]:
        member = f"{FILES}{original.name}"
        yield from making.add_file(member, original)
        if making.hashes[member] != document.id:
            making.damaged.append(document.name)
        for extra in sorted(original.parent.glob(f"{document.id}.*json")):
            if extra != original:
                yield from making.add_file(f"{FILES}{extra.name}", extra)
        if document.is_ready:
            passages = self._store.embedded(document.id)
            # Another number: it was deleted or read anew meanwhile.
            if passages and len(passages) == document.passages:
                data = write_passages(passages)
                yield from making.add_bytes(f"{PASSAGES}{document.id}.jsonl", data)


def _copy_database(database: Path, copy: Path) -> None:
    """Copy a database as it is at one moment, whoever writes into it meanwhile."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        # One file: without it the copy would want its write-ahead log beside it.
        target.execute("PRAGMA journal_mode = DELETE")


def _documents_in(database: Path) -> list[_DocumentRow]:
    with closing(sqlite3.connect(database)) as db:
        rows = db.execute("SELECT id, name, suffix, state, passages FROM documents").fetchall()
    documents: list[_DocumentRow] = []
    for document_id, name, suffix, state, passages in rows:
        row = _DocumentRow(
            id=document_id,
            name=name,
            suffix=suffix,
            is_ready=state == "ready",
            passages=passages,
        )
        documents.append(row)
    return documents


def _forget(database: Path, document_ids: list[str]) -> None:
    """Take documents out of the copy that were deleted while it was made."""
    if not document_ids:
        return
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        for document_id in document_ids:
            db.execute("DELETE FROM documents WHERE id = ?", (document_id,))
        db.execute("VACUUM")
