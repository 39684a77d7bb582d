"""A grid of documents and questions while it is filled in, and what its cells hold."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from docmind.agents.cells import CellAnswer
from docmind.events import Verdict
from docmind.storage.documents import Document


@dataclass(frozen=True)
class GridCell:
    """What was found for one question in one document."""

    answer: CellAnswer = field(default_factory=CellAnswer)
    error: str = ""
    """Why it could not be read, in words for the user."""

    @property
    def value(self) -> str:
        """The value; empty where the document states nothing, or the cell could not be read."""
        return self.answer.text

    @property
    def citation(self) -> str:
        """Where the value stands: `lease.pdf, page 3`; empty where there is none."""
        passage = self.answer.passage
        if passage is None or not self.value:
            return ""
        if passage.page:
            return f"{passage.file_name}, page {passage.page_name}"
        return passage.file_name

    @property
    def verdict(self) -> str:
        """What the check found, in words."""
        if self.error:
            return f"failed: {self.error}"
        if not self.value:
            return "not stated"
        return self.answer.verdict.value

    @property
    def is_doubtful(self) -> bool:
        """Whether it has a value that no passage supports, or failed."""
        unsupported = bool(self.value) and self.answer.verdict is not Verdict.SUPPORTED
        return unsupported or bool(self.error)


class Extraction:
    """A grid on its way to be filled in. Thread-safe; anyone may look at it."""

    def __init__(self, documents: Sequence[Document], questions: Sequence[str]) -> None:
        self.id = uuid.uuid4().hex
        self.documents = tuple(documents)
        self.questions = tuple(questions)
        self.error = ""
        """Why it ended before its end, in words for the user."""
        self.stopped = False
        """Whether the user ended it."""
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._cells: dict[tuple[str, str], GridCell] = {}
        self._changed = threading.Condition()
        self._canceller: Callable[[], object] | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more will be filled in."""
        return self._ended is not None

    @property
    def count(self) -> int:
        """How many cells there will be."""
        return len(self.documents) * len(self.questions)

    @property
    def filled(self) -> int:
        """How many cells have been filled in."""
        with self._changed:
            return len(self._cells)

    @property
    def elapsed_s(self) -> float:
        """Seconds that it has taken so far."""
        return (self._ended or time.monotonic()) - self._begun

    def cell(self, document: Document, question: str) -> GridCell | None:
        """Return a cell; None while it is not filled in."""
        with self._changed:
            return self._cells.get((document.id, question))

    def cells(self) -> list[GridCell]:
        """Return all cells that have been filled in."""
        with self._changed:
            return list(self._cells.values())

    def begin(self, canceller: Callable[[], object]) -> None:
        """Say how it is ended; at once, if that was asked for before it began."""
        self._canceller = canceller
        if self.stopped:
            canceller()

    def fill(self, document: Document, question: str, cell: GridCell) -> None:
        """Fill in a cell."""
        with self._changed:
            self._cells[document.id, question] = cell
            self._changed.notify_all()

    def stop(self) -> None:
        """End it; what has been filled in stays."""
        self.stopped = not self.done
        self.cancel()

    def cancel(self) -> None:
        """End it without the user having asked for it."""
        if self._canceller is not None and not self.done:
            self._canceller()

    def end(self, error: str = "") -> None:
        """Say that nothing more comes."""
        with self._changed:
            self.error = error
            self._ended = time.monotonic()
            self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until it has ended; return False if the time runs out before."""
        with self._changed:
            return self._changed.wait_for(lambda: self.done, timeout_s)
