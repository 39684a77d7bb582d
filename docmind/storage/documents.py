"""Which documents there are and how far each has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import PurePath
from typing import Literal

from sqlalchemy import (
    ColumnClause,
    Connection,
    Row,
    Select,
    Text,
    cast,
    func,
    literal_column,
    select,
)

from docmind.events import now
from docmind.storage import schema
from docmind.storage.database import Database

State = Literal["queued", "parsing", "embedding", "ready", "failed"]
IngestionStage = Literal["parse", "split", "embed", "store"]
FIRST_COLLECTION = 1
"""The id of the collection that is always there; what has no other place lives in it."""

SECONDS_A_DAY = 86_400.0
BYTES_A_SECOND = 50_000.0
"""How long a queued document lets smaller ones pass: a scan of 50 MB for 17 minutes, a note of 5 KB
for a tenth of a second. About what is read of a scanned PDF in a second on two cores."""

ATTACHED_MARK = " / "
"""Stands between the names of a mail and its attachment, of an archive and a file in it."""
LONGEST_NAME = 200
LEAST_OF_PARENT = 40
"""Characters of a mail's name that are left where both names are long."""

_TABLE = schema.documents
_ROWID: ColumnClause[int] = literal_column("rowid")
"""Tells apart documents that were added within the same millisecond."""
_NO_PROGRESS = {"stage": None, "done": 0, "total": 0}


class Failure(StrEnum):
    """Why a document is not read, as far as the program acts on it; its reason has the words."""

    PASSWORD_WANTED = "password_wanted"  # noqa: S105
    CANCELLED = "cancelled"
    """The user wanted it so."""
    UNREADABLE = "unreadable"
    """Everything else."""


@dataclass(frozen=True)
class IngestionProgress:
    """How far a document has come in the stage that it is in."""

    stage: IngestionStage
    done: int
    """Of `total` pages, characters or passages."""
    total: int
    """0 while it is not known."""


@dataclass(frozen=True)
class Document:
    """A file that was added."""

    id: str
    """SHA-256 of its content."""
    name: str
    """What it is shown as; unique."""
    size: int
    """Bytes."""
    suffix: str
    state: State
    added_at: str
    """UTC time, ISO 8601."""
    failure: Failure | None = None
    """Set in the state "failed" only."""
    reason: str = ""
    """Why it failed, and what to do."""
    progress: IngestionProgress | None = None
    """Set in the states "parsing" and "embedding" only."""
    pages: int = 0
    """Pages, slides or sheets; 0 where the format has none."""
    passages: int = 0
    seconds: float = 0.0
    """How long its ingestion took."""
    collection: int = FIRST_COLLECTION
    """The id of its collection."""
    tags: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """What its file holds that was not read, for example `3 embedded videos were not read`."""
    parents: tuple[str, ...] = ()
    """Ids of the mails and archives that hold it, the one in its name first; none if it was added
    by itself."""

    @property
    def own_name(self) -> str:
        """Its name without those of the mails and archives that hold it."""
        return self.name.rpartition(ATTACHED_MARK)[2] if self.parents else self.name


