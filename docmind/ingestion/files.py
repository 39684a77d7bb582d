"""The uploaded files and their extracted text on disk, named by the content's SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import math
import os
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO
from uuid import uuid4

from docmind.errors import EmptyFile, FileTooLarge, IngestError
from docmind.ingestion.parsed import SECTION_SEPARATOR, ParsedDocument
from docmind.ingestion.readers.formats import check_supported
from docmind.tables.table import Table

log = logging.getLogger(__name__)

TABLES_VERSION = 1
"""Of how tables are read, in their file's name: without a file of this one they are read again."""
DELETION = ".deleted"
"""Ending of the note that a document is being deleted."""
_UNPACKED = "unpacked-"
"""Begins the name of a folder for what a file holds."""
LONGEST_NAME = 200
LONGEST_SUFFIX = 20
"""What follows the last dot of a name and is longer is no suffix."""


@dataclass(frozen=True)
class Upload:
    """A file that has been copied in full, not yet at its place."""

    document_id: str
    name: str
    suffix: str
    size: int
    part: Path
    """Where the copy is."""


class FileStore:
    """DocMind's folder of files.

    A document has `<sha256><suffix>`, the file itself, `<sha256>.json`, its extracted text, and
    `<sha256>.tables-1.json`, its tables as typed data.
    """

    def __init__(self, folder: Path, limit_mb: float) -> None:
        self._folder = folder
        self._limit_mb = limit_mb
        # What an earlier process did not finish.
        for part in folder.glob("*.part"):
            part.unlink(missing_ok=True)
        for unpacked in folder.glob(f"{_UNPACKED}*"):
            shutil.rmtree(unpacked, ignore_errors=True)

    @contextmanager
    def receive(self, source: Path | BinaryIO | bytes, name: str) -> Iterator[Upload]:
        """Copy an upload to a temporary file and hash it; what isn't placed is removed at the end.

        Raises:
            UnsupportedFile, EmptyFile, FileTooLarge: before anything is copied.
            IngestError: it can't be copied.
        """
        shown = shown_name(name)
        suffix = check_supported(shown)
        part = self._folder / f"{uuid4()}.part"
        try:
            with _opened(source) as stream:
                size = stream.seek(0, io.SEEK_END)
                stream.seek(0)
                self._check_size(shown, size)
                self._folder.mkdir(parents=True, exist_ok=True)
                document_id = _copy_and_hash(stream, part)
            yield Upload(document_id=document_id, name=shown, suffix=suffix, size=size, part=part)
        except OSError as exc:
            raise IngestError(
                f"'{shown}' can't be copied into DocMind's folder ({exc.strerror or exc}). Check "
                "that the file can be read and that there is free disk space."
            ) from exc
        finally:
            part.unlink(missing_ok=True)

    def place(self, upload: Upload) -> None:
        """Move a received file to where `path` finds it.

        What an earlier upload of the same content left goes.
        """
        self.remove(upload.document_id)
        upload.part.replace(self.path(upload.document_id, upload.suffix))

    @contextmanager
    def unpacking(self) -> Iterator[Path]:
        """Yield an empty folder for what a file holds; it is removed at the end."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=_UNPACKED, dir=self._folder) as folder:
            yield Path(folder)

    def path(self, document_id: str, suffix: str) -> Path:
        """Return where the file is."""
        return self._folder / f"{document_id}{suffix}"

    def save_text(self, document_id: str, document: ParsedDocument) -> None:
        """Write the extracted text, whole or not at all; IngestError if it can't be written."""
        sections = [{"text": section.text, "page": section.page} for section in document.sections]
        text = json.dumps({"sections": sections}, ensure_ascii=False)
        self._write(self.path(document_id, ".json"), text)

    def _write(self, path: Path, text: str) -> None:
        """Write a file, whole or not at all; IngestError if it can't be written."""
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_text(text, "utf-8")
            part.replace(path)
        except OSError as exc:
            raise IngestError(
                f"Its text can't be written to {path.parent} ({exc.strerror or exc}). "
                "Free disk space, then retry."
            ) from exc

    def save_tables(self, document_id: str, tables: Sequence[Table]) -> None:
        """Write a document's tables, whole or not at all; IngestError if they can't be written."""
        path = self._tables_path(document_id)
        data = {"tables": [table.to_json() for table in tables]}
        self._write(path, json.dumps(data, ensure_ascii=False))

    def tables(self, document_id: str) -> list[Table] | None:
        """Return a document's tables; None if they were not looked for, or can't be read."""
        try:
            stored = json.loads(self._tables_path(document_id).read_text("utf-8"))
            return [Table.from_json(table) for table in stored["tables"]]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            log.warning("the tables of %s can't be read", document_id, exc_info=True)
            return None

    def has_tables(self, document_id: str) -> bool:
        """Return whether a document's tables were looked for; that there are some is not said."""
        return self._tables_path(document_id).is_file()

    def _tables_path(self, document_id: str) -> Path:
        return self.path(document_id, f".tables-{TABLES_VERSION}.json")

    def text(
        self, document_id: str, first_page: int | None = None, last_page: int | None = None
    ) -> str | None:
        """Return the extracted text of a range of pages, or None if there is none.

        Pages count from 1 and both ends are included; without an end the range goes on to the
        document's.
        """
        try:
            stored = json.loads(self.path(document_id, ".json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        first = first_page or 1
        last = last_page or math.inf
        texts = []
        for section in stored["sections"]:
            # A format without pages counts as one page.
            page = section["page"] or 1
            if first <= page <= last:
                texts.append(section["text"])
        return SECTION_SEPARATOR.join(texts)

    def has_readable_text(self, document_id: str) -> bool:
        """Return whether a document's extracted text and its tables are there and whole."""
        try:
            has_text = self.text(document_id) is not None
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return has_text and self.tables(document_id) is not None

    def has_original(self, upload: Upload) -> bool:
        """Return whether the file that was uploaded is in its place, as it is."""
        path = self.path(upload.document_id, upload.suffix)
        if not path.is_file() or path.stat().st_size != upload.size:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == upload.document_id

    def put_back(self, upload: Upload) -> None:
        """Move a received file to its place; the text and tables that are there stay."""
        upload.part.replace(self.path(upload.document_id, upload.suffix))

    def document_ids(self) -> set[str]:
        """Return the ids of all documents of which there is any file."""
        return {path.name.partition(".")[0] for path in self._folder.glob("*.*")}

    def original(self, document_id: str) -> Path | None:
        """Return the file of a document whose suffix is not known; None if there is none."""
        for path in sorted(self._folder.glob(f"{document_id}.*")):
            is_text = path == self.path(document_id, ".json")
            if not is_text and path != self._tables_path(document_id):
                return path
        return None

    def note_deletion(self, document_id: str) -> None:
        """Note that a document is being deleted; `remove` takes the note away."""
        # On a full disk deleting must work all the same.
        with suppress(OSError):
            self.path(document_id, DELETION).touch()

    def being_deleted(self) -> list[str]:
        """Return the ids of documents whose deletion was begun and not ended."""
        noted = self._folder.glob(f"*{DELETION}")
        return sorted(path.name.removesuffix(DELETION) for path in noted)

    def remove(self, document_id: str) -> None:
        """Remove a document's file and text, and last the note that it is being deleted."""
        note = self.path(document_id, DELETION)
        for path in self._folder.glob(f"{document_id}.*"):
            if path != note:
                path.unlink(missing_ok=True)
        note.unlink(missing_ok=True)

    def _check_size(self, name: str, size: int) -> None:
        if size == 0:
            raise EmptyFile(
                f"'{name}' is empty (0 bytes). Save it again with its content and upload that."
            )
        megabytes = size / 1e6
        if megabytes > self._limit_mb:
            raise FileTooLarge(
                f"'{name}' has {megabytes:,.1f} MB, more than the limit of {self._limit_mb:g} MB. "
                "Split it, or raise DOCMIND_INGESTION__MAX_FILE_MB."
            )


@contextmanager
def _opened(source: Path | BinaryIO | bytes) -> Iterator[BinaryIO]:
    """Yield the source as a binary file; one that was open already stays open."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    elif isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        yield source


def _copy_and_hash(stream: BinaryIO, target: Path) -> str:
    """Copy a stream to a file, down to the disk, and return its SHA-256."""
    with target.open("w+b") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
        copy.seek(0)
        return hashlib.file_digest(copy, "sha256").hexdigest()


def shown_name(name: str) -> str:
    """Return the bare file name: composed Unicode, no folders, nothing unprintable, short."""
    composed = unicodedata.normalize("NFC", name)
    bare = composed.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in bare if character.isprintable()).strip()
    if not printable:
        return "document"
    stem, dot, suffix = printable.rpartition(".")
    if dot and len(suffix) < LONGEST_SUFFIX:
        # The suffix says what the file is, so the stem is cut.
        room = max(1, LONGEST_NAME - 1 - len(suffix))
        return f"{stem[:room]}.{suffix}"
    return printable[:LONGEST_NAME]
