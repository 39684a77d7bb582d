"""What every engine offers, in-process or behind a URL, and what all of them do alike."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from docmind.errors import DocMindError, EngineFailed, EngineNotReady

JsonSchema = dict[str, Any]
Message = dict[str, Any]
"""A chat message as OpenAI's chat API writes it: role, content, tool_calls, tool_call_id."""
Tool = dict[str, Any]
"""A tool as that API writes it: {"type": "function", "function": …} with the function's name,
description and parameters."""


@dataclass(frozen=True)
class Constraint:
    """What the output must match; the engine's grammar makes it so token by token."""

    kind: Literal["json", "choice", "regex", "grammar", "structural_tag"]
    value: JsonSchema | list[str] | str
    """json: a JSON schema. choice: a list of strings. regex: a pattern. grammar: rules in
    xgrammar's EBNF; a server that is not vLLM may ignore them. structural_tag: xgrammar's JSON for
    free text with constrained parts; an engine behind a URL may ignore it."""


Chances = tuple[float, ...]
"""How likely each of some choices is among them all: together 1."""


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
    """A finished tool call."""

    id: str
    """The server's; empty where it gave none."""
    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True)
class Delta:
    """A piece of a running generation. The last one has `finish_reason` and `usage`."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    """Those that a server parsed itself."""
    finish_reason: str | None = None
    """`stop`, `length`, `repetition` (it went round in circles), `tool_calls`; None: it goes on."""
    usage: EngineUsage | None = None


Cause = Literal["memory", "ram", "kernels", "backend", "model", "port", "other"]
"""What kept an engine from starting; `docmind.engine.plan.ladder.CAUSES` says them in words."""


class Stage(StrEnum):
    """What an engine in this process is doing, in the words that the user sees."""

    FETCHING = "fetching the model"
    IMPORTING_TORCH = "importing torch"
    READING_TOKENIZER = "reading the tokenizer"
    IMPORTING_VLLM = "importing vLLM"
    WAITING = "waiting until the former model is closed"
    LOADING_WEIGHTS = "weights"
    COMPILING = "compiling and profiling"
    CAPTURING = "kernels and graphs"
    WARMING_UP = "warming up"
    SERVING = "serving"
    """Not a stage of loading: an engine that died was in it."""


@dataclass(frozen=True)
class Attempt:
    """A start that failed, or a death while running.

    Version 0.1.0 wrote `doing` and `then` into engine.json.
    """

    at: str
    """UTC time, ISO 8601."""
    plan: str
    """What was tried, in words; `no plan` if there was none to try."""
    stage: Annotated[str, Field(validation_alias=AliasChoices("stage", "doing"))]
    """The `Stage` it failed in; empty if it was in none yet."""
    cause: Cause
    error: str
    response: Annotated[str, Field(validation_alias=AliasChoices("response", "then"))]
    """What was done about it."""


@dataclass(frozen=True)
class EngineStatus:
    """Where the engine stands, for the sidebar and `docmind doctor`."""

    state: Literal["idle", "loading", "ready", "failed", "closed"]
    model: str
    window: int
    """Context window in tokens; 0 until known."""
    stage: str = ""
    """What loading is doing right now, in words: a `Stage` and how far it is."""
    stages: tuple[tuple[str, float], ...] = ()
    """The stages of loading that are over, with their seconds."""
    begun: float | None = None
    """When loading began, by `time.monotonic`."""
    attempts: tuple[Attempt, ...] = ()
    """Starts that failed before this plan was found, the oldest first."""
    notice: str = ""
    """What the user should know of the plan: a smaller window than asked, settings taken back."""
    error: str = ""
    device: str = ""
    """`cpu`, the GPU's name, or the server's URL."""
    load_s: float | None = None
    running: int = 0
    """Requests being decoded."""
    waiting: int = 0
    prefix_hit_rate: float | None = None
    """Fraction of prompt tokens served from the prefix cache since start, 0 to 1."""
    kv_cache_usage: float | None = None
    """Fraction of KV cache blocks in use, 0 to 1."""
    quantization: str = ""
    """How the weights are quantized (`fp8`, `compressed-tensors`, `none`); empty until known."""
    notes: tuple[str, ...] = ()
    """The plan's decisions, a line each: asked, used, why."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since loading began."""
        if self.begun is None:
            return 0.0
        return time.monotonic() - self.begun


