"""What was cut from the model's view of a conversation, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select

from docmind.events import ContextTrimmed
from docmind.storage import schema
from docmind.storage.database import Database

_TABLE = schema.trim_events


class TrimStore:
    """The table of trim events. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, trims: Sequence[ContextTrimmed]) -> None:
        """Store trim events, in the order they happened."""
        if trims:
            with self._database.write() as connection:
                connection.execute(_TABLE.insert(), [asdict(trim) for trim in trims])

    def find(self, conversation_id: str | None) -> list[ContextTrimmed]:
        """Return the trim events of one conversation, or of all (None), oldest first."""
        query = select(_TABLE).order_by(_TABLE.c.id)
        if conversation_id is not None:
            query = query.where(_TABLE.c.conversation_id == conversation_id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        events: list[ContextTrimmed] = []
        for row in rows:
            event = ContextTrimmed(
                conversation_id=row.conversation_id,
                turn_id=row.turn_id,
                tokens_before=row.tokens_before,
                tokens_after=row.tokens_after,
                dropped=row.dropped,
                reason=row.reason,
                at=row.at,
                first_retained_turn=row.first_retained_turn,
                summary=row.summary,
            )
            events.append(event)
        return events
