"""Small in-memory implementations of the parts' public faces: what the interface is tested against."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

from docmind.conversations import ConversationStore, StoredMessage
from docmind.errors import DocMindError, UnsupportedFile
from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ChatEvent,
    Citation,
    Source,
    SourcesFound,
    TokenDelta,
    TurnFailed,
    TurnFinished,
    Usage,
    now,
    to_dict,
)
from docmind.ingestion.collections import Collections
from docmind.ingestion.registry import Document, Registry
from tests.engines import PromptedEngine


@dataclass(frozen=True)
class FakeDocument:
    id: str
    name: str
    size: int = 1000
    suffix: str = ".txt"
    state: str = "ready"
    reason: str = ""
    pages: int = 1
    chunks: int = 1
    seconds: float = 0.1
    added_at: str = "2026-01-02T03:04:05+00:00"
    stage: str = ""
    done: int = 0
    total: int = 0
    collection: int = 1
    tags: str = ""
    tag_list = Document.tag_list


class FakeCollections(Collections):
    """The real table of collections over fake documents."""

    def __init__(self, registry: Registry, documents: FakeDocuments) -> None:
        super().__init__(registry)
        registry.update = lambda key, **changes: documents.all.update({key: replace(documents.all[key], **changes)})


class FakeDocuments:
    """An IngestionService that has every file ready at once, unless its name starts with `slow` or `bad`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: dict[str, FakeDocument] = {}
        self.retried: list[str] = []
        self.passwords: list[str | None] = []

    def add_bytes(self, data, name: str):
        content = data if isinstance(data, bytes) else data.read()
        if name.endswith(".exe"):
            raise UnsupportedFile(f"{name}: this type of file can't be read. Try PDF, DOCX or TXT.")
        key = hashlib.sha256(content).hexdigest()
        if key in self.all:
            return SimpleNamespace(document=self.all[key], known=True)
        document = FakeDocument(key, name, len(content), Path(name).suffix)
        if name.startswith("slow"):
            document = replace(document, state="embedding", stage="embed", done=3, total=10)
        if name.startswith("bad"):
            document = replace(document, state="failed", reason="The file is damaged. Save it again.")
        if name.startswith("locked"):
            document = replace(document, state="failed", reason="It is protected by a password.", stage="password")
        (self.folder / key).write_bytes(content)
        self.all[key] = document
        return SimpleNamespace(document=document, known=False)

    def documents(self) -> list[FakeDocument]:
        return list(self.all.values())

    def get(self, document_id: str) -> FakeDocument | None:
        return self.all.get(document_id)

    def delete(self, document_id: str) -> None:
        del self.all[document_id]

    def cancel(self, document_id: str) -> None:
        now = {"state": "failed", "stage": "cancelled", "reason": "You cancelled it before it was read."}
        self.all[document_id] = replace(self.all[document_id], **now)

    def retry(self, document_id: str, password: str | None = None) -> None:
        self.retried.append(document_id)
        self.passwords.append(password)

    def file_path(self, document_id: str) -> Path:
        return self.folder / document_id

    def text(self, document_id: str, first_page=None, last_page=None) -> str:
        return self.file_path(document_id).read_text("utf-8", "replace")


class FakeTurn:
    """A turn that plays `script` on its own thread; `gate` holds it before the end."""

    def __init__(self, question: str, conversation_id: str, script: list[ChatEvent], gate: threading.Event) -> None:
        self.id, self.question, self.conversation_id = uuid.uuid4().hex, question, conversation_id
        self.done = self.stopped = False
        self.elapsed_s = 3.4
        self._events: list[ChatEvent] = []
        self._script, self._gate, self._ended = script, gate, threading.Event()

    def play(self, finish: Callable[[list[ChatEvent]], None], delay_s: float) -> None:
        for event in self._script[:-1]:
            if self.stopped:
                break
            self._events.append(event)
            time.sleep(delay_s)
        while not self._gate.wait(0.01) and not self.stopped:
            pass
        last = self._script[-1]
        if self.stopped:
            text = "".join(e.text for e in self._events if isinstance(e, TokenDelta) and e.channel == "answer")
            last = TurnFinished(self.conversation_id, self.id, text, (), (), Usage(), stopped=True)
        self._events.append(last)
        finish(self._events)
        self.done = True
        self._ended.set()

    def events(self) -> list[ChatEvent]:
        return list(self._events)

    def stream(self) -> Iterator[ChatEvent]:
        self._ended.wait()
        yield from self._events

    def stop(self) -> None:
        self.stopped = True

    def wait(self, timeout_s: float | None = None) -> None:
        self._ended.wait(timeout_s)


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
        self._active: dict[str, FakeTurn] = {}

    def active(self, conversation_id: str) -> FakeTurn | None:
        turn = self._active.get(conversation_id)
        return turn if turn and not turn.done else None

    def ask(self, question: str, conversation_id: str) -> FakeTurn:
        if self.error:
            raise self.error
        self.conversations.add_question(conversation_id, question)
        turn = FakeTurn(question, conversation_id, self._script(conversation_id), self.gate)

        def finish(events: list[ChatEvent]) -> None:
            end = events[-1]
            steps = [to_dict(e) for e in events if isinstance(e, AgentStarted | AgentStep | AgentFinished)]
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
        threading.Thread(target=turn.play, args=(finish, self.delay_s), daemon=True).start()
        return turn

    def _script(self, conversation_id: str) -> list[ChatEvent]:
        ids = (conversation_id, "turn")
        known = self.documents.documents()
        document = known[0] if known else FakeDocument("none", "gone.txt")
        sources = tuple(
            Source(n, f"c{n}", document.id, document.name, f"Passage {n} about the fee.", n, "Prices", 0, 20, 0.9)
            for n in (1, 2, 3)
        )
        script: list[ChatEvent] = [
            AgentStarted(*ids, "supervisor", "Decide", "r0"),
            AgentStarted(*ids, "researcher", "Find the fee", "r1"),
            AgentStarted(*ids, "summarizer", "Sum up the price list", "r2"),
            AgentStep(*ids, "researcher", "r1", "search", {"query": "fee"}, "3 passages", 12.5),
            SourcesFound(*ids, "researcher", sources),
            AgentStep(*ids, "summarizer", "r2", "read_document", {"name": document.name}, "4 pages", 40.0),
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
            TurnFinished(*ids, self.answer, sources, citations, usage, ("researcher", "summarizer")),
        ]


def fake_app(folder: Path, settings=None) -> SimpleNamespace:
    """Return an App with every part in memory; `folder` holds the uploaded files."""
    from docmind.monitor.gpu import HardwareMonitor
    from docmind.settings import load_settings

    settings = settings or load_settings(data_dir=folder)
    folder.mkdir(parents=True, exist_ok=True)
    documents, conversations, monitor = FakeDocuments(folder), ConversationStore(settings.database), HardwareMonitor()
    monitor.close()  # one sample is enough
    return SimpleNamespace(
        settings=settings,
        engine=PromptedEngine([]),
        documents=documents,
        collections=FakeCollections(Registry(settings.database), documents),
        conversations=conversations,
        chat=FakeChat(conversations, documents),
        monitor=monitor,
        close=lambda: None,
    )
