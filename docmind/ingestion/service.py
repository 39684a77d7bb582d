"""Adding, following and removing documents: what the pages and the CLI call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from docmind.errors import DocMindError, EncryptedFile, IngestError
from docmind.ingestion.files import FileStore
from docmind.ingestion.pipeline import Pipeline, Stage
from docmind.ingestion.reader_process import ReaderProcess
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.store.base import VectorStore
from docmind.settings import Settings
from docmind.storage.documents import CANCELLED, LOCKED, Document, Registry

log = logging.getLogger(__name__)
_T = TypeVar("_T")

RETRY_S = 5.0
"""How long the background thread waits for a database that can't be written."""


@dataclass(frozen=True)
class Added:
    """What became of an upload. `known`: the same content was there already and nothing is embedded."""

    document: Document
    known: bool


class _Stopped(IngestError):
    """The document was deleted or cancelled, or the app closes."""


class IngestionService:
    """The documents and the one background thread that ingests them, whatever the pages do meanwhile."""

    def __init__(
        self, settings: Settings, registry: Registry, store: VectorStore, embedder: Embedder
    ) -> None:
        self._registry = registry
        self._store = store
        self._pipeline = Pipeline(store, embedder, settings)
        self._files = FileStore(settings.files_dir, settings.ingestion.max_file_mb)
        self._reader = ReaderProcess(settings.ingestion)
        self._passwords: dict[str, str] = {}  # document id → password, until it has opened the file
        self._changed = threading.Condition(threading.RLock())
        """Guards files and the fields below; notified whenever a document is added or done."""
        self._worker: threading.Thread | None = None
        self._current: str | None = None
        self._stop = threading.Event()
        """Ends the ingestion of the current document."""
        self._idle = False
        self._closing = False

    def start(self) -> None:
        """Begin ingesting in the background, first what an earlier run left unfinished."""
        with self._changed:
            if self._worker is None and not self._closing:
                self._registry.requeue_interrupted()
                self._worker = threading.Thread(target=self._work, name="ingestion", daemon=True)
                self._worker.start()

    def add(self, path: Path, name: str | None = None) -> Added:
        """Copy a file into DocMind's folder and queue it; an IngestError says why it is refused."""
        return self.add_bytes(path, name or path.name)

    def add_bytes(self, data: Path | BinaryIO | bytes, name: str) -> Added:
        """Like `add`, for an upload: bytes or an open, seekable binary file."""
        with self._files.receive(data, name) as upload, self._changed:
            known = self._registry.get(upload.document_id)
            if known is not None and known.state != "failed":
                return Added(known, known=True)
            self._files.place(upload)
            added = self._registry.add(upload.document_id, upload.name, upload.size, upload.suffix)
            self._changed.notify_all()
            return Added(added, known=False)

    def documents(self) -> list[Document]:
        """Return all documents, the newest first."""
        return self._registry.all()

    def get(self, document_id: str) -> Document | None:
        """Return a document, or None."""
        return self._registry.get(document_id)

    def file_path(self, document_id: str) -> Path:
        """Return the stored file; IngestError if there is no such document."""
        return self._files.path(document_id, self._known(document_id).suffix)

    def text(
        self, document_id: str, first_page: int | None = None, last_page: int | None = None
    ) -> str:
        """Return the extracted text of pages first to last (1-based; a format without pages counts as one page).

        Raises:
            IngestError: there is no such document, or it has not been parsed yet.
        """
        document = self._known(document_id)
        text = self._files.text(document_id, first_page, last_page)
        if text is None:
            why = document.reason or "Wait until it is ready."
            raise IngestError(
                f"The text of '{document.name}' is not there ({document.state}). {why}"
            )
        return text

    def delete(self, document_id: str) -> None:
        """Remove a document with its file, text and vectors, also while it is being ingested."""
        with self._changed:
            if self._registry.get(document_id) is None:
                return
            if self._current == document_id:
                self._stop.set()  # the worker cleans up once more when its batch is done
            self._store.delete(document_id)
            self._registry.delete(document_id)
            self._files.remove(document_id)
            self._changed.notify_all()

    def cancel(self, document_id: str) -> None:
        """End a document's ingestion at once, or its waiting; the file is kept, for `retry`."""
        with self._changed:
            document = self._registry.get(document_id)
            if document is None or document.state in {"ready", "failed"}:
                return
            if self._current == document_id:
                self._stop.set()
            reason = "You cancelled it before it was read."
            self._registry.update(
                document_id, state="failed", reason=reason, stage=CANCELLED, done=0, total=0
            )
            self._changed.notify_all()

    def retry(self, document_id: str, password: str | None = None) -> None:
        """Queue a failed document again; a password is forgotten once it was tried."""
        with self._changed:
            document = self._registry.get(document_id)
            if document is not None and document.state == "failed":
                if password:
                    self._passwords[document_id] = password
                self._queue(document_id)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until nothing is queued or being ingested; return False if the time runs out before."""
        self.start()
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closing or (self._idle and not self._registry.next_queued()),
                timeout_s,
            )

    def close(self) -> None:
        """Stop after the running batch; what is unfinished goes on at the next start."""
        with self._changed:
            self._closing = True
            self._stop.set()
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join(timeout=60)
        self._reader.close()

    def _queue(self, document_id: str) -> None:
        self._registry.update(document_id, state="queued", reason="", stage="", done=0, total=0)
        self._changed.notify_all()

    def _known(self, document_id: str) -> Document:
        document = self._registry.get(document_id)
        if document is None:
            raise IngestError("This document is not there any more. Reload the page.")
        return document

    # -- the background thread

    def _work(self) -> None:
        self._queue_missing()
        while document := self._persist(self._next):
            reason, locked = "", False
            try:
                self._ingest(document)
            except DocMindError as exc:
                reason, locked = (
                    str(exc),
                    isinstance(exc, EncryptedFile) and document.suffix == ".pdf",
                )
            except Exception as exc:
                log.exception("ingesting %s failed", document.name)
                reason = (
                    f"'{document.name}' could not be ingested ({type(exc).__name__}: {exc}). Try it again; if it fails "
                    "again, save it in another format, and tell us."
                )
            self._persist(partial(self._finish, document.id, reason, LOCKED if locked else ""))
            try:
                if self._registry.next_queued() is None:
                    self._store.optimize()
            except DocMindError:
                log.exception("the store was not tidied; it is tried again after the next document")

    def _persist(self, step: Callable[[], _T]) -> _T | None:
        """Repeat a step that fails (the disk is full), so that this thread outlives it; None when the app closes."""
        while True:
            try:
                return step()
            except Exception:
                log.exception(
                    "the registry of documents can't be used; trying again in %s s", RETRY_S
                )
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, RETRY_S):
                    return None

    def _queue_missing(self) -> None:
        """Queue what is ready but not in the store: the mode was changed, or the store was removed."""
        try:
            for document in self._registry.all():
                if (
                    document.state == "ready"
                    and document.chunks
                    and not self._store.count(document.id)
                ):
                    self._registry.update(document.id, state="queued")
        except DocMindError:
            log.exception("the store can't be compared with the registry")

    def _next(self) -> Document | None:
        """Wait for work; None when the app closes."""
        with self._changed:
            while not self._closing:
                if document := self._registry.next_queued():
                    self._idle = False
                    self._current = document.id
                    self._stop.clear()
                    return document
                self._idle = True
                self._changed.notify_all()
                self._changed.wait()
            return None

    def _ingest(self, document: Document) -> None:
        began = time.monotonic()
        noted, at = 0.0, ("", 0)

        def progress(stage: Stage, done: int, total: int) -> None:
            nonlocal noted, at
            if self._stop.is_set():
                raise _Stopped
            if (
                at == (stage, total) and time.monotonic() - noted < 0.2
            ):  # a write may cost more than a page
                return
            noted, at = time.monotonic(), (stage, total)
            state = "parsing" if stage == "parse" else "embedding"
            with self._changed:
                if not self._stop.is_set():
                    self._registry.update(
                        document.id, state=state, stage=stage, done=done, total=total
                    )

        progress("parse", 0, 0)
        self._store.delete(document.id)  # of an interrupted attempt, maybe with other settings
        path = self.file_path(document.id)
        password = self._passwords.pop(document.id, None)
        parsed = self._reader.read(path, document.name, partial(progress, "parse"), password)
        self._files.save_text(document.id, parsed)
        chunks = self._pipeline.run(document.id, document.name, parsed, progress)
        progress("store", chunks, chunks)
        took = {"pages": parsed.pages, "chunks": chunks, "seconds": time.monotonic() - began}
        with self._changed:
            if not self._stop.is_set():
                self._registry.update(
                    document.id, state="ready", reason="", stage="", done=0, total=0, **took
                )

    def _finish(self, document_id: str, reason: str, stage: str) -> None:
        with self._changed:
            document = self._registry.get(document_id)
            if document is None or document.state != "ready":
                with suppress(DocMindError):
                    self._store.delete(document_id)  # no half documents among the answers
                if document is None:
                    self._files.remove(document_id)  # what a running batch wrote after the deletion
                elif self._stop.is_set():
                    if document.stage != CANCELLED:
                        self._queue(document_id)  # it was added again since, or the app closes
                else:
                    self._registry.update(
                        document_id, state="failed", reason=reason, stage=stage, done=0, total=0
                    )
            self._current = None
            self._changed.notify_all()
