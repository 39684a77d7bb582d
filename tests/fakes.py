"""Small in-memory implementations of the parts' public faces: what the interface is tested against."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from docmind.errors import DocMindError, UnsupportedFile
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
    now,
)
from docmind.storage.collections import CollectionStore
from docmind.storage.conversations import ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import Document, DocumentStore, Failure, IngestionProgress
from docmind.storage.messages import StoredMessage
from docmind.turns import Turn
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

    def add_bytes(self, data, name: str):
        content = data if isinstance(data, bytes) else data.read()
        if name.endswith(".exe"):
            raise UnsupportedFile(f"{name}: this type of file can't be read. Try PDF, DOCX or TXT.")
        key = hashlib.sha256(content).hexdigest()
        known = self.get(key) is not None
        if not known:
            self.store.add(key, name=name, size=len(content), suffix=Path(name).suffix)
            if name.startswith("slow"):
                self.store.note_progress(key, IngestionProgress(stage="embed", done=3, total=10))
            elif name.startswith("bad"):
                self.store.fail(key, Failure.UNREADABLE, "The file is damaged. Save it again.")
            elif name.startswith("locked"):
                self.store.fail(key, Failure.PASSWORD_WANTED, "It is protected by a password.")
            else:
                self.store.finish(key, pages=1, passages=1, seconds=0.1)
            (self.folder / key).write_bytes(content)
        return SimpleNamespace(document=self.get(key), known=known)

    def documents(self) -> list[Document]:
        return self.store.all()[::-1]

    def cancel(self, document_id: str) -> None:
        reason = "You cancelled it before it was read."
        self.store.fail(document_id, Failure.CANCELLED, reason)

    def retry(self, document_id: str, password: str | None = None) -> None:
        self.retried.append(document_id)
        self.passwords.append(password)

    def file_path(self, document_id: str) -> Path:
        return self.folder / document_id

    def text(self, document_id: str, first_page=None, last_page=None) -> str:
        return self.file_path(document_id).read_text("utf-8", "replace")


def play(
    turn: Turn, script: list[ChatEvent], gate: threading.Event, delay_s: float, finish: Callable
) -> None:
    """Let a turn be what `script` says; `gate` holds it before the end."""
    for event in script[:-1]:
        if turn.stopped:
            break
        turn.emit(event)
        time.sleep(delay_s)
    while not gate.wait(0.01) and not turn.stopped:
        pass
    stopped = TurnFinished(
        turn.conversation_id, turn.id, turn.answer(), (), (), Usage(), stopped=True
    )
    turn.emit(stopped if turn.stopped else script[-1])
    finish(turn.events())
    turn.end()


class FakeChat:
    """A ChatService that answers with `answer` after one agent searched; `error` makes ask() refuse."""

    def __init__(self, conversations: ConversationStore, documents: FakeDocuments) -> None:
        self.conversations, self.documents = conversations, documents
        self.answer = "The fee is $5 per month and $10 per year [1]. It rose [2]."
        self.error: DocMindError | None = None
        self.fails = ""
        self.delay_s = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self._active: dict[str, Turn] = {}

    def active(self, conversation_id: str) -> Turn | None:
        turn = self._active.get(conversation_id)
        return turn if turn and not turn.done else None

    def ask(self, question: str, conversation_id: str) -> Turn:
        if self.error:
            raise self.error
        self.conversations.add_question(conversation_id, question)
        turn = Turn(conversation_id, question)

        def finish(events: list[ChatEvent]) -> None:
            end = events[-1]
            steps = [e for e in events if isinstance(e, AgentStarted | AgentStep | AgentFinished)]
            self.conversations.add_answer(
                conversation_id,
                StoredMessage(
                    "assistant",
                    end.answer,
                    now(),
                    sources=end.sources,
                    citations=getattr(end, "citations", ()),
                    usage=getattr(end, "usage", None),
                    steps=tuple(steps),
                    stopped=getattr(end, "stopped", False),
                    error=getattr(end, "error", None),
                ),
            )

        self._active[conversation_id] = turn
        args = (turn, self._script(conversation_id), self.gate, self.delay_s, finish)
        threading.Thread(target=play, args=args, daemon=True).start()
        return turn

    def _script(self, conversation_id: str) -> list[ChatEvent]:
        ids = (conversation_id, "turn")
        document = next(
            iter(self.documents.documents()), SimpleNamespace(id="none", name="gone.txt")
        )
        sources = tuple(
            numbered(
                n,
                f"c{n}",
                document.id,
                document.name,
                f"Passage {n} about the fee.",
                page=n,
                heading="Prices",
                end=20,
            )
            for n in (1, 2, 3)
        )
        script: list[ChatEvent] = [
            AgentStarted(*ids, "supervisor", "Decide", "r0"),
            AgentStarted(*ids, "researcher", "Find the fee", "r1"),
            AgentStarted(*ids, "summarizer", "Sum up the price list", "r2"),
            AgentStep(*ids, "researcher", "r1", "search", {"query": "fee"}, "3 passages", 12.5),
            SourcesFound(*ids, "researcher", sources),
            AgentStep(
                *ids, "summarizer", "r2", "read_document", {"name": document.name}, "4 pages", 40.0
            ),
            TokenDelta(*ids, "The list has two prices.", "summarizer", "r2", "agent"),
            AgentFinished(*ids, "researcher", "r1", "The fee is 5."),
            AgentFinished(*ids, "summarizer", "r2", "", "Ran out of steps"),
            *(
                TokenDelta(*ids, piece, "supervisor", "r0")
                for piece in self.answer.split(" ")
                for piece in (piece + " ",)
            ),
        ]
        if self.fails:
            return [*script, TurnFailed(*ids, self.fails, self.answer, sources)]
        citations = (
            Citation(1, "The fee is $5 per month and $10 per year.", True),
            Citation(2, "It rose.", False),
        )
        usage = Usage(1200, 900, 64, 3, 0.42, 18.5, 2048, 8192, 4.2)
        return [
            *script,
            TurnFinished(
                *ids, self.answer, sources, citations, usage, ("researcher", "summarizer")
            ),
        ]


def fake_app(folder: Path, settings=None) -> SimpleNamespace:
    """Return an App with every part in memory; `folder` holds the uploaded files."""
    from docmind.monitor.gpu import HardwareMonitor
    from docmind.storage.settings import load_settings

    settings = settings or load_settings(data_dir=folder)
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    document_store = DocumentStore(database)
    conversations = ConversationStore(database)
    documents = FakeDocuments(folder, document_store)
    monitor = HardwareMonitor()
    monitor.close()  # one sample is enough
    return SimpleNamespace(
        settings=settings,
        engine=PromptedEngine([]),
        documents=documents,
        collections=CollectionStore(database, document_store),
        conversations=conversations,
        chat=FakeChat(conversations, documents),
        monitor=monitor,
        close=lambda: None,
    )
