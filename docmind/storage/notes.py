"""Notes: answers, or parts of them, that are kept apart from their conversations."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Row, select

from docmind.events import now
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.wording import comparable

LONGEST_TITLE = 120

_TABLE = schema.notes


@dataclass(frozen=True)
class Note:
    """One note."""

    id: int
    title: str
    text: str
    """Markdown, with the passages that it cites below."""
    conversation_id: str | None
    """Where its answer was given; that may be gone."""
    created_at: str
    updated_at: str


class NoteStore:
    """The notes' table. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, text: str = "") -> list[Note]:
        """Return the notes with `text` in them or their title, the last changed first.

        Upper and lower case are one, in all scripts.
        """
        last_changed_first = select(_TABLE).order_by(_TABLE.c.updated_at.desc(), _TABLE.c.id.desc())
        with self._database.read() as connection:
            rows = connection.execute(last_changed_first).all()
        wanted = comparable(text)
        found: list[Note] = []
        for row in rows:
            if wanted in comparable(f"{row.title}\n{row.text}"):
                found.append(_note(row))
        return found

    def add(self, title: str, text: str, conversation_id: str | None = None) -> int:
        """Keep a note; return its id."""
        at = now()
        new = _TABLE.insert().values(
            title=_short(title),
            text=text,
            conversation_id=conversation_id,
            created_at=at,
            updated_at=at,
        )
        with self._database.write() as connection:
            number: int = connection.execute(new.returning(_TABLE.c.id)).scalar_one()
        return number

    def change(self, note_id: int, title: str, text: str) -> None:
        """Give a note another title and text."""
        changed = _TABLE.update().where(_TABLE.c.id == note_id)
        with self._database.write() as connection:
            connection.execute(changed.values(title=_short(title), text=text, updated_at=now()))

    def delete(self, note_id: int) -> None:
        """Delete a note."""
        with self._database.write() as connection:
            connection.execute(_TABLE.delete().where(_TABLE.c.id == note_id))

    def bring_back(self, note: Note) -> None:
        """Undo `delete`."""
        values = {
            "id": note.id,
            "title": note.title,
            "text": note.text,
            "conversation_id": note.conversation_id,
            "created_at": note.created_at,
            "updated_at": note.updated_at,
        }
        with self._database.write() as connection:
            connection.execute(_TABLE.insert().values(values))


def _short(title: str) -> str:
    return " ".join(title.split())[:LONGEST_TITLE] or "Note"


def _note(row: Row[tuple[object, ...]]) -> Note:
    return Note(
        id=row.id,
        title=row.title,
        text=row.text,
        conversation_id=row.conversation_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
