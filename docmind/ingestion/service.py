"""Adding, following and removing documents: what the pages and the CLI call."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import threading
import time
import unicodedata
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from docmind.errors import DocMindError, EmptyFile, FileTooLarge, IngestError
from docmind.ingestion.parsed import GAP, ParsedDocument, Section
from docmind.ingestion.pipeline import Pipeline, Stage
from docmind.ingestion.readers import check_supported, read
from docmind.ingestion.registry import Document, Registry
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.store import VectorStore
from docmind.settings import Settings

log = logging.getLogger(__name__)
COPY = 1 << 20
"""Bytes copied at a time."""
NOTE_EVERY_S = 0.2
"""Progress is written to the registry at most this often."""


@dataclass(frozen=True)
class Added:
    """What became of an upload. `known`: the same content was there already and nothing is embedded."""

    document: Document
    known: bool


class _Cancelled(Exception):
    pass


class IngestionService:
    """The documents and the one background thread that ingests them, whatever the pages do meanwhile."""

    def __init__(self, settings: Settings, registry: Registry, store: VectorStore, embedder: Embedder) -> None:
        self._registry = registry
        self._store = store
        self._pipeline = Pipeline(store, embedder, settings)
        self._files = settings.files_dir
        self._limit_mb = settings.ingestion.max_file_mb
        self._changed = threading.Condition(threading.RLock())
        """Guards files and the fields below; notified whenever a document is added or done."""
        self._worker: threading.Thread | None = None
        self._current: tuple[str, threading.Event] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin ingesting in the background, first what an earlier run left unfinished."""
        with self._changed:
            if self._worker is not None or self._closing:
                return
            self._registry.requeue_interrupted()
            for document in self._registry.all():
                # another store mode, or a store that was removed
                if document.state == "ready" and not self._store.count(document.id):
                    self._registry.update(document.id, state="queued")
            for part in self._files.glob("*.part") if self._files.is_dir() else ():
                part.unlink(missing_ok=True)  # an upload that was cut off
            self._worker = threading.Thread(target=self._work, name="ingestion", daemon=True)
            self._worker.start()

    def add(self, path: Path, name: str | None = None) -> Added:
        """Copy a file into DocMind's folder and queue it.

        Raises:
            UnsupportedFile, EmptyFile, FileTooLarge: refused before anything is copied.
            IngestError: it can't be read or copied.
        """
        shown = _shown_name(name or path.name)
        check_supported(shown)
        try:
            self._check_size(shown, path.stat().st_size)
            with path.open("rb") as stream:
                return self._add(stream, shown)
        except OSError as exc:
            raise _no_copy(shown, exc) from exc

    def add_bytes(self, data: BinaryIO | bytes, name: str) -> Added:
        """Like `add`, for an upload: bytes or an open binary file."""
        shown = _shown_name(name)
        check_supported(shown)
        stream: BinaryIO = io.BytesIO(data) if isinstance(data, bytes | bytearray | memoryview) else data
        try:
            self._check_size(shown, stream.seek(0, io.SEEK_END))
            stream.seek(0)
            return self._add(stream, shown)
        except OSError as exc:
            raise _no_copy(shown, exc) from exc

    def documents(self) -> list[Document]:
        """Return all documents, the newest first."""
        return self._registry.all()

    def get(self, document_id: str) -> Document | None:
        """Return a document, or None."""
        return self._registry.get(document_id)

    def file_path(self, document_id: str) -> Path:
        """Return the stored file.

        Raises:
            IngestError: there is no such document.
        """
        return self._files / f"{document_id}{self._known(document_id).suffix}"

    def text(self, document_id: str, first_page: int | None = None, last_page: int | None = None) -> str:
        """Return the extracted text, or that of a range of pages (1-based, both ends included).

        A format without pages counts as one page.

        Raises:
            IngestError: there is no such document, or it has not been parsed yet.
        """
        document = self._known(document_id)
        try:
            sections = load_sections(self._text_file(document_id))
        except (OSError, ValueError, TypeError) as exc:
            why = document.reason or "Wait until it is ready."
            raise IngestError(f"The text of '{document.name}' is not there ({document.state}). {why}") from exc
        low, high = first_page or 1, last_page or 1 << 31
        return GAP.join(s.text for s in sections if low <= (s.page or 1) <= high)

    def delete(self, document_id: str) -> None:
        """Remove a document with its file, text and vectors, also while it is being ingested."""
        with self._changed:
            document = self._registry.get(document_id)
            if document is None:
                return
            self._registry.delete(document_id)
            if self._current and self._current[0] == document_id:
                self._current[1].set()  # the worker cleans up once more when its batch is done
            self._remove(document_id)

    def retry(self, document_id: str) -> None:
        """Queue a failed document again."""
        with self._changed:
            if self._known(document_id).state == "failed":
                self._queue(document_id)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until nothing is queued or being ingested; return False if the time runs out before."""
        self.start()
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closing or (self._current is None and not self._registry.unfinished()), timeout_s
            )

    def close(self) -> None:
        """Stop after the running batch; what is unfinished goes on at the next start."""
        with self._changed:
            self._closing = True
            if self._current:
                self._current[1].set()
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join(timeout=60)

    # -- adding and removing

    def _check_size(self, name: str, size: int) -> None:
        if size == 0:
            raise EmptyFile(f"'{name}' is empty (0 bytes). Save it again with its content and upload that.")
        if size > self._limit_mb * 1e6:
            raise FileTooLarge(
                f"'{name}' has {size / 1e6:,.0f} MB, more than the limit of {self._limit_mb:g} MB. Split it, or raise "
                "DOCMIND_INGESTION__MAX_FILE_MB."
            )

    def _add(self, stream: BinaryIO, name: str) -> Added:
        suffix = check_supported(name)
        self._files.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with NamedTemporaryFile(dir=self._files, suffix=".part", delete=False) as part:
            try:
                while block := stream.read(COPY):
                    digest.update(block)
                    part.write(block)
                size = part.tell()
                part.flush()
                os.fsync(part.fileno())
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
        document_id = digest.hexdigest()
        with self._changed:
            known = self._registry.get(document_id)
            if known is not None and known.state != "failed":
                Path(part.name).unlink(missing_ok=True)
                return Added(known, known=True)
            if known is not None:
                suffix = known.suffix
            os.replace(part.name, self._files / f"{document_id}{suffix}")
            if known is None:
                known = self._registry.add(document_id, name, size, suffix)
                self._changed.notify_all()
            else:
                known = self._queue(document_id)
            return Added(known, known=False)

    def _queue(self, document_id: str) -> Document:
        self._registry.update(document_id, state="queued", reason="", stage="", done=0, total=0)
        self._changed.notify_all()
        return self._known(document_id)

    def _known(self, document_id: str) -> Document:
        document = self._registry.get(document_id)
        if document is None:
            raise IngestError("This document is not there any more. Reload the page.")
        return document

    def _text_file(self, document_id: str) -> Path:
        return self._files / f"{document_id}.json"

    def _remove(self, document_id: str) -> None:
        """Remove vectors and files; called with the lock held."""
        self._store.delete(document_id)
        for path in self._files.glob(f"{document_id}.*"):
            path.unlink(missing_ok=True)

    # -- the background thread

    def _work(self) -> None:
        while True:
            with self._changed:
                document = None
                while not self._closing and (document := self._registry.next_queued()) is None:
                    self._changed.wait()
                if self._closing or document is None:
                    return
                stop = threading.Event()
                self._current = (document.id, stop)
                self._registry.update(document.id, state="parsing", stage="parse", done=0, total=0)
            try:
                self._ingest(document, stop)
                if self._registry.next_queued() is None:
                    self._store.optimize()
            except _Cancelled:
                pass
            except DocMindError as exc:
                self._fail(document, str(exc))
            except Exception as exc:
                log.exception("ingesting %s failed", document.name)
                self._fail(
                    document,
                    f"'{document.name}' could not be ingested ({type(exc).__name__}: {exc}). Try it again; if it fails "
                    "again, save it in another format, and tell us.",
                )
            finally:
                with self._changed:
                    if self._registry.get(document.id) is None:
                        with suppress(DocMindError):
                            self._remove(document.id)  # it was deleted while a batch was on its way
                    self._current = None
                    self._changed.notify_all()

    def _fail(self, document: Document, reason: str) -> None:
        with suppress(DocMindError):
            self._store.delete(document.id)  # no half documents among the answers
        self._registry.update(document.id, state="failed", reason=reason, stage="", done=0, total=0)

    def _ingest(self, document: Document, stop: threading.Event) -> None:
        began = time.monotonic()
        noted = 0.0
        last_stage: Stage | None = None

        def progress(stage: Stage, done: int, total: int) -> None:
            nonlocal noted, last_stage
            if stop.is_set():
                raise _Cancelled
            now = time.monotonic()
            if stage != last_stage or done == total or now - noted > NOTE_EVERY_S:
                noted, last_stage = now, stage
                state = "parsing" if stage == "parse" else "embedding"
                self._registry.update(document.id, state=state, stage=stage, done=done, total=total)

        self._store.delete(document.id)  # of an interrupted attempt, maybe with other settings
        path = self._files / f"{document.id}{document.suffix}"
        parsed = read(path, document.name, lambda done, total: progress("parse", done, total))
        save_sections(self._text_file(document.id), parsed)
        self._registry.update(document.id, pages=parsed.pages)
        chunks = self._pipeline.run(document.id, document.name, parsed, progress)
        progress("store", chunks, chunks)
        self._registry.update(
            document.id,
            state="ready",
            reason="",
            chunks=chunks,
            seconds=time.monotonic() - began,
            stage="",
            done=0,
            total=0,
        )


def save_sections(path: Path, document: ParsedDocument) -> None:
    """Write the extracted text beside the file; whole or not at all."""
    part = path.with_suffix(".json.part")
    content = {"pages": document.pages, "sections": [asdict(s) for s in document.sections]}
    part.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    os.replace(part, path)


def load_sections(path: Path) -> list[Section]:
    """Read what `save_sections` wrote."""
    return [Section(**s) for s in json.loads(path.read_text("utf-8"))["sections"]]


def _shown_name(name: str) -> str:
    """Return the bare file name: composed Unicode, no folders, nothing unprintable, 200 characters at most."""
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(c for c in bare if c.isprintable()).strip() or "document"
    stem, dot, suffix = bare.rpartition(".")
    return f"{stem[: 199 - len(suffix)]}{dot}{suffix}" if dot else bare[:200]


def _no_copy(name: str, exc: OSError) -> IngestError:
    return IngestError(
        f"'{name}' can't be copied into DocMind's folder ({exc.strerror or exc}). Check that the file can be read and "
        "that there is free disk space."
    )
