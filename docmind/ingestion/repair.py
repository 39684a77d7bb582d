"""Finding where the list of documents, their files and their passages disagree, and mending it.

Each check can be repeated: what is mended is not found again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docmind.ingestion.files import FileStore
from docmind.retrieval.store.base import VectorStore
from docmind.storage.documents import Document, DocumentStore, Failure
from docmind.wording import count

READ_AGAIN = "It is read again."
ADD_AGAIN = "Its file in DocMind's folder is missing or damaged. Add the same file again."


@dataclass(frozen=True)
class Finding:
    """Something that disagreed."""

    what: str
    """In words for the user."""
    done: str
    """What was done about it; or, if it is not mended, what the user can do."""
    is_mended: bool = True


class Repair:
    """One look at all documents; to be used while no document is being added, read or removed."""

    def __init__(
        self,
        *,
        documents: DocumentStore,
        files: FileStore,
        store: VectorStore,
        is_shared: bool,
        being_read: str | None,
    ) -> None:
        """Remember the parts.

        Args:
            documents: the list.
            files: their originals, texts and tables.
            store: their passages.
            is_shared: others' passages may be in the store, too.
            being_read: the id of the document that is being read; it is left alone.
        """
        self._documents = documents
        self._files = files
        self._store = store
        self._is_shared = is_shared
        self._being_read = being_read

    def run(self, *, thorough: bool) -> Iterator[Finding]:
        """Mend what disagrees, and yield each finding.

        Args:
            thorough: read every file and compare it with its hash, too.
        """
        yield from self._end_deletions()
        known = {document.id: document for document in self._documents.all()}
        stored = self._store.documents()
        for document in known.values():
            if document.id != self._being_read:
                yield from self._check(document, stored.get(document.id, 0), thorough=thorough)
        if not self._is_shared:
            yield from self._remove_passages(stored.keys() - known.keys())
        if thorough:
            for document_id in sorted(self._files.document_ids() - known.keys()):
                yield self._find_place(document_id)

    def _end_deletions(self) -> Iterator[Finding]:
        deleted = self._files.being_deleted()
        for document_id in deleted:
            self._store.delete(document_id)
            self._documents.delete(document_id)
            self._files.remove(document_id)
        if deleted:
            yield Finding(
                what=f"Deleting {count(len(deleted), 'document')} was interrupted.",
                done="It is done now.",
            )

    def _check(self, document: Document, stored: int, *, thorough: bool) -> Iterator[Finding]:
        """Compare one document with its files and its passages."""
        has_file = self._files.path(document.id, document.suffix).is_file()
        if document.state in {"parsing", "embedding"}:
            self._documents.queue(document.id)
            yield Finding(
                what=f"'{document.name}' was left in the middle of being read.",
                done=READ_AGAIN,
            )
        elif document.state == "ready":
            yield from self._check_ready(document, stored, has_file=has_file, thorough=thorough)
        elif stored:
            self._store.delete(document.id)
            yield Finding(
                what=f"'{document.name}' is not ready, but had {stored} passages in the store.",
                done="They were removed.",
            )

    def _check_ready(
        self, document: Document, stored: int, *, has_file: bool, thorough: bool
    ) -> Iterator[Finding]:
        lacks = ""
        if stored != document.passages:
            lacks = f"has {stored} of its {document.passages} passages in the store"
        elif thorough and not self._files.has_readable_text(document.id):
            lacks = "has lost the text or the tables that were extracted from it"
        file_trouble = ""
        if not has_file:
            file_trouble = "is missing"
        elif thorough and _hash_of(self._files.path(document.id, document.suffix)) != document.id:
            file_trouble = "is not what was added: the disk has damaged it"
        if file_trouble:
            if lacks:
                # What is there answers wrongly, and it can't be read again.
                self._store.delete(document.id)
                self._documents.fail(document.id, Failure.UNREADABLE, ADD_AGAIN)
                lacks = f", and it {lacks}"
            yield Finding(
                what=f"The file of '{document.name}' {file_trouble}{lacks}.",
                done=ADD_AGAIN,
                is_mended=False,
            )
        elif lacks:
            self._documents.queue(document.id)
            yield Finding(what=f"'{document.name}' {lacks}.", done=READ_AGAIN)

    def _remove_passages(self, unknown: set[str]) -> Iterator[Finding]:
        for document_id in sorted(unknown):
            self._store.delete(document_id)
        if unknown:
            yield Finding(
                what=f"The store had passages of {count(len(unknown), 'document')} that the list "
                "of documents does not have.",
                done="They were removed.",
            )

    def _find_place(self, document_id: str) -> Finding:
        """Mend files that no document has: a deletion leaves none, so the list has lost them."""
        original = self._files.original(document_id)
        if original is None:
            self._files.remove(document_id)
            return Finding(
                what="There was the text of a document that is not there.",
                done="It was removed.",
            )
        if _hash_of(original) != document_id:
            return Finding(
                what=f"{original} is damaged, and no document's.",
                done="Move it away.",
                is_mended=False,
            )
        name = f"{document_id[:12]}{original.suffix}"
        size = original.stat().st_size
        self._documents.add(document_id, name=name, size=size, suffix=original.suffix)
        return Finding(
            what=f"The list of documents had lost a file; its name was lost with it: {name}.",
            done="It is in the list, and is read.",
        )


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
