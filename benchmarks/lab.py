"""What several measurements need: a loaded engine, an engine that records, the scripted book."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from docmind.app import build_engine
from docmind.engine.interface import (
    Chances,
    Constraint,
    Delta,
    Engine,
    EngineStatus,
    EngineUsage,
    Message,
    Tool,
)
from docmind.engine.plan.resolve import plan_for
from docmind.engine.request import Request
from docmind.engine.vllm_engine import VllmEngine
from docmind.measurement import ReplyTimer, TimedReply
from docmind.resolution import resolve
from docmind.settings import Settings

CHAPTERS = (
    "compound",
    "exceptions",
    "naming",
    "yield",
    "lambda",
    "lists",
    "slicings",
    "objects",
    "global",
    "comparisons",
)
"""Topics of Python's language reference."""


class BenchEngine(VllmEngine):
    """DocMind's own engine, which can be made to decode each answer up to its token limit.

    Where a number of tokens is timed, an answer that ends early measures nothing.
    """

    ignore_eos = True
    """Whether vLLM goes on after the model's end token; False: answers end as in the app."""

    def _add(self, request: Request) -> None:
        request.sampling.ignore_eos = self.ignore_eos
        super()._add(request)


def bench_engine(settings: Settings, *, ignore_eos: bool = True) -> BenchEngine:
    """Return an engine of this process that is not started yet, see `BenchEngine`."""
    engine = BenchEngine(resolve(settings))
    engine.ignore_eos = ignore_eos
    return engine


@contextmanager
def running(engine: Engine) -> Iterator[None]:
    """Start an engine and wait until it serves; close it at the end."""
    engine.start()
    try:
        engine.wait_ready()
        yield
    finally:
        engine.close()


@contextmanager
def loaded_engine(settings: Settings) -> Iterator[Engine]:
    """Yield the engine that the app itself would build, ready; close it at the end."""
    engine = build_engine(resolve(settings))
    with running(engine):
        yield engine


@contextmanager
def loaded_bench_engine(
    settings: Settings, *, ignore_eos: bool = True, dummy: bool = False
) -> Iterator[BenchEngine]:
    """Yield a BenchEngine, ready; close it at the end.

    Args:
        settings: as for the app.
        ignore_eos: answers are as long as `max_tokens` allows; False: as the model ends them.
        dummy: random weights, for a model directory that has none, only its shape.
    """
    if dummy:
        _load_dummy_weights(settings)
    engine = bench_engine(settings, ignore_eos=ignore_eos)
    with running(engine):
        yield engine


def _load_dummy_weights(settings: Settings) -> None:
    """Make vLLM fill every model of this process with random weights."""
    resolved = resolve(settings)
    plan = plan_for(settings, resolved.hardware, resolved.catalog.path(resolved.llm))
    # vLLM reads its variables when it is imported.
    os.environ |= {"VLLM_CONFIGURE_LOGGING": "0", **plan.env}
    from docmind.lazy_imports import import_model_stack

    import_model_stack()
    import vllm.engine.arg_utils as arguments

    arguments.EngineArgs = functools.partial(arguments.EngineArgs, load_format="dummy")


def chapters() -> str:
    """Return the chapters in which the scripted questions are answered, 25,000 tokens."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name].strip() for name in CHAPTERS)


@dataclass(frozen=True)
class Call:
    """One request that went through a Recorder, with its reply."""

    messages: tuple[Message, ...]
    max_tokens: int
    tools: tuple[Tool, ...]
    constraint: Constraint | None
    temperature: float
    stop: tuple[str, ...]
    reply: TimedReply


class ForwardingEngine(Engine):
    """An engine that passes everything on to another, `inner`."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner.status().model)
        self.inner = inner

    def start(self) -> None:
        """Start the other engine."""
        self.inner.start()

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait for the other engine."""
        self.inner.wait_ready(timeout_s)

    def status(self) -> EngineStatus:
        """Return the other engine's status."""
        return self.inner.status()

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Count with the other engine."""
        return self.inner.count_tokens(messages, tools)

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
        """Generate with the other engine."""
        return self.inner.stream(
            messages,
            tools=tools,
            constraint=constraint,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=stop,
            on_end=on_end,
        )

    async def choose(
        self,
        messages: Sequence[Message],
        choices: Sequence[str],
        *,
        tools: Sequence[Tool] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> Chances | None:
        """Choose with the other engine."""
        return await self.inner.choose(messages, choices, tools=tools, on_end=on_end)

    def close(self) -> None:
        """Close the other engine."""
        self.inner.close()

    def _run(self) -> None:
        """Never called: the other engine loads itself."""


class Recorder(ForwardingEngine):
    """Keeps what was asked of an engine, and what it replied."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.calls: list[Call] = []

    async def stream(
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
        """Pass on, and keep the request with its reply."""
        timer = ReplyTimer()
        deltas = super().stream(
            messages,
            tools=tools,
            constraint=constraint,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=stop,
            on_end=on_end,
        )
        async for delta in deltas:
            timer.add(delta)
            yield delta
            if delta.usage:
                call = Call(
                    messages=tuple(messages),
                    max_tokens=max_tokens,
                    tools=tuple(tools),
                    constraint=constraint,
                    temperature=temperature,
                    stop=tuple(stop),
                    reply=timer.reply(),
                )
                self.calls.append(call)
