"""Several agents' texts become one answer, in the order of the plan, while they are being written.

The only place where an answer is put together: `AnswerStream` passes on each piece that can be
shown, and `text` is what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from docmind.agents.refusals import may_become_refusal
from docmind.phrases import phrases_in
from docmind.retrieval.language import answer_language
from docmind.verification.sentences import MARK

_UNCLOSED_MARK = re.compile(r"\[[\d\s,;\u2013-]*\Z")
"""A citation mark at the end that has not been closed yet: its numbers are still to be translated.
"""

Channel = Literal["answer", "agent"]
"""Where a piece of text belongs: to the answer, or to one agent's own work."""
Emit = Callable[[str, str, Channel], None]
"""Called with (run id, text, channel) for each piece that is shown."""


@dataclass(eq=False)
class _Part:
    """One task's part of the answer."""

    task: str
    run_id: str = ""
    """The run that writes it; empty until it begins."""
    emitted: str = ""
    """Text that has been passed on."""
    buffered: str = ""
    """Text that was written but not passed on yet, with the run's own passage numbers."""
    closed: bool = False
    """Whether what the run still writes is no longer taken."""
    final: str | None = None
    """The whole text, once the run has ended."""
    from_registry: bool = False
    """As in `AnswerPart`."""


@dataclass(frozen=True)
class AnswerPart:
    """A part of an answer, as far as it has been written."""

    question: str
    """The task that it answers; empty for what the supervisor wrote itself."""
    heading: str
    """What stands above it; empty where it is the only part."""
    text: str
    from_registry: bool = False
    """Whether it tells what the app knows of its documents; no passage can support that."""


