"""One running generation, between the engine's thread and its caller's event loop."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from docmind.engine.interface import Constraint, Delta, EngineUsage
from docmind.errors import EngineError

INTERVAL_S = 0.05
"""A GPU writes hundreds of tokens a second; told of each, the caller would take the interpreter from the engine."""


@dataclass
class Request:
    """All but `loop` and `inbox` belongs to the engine's thread."""

    id: str
    prompt_ids: list[int]
    params: dict[str, Any]
    """Of vLLM's SamplingParams."""
    constraint: Constraint | None
    loop: asyncio.AbstractEventLoop | None
    """The caller's; None where nobody listens (warm-up)."""
    inbox: asyncio.Queue[Delta | Exception] = field(default_factory=asyncio.Queue)
    submitted: float = field(default_factory=time.monotonic)
    first_token: float | None = None
    last_token: float = 0.0
    tokens: int = 0
    cached: int = 0
    """Prompt tokens that the prefix cache served."""
    held: str = ""
    """Text written since the caller was last told."""
    told: float = 0.0

    def send(self, item: Delta | Exception) -> None:
        """Hand an item to the caller's loop, unless that loop is gone."""
        if self.loop:
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.inbox.put_nowait, item)

    def deliver(self, output: Any) -> Delta | EngineError | None:
        """Turn vLLM's RequestOutput into what the caller gets; None if it has no text yet."""
        piece = output.outputs[0]
        if piece.token_ids:
            self.last_token = time.monotonic()
            self.first_token = self.first_token or self.last_token
            self.tokens += len(piece.token_ids)
        self.cached = output.num_cached_tokens or self.cached
        self.held += piece.text
        if not output.finished:
            if not self.held or self.last_token - self.told < INTERVAL_S:
                return None
            text, self.held, self.told = self.held, "", self.last_token
            return Delta(text=text)
        if piece.finish_reason in {"abort", "error"}:  # not by us: who aborts listens no more
            return EngineError(
                "The engine gave up on this request; its log file says why. Ask again."
            )
        return Delta(
            text=self.held, finish_reason=piece.finish_reason or "stop", usage=self.usage()
        )

    def usage(self) -> EngineUsage:
        """Return what the request has cost so far."""
        first = self.first_token or time.monotonic()
        return EngineUsage(
            prompt_tokens=len(self.prompt_ids),
            cached_tokens=self.cached,
            completion_tokens=self.tokens,
            ttft_s=first - self.submitted,
            decode_s=max(0.0, self.last_token - first),
        )
