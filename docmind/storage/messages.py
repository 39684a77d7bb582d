"""A stored question or answer, and its fields as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    Citation,
    Replacement,
    SentenceReplaced,
    Statement,
    Usage,
    Verdict,
)
from docmind.passages import NumberedPassage
from docmind.question_scope import NOTHING_CHOSEN, QuestionScope

Rating = Literal["up", "down"]
AgentEvent = AgentStarted | AgentStep | AgentFinished | SentenceReplaced
_EVENT_TYPES: dict[str, type[AgentEvent]] = {
    "AgentStarted": AgentStarted,
    "AgentStep": AgentStep,
    "AgentFinished": AgentFinished,
    "SentenceReplaced": SentenceReplaced,
}


@dataclass(frozen=True)
class StoredMessage:
    """A question or an answer with all that the page needs to draw it again."""

    role: Literal["user", "assistant"]
    text: str
    at: str = ""
    """UTC time, ISO 8601."""
    sources: tuple[NumberedPassage, ...] = ()
    citations: tuple[Citation, ...] = ()
    statements: tuple[Statement, ...] = ()
    """The answer's sentences with their verdicts; none for a question, and for answers stored
    before there were verdicts."""
    usage: Usage | None = None
    steps: tuple[AgentEvent, ...] = ()
    """What the agents did, in the order it happened."""
    stopped: bool = False
    error: str | None = None
    notices: tuple[str, ...] = ()
    confidence: float | None = None
    open_points: str = ""
    rating: Rating | None = None
    """What the user thinks of the answer; kept on this machine, and in what they export."""
    rating_reason: str = ""
    scope: QuestionScope = NOTHING_CHOSEN
    """Of a question: what it was asked of."""

    id: int = field(default=0, compare=False)
    """The database's; 0 before it is stored."""
    parent: int | None = field(default=None, compare=False)
    """The id of the message that it follows; None: it begins a conversation."""
    versions: tuple[int, ...] = field(default=(), compare=False)
    """Ids of all messages that stand in this place, this one among them, oldest first: answers to
    the same question, or a question and what it was edited to."""


def statement_from_json(data: Mapping[str, Any]) -> Statement:
    """Return a statement from its fields as plain data."""
    return Statement(
        text=data["text"],
        verdict=Verdict(data["verdict"]),
        passages=tuple(data["passages"]),
        end=data["end"],
        # Answers of before have neither.
        start=data.get("start", 0),
        is_hollow=data.get("is_hollow", False),
    )


def event_to_json(event: AgentEvent) -> dict[str, Any]:
    """Return an agent's event as plain data, with its type's name under `event`."""
    return {"event": type(event).__name__, **asdict(event)}


def event_from_json(data: Mapping[str, Any]) -> AgentEvent:
    """Return the event that `event_to_json` wrote."""
    fields = dict(data)
    event_type = _EVENT_TYPES[fields.pop("event")]
    if event_type is SentenceReplaced:
        fields["replacement"] = Replacement(**fields["replacement"])
    return event_type(**fields)
