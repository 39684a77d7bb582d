"""What all agents of one turn share: the passages found so far, and where their events go."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from langchain_core.messages import AnyMessage
from langgraph.config import get_config

from docmind.agents.answer_stream import Relay
from docmind.context.trimming import Budget, Fitted, fit
from docmind.engine.interface import Tool
from docmind.events import ChatEvent, Citation, ContextTrimmed, Source, TokenDelta, now
from docmind.retrieval.store.base import Hit
from docmind.verification.citations import MARK, expand

_HEAD = re.compile(r"^\[(\d+)\] \(", re.MULTILINE)
"""How a passage begins, see `tools.render`."""
_TAG = re.compile(r"<(/?(?:passages?|results?|earlier|summary)\b)", re.IGNORECASE)
"""The tags between which documents, results and earlier turns reach a model."""
CUT = {
    "length": "was cut at the longest answer allowed (max_answer_tokens)",
    "repetition": "was ended because it repeated itself",
}
"""Reasons for which the engine ends a text that the model had not ended, in words for the user."""


def defused(text: str) -> str:
    """Return the text with our own tags in it made harmless: data can't close its delimiters."""
    return _TAG.sub("\u2039\\1", text)


class SourceBook:
    """Numbers the passages of a turn: one passage has one number, whichever agents found it. Thread-safe.

    Each agent run reads them under numbers of its own, from 1: given [7], [9] and [12], the 1.5B still cited [1].
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._own: dict[str, dict[str, Source]] = {}
        """What each run met, by chunk id, in the order of its numbers."""

    def add(self, hits: Iterable[Hit]) -> list[Source]:
        """Return the hits as numbered sources; known ones keep their number."""
        with self._lock:
            names = [f.name for f in fields(Source) if f.name != "number"]
            return [self._place(Source(0, *(getattr(hit, name) for name in names))) for hit in hits]

    def _place(self, source: Source) -> Source:
        return self._sources.setdefault(
            source.chunk_id, replace(source, number=len(self._sources) + 1)
        )

    def seen_by(self, run: str, sources: Iterable[Source]) -> list[Source]:
        """Return the sources under the numbers by which a run knows them, in the order in which it met them."""
        with self._lock:
            own = self._own.setdefault(run, {})
            own |= {s.chunk_id: s for s in sources if s.chunk_id not in own}
            numbers = {chunk_id: n for n, chunk_id in enumerate(own, 1)}
            return [replace(s, number=numbers[s.chunk_id]) for s in sources]

    def met(self, run: str) -> list[Source]:
        """Return the passages that a run knows, under its own numbers."""
        with self._lock:
            return [replace(s, number=n) for n, s in enumerate(self._own.get(run, {}).values(), 1)]

    def translate(self, run: str, text: str) -> str:
        """Return a run's text with the turn's numbers in its marks; a number that the run never saw becomes 0.

        A passage that an earlier turn found becomes one of this turn's when it is cited.
        """
        with self._lock:
            own = list(self._own.get(run, {}).values())

            def mark(found: re.Match[str]) -> str:
                cited = (
                    self._place(own[n - 1]).number if 0 < n <= len(own) else 0
                    for n in expand(found[1])
                )
                return f"[{', '.join(map(str, dict.fromkeys(cited)))}]"

            return MARK.sub(mark, text)

    def renumber(self, run: str, text: str) -> str:
        """Return passages as `render` gave them to a run, under the turn's numbers; 0 if an earlier turn found them."""
        with self._lock:
            own = list(self._own.get(run, {}))
            numbers = [self._sources[c].number if c in self._sources else 0 for c in own]
        return _HEAD.sub(
            lambda m: f"[{numbers[int(m[1]) - 1]}] (" if 0 < int(m[1]) <= len(own) else m[0], text
        )

    def all(self) -> tuple[Source, ...]:
        """Return every source by number."""
        with self._lock:
            return tuple(self._sources.values())


@dataclass
class AgentResult:
    """What one agent brought back."""

    agent: str
    task: str
    text: str
    error: str | None = None
    incomplete: str = ""
    """Why there may be more to find, if the agent was ended before it was done."""

    @property
    def notice(self) -> str:
        """What the user should know about this result; empty if all went well."""
        if self.error:
            return f"The {self.agent} did not finish “{self.task}”: {self.error}"
        return (
            f"The {self.agent}'s part “{self.task}” may be incomplete: {self.incomplete}"
            if self.incomplete
            else ""
        )


