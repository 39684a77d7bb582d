"""Adding, following and removing documents: what the pages and the CLI call."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from docmind.errors import DocMindError, IngestError
from docmind.ingestion.files import FileStore
from docmind.ingestion.pipeline import Pipeline, Stage
from docmind.ingestion.readers import read
from docmind.ingestion.registry import Document, Registry
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.store import VectorStore
from docmind.settings import Settings

log = logging.getLogger(__name__)
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
        self._files = FileStore(settings.files_dir, settings.ingestion.max_file_mb)
        self._changed = threading.Condition(threading.RLock())
        """Guards files and the fields below; notified whenever a document is added or done."""
        self._worker: threading.Thread | None = None
        self._current: tuple[str, threading.Event] | None = None
        self._checked = False
        self._closing = False

    def start(self) -> None:
        """Begin ingesting in the background, first what an earlier run left unfinished."""
        with self._changed:
            if self._worker is None and not self._closing:
                self._registry.requeue_interrupted()
                self._files.remove_parts()
                self._worker = threading.Thread(target=self._work, name="ingestion", daemon=True)
                self._worker.start()

    def add(self, path: Path, name: str | None = None) -> Added:
        """Copy a file into DocMind's folder and queue it.

        Raises:
            UnsupportedFile, EmptyFile, FileTooLarge: refused before anything is copied.
            IngestError: it can't be read or copied.
        """
        return self._add(path, name or path.name)

    def add_bytes(self, data: BinaryIO | bytes, name: str) -> Added:
        """Like `add`, for an upload: bytes or an open, seekable binary file."""
        return self._add(data, name)

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
        return self._files.path(document_id, self._known(document_id).suffix)

    def text(self, document_id: str, first_page: int | None = None, last_page: int | None = None) -> str:
        """Return the extracted text, or that of a range of pages (1-based, both ends included).

        A format without pages counts as one page.

        Raises:
            IngestError: there is no such document, or it has not been parsed yet.
        """
        document = self._known(document_id)
        text = self._files.text(document_id, first_page, last_page)
        if text is None:
            why = document.reason or "Wait until it is ready."
            raise IngestError(f"The text of '{document.name}' is not there ({document.state}). {why}")
        return text

    def delete(self, document_id: str) -> None:
        """Remove a document with its file, text and vectors, also while it is being ingested."""
        with self._changed:
            if self._registry.get(document_id) is None:
                return
            if self._current and self._current[0] == document_id:
                self._current[1].set()  # the worker cleans up once more when its batch is done
            self._store.delete(document_id)
            self._registry.delete(document_id)
            self._files.remove(document_id)
            self._changed.notify_all()

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
                lambda: self._closing or (self._checked and self._current is None and not self._registry.unfinished()),
                timeout_s,
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

    def _add(self, source: Path | BinaryIO | bytes, name: str) -> Added:
        with self._files.receive(source, name) as upload, self._changed:
            known = self._registry.get(upload.document_id)
            if known is not None and known.state != "failed":
                return Added(known, known=True)
            self._files.place(upload, known.suffix if known else upload.suffix)
            if known is not None:
                return Added(self._queue(known.id), known=False)
            added = self._registry.add(upload.document_id, upload.name, upload.size, upload.suffix)
            self._changed.notify_all()
            return Added(added, known=False)

    def _queue(self, document_id: str) -> Document:
        self._registry.update(document_id, state="queued", reason="", stage="", done=0, total=0)
        self._changed.notify_all()
        return self._known(document_id)

    def _known(self, document_id: str) -> Document:
        document = self._registry.get(document_id)
        if document is None:
            raise IngestError("This document is not there any more. Reload the page.")
        return document

    # -- the background thread

    def _work(self) -> None:
        self._queue_missing()
        while (task := self._next()) is not None:
            document, stop = task
            try:
                self._ingest(document, stop)
                if self._registry.next_queued() is None:
                    self._store.optimize()
            except _Cancelled:
                pass
            except DocMindError as exc:
                self._fail(document, stop, str(exc))
            except Exception as exc:
                log.exception("ingesting %s failed", document.name)
                self._fail(
                    document,
                    stop,
                    f"'{document.name}' could not be ingested ({type(exc).__name__}: {exc}). Try it again; if it fails "
                    "again, save it in another format, and tell us.",
                )
            finally:
                self._done(document, stop)

    def _queue_missing(self) -> None:
        """Queue what is ready but not in the store: the mode was changed, or the store was removed."""
        try:
            for document in self._registry.all():
                if document.state == "ready" and document.chunks and not self._store.count(document.id):
                    self._registry.update(document.id, state="queued")
        except DocMindError:
            log.exception("the store can't be compared with the registry")
        finally:
            with self._changed:
                self._checked = True
                self._changed.notify_all()

    def _next(self) -> tuple[Document, threading.Event] | None:
        """Wait for work; None when the app closes."""
        with self._changed:
            while not self._closing:
                document = self._registry.next_queued()
                if document is not None:
                    self._current = (document.id, threading.Event())
                    self._registry.update(document.id, state="parsing", stage="parse", done=0, total=0)
                    return document, self._current[1]
                self._changed.wait()
            return None

    def _done(self, document: Document, stop: threading.Event) -> None:
        with self._changed:
            if stop.is_set():
                # deleted while a batch was on its way, and maybe added again since; or the app closes
                with suppress(DocMindError):
                    self._store.delete(document.id)
                if self._registry.get(document.id) is None:
                    self._files.remove(document.id)
                else:
                    self._queue(document.id)
            self._current = None
            self._changed.notify_all()

    def _fail(self, document: Document, stop: threading.Event, reason: str) -> None:
        with self._changed:
            if stop.is_set():
                return
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
        path = self._files.path(document.id, document.suffix)
        parsed = read(path, document.name, lambda done, total: progress("parse", done, total))
        self._files.save_text(document.id, parsed)
        chunks = self._pipeline.run(document.id, document.name, parsed, progress)
        progress("store", chunks, chunks)
        took = {"pages": parsed.pages, "chunks": chunks, "seconds": time.monotonic() - began}
        with self._changed:
            if stop.is_set():
                raise _Cancelled
            self._registry.update(document.id, state="ready", reason="", stage="", done=0, total=0, **took)
