"""Several agents' answers become one, in the order of the plan, while they are still being written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from docmind.verification.sentences import MARK

NOT_FOUND = "Not found in your documents."
"""What an agent writes where its passages do not tell."""
FAILED = "This part could not be answered."
_OPEN = re.compile(r"\[[\d\s,;\u2013-]*\Z")
"""A citation mark that has not been closed yet: it waits, because its numbers are still to be translated."""

Emit = Callable[[str, str, bool], None]
"""Called with (run id, text, whether it belongs to the answer; else it is one agent's own work)."""


@dataclass(eq=False)
class _Part:
    task: str
    run_id: str = ""
    held: str = ""
    """Written, but not told yet."""
    told: str = ""
    closed: bool = False
    final: str | None = None


class Relay:
    """Passes on what agents write: the first unfinished part as the answer, the others as their own work.

    A single part is passed on as it is; several stand under their questions. Not thread-safe: all of it runs on the
    chat's event loop.
    """

    def __init__(self, emit: Emit, translate: Callable[[str, str], str]) -> None:
        self._emit = emit
        self._translate = translate
        self._parts: list[_Part] = []
        self._runs: dict[str, _Part] = {}
        self._current = 0
        self.headings = False

    def expect(self, task: str) -> None:
        """Add a part; its place in the answer is after those before it."""
        self._parts.append(_Part(task))

    def begin(self, run_id: str, task: str) -> None:
        """Say which run writes a part."""
        if part := next((p for p in self._parts if not p.run_id and p.task == task), None):
            part.run_id = run_id
            self._runs[run_id] = part

    def write(self, run_id: str, text: str) -> None:
        """Take a piece of what a run writes, with the run's own passage numbers."""
        part = self._runs.get(run_id, _Part(""))  # else what it writes is no part of the answer
        if part.closed:
            return
        part.held += text
        if part in self._parts[self._current : self._current + 1]:
            self._tell(part)
        else:
            self._emit(run_id, self._translate(run_id, text), False)

    def restart(self, run_id: str) -> None:
        """Forget what a run has written: a tool call followed, so it was not the answer yet."""
        if part := self._runs.get(run_id):
            part.held = part.told = ""

    def close(self, run_id: str) -> None:
        """Take nothing more of what a run writes: its last words are checked before they are shown."""
        if part := self._runs.get(run_id):
            part.closed = True

    def end(self, run_id: str, text: str) -> None:
        """Take a run's whole text, with the turn's passage numbers; empty if it failed."""
        part = self._runs.get(run_id)
        if part is None:
            return
        written = (part.told + self._translate(run_id, part.held)).strip()
        part.closed = True
        part.final = text or "\n\n".join(filter(None, [written, FAILED]))
        while self._current < len(self._parts):
            part = self._parts[self._current]
            if part.final is None:
                self._tell(part)
                return
            if part.final.startswith(part.told):
                self._say(part, part.final[len(part.told) :])
            self._current += 1

    def text(self) -> str:
        """Return the answer, or what there is of it."""
        said = [(p, p.final or p.told + self._translate(p.run_id, p.held)) for p in self._parts]
        return "\n\n".join(self._heading(part) + text for part, text in said if text)

    def _tell(self, part: _Part) -> None:
        """Pass on what is held, but for a mark that is still being written, and a refusal: it may not be the end."""
        if not part.told and (
            NOT_FOUND.startswith(part.held.strip()) or part.held.strip().startswith(NOT_FOUND)
        ):
            return
        waits = found.start() if (found := _OPEN.search(part.held)) else len(part.held)
        ready, part.held = part.held[:waits], part.held[waits:]
        self._say(part, self._translate(part.run_id, ready))

    def _say(self, part: _Part, text: str) -> None:
        if not text:
            return
        if not part.told:
            gap = "\n\n" if self._current else ""
            if before := gap + self._heading(part):
                self._emit(part.run_id, before, True)
        part.told += text
        self._emit(part.run_id, text, True)

    def _heading(self, part: _Part) -> str:
        task = MARK.sub(
            r"(\1)", " ".join(part.task.replace("*", "").split())
        )  # the user's own [n] is no citation
        return f"**{task}**\n\n" if self.headings else ""
