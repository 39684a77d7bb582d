"""The uploaded files and their extracted text on disk, named by the content's SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from docmind.errors import EmptyFile, FileTooLarge, IngestError
from docmind.ingestion.parsed import SECTION_SEPARATOR, ParsedDocument
from docmind.ingestion.readers.formats import check_supported


@dataclass(frozen=True)
class Upload:
    """A file that has been copied in full, not yet at its place."""

    document_id: str
    name: str
    suffix: str
    size: int
    part: Path


class FileStore:
    """DocMind's folder of files: `<sha256><suffix>` and `<sha256>.json` with the extracted text."""

    def __init__(self, folder: Path, limit_mb: float) -> None:
        self._folder = folder
        self._limit_mb = limit_mb
        for part in folder.glob("*.part"):  # what an earlier process did not finish
            part.unlink(missing_ok=True)

    @contextmanager
    def receive(self, source: Path | BinaryIO | bytes, name: str) -> Iterator[Upload]:
        """Copy an upload to a temporary file and hash it; what isn't placed is removed at the end.

        Raises:
            UnsupportedFile, EmptyFile, FileTooLarge (before anything is copied), IngestError (it can't be copied).
        """
        shown = shown_name(name)
        suffix = check_supported(shown)
        part = self._folder / f"{uuid4()}.part"
        if isinstance(source, bytes):
            source = io.BytesIO(source)
        try:
            with source.open("rb") if isinstance(source, Path) else nullcontext(source) as stream:
                size = stream.seek(0, io.SEEK_END)
                if size == 0:
                    raise EmptyFile(
                        f"'{shown}' is empty (0 bytes). Save it again with its content and upload that."
                    )
                if size > self._limit_mb * 1e6:
                    raise FileTooLarge(
                        f"'{shown}' has {size / 1e6:,.1f} MB, more than the limit of {self._limit_mb:g} MB. Split it, "
                        "or raise DOCMIND_INGESTION__MAX_FILE_MB."
                    )
                stream.seek(0)
                self._folder.mkdir(parents=True, exist_ok=True)
                with part.open("w+b") as copy:
                    shutil.copyfileobj(stream, copy, 1 << 20)
                    copy.flush()
                    os.fsync(copy.fileno())
                    copy.seek(0)
                    document_id = hashlib.file_digest(copy, "sha256").hexdigest()
            yield Upload(document_id, shown, suffix, size, part)
        except OSError as exc:
            raise IngestError(
                f"'{shown}' can't be copied into DocMind's folder ({exc.strerror or exc}). Check that the file can be "
                "read and that there is free disk space."
            ) from exc
        finally:
            part.unlink(missing_ok=True)

    def place(self, upload: Upload) -> None:
        """Move a received file to where `path` finds it, instead of what an earlier upload of it left."""
        self.remove(upload.document_id)
        os.replace(upload.part, self.path(upload.document_id, upload.suffix))

    def path(self, document_id: str, suffix: str) -> Path:
        """Return where the file is."""
        return self._folder / f"{document_id}{suffix}"

    def save_text(self, document_id: str, document: ParsedDocument) -> None:
        """Write the extracted text, whole or not at all; IngestError if it can't be written."""
        path = self.path(document_id, ".json")
        part = path.with_suffix(".json.part")
        sections = [{"text": s.text, "page": s.page} for s in document.sections]
        try:
            part.write_text(json.dumps({"sections": sections}, ensure_ascii=False), "utf-8")
            os.replace(part, path)
        except OSError as exc:
            why = f"Its text can't be written to {path.parent} ({exc.strerror or exc})."
            raise IngestError(f"{why} Free disk space, then retry.") from exc

    def text(
        self, document_id: str, first_page: int | None = None, last_page: int | None = None
    ) -> str | None:
        """Return the extracted text of a range of pages (1-based, both ends included), or None if there is none."""
        try:
            sections = json.loads(self.path(document_id, ".json").read_text("utf-8"))["sections"]
        except FileNotFoundError:
            return None
        low, high = first_page or 1, last_page or 1 << 31
        return SECTION_SEPARATOR.join(
            s["text"] for s in sections if low <= (s["page"] or 1) <= high
        )

    def remove(self, document_id: str) -> None:
        """Remove a document's file and text."""
        for path in self._folder.glob(f"{document_id}.*"):
            path.unlink(missing_ok=True)


def shown_name(name: str) -> str:
    """Return the bare file name: composed Unicode, no folders, nothing unprintable, 200 characters at most."""
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(c for c in bare if c.isprintable()).strip() or "document"
    stem, dot, suffix = bare.rpartition(".")
    return (
        f"{stem[: max(1, 199 - len(suffix))]}{dot}{suffix}"
        if dot and len(suffix) < 20
        else bare[:200]
    )