class Engine(ABC):
    """One loaded model. Thread-safe; `stream` may be called from any running event loop."""

    def __init__(self, model: str | None, device: str = "") -> None:
        """Set up an idle engine.

        Args:
            model: its name, as far as it is known; the status shows it.
            device: where it runs, as far as that is known.
        """
        self._lock = threading.Lock()
        self._settled = threading.Event()
        """Set when loading has ended, well or not; `wait_ready` waits for it."""
        self._thread: threading.Thread | None = None
        self._closing = False
        self._status = EngineStatus(state="idle", model=model or "", window=0, device=device)

    def start(self) -> None:
        """Begin loading in the background; returns at once. Calling it again does nothing."""
        with self._lock:
            if self._thread is not None or self._closing:
                return
            self._update(state="loading", stage="starting", begun=time.monotonic())
            self._thread = threading.Thread(target=self._run, name="docmind-engine", daemon=True)
            self._thread.start()

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Block until the engine serves.

        Raises:
            EngineNotReady: still loading after `timeout_s` seconds.
            EngineFailed: it could not start; the message says why and what to do.
        """
        self._settled.wait(timeout_s)
        self._require_ready()

    def status(self) -> EngineStatus:
        """Return where the engine stands; never blocks."""
        return self._status

    @abstractmethod
    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the prompt length in tokens of these messages under the model's chat template.

        Raises:
            EngineNotReady: too early to tell.
        """

    @abstractmethod
    def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        constraint: Constraint | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> AsyncIterator[Delta]:
        """Generate. Closing or cancelling the iterator aborts the request in the engine.

        Text comes as the model writes it, tool calls included: parsing them is ChatVLLM's work.

        Args:
            messages: the conversation; the last one is answered.
            tools: shown to the model by its chat template.
            constraint: what the output must match.
            max_tokens: longest answer; with the prompt it must fit the window.
            temperature: 0 gives the same answer to the same prompt.
            stop: texts at which the answer ends.
            on_end: called with what the request cost, once, however it ended.

        Raises:
            EngineNotReady: still loading.
            EngineFailed: the engine died or can't be reached; the turn is lost, nothing else.
            PromptTooLong: prompt plus `max_tokens` does not fit the window.
            EngineError: the engine refuses the request, for example its constraint.
        """

    async def choose(
        self,
        messages: Sequence[Message],
        choices: Sequence[str],
        *,
        tools: Sequence[Tool] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> Chances | None:
        """Return how likely the model is to begin its answer with each of some letters.

        It takes one step of the model: nothing is written.

        Args:
            messages: the conversation; the last one is answered.
            choices: each one token of the model.
            tools: as in `stream`.
            on_end: as in `stream`.

        Returns:
            The chances in the order of the choices; None if this engine or model has none.

        Raises:
            EngineNotReady, EngineFailed, PromptTooLong, EngineError: as in `stream`.
        """
        del messages, choices, tools, on_end
        return None

    def close(self) -> None:
        """Abort what runs and free the model. Calling it again does nothing."""
        with self._lock:
            self._closing = True
        self._update(state="closed", stage="", running=0, waiting=0)
        self._settled.set()

    @abstractmethod
    def _run(self) -> None:
        """Load the model, in a thread of its own; ends with `_settled` set."""

    def _update(self, **changes: object) -> None:
        """Change fields of the status."""
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _fail(self, error: DocMindError) -> None:
        """End loading, or serving, with an error that everybody who asks from now on gets."""
        self._update(state="failed", stage="", error=str(error), running=0, waiting=0)
        self._settled.set()

    def _require_ready(self) -> None:
        """Raise unless the engine serves."""
        status = self._status
        if status.state == "failed":
            raise EngineFailed(status.error)
        if self._closing:
            raise EngineFailed("The engine was closed. Restart DocMind.")
        if status.state != "ready":
            stage = ""
            if status.stage:
                stage = f" ({status.stage}, {status.elapsed_s:.0f} s so far)"
            raise EngineNotReady(f"The model is still loading{stage}. Try again in a moment.")
