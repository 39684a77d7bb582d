"""Small in-memory implementations of the parts' public faces: what the pages are tested against."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

from docmind.agents.cells import CellAnswer
from docmind.errors import DocMindError, EngineFailed, PromptTooLong, UnsupportedFile
from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ChatEvent,
    Citation,
    SourcesFound,
    TokenDelta,
    TurnFailed,
    TurnFinished,
    Usage,
    Verdict,
    now,
)
from docmind.extraction.service import ExtractionService
from docmind.hardware import detect
from docmind.monitor.gpu import HardwareMonitor
from docmind.passages import NumberedPassage, Passage
from docmind.question_scope import QuestionScope
from docmind.retrieval.store.base import Scope
from docmind.settings import Settings
from docmind.storage.collections import CollectionStore
from docmind.storage.conversations import ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import Document, DocumentStore, Failure, IngestionProgress
from docmind.storage.messages import StoredMessage
from docmind.storage.notes import NoteStore
from docmind.storage.settings import load_settings
from docmind.suggestions import Suggestions
from docmind.turns import Turn, streamed_answer
from tests.engines import PromptedEngine
from tests.passages import numbered


class FakeDocuments:
    """An IngestionService that has every file ready at once.

    A file whose name starts with "slow", "bad" or "locked" is being read, failed, or locked.
    """

    def __init__(self, folder: Path, store: DocumentStore) -> None:
        self.folder = folder
        self.store = store
        self.get = store.get
        self.delete = store.delete
        self.retried: list[str] = []
        self.passwords: list[str | None] = []

    def add_bytes(self, data: bytes | BinaryIO, name: str) -> SimpleNamespace:
        content = data if isinstance(data, bytes) else data.read()
        if name.endswith(".exe"):
            raise UnsupportedFile(f"{name}: this type of file can't be read. Try PDF, DOCX or TXT.")
        document_id = hashlib.sha256(content).hexdigest()
        known = self.get(document_id) is not None
        if not known:
            self._add(document_id, name, len(content))
            (self.folder / document_id).write_bytes(content)
        return SimpleNamespace(document=self.get(document_id), known=known)

    def _add(self, document_id: str, name: str, size: int) -> None:
        store = self.store
        store.add(document_id, name=name, size=size, suffix=Path(name).suffix)
        if name.startswith("slow"):
            progress = IngestionProgress(stage="embed", done=3, total=10)
            store.note_progress(document_id, progress)
        elif name.startswith("bad"):
            reason = "The file is damaged. Save it again."
            store.fail(document_id, Failure.UNREADABLE, reason)
        elif name.startswith("locked"):
            reason = "It is protected by a password."
            store.fail(document_id, Failure.PASSWORD_WANTED, reason)
        else:
            unread = ("2 embedded videos were not read",) if name.startswith("film") else ()
            store.finish(document_id, pages=1, passages=1, seconds=0.1, unread=unread)

    def documents(self) -> list[Document]:
        return self.store.all()[::-1]

    def passages(self, document_id: str) -> list[Passage]:
        document = self.get(document_id)
        passages = []
        for page in (1, 2):
            passage = Passage(
                id=f"{document_id}-{page}",
                document_id=document_id,
                file_name=document.name,
                text="text",
                page=page,
                heading=f"Chapter {page}",
            )
            passages.append(passage)
        return passages

    def cancel(self, document_id: str) -> None:
        reason = "You cancelled it before it was read."
        self.store.fail(document_id, Failure.CANCELLED, reason)

    def retry(self, document_id: str, password: str | None = None) -> None:
        self.retried.append(document_id)
        self.passwords.append(password)

    def file_path(self, document_id: str) -> Path:
        return self.folder / document_id

    def text(
        self, document_id: str, first_page: int | None = None, last_page: int | None = None
    ) -> str:
        return self.file_path(document_id).read_text("utf-8", "replace")


class FakeChat:
    """A ChatService that answers with `answer` after one agent searched.

    `error` makes ask() refuse, `fails` makes turns end with this error. Turns wait before their end
    until `gate` is set.
    """

    def __init__(self, conversations: ConversationStore, documents: FakeDocuments) -> None:
        self.conversations = conversations
        self.documents = documents
        self.answer = "The fee is $5 per month and $10 per year [1]. It rose [2]."
        self.error: DocMindError | None = None
        self.fails = ""
        self.delay_s = 0.0
        self.temperatures: list[float | None] = []
        self.gate = threading.Event()
        self.gate.set()
        self._active: dict[str, Turn] = {}

    def active(self, conversation_id: str) -> Turn | None:
        turn = self._active.get(conversation_id)
        if turn is None or turn.done:
            return None
        return turn

    def ask(
        self,
        question: str,
        conversation_id: str,
        *,
        version_of: int | None = None,
        scope: QuestionScope | None = None,
        temperature: float | None = None,
    ) -> Turn:
        if self.error is not None:
            raise self.error
        self.temperatures.append(temperature)
        turn = Turn(conversation_id, question, version_of)
        if scope is None:
            conversation = self.conversations.get(conversation_id)
            scope = conversation.scope
        turn.question_id = self.conversations.add_question(
            conversation_id, question, version_of, scope=scope
        )
        self._active[conversation_id] = turn
        threading.Thread(target=self._play, args=(turn,), daemon=True).start()
        return turn

    def _play(self, turn: Turn) -> None:
        """Let the turn be what the script says."""
        script = Script(turn.conversation_id, self.answer, self._sources())
        for event in script.events():
            if turn.stopped:
                break
            turn.emit(event)
            time.sleep(self.delay_s)
        while not turn.stopped and not self.gate.wait(0.01):
            pass
        if turn.stopped:
            end = script.stopped(streamed_answer(turn.events()))
        elif self.fails:
            end = script.failed(self.fails)
        else:
            end = script.finished()
        turn.emit(end)
        self._store(turn, end)
        turn.end()

    def _sources(self) -> list[NumberedPassage]:
        """Return three passages of the first document, or of one that is gone."""
        document_id = "none"
        file_name = "gone.txt"
        documents = self.documents.documents()
        if documents:
            document_id = documents[0].id
            file_name = documents[0].name
        sources = []
        for number in (1, 2, 3):
            source = numbered(
                number,
                passage_id=f"c{number}",
                document_id=document_id,
                file_name=file_name,
                text=f"Passage {number} about the fee.",
                page=number,
                heading="Prices",
                end=20,
            )
            sources.append(source)
        return sources

    def _store(self, turn: Turn, end: TurnFinished | TurnFailed) -> None:
        steps = []
        for event in turn.events():
            if isinstance(event, AgentStarted | AgentStep | AgentFinished):
                steps.append(event)
        message = StoredMessage(
            role="assistant",
            text=end.answer,
            at=now(),
            sources=end.sources,
            citations=getattr(end, "citations", ()),
            usage=getattr(end, "usage", None),
            steps=tuple(steps),
            stopped=getattr(end, "stopped", False),
            error=getattr(end, "error", None),
        )
        self.conversations.add_answer(turn.conversation_id, message, turn.question_id)


class FakeSuggestions:
    """A SuggestionService that offers `questions`, and has made all of them unless `done` is False.

    `asked_after` has the ids of the answers after which it was asked for.
    """

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.done = True
        self.asked_after: list[int] = []

    def after_answer(self, messages, scope) -> Suggestions:
        self.asked_after.append(messages[-1].id)
        return self.for_empty_page(scope)

    def for_empty_page(self, scope) -> Suggestions:
        return Suggestions(questions=list(self.questions), done=self.done)


class Script:
    """The events of a turn in which a researcher finds passages and a summarizer fails."""

    def __init__(
        self, conversation_id: str, answer: str, sources: Sequence[NumberedPassage]
    ) -> None:
        self.answer = answer
        self.sources = tuple(sources)
        self.turn = {"conversation_id": conversation_id, "turn_id": "turn"}
        self.supervisor = {**self.turn, "agent": "supervisor", "run_id": "r0"}
        self.researcher = {**self.turn, "agent": "researcher", "run_id": "r1"}
        self.summarizer = {**self.turn, "agent": "summarizer", "run_id": "r2"}

    def events(self) -> list[ChatEvent]:
        """Return all but the last event."""
        searched = AgentStep(
            **self.researcher,
            tool="search",
            arguments={"query": "fee"},
            result="3 passages",
            duration_ms=12.5,
        )
        read = AgentStep(
            **self.summarizer,
            tool="read_document",
            arguments={"name": self.sources[0].passage.file_name},
            result="4 pages",
            duration_ms=40.0,
        )
        events: list[ChatEvent] = [
            AgentStarted(**self.supervisor, task="Decide"),
            AgentStarted(**self.researcher, task="Find the fee"),
            AgentStarted(**self.summarizer, task="Sum up the price list"),
            searched,
            SourcesFound(**self.turn, agent="researcher", sources=self.sources),
            read,
            TokenDelta(**self.summarizer, text="The list has two prices.", channel="agent"),
            AgentFinished(**self.researcher, text="The fee is 5."),
            AgentFinished(**self.summarizer, text="", error="Ran out of steps"),
        ]
        for word in self.answer.split(" "):
            events.append(TokenDelta(**self.supervisor, text=f"{word} "))
        return events

    def finished(self) -> TurnFinished:
        return TurnFinished(
            **self.turn,
            answer=self.answer,
            sources=self.sources,
            citations=(
                Citation(
                    number=1, sentence="The fee is $5 per month and $10 per year.", supported=True
                ),
                Citation(number=2, sentence="It rose.", supported=False),
            ),
            usage=Usage(
                prompt_tokens=1200,
                cached_tokens=900,
                completion_tokens=64,
                engine_calls=3,
                ttft_s=0.42,
                tokens_per_s=18.5,
                context_tokens=2048,
                window=8192,
                duration_s=4.2,
            ),
            agents=("researcher", "summarizer"),
        )

    def stopped(self, answer: str) -> TurnFinished:
        return TurnFinished(
            **self.turn, answer=answer, sources=(), citations=(), usage=Usage(), stopped=True
        )

    def failed(self, error: str) -> TurnFailed:
        return TurnFailed(**self.turn, error=error, answer=self.answer, sources=self.sources)


class FakeReader:
    """A CellReader to which every document says five, on its first page.

    A question with "nothing" in it is not stated, one with "doubt" is not supported, one with
    "broken" can't be read, and one with "dead" ends the engine.
    """

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate = gate

    def find(self, asked: Sequence[str], scope: Scope) -> dict[str, tuple[Passage, ...]]:
        (document_id,) = scope.document_ids or ()
        source = numbered(
            number=1,
            passage_id=document_id,
            document_id=document_id,
            file_name=f"{document_id[:8]}.txt",
            text="It is five.",
            page=1,
        )
        return dict.fromkeys(asked, (source.passage,))

    async def read(self, asked: str, passages: Sequence[Passage]) -> CellAnswer:
        if self.gate is not None:
            while not self.gate.is_set():
                await asyncio.sleep(0.01)
        if "dead" in asked:
            raise EngineFailed("The engine died. Restart DocMind.")
        if "broken" in asked:
            raise PromptTooLong("The prompt does not fit.")
        if "nothing" in asked:
            return CellAnswer()
        verdict = Verdict.NOT_FOUND if "doubt" in asked else Verdict.SUPPORTED
        return CellAnswer(text="five", passage=passages[0], verdict=verdict)


def fake_app(folder: Path, settings: Settings | None = None) -> SimpleNamespace:
    """Return an App with every part in memory; `folder` holds the uploaded files."""
    if settings is None:
        settings = load_settings(data_dir=folder)
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    document_store = DocumentStore(database)
    conversations = ConversationStore(database)
    documents = FakeDocuments(folder, document_store)
    monitor = HardwareMonitor(detect())
    monitor.close()  # one sample is enough
    engine = PromptedEngine([])
    return SimpleNamespace(
        settings=settings,
        engine=engine,
        extraction=ExtractionService(
            engine=engine, make_reader=FakeReader, list_documents=documents.documents
        ),
        documents=documents,
        collections=CollectionStore(database, document_store),
        conversations=conversations,
        notes=NoteStore(database),
        chat=FakeChat(conversations, documents),
        suggestions=FakeSuggestions(),
        monitor=monitor,
        close=lambda: None,
    )
