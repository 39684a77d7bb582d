"""Adding, following and removing documents: what the pages and the CLI call.

A document's way; `retry` leads from failed back to queued:

    queued ──→ parsing ──→ embedding ──→ ready
       └──────────┴────────────┴───────→ failed (unreadable, password wanted, cancelled)

One background thread leads the documents along it, one at a time. Every step can be repeated: what
a killed process left in the middle is queued again at the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from docmind.errors import DocMindError, EncryptedFile, IngestError
from docmind.ingestion.attachments import AttachmentIntake
from docmind.ingestion.files import FileStore
from docmind.ingestion.pipeline import Pipeline
from docmind.ingestion.reader_process import ReaderProcess
from docmind.ingestion.repair import Finding, Repair
from docmind.ingestion.tables import MOST_CELLS, tables_within
from docmind.passages import Passage
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.store.base import VectorStore
from docmind.settings import Settings
from docmind.storage.documents import (
    Document,
    DocumentStore,
    Failure,
    IngestionProgress,
    IngestionStage,
)
from docmind.tables.table import DocumentTable

log = logging.getLogger(__name__)
_T = TypeVar("_T")

RETRY_S = 5.0
"""How long the background thread waits for a database that can't be written."""
NOTE_EVERY_S = 0.2
"""Progress is written this often at most: a write may cost more than reading a page."""


@dataclass(frozen=True)
class AddedDocument:
    """What became of an upload."""

    document: Document
    known: bool
    """The same content was there already; nothing is read again."""


@dataclass(frozen=True)
class _FailedIngestion:
    failure: Failure
    reason: str


class _IngestionStopped(IngestError):
    """The document was deleted or cancelled, or the app closes."""


