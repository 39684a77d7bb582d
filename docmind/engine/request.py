"""One running generation, between the engine's thread and its caller's event loop."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from docmind.engine.interface import Chances, Constraint, Delta, EngineUsage
from docmind.errors import EngineError

EMIT_INTERVAL_S = 0.05
"""A GPU writes hundreds of tokens a second: a caller that got each of them would take the
interpreter from the engine."""


class VllmLogprob(Protocol):
    """How likely a token is: vLLM's Logprob."""

    logprob: float


class VllmCompletion(Protocol):
    """What a step added to a request: vLLM's CompletionOutput."""

    text: str
    token_ids: Sequence[int]
    finish_reason: str | None
    logprobs: Sequence[Mapping[int, VllmLogprob]] | None
    """For each token of the step, by the ids of tokens."""


class VllmOutput(Protocol):
    """A request after a step: vLLM's RequestOutput."""

    request_id: str
    outputs: Sequence[VllmCompletion]
    finished: bool
    num_cached_tokens: int | None


@dataclass
class Sampling:
    """How tokens are chosen, and where the answer ends."""

    max_tokens: int
    temperature: float
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    """Write on to `max_tokens`, as measurements want it."""
    choices: tuple[int, ...] = ()
    """Tokens of which one is chosen; empty: any may be written."""


@dataclass
class Request:
    """A prompt on its way to an answer. All but `loop` and `inbox` belongs to the engine's thread.

    The engine's thread gives each output of vLLM to `take`, which buffers its text, and sends what
    is due to the caller: text every 50 ms, then one last item, a Delta with the reason for the end
    or an error.
    """

    id: str
    prompt_ids: list[int]
    sampling: Sampling
    constraint: Constraint | None = None
    loop: asyncio.AbstractEventLoop | None = None
    """The caller's; None where nobody listens (warm-up)."""
    inbox: asyncio.Queue[Delta | Exception] = field(default_factory=asyncio.Queue)
    """What the caller has not taken yet."""

    submitted_at: float = field(default_factory=time.monotonic)
    first_token_at: float | None = None
    last_token_at: float = 0.0
    num_tokens: int = 0
    num_cached_tokens: int = 0
    """Prompt tokens that the prefix cache served."""
    buffered: str = ""
    """Text written since the caller last got some."""
    emitted_at: float = 0.0
    """When the caller last got text."""
    chances: Chances | None = None
    """Of the tokens in `sampling.choices`, once the model has chosen."""

    def send(self, item: Delta | Exception) -> None:
        """Hand an item to the caller's loop, unless that loop is gone."""
        if self.loop is not None:
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.inbox.put_nowait, item)

    def take(self, output: VllmOutput) -> Delta | EngineError | None:
        """Take one output of vLLM; return what is due to the caller, None if nothing is."""
        completion = output.outputs[0]
        self._count(completion, output.num_cached_tokens)
        if self.sampling.choices and completion.logprobs:
            self.chances = self._chances(completion.logprobs[0])
        self.buffered += completion.text
        if output.finished:
            return self._finish(completion.finish_reason)
        if not self.buffered or self.last_token_at - self.emitted_at < EMIT_INTERVAL_S:
            return None
        self.emitted_at = self.last_token_at
        return Delta(text=self._take_buffered())

    def usage(self) -> EngineUsage:
        """Return what the request has cost so far."""
        first_token_at = self.first_token_at or time.monotonic()
        return EngineUsage(
            prompt_tokens=len(self.prompt_ids),
            cached_tokens=self.num_cached_tokens,
            completion_tokens=self.num_tokens,
            ttft_s=first_token_at - self.submitted_at,
            decode_s=max(0.0, self.last_token_at - first_token_at),
        )

    def _count(self, completion: VllmCompletion, num_cached_tokens: int | None) -> None:
        if completion.token_ids:
            self.last_token_at = time.monotonic()
            if self.first_token_at is None:
                self.first_token_at = self.last_token_at
            self.num_tokens += len(completion.token_ids)
        if num_cached_tokens:
            self.num_cached_tokens = num_cached_tokens

    def _chances(self, logprobs: Mapping[int, VllmLogprob]) -> Chances | None:
        """Return the chances of the choices among each other."""
        likely: list[float] = []
        for token_id in self.sampling.choices:
            found = logprobs.get(token_id)
            likely.append(0.0 if found is None else math.exp(found.logprob))
        return chances_among(likely)

    def _finish(self, reason: str | None) -> Delta | EngineError:
        if reason in {"abort", "error"}:  # not by us: who aborts listens no more
            return EngineError(
                "The engine gave up on this request; its log file says why. Ask again."
            )
        return Delta(text=self._take_buffered(), finish_reason=reason or "stop", usage=self.usage())

    def _take_buffered(self) -> str:
        text = self.buffered
        self.buffered = ""
        return text


def chances_among(likely: Sequence[float]) -> Chances | None:
    """Return how likely each is among them all; None if none of them is."""
    together = sum(likely)
    if not together:
        return None
    return tuple(each / together for each in likely)
