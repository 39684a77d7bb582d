"""What all agents of one turn share: the passages found so far, and where their events go."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from langchain_core.messages import AnyMessage
from langgraph.config import get_config

from docmind.agents.answer_stream import Relay
from docmind.agents.passage_numbers import PassageNumbers
from docmind.context.trimming import Budget, Fitted, fit
from docmind.engine.interface import Tool
from docmind.events import ChatEvent, Citation, ContextTrimmed, TokenDelta, now
from docmind.passages import NumberedPassage, Passage

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
    cite: Callable[[str, Sequence[NumberedPassage]], tuple[str, tuple[Citation, ...]]] = (
        lambda answer, _: (
            answer,
            (),
        )
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
    retained: Sequence[Passage] = ()
    """Passages that earlier turns found: they stand before those that this turn finds, see `reading.retained_passages`."""
    sources: PassageNumbers = field(default_factory=PassageNumbers)
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
        self.relay = Relay(self.told, self.sources.translate_marks)

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
