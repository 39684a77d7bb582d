"""What was cut from the model's view of a conversation, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Select, or_, select

from docmind.events import ContextTrimmed
from docmind.storage import schema
from docmind.storage.database import Database

_TABLE = schema.trim_events


class TrimStore:
    """The table of trim events. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, trims: Sequence[ContextTrimmed], question_id: int | None) -> None:
        """Store the trim events of a question's turn, in the order they happened."""
        if not trims:
            return
        rows = [{**asdict(trim), "question": question_id} for trim in trims]
        with self._database.write() as connection:
            connection.execute(_TABLE.insert(), rows)

    def all(self) -> list[ContextTrimmed]:
        """Return the trim events of all conversations, oldest first."""
        return self._events(select(_TABLE))

    def of_line(self, conversation_id: str, line: Sequence[int]) -> list[ContextTrimmed]:
        """Return the trim events of a conversation that hold for these messages, oldest first."""
        holds = or_(_TABLE.c.question.is_(None), _TABLE.c.question.in_(line))
        of_conversation = _TABLE.c.conversation_id == conversation_id
        return self._events(select(_TABLE).where(of_conversation, holds))

    def _events(self, query: Select[tuple[object, ...]]) -> list[ContextTrimmed]:
        query = query.order_by(_TABLE.c.id)
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
