"""One question on its way to an answer, as its followers see it, and what is left of it later.

A turn runs on the chat's event loop; pages, the command line and tests follow its events from their
own threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from uuid import uuid4

from docmind.events import (
    AgentStep,
    ChatEvent,
    SentenceReplaced,
    TokenDelta,
    TurnFailed,
    TurnFinished,
)


@dataclass(frozen=True)
class CompletedTurn:
    """A question of a conversation with its answer, as later turns know it."""

    question: str
    answer: str
    documents: tuple[str, ...] = ()
    """Names of the documents that support the answer, in its order."""


class Turn:
    """One question on its way to an answer. Thread-safe; any number of followers."""

    def __init__(self, conversation_id: str, question: str, version_of: int | None = None) -> None:
        self.id = uuid4().hex
        self.conversation_id = conversation_id
        self.question = question
        self.version_of = version_of
        """The id of the question whose place it takes; None: it stands at the end."""
        self.question_id: int | None = None
        """The id of the stored question."""
        self._begun = time.monotonic()
        self._events: list[ChatEvent] = []
        self._changed = threading.Condition()
        self.done = False
        """Whether the turn has ended and its answer is stored."""
        self.stopped = False
        """Whether the user asked to stop."""
        self._canceller: Callable[[], object] | None = None
        self._cancelled = False

    @property
    def elapsed_s(self) -> float:
        """Seconds since the question was asked."""
        return time.monotonic() - self._begun

    def events(self) -> list[ChatEvent]:
        """Return all events so far."""
        with self._changed:
            return list(self._events)

    def stream(self) -> Generator[ChatEvent]:
        """Yield every event from the first to the last; blocks while the turn runs."""
        seen = 0
        while True:
            with self._changed:
                while len(self._events) == seen and not self.done:
                    self._changed.wait()
                fresh = self._events[seen:]
                ended = self.done
            seen += len(fresh)
            yield from fresh
            if ended:
                return

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until the turn has ended; return False if the time runs out before."""
        with self._changed:
            return self._changed.wait_for(lambda: self.done, timeout_s)

    def stop(self) -> None:
        """End generation in the engine now; what was written is stored."""
        self.stopped = True
        self.cancel()

    def cancel(self) -> None:
        """End the turn, and its generation in the engine, without the user having asked for it."""
        self._cancelled = True
        if self._canceller is not None:
            self._canceller()

    def begin(self, canceller: Callable[[], object]) -> None:
        """Say how the turn is cancelled; at once, if that was asked for before it began."""
        self._canceller = canceller
        if self._cancelled:
            canceller()

    def end(self) -> None:
        """Tell followers that nothing more comes."""
        with self._changed:
            self.done = True
            self._changed.notify_all()

    def emit(self, event: ChatEvent) -> None:
        """Add an event.

        What comes after the last one (of a search that a stop did not reach) is too late.
        """
        with self._changed:
            if self._events and isinstance(self._events[-1], TurnFinished | TurnFailed):
                return
            self._events.append(event)
            self._changed.notify_all()


def streamed_answer(events: Iterable[ChatEvent]) -> str:
    """Return the answer as far as these events tell it, the whole of it at the end of a turn.

    What an agent wrote before it called a tool is a part of that step, no longer of the answer.
    """
    pieces: list[tuple[str, str]] = []  # of which run, and its text
    for event in events:
        match event:
            case TokenDelta(channel="answer"):
                pieces.append((event.run_id, event.text))
            case SentenceReplaced(text=text) if text:
                pieces = [piece for piece in pieces if piece[0] != event.run_id]
                pieces.append((event.run_id, text))
            case AgentStep(message=message) if message:
                pieces = [piece for piece in pieces if piece[0] != event.run_id]
            case TurnFinished() | TurnFailed():
                return event.answer
    return "".join(text for _, text in pieces)