@dataclass
class TurnContext:
    """One turn's shared state; reaches every agent and tool as LangGraph's runtime context."""

    conversation_id: str
    turn_id: str
    question: str
    emit: Callable[[ChatEvent], None]
    budget: Budget
    count: Callable[[Sequence[AnyMessage], Sequence[Tool]], int]
    """Exact prompt length in tokens of messages and tools, by the engine's own tokenizer and template."""
    cite: Callable[[str, Sequence[Source]], tuple[str, tuple[Citation, ...]]] = lambda answer, _: (
        answer,
        (),
    )
    """Checks a text's citations against the passages; returns it with wrong marks put right."""
    document_ids: Sequence[str] | None = None
    """Search only these documents; None: all."""
    past: Sequence[tuple[str, str]] = ()
    """Every earlier question with its answer, oldest first, whether the model still sees it or not."""
    first_turn: int = 0
    """How many of `past` were cut from what the model sees; grows if this turn has to cut."""
    summary: str = ""
    """The rolling summary of what was cut."""
    kept: Sequence[Source] = ()
    """Passages that earlier turns found: they stand before those that this turn finds, see `reading.kept`."""
    sources: SourceBook = field(default_factory=SourceBook)
    results: list[AgentResult] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    """What the user should know of the answer besides what the results tell."""
    first_token: float | None = None
    """When the answer began, as `time.perf_counter` has it."""
    relay: Relay = field(init=False)
    """Puts the agents' texts together where they are forwarded."""
    planned: int = 0
    """Tasks that the plan announced."""
    forwarded: bool = False
    """Whether the agents write the answer themselves."""
    small_talk: bool = False
    """Whether the plan found nothing to look up."""
    deadlines: dict[str, float] = field(default_factory=dict)
    """When each agent run must end, by run id (the event loop's seconds)."""

    def __post_init__(self) -> None:
        self.relay = Relay(self.told, self.sources.translate)

    def told(self, run: str, text: str, in_answer: bool = True) -> None:
        """Tell of a piece of text that a run has written."""
        if in_answer and text:
            self.first_token = self.first_token or time.perf_counter()
        channel: Literal["answer", "agent"] = "answer" if in_answer else "agent"
        self.emit(
            TokenDelta(self.conversation_id, self.turn_id, text, run.split(":", 1)[0], run, channel)
        )

    def fitted(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[Tool] = (),
        lay_out: Callable[[Sequence[AnyMessage]], Sequence[AnyMessage]] = list,
        whose: str = "supervisor",
        room: int = 0,
    ) -> list[AnyMessage]:
        """Return the prompt within its budget; a cut is an event.

        Args:
            tools: What the template renders beside it.
            lay_out: How the messages are put to the model; lengths are counted so.
            whose: The agent that is to read it.
            room: Tokens that may be written, if more than the budget keeps free.
        """
        budget = self.budget.with_room(room)
        fitted = fit(messages, lambda some: self.count(lay_out(some), tools), budget)
        if fitted.changed:
            self.trimmed(fitted, f"{whose}: {fitted.dropped}")
        return list(lay_out(fitted.messages))

    def trimmed(self, fitted: Fitted, dropped: str, tokens_after: int | None = None) -> None:
        """Tell of a cut; later turns start from `first_turn` with `summary` in front."""
        ids = (self.conversation_id, self.turn_id)
        counts = (
            fitted.tokens_before,
            fitted.tokens_after if tokens_after is None else tokens_after,
        )
        why = f"over {fitted.limit:,} of {self.budget.window:,} tokens"
        self.emit(ContextTrimmed(*ids, *counts, dropped, why, now(), self.first_turn, self.summary))


def run_id() -> str:
    """Return the id of the agent run that calls: the outermost node of its graph path, `name:uuid`."""
    namespace = str(get_config().get("metadata", {}).get("langgraph_checkpoint_ns", ""))
    return namespace.split("|", 1)[0]
