"""What every engine offers, in-process or behind a URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Message = dict[str, Any]
"""A chat message as OpenAI's chat API writes it: role, content, tool_calls, tool_call_id."""
Tool = dict[str, Any]
"""A tool as that API writes it: {"type": "function", "function": {name, description, parameters}}."""


@dataclass(frozen=True)
class Constraint:
    """What the output must match; the engine's grammar makes it so token by token.

    `kind` json: `value` is a JSON schema. choice: a list of strings. regex: a pattern.
    """

    kind: Literal["json", "choice", "regex"]
    value: Any


@dataclass(frozen=True)
class EngineUsage:
    """What one request cost, as the engine counted it."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    ttft_s: float
    """Seconds from submission to the first token."""
    decode_s: float
    """Seconds from the first to the last token."""


@dataclass(frozen=True)
class ToolCall:
    """A finished tool call that the server parsed itself (remote engines only)."""

    id: str
    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True)
class Delta:
    """A piece of a running generation. The last one has `finish_reason` and `usage`."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    """`stop`, `length`, `tool_calls` or `abort`; None while running."""
    usage: EngineUsage | None = None


@dataclass(frozen=True)
class EngineStatus:
    """Where the engine stands, for the sidebar and `docmind doctor`."""

    state: Literal["idle", "loading", "ready", "failed", "closed"]
    model: str
    window: int
    """Context window in tokens; 0 until known."""
    stage: str = ""
    """What loading is doing right now: download, import, weights, warm-up."""
    error: str = ""
    device: str = ""
    """`cpu`, the GPU's name, or the server's URL."""
    load_s: float | None = None
    running: int = 0
    """Requests being decoded."""
    waiting: int = 0
    prefix_hit_rate: float | None = None
    """Share of prompt tokens served from the prefix cache since start, 0 to 1."""
    kv_cache_usage: float | None = None
    """Share of KV cache blocks in use, 0 to 1."""
    notes: tuple[str, ...] = field(default=())
    """The plan's decisions, a line each: asked, used, why."""


class Engine(Protocol):
    """One loaded model. Thread-safe; `stream` may be called from any running event loop."""

    def start(self) -> None:
        """Begin loading in the background; returns at once. Calling it again does nothing."""

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Block until the engine serves.

        Raises:
            EngineNotReady: still loading after `timeout_s` seconds.
            EngineFailed: it could not start; the message says why and what to do.
        """

    def status(self) -> EngineStatus:
        """Return where the engine stands; never blocks."""

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the exact prompt length in tokens of these messages under the model's chat template.

        Raises:
            EngineNotReady: the tokenizer is not there yet.
        """

    def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        constraint: Constraint | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
    ) -> AsyncIterator[Delta]:
        """Generate. Closing or cancelling the iterator aborts the request in the engine.

        Text comes as the model writes it, tool calls included: parsing them is ChatVLLM's work.

        Raises:
            EngineNotReady: still loading.
            EngineFailed: the engine died; the turn is lost, nothing else.
            PromptTooLong: prompt plus `max_tokens` does not fit the window (checked before submission).
        """

    def close(self) -> None:
        """Abort what runs and free the model. Calling it again does nothing."""
