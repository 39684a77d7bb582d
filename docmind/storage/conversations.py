"""Conversations that survive a restart: their titles, messages, choices and trims."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from uuid import uuid4

from sqlalchemy import Connection, Row, Table, Text, func, select, type_coerce

from docmind.errors import DocMindError
from docmind.events import ContextTrimmed, now
from docmind.question_scope import NOTHING_CHOSEN, QuestionScope
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.history import MessageHistory
from docmind.storage.messages import Rating, StoredMessage
from docmind.storage.trims import TrimStore
from docmind.turns import CompletedTurn
from docmind.wording import comparable

LONGEST_TITLE = 120
LONGEST_FIRST_TITLE = 60
"""Of a title that is made from the first question."""

INTERRUPTED = "DocMind was ended before this question was answered. Ask it again."

_TABLE = schema.conversations


@dataclass(frozen=True)
class Conversation:
    """One conversation of the sidebar's list."""

    id: str
    title: str
    created_at: str
    updated_at: str
    scope: QuestionScope = NOTHING_CHOSEN
    """What its next question is asked of."""
    shown_message: int | None = None
    """The last message of the versions that are shown; None: nothing was asked yet."""
    pinned: bool = False
    """Whether it stands above the others in the list."""


@dataclass(frozen=True)
class MendedConversations:
    """What `mend_interrupted` found and put right."""

    unanswered: int
    """Questions without an answer."""
    empty: int
    """Conversations in which nothing was asked."""
    lost_rows: int
    """Messages and trim events whose conversation is gone."""


# Named here because `list` means the method below inside the class.
Conversations = list[Conversation]
Citing = list[tuple[Conversation, int]]
Messages = list[StoredMessage]
Trims = list[ContextTrimmed]
Ids = list[int]