class AnswerStream:
    """Passes on what agents write: the first unfinished part as the answer, others as own work.

    A single part is passed on as it is; several stand under their questions. What the supervisor
    writes itself is the answer as it is. Not thread-safe: all of it runs on the chat's event loop.
    """

    def __init__(self, emit: Emit, translate_marks: Callable[[str, str], str]) -> None:
        """Begin an empty answer.

        Args:
            emit: Takes each piece that is shown.
            translate_marks: (run id, text) → the text with the turn's passage numbers.
        """
        self._emit = emit
        self._translate_marks = translate_marks
        self._parts: list[_Part] = []
        self._part_of_run: dict[str, _Part] = {}
        self._current = 0
        """Index of the part that is passed on as the answer; those before it are finished."""
        self._part_count = 1
        self._direct = ""
        """What the supervisor has written itself."""
        self._direct_run = ""
        """The run in which it did."""

    def expect_parts(self, count: int) -> None:
        """Say how many parts the answer will have; from two on, each stands under its question."""
        self._part_count = count

    def add_part(self, task: str) -> None:
        """Add a part; its place in the answer is after those before it."""
        self._parts.append(_Part(task))

    def begin(self, run_id: str, task: str) -> None:
        """Say which run writes a part."""
        for part in self._parts:
            if not part.run_id and part.task == task:
                part.run_id = run_id
                self._part_of_run[run_id] = part
                return

    def write_directly(self, run_id: str, text: str) -> None:
        """Take a piece of the answer that the supervisor writes itself."""
        self._direct += text
        self._direct_run = run_id
        self._emit(run_id, text, "answer")

    def write(self, run_id: str, text: str) -> None:
        """Take a piece of what a run writes, with the run's own passage numbers."""
        part = self._part_of_run.get(run_id)
        if part is None:  # the supervisor will write the answer: this is no part of it
            self._emit(run_id, self._translate_marks(run_id, text), "agent")
            return
        if part.closed:
            return
        part.buffered += text
        if self._is_current(part):
            self._emit_buffered(part)
        else:
            self._emit(run_id, self._translate_marks(run_id, text), "agent")

    def restart(self, run_id: str) -> None:
        """Forget what a run has written: a tool call followed, so it was not the answer yet."""
        part = self._part_of_run.get(run_id)
        if part is not None:
            part.buffered = ""
            part.emitted = ""

    def take_from_registry(self, run_id: str) -> None:
        """Say that a run's text tells what the app itself knows of its documents."""
        part = self._part_of_run.get(run_id)
        if part is not None:
            part.from_registry = True

    def close(self, run_id: str) -> None:
        """Take nothing more of what a run writes: it is checked before it is shown."""
        part = self._part_of_run.get(run_id)
        if part is not None:
            part.closed = True

    def revise(self, run_id: str, text: str) -> str:
        """Take a run's text anew, with the turn's passage numbers: sentences were replaced.

        Returns:
            All that now stands in the place of what was shown of the run; empty if nothing was.
        """
        part = self._part_of_run.get(run_id)
        if part is None or not part.emitted:
            return ""
        part.emitted = text
        part.buffered = ""
        return self._lead(part) + text

    def revise_directly(self, text: str) -> str:
        """Take the supervisor's own text anew; return the run that had written it."""
        self._direct = text
        return self._direct_run

    def end(self, run_id: str, text: str) -> None:
        """Take a run's whole text, with the turn's passage numbers; empty if it failed."""
        part = self._part_of_run.get(run_id)
        if part is None:
            return
        part.closed = True
        part.final = text or self._failed_text(part)
        self._advance()

    def text(self) -> str:
        """Return the answer, or what there is of it."""
        return "\n\n".join(part.heading + part.text for part in self.parts())

    def parts(self) -> list[AnswerPart]:
        """Return what there is of each part; of an answer of the supervisor's own, one."""
        if not self._parts:
            return [AnswerPart(question="", heading="", text=self._direct.strip())]
        parts: list[AnswerPart] = []
        for part in self._parts:
            text = part.final or self._output(part)
            if text:
                heading = self._heading(part)
                answer_part = AnswerPart(
                    question=part.task,
                    heading=heading,
                    text=text,
                    from_registry=part.from_registry,
                )
                parts.append(answer_part)
        return parts

    def _advance(self) -> None:
        """Pass on all parts that are finished, in order, and what there is of the next one."""
        while self._current < len(self._parts):
            part = self._parts[self._current]
            if part.final is None:
                self._emit_buffered(part)
                return
            if part.final.startswith(part.emitted):
                self._emit_as_answer(part, part.final[len(part.emitted) :])
            self._current += 1

    def _is_current(self, part: _Part) -> bool:
        return self._current < len(self._parts) and self._parts[self._current] is part

    def _output(self, part: _Part) -> str:
        """Return all that a part's run has written, with the turn's passage numbers."""
        return part.emitted + self._translate_marks(part.run_id, part.buffered)

    def _failed_text(self, part: _Part) -> str:
        """Return what was written of a part whose run failed, and that it did."""
        failed = phrases_in(answer_language(part.task)).part_failed
        output = self._output(part).strip()
        if not output:
            return failed
        return f"{output}\n\n{failed}"

    def _emit_buffered(self, part: _Part) -> None:
        """Pass on what is buffered, but for a mark that is still being written.

        A refusal waits as well: what is tried after it may take its place.
        """
        if not part.emitted and may_become_refusal(part.buffered):
            return
        ready = part.buffered
        part.buffered = ""
        unclosed = _UNCLOSED_MARK.search(ready)
        if unclosed:
            part.buffered = ready[unclosed.start() :]
            ready = ready[: unclosed.start()]
        self._emit_as_answer(part, self._translate_marks(part.run_id, ready))

    def _emit_as_answer(self, part: _Part, text: str) -> None:
        if not text:
            return
        if not part.emitted:
            before = self._lead(part)
            if before:
                self._emit(part.run_id, before, "answer")
        part.emitted += text
        self._emit(part.run_id, text, "answer")

    def _lead(self, part: _Part) -> str:
        """Return what stands before a part: its question, parted from the part before."""
        heading = self._heading(part)
        if part is self._parts[0]:
            return heading
        return f"\n\n{heading}"

    def _heading(self, part: _Part) -> str:
        if self._part_count < 2:
            return ""
        task = " ".join(part.task.replace("*", "").split())
        task = MARK.sub(r"(\1)", task)  # the user's own [n] is no citation
        return f"**{task}**\n\n"