class IngestionService:
    """The documents and the thread that ingests them, whatever the pages do meanwhile."""

    def __init__(
        self,
        *,
        settings: Settings,
        documents: DocumentStore,
        store: VectorStore,
        embedder: Embedder,
    ) -> None:
        self._documents = documents
        self._store = store
        self._pipeline = Pipeline(store, embedder, settings)
        self._files = FileStore(settings.files_dir, settings.ingestion.max_file_mb)
        self._reader = ReaderProcess(settings.ingestion)
        self._is_shared = settings.store.mode == "server"
        self._passwords: dict[str, str] = {}
        """Document id → password, until it has been tried."""

        self._changed = threading.Condition(threading.RLock())
        """The lock of the files and of the fields below, and of each change of a document's state;
        notified whenever a document is added or done."""
        self._intake = AttachmentIntake(
            documents=documents, files=self._files, changed=self._changed
        )
        self._thread: threading.Thread | None = None
        self._current_id: str | None = None
        """The document that is being ingested."""
        self._stop = threading.Event()
        """Ends the ingestion of the current document."""
        self._idle = False
        self._closing = False

    def start(self) -> None:
        """Begin ingesting in the background, first what an earlier run left unfinished."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._documents.requeue_interrupted()
                self._thread = threading.Thread(
                    target=self._ingest_until_closed, name="ingestion", daemon=True
                )
                self._thread.start()

    def add(self, path: Path, name: str | None = None) -> AddedDocument:
        """Copy a file into DocMind's folder and queue it; an IngestError says why it is refused."""
        return self.add_bytes(path, name or path.name)

    def add_bytes(self, data: Path | BinaryIO | bytes, name: str) -> AddedDocument:
        """Like `add`, for an upload: bytes or an open, seekable binary file."""
        with self._files.receive(data, name) as upload, self._changed:
            known = self._documents.get(upload.document_id)
            is_attached = known is not None and bool(known.parents)
            if known is not None and known.state != "failed" and not is_attached:
                if not self._files.has_original(upload):
                    # The disk has lost or damaged it: this is the way to bring it back.
                    self._files.put_back(upload)
                return AddedDocument(document=known, known=True)
            # What came with a mail becomes a document by itself, which stays when the mail goes.
            self._stop_if_current(upload.document_id)
            self._files.place(upload)
            document = self._documents.add(
                upload.document_id, name=upload.name, size=upload.size, suffix=upload.suffix
            )
            self._changed.notify_all()
            return AddedDocument(document=document, known=False)

    def documents(self) -> list[Document]:
        """Return all documents, the newest first."""
        return self._documents.all()

    def get(self, document_id: str) -> Document | None:
        """Return a document, or None."""
        return self._documents.get(document_id)

    def file_path(self, document_id: str) -> Path:
        """Return the stored file; IngestError if there is no such document."""
        return self._files.path(document_id, self._existing(document_id).suffix)

    def text(
        self, document_id: str, first_page: int | None = None, last_page: int | None = None
    ) -> str:
        """Return the extracted text of pages first to last.

        Pages count from 1; a format without pages counts as one page.

        Raises:
            IngestError: there is no such document, or it has not been parsed yet.
        """
        document = self._existing(document_id)
        text = self._files.text(document_id, first_page, last_page)
        if text is None:
            why = document.reason or "Wait until it is ready."
            raise IngestError(
                f"The text of '{document.name}' is not there ({document.state}). {why}"
            )
        return text

    def passages(self, document_id: str) -> list[Passage]:
        """Return a document's passages in reading order; none while it is not ready."""
        return self._store.passages(document_id)

    def tables(self, document_id: str) -> list[DocumentTable]:
        """Return a document's tables as typed data; none where there is no such document."""
        document = self._documents.get(document_id)
        if document is None:
            return []
        found: list[DocumentTable] = []
        for table in self._files.tables(document_id) or ():
            found.append(
                DocumentTable(document_id=document_id, file_name=document.name, table=table)
            )
        return found

    def attached_to(self, document_id: str) -> list[Document]:
        """Return the documents that came in a mail or an archive."""
        return self._documents.attached_to(document_id)

    def delete(self, document_id: str) -> None:
        """Remove a document with its file, text and vectors, also while it is being ingested.

        What came in it goes as well, unless another mail or archive has it too.
        """
        with self._changed:
            if self._documents.get(document_id) is None:
                return
            # The thread cleans up once more when its batch is done.
            self._stop_if_current(document_id)
            attached = self._documents.attached_to(document_id)
            # A kill from here on is noticed at the next start, and the deletion ended.
            self._files.note_deletion(document_id)
            self._store.delete(document_id)
            self._documents.delete(document_id)
            self._files.remove(document_id)
            for child in attached:
                self._detach(child, document_id)
            self._changed.notify_all()

    def repair(self) -> list[Finding]:
        """Find where documents, files and passages disagree, mend it, and say what was done."""
        with self._changed:
            findings = list(self._look(thorough=True))
            self._changed.notify_all()
        return findings

    def _look(self, *, thorough: bool) -> Iterator[Finding]:
        repair = Repair(
            documents=self._documents,
            files=self._files,
            store=self._store,
            is_shared=self._is_shared,
            being_read=self._current_id,
        )
        return repair.run(thorough=thorough)

    def _detach(self, document: Document, parent_id: str) -> None:
        """Delete what came in a deleted mail, unless another one has it too."""
        others = [parent for parent in document.parents if parent != parent_id]
        if not others:
            self.delete(document.id)
            return
        if document.parents[0] == parent_id:
            # It was called after the mail that is gone: it is read again under its new name.
            self._stop_if_current(document.id)
            self._documents.add(
                document.id,
                name=document.own_name,
                size=document.size,
                suffix=document.suffix,
                parent=self._documents.get(others[0]),
            )
        self._documents.set_parents(document.id, others)

    def _stop_if_current(self, document_id: str) -> None:
        if self._current_id == document_id:
            self._stop.set()

    def cancel(self, document_id: str) -> None:
        """End a document's ingestion at once, or its waiting; the file is kept, for `retry`."""
        with self._changed:
            document = self._documents.get(document_id)
            if document is None or document.state in {"ready", "failed"}:
                return
            if self._current_id == document_id:
                self._stop.set()
            self._documents.fail(
                document_id, Failure.CANCELLED, "You cancelled it before it was read."
            )
            self._changed.notify_all()

    def retry(self, document_id: str, password: str | None = None) -> None:
        """Queue a failed document again; a password is forgotten once it was tried."""
        with self._changed:
            document = self._documents.get(document_id)
            if document is None or document.state != "failed":
                return
            if password:
                self._passwords[document_id] = password
            self._documents.queue(document_id)
            self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until nothing is queued or being ingested; False if the time runs out before."""
        self.start()
        with self._changed:
            return self._changed.wait_for(self._has_nothing_to_do, timeout_s)

    def close(self) -> None:
        """Stop after the running batch; what is unfinished goes on at the next start."""
        with self._changed:
            self._closing = True
            self._stop.set()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=60)
        self._reader.close()

    def _existing(self, document_id: str) -> Document:
        document = self._documents.get(document_id)
        if document is None:
            raise IngestError("This document is not there any more. Reload the page.")
        return document

    def _has_nothing_to_do(self) -> bool:
        if self._closing:
            return True
        return self._idle and self._documents.next_queued() is None

    # -- the background thread

    def _ingest_until_closed(self) -> None:
        self._mend()
        while True:
            document = self._persist(self._next_document)
            if document is None:
                return
            failed = self._try_to_ingest(document)
            self._persist(partial(self._conclude, document.id, failed))
            self._optimize_store_when_idle()

    def _mend(self) -> None:
        """Mend what a kill has left, and queue what was read before tables were kept as data.

        Also where the store's mode was changed or its folder was removed.
        """
        try:
            with self._changed:
                for finding in self._look(thorough=False):
                    log.warning("%s %s", finding.what, finding.done)
                for document in self._documents.all():
                    is_stored = document.state == "ready" and document.passages > 0
                    if is_stored and self._lacks_tables(document.id):
                        self._documents.queue(document.id)
        except DocMindError:
            log.exception("the store can't be compared with the list of documents")

    def _lacks_tables(self, document_id: str) -> bool:
        """Tell whether a document has tables of which only the text was kept."""
        if self._files.has_tables(document_id):
            return False
        if any(passage.table for passage in self._store.passages(document_id)):
            return True
        self._files.save_tables(document_id, [])
        return False

    def _persist(self, step: Callable[[], _T]) -> _T | None:
        """Repeat a step that fails, so that a full disk does not end the thread.

        Returns:
            What the step returns; None when the app closes.
        """
        while True:
            try:
                return step()
            except Exception:
                log.exception("the documents' table can't be used; again in %s s", RETRY_S)
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, RETRY_S):
                    return None

    def _next_document(self) -> Document | None:
        """Wait for work; None when the app closes."""
        with self._changed:
            while not self._closing:
                document = self._documents.next_queued()
                if document is not None:
                    self._idle = False
                    self._current_id = document.id
                    self._stop.clear()
                    return document
                self._idle = True
                self._changed.notify_all()
                self._changed.wait()
            return None

    def _try_to_ingest(self, document: Document) -> _FailedIngestion | None:
        """Ingest a document; return why it failed, None if it did not."""
        try:
            self._ingest(document)
        except EncryptedFile as exc:
            # A PDF is opened with a password; the other formats' readers can't.
            failure = Failure.PASSWORD_WANTED if document.suffix == ".pdf" else Failure.UNREADABLE
            return _FailedIngestion(failure=failure, reason=str(exc))
        except DocMindError as exc:
            return _FailedIngestion(failure=Failure.UNREADABLE, reason=str(exc))
        except Exception as exc:
            log.exception("ingesting %s failed", document.name)
            reason = (
                f"'{document.name}' could not be ingested ({type(exc).__name__}: {exc}). Try it "
                "again; if it fails again, save it in another format, and tell us."
            )
            return _FailedIngestion(failure=Failure.UNREADABLE, reason=reason)
        return None

    def _ingest(self, document: Document) -> None:
        """Read, split, embed and store a document.

        Raises:
            _IngestionStopped: It is cancelled or deleted, or the app closes. Found out at each
                note of progress.
        """
        began = time.monotonic()
        progress = _ProgressNotes(partial(self._note_progress, document.id), self._stop)
        progress.note("parse", 0, 0)
        # An interrupted attempt may have left passages, made with other settings.
        self._store.delete(document.id)

        with self._files.unpacking() as folder:
            parsed = self._reader.read(
                self.file_path(document.id),
                document.name,
                partial(progress.note, "parse"),
                password=self._passwords.pop(document.id, None),
                unpack_into=folder,
            )
            left_out = self._intake.take(document.id, parsed.attached, self._goes_on)
        self._files.save_text(document.id, parsed)
        tables, too_large = tables_within(parsed, MOST_CELLS)
        self._files.save_tables(document.id, tables)
        unread = (*parsed.unread, *left_out)
        if too_large:
            unread = (*unread, f"{too_large} tables are found but too large to be computed with")
        passages = self._pipeline.run(document.id, document.name, parsed, progress.note)
        progress.note("store", passages, passages)

        # Under the lock: a document that is cancelled or deleted now is not made ready after all.
        with self._changed:
            if not self._stop.is_set():
                self._documents.finish(
                    document.id,
                    pages=parsed.pages,
                    passages=passages,
                    seconds=time.monotonic() - began,
                    unread=unread,
                )

    def _goes_on(self) -> bool:
        return not self._stop.is_set()

    def _note_progress(self, document_id: str, progress: IngestionProgress) -> None:
        with self._changed:
            # What was cancelled while this waited for the lock stays so.
            if not self._stop.is_set():
                self._documents.note_progress(document_id, progress)

    def _conclude(self, document_id: str, failed: _FailedIngestion | None) -> None:
        """Leave the document and its files as the ingestion's end wants them."""
        with self._changed:
            document = self._documents.get(document_id)
            if document is None or document.state != "ready":
                with suppress(DocMindError):
                    # No half documents among the answers.
                    self._store.delete(document_id)
            if document is None:
                # What a running batch wrote after the deletion.
                self._files.remove(document_id)
            elif document.state != "ready":
                self._conclude_unfinished(document, failed)
            self._current_id = None
            self._changed.notify_all()

    def _conclude_unfinished(self, document: Document, failed: _FailedIngestion | None) -> None:
        if not self._stop.is_set():
            if failed is not None:
                self._documents.fail(document.id, failed.failure, failed.reason)
        elif document.failure != Failure.CANCELLED:
            # It was deleted and added again meanwhile, or the app closes.
            self._documents.queue(document.id)

    def _optimize_store_when_idle(self) -> None:
        try:
            if self._documents.next_queued() is None:
                self._store.optimize()
        except DocMindError:
            log.exception("the store was not tidied; it is tried again after the next document")


class _ProgressNotes:
    """Takes each step of a document's progress, writes some of them, and ends it when asked to.

    Every new stage is written, and within a stage one note each NOTE_EVERY_S.
    """

    def __init__(self, write: Callable[[IngestionProgress], None], stop: threading.Event) -> None:
        self._write = write
        self._stop = stop
        self._last: IngestionProgress | None = None
        self._last_at = 0.0

    def note(self, stage: IngestionStage, done: int, total: int) -> None:
        """Note that `done` of `total` are done.

        Raises:
            _IngestionStopped: The document is cancelled or deleted, or the app closes.
        """
        if self._stop.is_set():
            raise _IngestionStopped
        progress = IngestionProgress(stage=stage, done=done, total=total)
        if not self._is_soon_after_the_last(progress):
            self._last = progress
            self._last_at = time.monotonic()
            self._write(progress)

    def _is_soon_after_the_last(self, progress: IngestionProgress) -> bool:
        if self._last is None:
            return False
        if (self._last.stage, self._last.total) != (progress.stage, progress.total):
            return False
        return time.monotonic() - self._last_at < NOTE_EVERY_S