class ConversationStore:
    """All conversations. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._history = MessageHistory(database)
        self._trims = TrimStore(database)

    def list(self) -> Conversations:
        """Return all conversations: the pinned ones first, then the last used first."""
        present = select(_TABLE).where(_TABLE.c.deleted_at.is_(None))
        last_used_first = present.order_by(_TABLE.c.pinned.desc(), _TABLE.c.updated_at.desc())
        with self._database.read() as connection:
            rows = connection.execute(last_used_first).all()
        return [_conversation(row) for row in rows]

    def search(self, text: str) -> Conversations:
        """Return those with `text` in their title, a question, an answer or a passage it cites.

        They come in the order of `list`. Upper and lower case are one, in all scripts; SQLite's own
        LIKE knows ASCII only.
        """
        wanted = comparable(text)
        messages = schema.messages
        sources = type_coerce(messages.c.sources, Text).label("sources")
        columns = select(messages.c.conversation_id, messages.c.text, sources)
        found_ids: set[str] = set()
        with self._database.read() as connection:
            for row in connection.execute(columns):
                if row.conversation_id in found_ids:
                    continue
                if wanted in comparable(row.text) or _is_in_passage(wanted, row.sources):
                    found_ids.add(row.conversation_id)
        found: Conversations = []
        for conversation in self.list():
            if conversation.id in found_ids or wanted in comparable(conversation.title):
                found.append(conversation)
        return found

    def citing(self, document_id: str) -> Citing:
        """Return the conversations whose answers cite a document, with the number of answers.

        They come in the order of `list`.
        """
        messages = schema.messages
        names_it = type_coerce(messages.c.sources, Text).contains(document_id)
        columns = select(messages.c.conversation_id, messages.c.sources, messages.c.citations)
        counts: dict[str, int] = {}
        with self._database.read() as connection:
            for row in connection.execute(columns.where(names_it)):
                cited_numbers = {citation["number"] for citation in row.citations}
                for source in row.sources:
                    is_cited = source["number"] in cited_numbers
                    if is_cited and source["document_id"] == document_id:
                        counts[row.conversation_id] = counts.get(row.conversation_id, 0) + 1
                        break
        found: Citing = []
        for conversation in self.list():
            if conversation.id in counts:
                found.append((conversation, counts[conversation.id]))
        return found

    @contextmanager
    def existing_or_new(self, conversation_id: str | None) -> Iterator[str]:
        """Yield the id of this conversation, or of a new one if there is none yet.

        A new one is deleted again if the block fails: no empty conversation is left.
        """
        if conversation_id:
            yield conversation_id
            return
        new_id = self.create().id
        try:
            yield new_id
        except DocMindError:
            self.delete(new_id)
            raise

    def get(self, conversation_id: str) -> Conversation | None:
        """Return one conversation, or None if it does not exist (any more)."""
        with self._database.read() as connection:
            is_meant = (_TABLE.c.id == conversation_id) & _TABLE.c.deleted_at.is_(None)
            row = connection.execute(select(_TABLE).where(is_meant)).first()
        return None if row is None else _conversation(row)

    def create(self, title: str = "") -> Conversation:
        """Begin a conversation; an empty title is replaced by its first question."""
        created_at = now()
        conversation = Conversation(
            id=uuid4().hex,
            title=title,
            created_at=created_at,
            updated_at=created_at,
        )
        with self._database.write() as connection:
            connection.execute(_TABLE.insert().values(**asdict(conversation)))
        return conversation

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title; blank titles are ignored."""
        title = " ".join(title.split())[:LONGEST_TITLE]
        if title:
            self._change(conversation_id, title=title)

    def pin(self, conversation_id: str, *, pinned: bool) -> None:
        """Let a conversation stand above the others, or among them again."""
        self._change(conversation_id, pinned=pinned)

    def duplicate(self, conversation_id: str) -> str | None:
        """Copy a conversation with all its versions and cuts; return the copy's id.

        None if it is gone.
        """
        original = self.get(conversation_id)
        if original is None:
            return None
        copy = self.create(f"{original.title} (copy)".strip()[:LONGEST_TITLE])
        with self._database.write() as connection:
            new_ids = _copy_rows(connection, schema.messages, of=original.id, to=copy.id)
            for message, new_message in new_ids.items():
                table = schema.messages
                # An id is never given twice: no new one is taken for an old one.
                connection.execute(
                    table.update()
                    .where(table.c.conversation_id == copy.id, table.c.parent == message)
                    .values(parent=new_message)
                )
            cuts = schema.trim_events
            _copy_rows(connection, cuts, of=original.id, to=copy.id)
            for message, new_message in new_ids.items():
                connection.execute(
                    cuts.update()
                    .where(cuts.c.conversation_id == copy.id, cuts.c.question == message)
                    .values(question=new_message)
                )
        self._history.forget_loaded()
        shown = None
        if original.shown_message is not None:
            shown = new_ids.get(original.shown_message)
        self._change(copy.id, shown_message=shown, scope=original.scope.to_json())
        return copy.id

    def search_in(self, conversation_id: str, scope: QuestionScope) -> None:
        """Say what a conversation's next questions are asked of."""
        self._change(conversation_id, scope=scope.to_json())

    def put_away(self, conversation_id: str) -> None:
        """Delete a conversation so that `bring_back` can undo it, until the next start."""
        self._change(conversation_id, deleted_at=now())

    def bring_back(self, conversation_id: str) -> None:
        """Undo `put_away`."""
        self._change(conversation_id, deleted_at=None)

    def delete_put_away(self) -> None:
        """Delete for good what was put away."""
        is_away = select(_TABLE.c.id).where(_TABLE.c.deleted_at.is_not(None))
        with self._database.read() as connection:
            ids = connection.execute(is_away).scalars().all()
        for conversation_id in ids:
            self.delete(conversation_id)

    def delete(self, conversation_id: str) -> None:
        """Delete a conversation with its messages and trim events, for good."""
        with self._database.write() as connection:
            for table in (schema.messages, schema.trim_events):
                connection.execute(table.delete().where(table.c.conversation_id == conversation_id))
            connection.execute(_TABLE.delete().where(_TABLE.c.id == conversation_id))
        self._history.forget_loaded()

    def add_question(
        self,
        conversation_id: str,
        question: str,
        version_of: int | None = None,
        *,
        scope: QuestionScope = NOTHING_CHOSEN,
    ) -> int:
        """Store a question, show it, and return its id.

        The first one names an untitled conversation.

        Args:
            conversation_id: The conversation.
            question: As it was typed.
            version_of: The id of the question in whose place it stands; None puts it at the end.
                With the same words, asked of the same, it is that question, which gets another
                answer.
            scope: What it is asked of.
        """
        replaced = self._question(conversation_id, version_of)
        at = now()
        is_same = replaced is not None and replaced.text == question and replaced.scope == scope
        if replaced is not None and is_same:
            question_id = replaced.id
        else:
            parent = self._shown_message(conversation_id)
            if replaced is not None:
                parent = replaced.parent
            message = StoredMessage(role="user", text=question, at=at, parent=parent, scope=scope)
            question_id = self._history.add(conversation_id, message)
        self._change(conversation_id, updated_at=at, shown_message=question_id)
        conversation = self.get(conversation_id)
        if conversation is not None and not conversation.title:
            self.rename(conversation_id, _title_from(question))
        return question_id

    def add_answer(
        self, conversation_id: str, message: StoredMessage, question_id: int | None = None
    ) -> None:
        """Store an answer, unless its conversation was deleted while the turn was running.

        Args:
            conversation_id: The conversation.
            message: The answer.
            question_id: What it answers; None is the last message shown. If the user looks at
                another version by now, it stays with that.
        """
        conversation = self.get(conversation_id)
        if conversation is None:
            return
        shown = conversation.shown_message
        parent = shown if question_id is None else question_id
        answer_id = self._history.add(conversation_id, replace(message, parent=parent))
        if parent == shown:
            shown = answer_id
        self._change(conversation_id, updated_at=now(), shown_message=shown)

    def messages(self, conversation_id: str, before: int | None = None) -> Messages:
        """Return the versions that are shown, oldest first: trimming never touches them.

        Args:
            conversation_id: The conversation.
            before: The id of one of its messages; only what leads to it is returned, without it.
        """
        line = self._line(conversation_id, before)
        return self._history.messages(conversation_id, line)

    def version(self, conversation_id: str, message_id: int) -> StoredMessage | None:
        """Return one message, shown or not; None if it is not in this conversation."""
        line = self._history.line(conversation_id, message_id)
        if not line:
            return None
        return self._history.messages(conversation_id, line[-1:])[0]

    def show_version(self, conversation_id: str, message_id: int) -> None:
        """Show this message, with the newest of what follows it."""
        self._change(
            conversation_id, shown_message=self._history.newest_after(conversation_id, message_id)
        )

    def rate(self, message_id: int, rating: Rating | None, reason: str = "") -> None:
        """Keep what the user thinks of an answer, and why; None takes it back."""
        table = schema.messages
        change = table.update().where(table.c.id == message_id)
        with self._database.write() as connection:
            connection.execute(change.values(rating=rating, rating_reason=reason.strip()))
        self._history.forget_loaded()

    def add_trims(self, trims: Sequence[ContextTrimmed], question_id: int | None = None) -> None:
        """Store the trim events of a question's turn, unless its conversation was deleted.

        Args:
            trims: In the order they happened.
            question_id: They hold for what comes after it; None: for the whole conversation.
        """
        if trims and self.get(trims[0].conversation_id) is not None:
            self._trims.add(trims, question_id)

    def trims(self, conversation_id: str | None = None, before: int | None = None) -> Trims:
        """Return the trim events of all conversations, or those that hold for one, oldest first.

        Args:
            conversation_id: None: all.
            before: As for `messages`.
        """
        if conversation_id is None:
            return self._trims.all()
        return self._trims.of_line(conversation_id, self._line(conversation_id, before))

    def mend_interrupted(self) -> MendedConversations:
        """Put right what a process left that was killed; to be called before anything is asked.

        A question without an answer gets one that says so, from where it can be asked again. A
        conversation in which nothing was asked goes, and messages whose conversation is gone.
        """
        messages = schema.messages
        with self._database.write() as connection:
            known = select(_TABLE.c.id)
            lost = 0
            for table in (messages, schema.trim_events):
                gone = table.delete().where(table.c.conversation_id.not_in(known))
                lost += connection.execute(gone).rowcount
            used = select(messages.c.conversation_id)
            empty = connection.execute(_TABLE.delete().where(_TABLE.c.id.not_in(used))).rowcount
            _show_what_is_there(connection)
            parents = select(messages.c.parent).where(messages.c.parent.is_not(None))
            is_unanswered = (messages.c.role == "user") & messages.c.id.not_in(parents)
            unanswered = connection.execute(
                select(messages.c.id, messages.c.conversation_id).where(is_unanswered)
            ).all()
        for row in unanswered:
            told = StoredMessage(role="assistant", text="", at=now(), error=INTERRUPTED)
            self.add_answer(row.conversation_id, told, row.id)
        return MendedConversations(unanswered=len(unanswered), empty=empty, lost_rows=lost)

    def _line(self, conversation_id: str, before: int | None) -> Ids:
        """Return the ids of the messages that are shown, or that lead to `before`."""
        if before is not None:
            return self._history.line(conversation_id, before)[:-1]
        return self._history.line(conversation_id, self._shown_message(conversation_id))

    def _shown_message(self, conversation_id: str) -> int | None:
        conversation = self.get(conversation_id)
        return None if conversation is None else conversation.shown_message

    def _question(self, conversation_id: str, message_id: int | None) -> StoredMessage | None:
        if message_id is None:
            return None
        return self.version(conversation_id, message_id)

    def _change(self, conversation_id: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                _TABLE.update().where(_TABLE.c.id == conversation_id).values(**values)
            )