class DocumentStore:
    """The documents' table. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        document_id: str,
        name: str,
        size: int,
        suffix: str,
        *,
        parent: Document | None = None,
    ) -> Document:
        """Queue a document, or a known one again, under its new name.

        A name that another document has becomes "name (2)".

        Args:
            document_id, name, size, suffix: of the file.
            parent: the mail or archive that holds it, if it was not added by itself. It has that
                one's collection and tags.
        """
        collection = FIRST_COLLECTION
        tags: list[str] = []
        parents: list[str] = []
        if parent is not None:
            name = attached_name(parent.name, name)
            collection = parent.collection
            tags = list(parent.tags)
            parents = [parent.id]
        with self._database.write() as connection:
            free_name = _free_name(connection, document_id, name)
            known = connection.execute(_by_id(document_id)).first()
            if known is None:
                new = _TABLE.insert().values(
                    id=document_id,
                    name=free_name,
                    size=size,
                    suffix=suffix,
                    state="queued",
                    reason="",
                    pages=0,
                    passages=0,
                    seconds=0.0,
                    added_at=now(),
                    collection=collection,
                    tags=tags,
                    unread=[],
                    parents=parents,
                    **_NO_PROGRESS,
                )
                connection.execute(new)
            else:
                # Its collection, its tags and when it was first added stay.
                update = _TABLE.update().where(_TABLE.c.id == document_id)
                changes = update.values(
                    name=free_name,
                    suffix=suffix,
                    state="queued",
                    failure=None,
                    reason="",
                    parents=parents,
                    **_NO_PROGRESS,
                )
                connection.execute(changes)
            return _document(connection.execute(_by_id(document_id)).one())

    def get(self, document_id: str) -> Document | None:
        """Return a document, or None."""
        return self._first(_by_id(document_id))

    def all(self) -> list[Document]:
        """Return all documents, the newest first."""
        newest_first = select(_TABLE).order_by(_TABLE.c.added_at.desc(), _ROWID.desc())
        with self._database.read() as connection:
            return [_document(row) for row in connection.execute(newest_first)]

    def attached_to(self, document_id: str) -> list[Document]:
        """Return the documents that a mail or an archive holds, in the order of their adding."""
        held = cast(_TABLE.c.parents, Text).contains(document_id)
        query = select(_TABLE).where(held).order_by(_TABLE.c.added_at, _ROWID)
        with self._database.read() as connection:
            return [_document(row) for row in connection.execute(query)]

    def next_queued(self) -> Document | None:
        """Return the document that is read next, or None.

        A large one lets those pass that come soon after it, and is never passed by what comes
        later than that: nothing waits for ever.
        """
        queued = select(_TABLE).where(_TABLE.c.state == "queued")
        added_s = func.julianday(_TABLE.c.added_at) * SECONDS_A_DAY
        turn_s = added_s + _TABLE.c.size / BYTES_A_SECOND
        return self._first(queued.order_by(turn_s, _TABLE.c.added_at, _ROWID).limit(1))

    # A document's way: queued → parsing → embedding → ready or failed → queued again.
    # Each of these leaves a document alone that is not there (any more).

    def queue(self, document_id: str) -> None:
        """Let a document be read (again)."""
        self._change(document_id, state="queued", failure=None, reason="", **_NO_PROGRESS)

    def requeue_interrupted(self) -> None:
        """Queue again what was being ingested when the process ended."""
        interrupted = _TABLE.c.state.in_(["parsing", "embedding"])
        with self._database.write() as connection:
            connection.execute(
                _TABLE.update().where(interrupted).values(state="queued", **_NO_PROGRESS)
            )

    def note_progress(self, document_id: str, progress: IngestionProgress) -> None:
        """Say how far the ingestion has come."""
        state = "parsing" if progress.stage == "parse" else "embedding"
        self._change(
            document_id,
            state=state,
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
        )

    def finish(
        self,
        document_id: str,
        *,
        pages: int,
        passages: int,
        seconds: float,
        unread: Sequence[str] = (),
    ) -> None:
        """Make a document ready to be asked about."""
        self._change(
            document_id,
            state="ready",
            failure=None,
            reason="",
            pages=pages,
            passages=passages,
            seconds=seconds,
            unread=list(unread),
            **_NO_PROGRESS,
        )

    def fail(self, document_id: str, failure: Failure, reason: str) -> None:
        """Say why a document is not read, and what to do."""
        self._change(
            document_id, state="failed", failure=failure.value, reason=reason, **_NO_PROGRESS
        )

    def set_collection(self, document_id: str, collection: int) -> None:
        """Put a document into a collection."""
        self._change(document_id, collection=collection)

    def set_tags(self, document_id: str, tags: Sequence[str]) -> None:
        """Give a document these tags instead of those it has."""
        self._change(document_id, tags=list(tags))

    def set_parents(self, document_id: str, parents: Sequence[str]) -> None:
        """Say which mails and archives hold a document."""
        self._change(document_id, parents=list(parents))

    def delete(self, document_id: str) -> None:
        """Forget a document."""
        with self._database.write() as connection:
            connection.execute(_TABLE.delete().where(_TABLE.c.id == document_id))

    def _first(self, query: Select[tuple[object, ...]]) -> Document | None:
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _document(row)

    def _change(self, document_id: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(_TABLE.update().where(_TABLE.c.id == document_id).values(**values))


def attached_name(parent_name: str, name: str) -> str:
    """Return what an attachment is called: the mail's name, then its own."""
    room = LONGEST_NAME - len(ATTACHED_MARK)
    of_parent = max(LEAST_OF_PARENT, room - len(name))
    shown_parent = parent_name[:of_parent].rstrip()
    return f"{shown_parent}{ATTACHED_MARK}{name}"


def _by_id(document_id: str) -> Select[tuple[object, ...]]:
    return select(_TABLE).where(_TABLE.c.id == document_id)


def _free_name(connection: Connection, document_id: str, name: str) -> str:
    """Return the name, with a number if another document has it."""
    others = select(_TABLE.c.name).where(_TABLE.c.id != document_id)
    taken = set(connection.execute(others).scalars())
    for candidate in _numbered_names(name):
        if candidate not in taken:
            return candidate
    raise AssertionError("the names never end")


def _numbered_names(name: str) -> Iterator[str]:
    """Yield `report.txt`, `report (2).txt`, `report (3).txt` and so on."""
    yield name
    ending = PurePath(name).suffix
    stem = name.removesuffix(ending)
    for number in count(2):
        yield f"{stem} ({number}){ending}"


def _document(row: Row[tuple[object, ...]]) -> Document:
    failure: Failure | None = None
    if row.failure is not None:
        failure = Failure(row.failure)
    progress: IngestionProgress | None = None
    if row.stage is not None:
        progress = IngestionProgress(stage=row.stage, done=row.done, total=row.total)
    return Document(
        id=row.id,
        name=row.name,
        size=row.size,
        suffix=row.suffix,
        state=row.state,
        added_at=row.added_at,
        failure=failure,
        reason=row.reason,
        progress=progress,
        pages=row.pages,
        passages=row.passages,
        seconds=row.seconds,
        collection=row.collection,
        tags=tuple(row.tags),
        unread=tuple(row.unread),
        parents=tuple(row.parents),
    )
