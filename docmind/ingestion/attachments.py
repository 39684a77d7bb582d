"""What a mail or an archive holds → documents of their own, within limits.

A file may hold others, these others again, and one of them itself: what unpacks without end is
bounded by depth, number and size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from docmind.errors import EmptyFile, FileTooLarge, IngestError
from docmind.ingestion.files import FileStore, Upload
from docmind.ingestion.parsed import UnpackedFile
from docmind.storage.documents import ATTACHED_MARK, Document, DocumentStore

MOST_LEVELS = 4
"""An attachment of a mail in an archive in an archive is read, and what it holds as well."""
MOST_FILES = 1000
MOST_BYTES = 2 << 30
"""Of all that one mail or archive holds, at any depth."""


class AttachmentIntake:
    """Queues the files in a document that is being read.

    Args:
        documents: where they are queued.
        files: where they are stored.
        changed: the lock of both; notified of each new document.
    """

    def __init__(
        self, *, documents: DocumentStore, files: FileStore, changed: threading.Condition
    ) -> None:
        self._documents = documents
        self._files = files
        self._changed = changed

    def take(
        self, parent_id: str, attached: Sequence[UnpackedFile], still_wanted: Callable[[], bool]
    ) -> list[str]:
        """Queue files as documents of their own.

        Args:
            parent_id: the document that holds them.
            attached: the files.
            still_wanted: asked before each, under the lock; where they are not, the rest is left.

        Returns:
            A sentence without its full stop for each file that is left out.
        """
        line = self._line_of(parent_id)
        if not attached or not line:
            return []
        if len(line) > MOST_LEVELS:
            return [_not_read(len(attached), "what is nested deeper is left out")]
        descendants = self._descendants(line[-1])
        room = MOST_FILES - len(descendants)
        bytes_left = MOST_BYTES - sum(descendants.values())
        left_out: list[str] = []
        for number, file in enumerate(attached):
            size = file.path.stat().st_size
            if room <= 0 or bytes_left < size:
                rest = len(attached) - number
                limit = f"of one mail or archive at most {MOST_FILES:,} files and 2 GiB are"
                left_out.append(_not_read(rest, limit))
                break
            try:
                if self._take_one(line, file, still_wanted):
                    room -= 1
                    bytes_left -= size
            except EmptyFile:
                left_out.append(f"'{file.name}' in it is empty")
            except FileTooLarge:
                left_out.append(f"'{file.name}' in it is too large and was not read")
            except IngestError as exc:
                left_out.append(f"'{file.name}' in it was not read: {exc}".rstrip("."))
        return left_out

    def _take_one(
        self, line: Sequence[Document], file: UnpackedFile, still_wanted: Callable[[], bool]
    ) -> bool:
        """Queue a file; return whether it is new."""
        *folders, bare_name = file.name.split("/")
        with self._files.receive(file.path, bare_name) as upload, self._changed:
            is_itself = any(upload.document_id == document.id for document in line)
            if is_itself or not still_wanted():
                return False
            known = self._documents.get(upload.document_id)
            parent = self._documents.get(line[0].id)
            if parent is None:
                return False
            if known is None:
                self._files.place(upload)
                self._queue(parent, upload, folders)
                return True
            if known.parents and parent.id not in known.parents:
                self._documents.set_parents(known.id, [*known.parents, parent.id])
            return False

    def _queue(self, parent: Document, upload: Upload, folders: Sequence[str]) -> None:
        self._documents.add(
            upload.document_id,
            name=ATTACHED_MARK.join([*folders, upload.name]),
            size=upload.size,
            suffix=upload.suffix,
            parent=parent,
        )
        self._changed.notify_all()

    def _line_of(self, document_id: str) -> list[Document]:
        """Return a document, what holds it, what holds that, and so on."""
        line: list[Document] = []
        document = self._documents.get(document_id)
        while document is not None and len(line) <= MOST_LEVELS:
            line.append(document)
            if not document.parents:
                break
            document = self._documents.get(document.parents[0])
        return line

    def _descendants(self, root: Document) -> dict[str, int]:
        """Return the sizes of all that a document holds, by id."""
        sizes: dict[str, int] = {}
        todo = [root.id]
        while todo:
            for child in self._documents.attached_to(todo.pop()):
                if child.id not in sizes:
                    sizes[child.id] = child.size
                    todo.append(child.id)
        return sizes


def _not_read(files: int, why: str) -> str:
    if files == 1:
        return f"1 file in it was not read: {why}"
    return f"{files:,} files in it were not read: {why}"
