"""The typed events of a turn: one stream that page, CLI, tests and evaluation all drain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

from docmind.passages import NumberedPassage


def now() -> str:
    """Return the current UTC time, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Usage:
    """What a turn cost, as the engine counted it."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens served from the engine's prefix cache."""
    completion_tokens: int = 0
    engine_calls: int = 0
    ttft_s: float | None = None
    """Seconds from the question to the first token of the answer shown."""
    tokens_per_s: float | None = None
    """Decode speed of the call that wrote the answer (tokens after the first, per second)."""
    context_tokens: int = 0
    """Prompt and completion of the largest call: how full the window was."""
    window: int = 0
    duration_s: float = 0.0


@dataclass(frozen=True)
class Citation:
    """One `[n]` of the answer with the sentence it stands in."""

    number: int
    sentence: str
    supported: bool
    """Whether the passage was found to support the sentence; unsupported ones are shown as
    unverified."""
    instead_of: int | None = None
    """The number that the model had written, if that passage does not support the sentence and this
    one does."""


class Verdict(StrEnum):
    """What the check of an answer found of one sentence."""

    SUPPORTED = "supported"
    """A passage says so."""
    CONTRADICTED = "contradicted"
    """A passage speaks of the same thing and says otherwise."""
    NOT_FOUND = "not found"
    """No passage says so."""
    NO_STATEMENT = "no statement"
    """It says nothing that can be checked: a heading, a greeting, a question, a refusal."""


@dataclass(frozen=True)
class Statement:
    """A sentence of an answer with its verdict."""

    text: str
    """The sentence without its marks."""
    verdict: Verdict
    passages: tuple[int, ...] = ()
    """Numbers of the passages that support it."""
    end: int = 0
    """Character offset in the answer behind the sentence's last visible character."""
    start: int = 0
    """Character offset in the answer of the sentence's first character, behind a bullet."""
    is_hollow: bool = False
    """Whether it is no statement and no help either: an echo of the question, a bare number, a
    sentence about a passage. It is taken out of an answer."""


@dataclass(frozen=True)
class Replacement:
    """A sentence that no passage supports, and what stands in its place."""

    before: str
    """As the model wrote it, with its marks."""
    after: str
    """Written again or quoted from a passage; empty: it was taken out."""


@dataclass(frozen=True)
class Event:
    """Base: which conversation and turn it belongs to."""

    conversation_id: str
    turn_id: str


@dataclass(frozen=True)
class AgentStarted(Event):
    """The supervisor handed a task to an agent (or started itself)."""

    agent: str
    task: str
    run_id: str
    """Tells two runs of the same agent apart."""


@dataclass(frozen=True)
class AgentStep(Event):
    """An agent used a tool."""

    agent: str
    run_id: str
    tool: str
    arguments: dict[str, object]
    result: str
    """Short description of what came back."""
    duration_ms: float
    message: str = ""
    """What the agent had written before it called the tool: part of this step, no longer of the
    answer."""


@dataclass(frozen=True)
class AgentFinished(Event):
    """An agent ended; `error` tells why if it failed."""

    agent: str
    run_id: str
    text: str
    error: str | None = None


@dataclass(frozen=True)
class TokenDelta(Event):
    """A piece of text: of the answer, or of one agent's own work."""

    text: str
    agent: str
    run_id: str
    channel: Literal["answer", "agent"] = "answer"


@dataclass(frozen=True)
class SentenceReplaced(Event):
    """A sentence that had been shown gave way to another, or to nothing."""

    agent: str
    run_id: str
    replacement: Replacement
    text: str = ""
    """All that this run has given to the answer, with the change: it stands in place of the pieces
    that were streamed. Empty: nothing of it has been shown yet."""


@dataclass(frozen=True)
class SourcesFound(Event):
    """Passages retrieved by an agent; numbers are unique within the turn."""

    agent: str
    sources: tuple[NumberedPassage, ...]


@dataclass(frozen=True)
class ContextTrimmed(Event):
    """The model's view of the conversation was cut; what is stored is untouched."""

    tokens_before: int
    tokens_after: int
    dropped: str
    reason: str
    at: str
    """UTC time, ISO 8601."""
    first_retained_turn: int = 0
    """0-based index of the oldest stored turn that the model still sees. Later turns start
    from here, so that the prompt's prefix stays the same until the next cut."""
    summary: str = ""
    """The rolling summary of all that was cut so far, which stands in its place."""


@dataclass(frozen=True)
class TurnFinished(Event):
    """The turn ended with an answer, which is partial if the user stopped it."""

    answer: str
    sources: tuple[NumberedPassage, ...]
    citations: tuple[Citation, ...]
    usage: Usage
    statements: tuple[Statement, ...] = ()
    """The answer's sentences with their verdicts."""
    replacements: tuple[Replacement, ...] = ()
    """Sentences that no passage supports, and what stands in their place."""
    agents: tuple[str, ...] = ()
    stopped: bool = False
    notices: tuple[str, ...] = ()
    """What the answer lacks: agents that failed or were ended, a text cut at its limit."""
    trims: tuple[ContextTrimmed, ...] = ()
    """Every cut of this turn."""
    confidence: float | None = None
    """How sure the model is that its passages support the answer, 0 to 1; only with output_mode
    `structured`."""
    open_points: str = ""
    """What the answer leaves open, in the model's words; only with output_mode `structured`."""


@dataclass(frozen=True)
class TurnFailed(Event):
    """The turn ended without a whole answer. `answer` is what had been written."""

    error: str
    answer: str = ""
    sources: tuple[NumberedPassage, ...] = ()


ChatEvent = (
    AgentStarted
    | AgentStep
    | AgentFinished
    | TokenDelta
    | SentenceReplaced
    | SourcesFound
    | ContextTrimmed
    | TurnFinished
    | TurnFailed
)


def to_dict(event: Event) -> dict[str, object]:
    """Return the event as plain data with its type's name under `event`."""
    data: dict[str, object] = {"event": type(event).__name__, **asdict(event)}
    if isinstance(event, SourcesFound | TurnFinished | TurnFailed):
        data["sources"] = [source.to_json() for source in event.sources]
    return data


_EVENT_TYPES: dict[str, type[ChatEvent]] = {kind.__name__: kind for kind in get_args(ChatEvent)}


def from_dict(data: Mapping[str, Any]) -> ChatEvent:
    """Return the event that `to_dict` wrote; KeyError or ValueError if it is something else."""
    fields = dict(data)
    kind = _EVENT_TYPES[fields.pop("event")]
    if "sources" in fields:
        sources = [NumberedPassage.from_json(source) for source in fields["sources"]]
        fields["sources"] = tuple(sources)
    return TypeAdapter(kind).validate_python(fields)