def _conversation(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(
        id=row.id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        scope=QuestionScope.from_json(row.scope),
        shown_message=row.shown_message,
        pinned=row.pinned,
    )


def _show_what_is_there(connection: Connection) -> None:
    """Let conversations whose shown message is gone show their newest one."""
    messages = schema.messages
    newest = (
        select(func.max(messages.c.id))
        .where(messages.c.conversation_id == _TABLE.c.id)
        .scalar_subquery()
    )
    is_gone = _TABLE.c.shown_message.is_(None) | _TABLE.c.shown_message.not_in(
        select(messages.c.id)
    )
    connection.execute(_TABLE.update().where(is_gone).values(shown_message=newest))


def _is_in_passage(wanted: str, sources: str) -> bool:
    """Return whether a text stands in one of an answer's passages, or in its document's name.

    Args:
        wanted: As `comparable` returns it.
        sources: As they are stored.
    """
    # Reading them takes long; their letters tell whether it is worth it. Others than ASCII's are
    # stored as numbers.
    letters = sources.casefold()
    for word in wanted.split():
        if word.isascii() and word.isalnum() and word not in letters:
            return False
    for source in json.loads(sources):
        if wanted in comparable(source["text"]) or wanted in comparable(source["file_name"]):
            return True
    return False


def _copy_rows(connection: Connection, table: Table, *, of: str, to: str) -> dict[int, int]:
    """Copy a table's rows of one conversation to another; return the new id of each."""
    rows = select(table).where(table.c.conversation_id == of).order_by(table.c.id)
    new_ids: dict[int, int] = {}
    for row in connection.execute(rows).mappings().all():
        values = dict(row)
        old_id = values.pop("id")
        values["conversation_id"] = to
        new = table.insert().values(values).returning(table.c.id)
        new_ids[old_id] = connection.execute(new).scalar_one()
    return new_ids


def _title_from(question: str) -> str:
    """Return the question, or its first words and an ellipsis."""
    if len(question) <= LONGEST_FIRST_TITLE:
        return question
    first_words = question[: LONGEST_FIRST_TITLE - 3].rsplit(" ", 1)[0]
    return f"{first_words}…"


def _supporting_documents(message: StoredMessage) -> tuple[str, ...]:
    """Return the names of the documents that support an answer, in its order."""
    names: dict[str, None] = {}  # an ordered set
    by_number = {source.number: source.passage.file_name for source in message.sources}
    for citation in message.citations:
        if citation.supported and citation.number in by_number:
            names[by_number[citation.number]] = None
    return tuple(names)


def completed_turns(messages: Sequence[StoredMessage]) -> list[CompletedTurn]:
    """Return every question that was answered, with its answer, oldest first."""
    turns: list[CompletedTurn] = []
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text
        elif question and message.text:
            turn = CompletedTurn(
                question=question, answer=message.text, documents=_supporting_documents(message)
            )
            turns.append(turn)
            question = ""
    return turns
