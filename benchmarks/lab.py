"""What several measurements need: a loaded engine, prompts of exact length, peak memory, recorded requests."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import re
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from docmind.app import build_engine
from docmind.engine.interface import (
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
from docmind.hardware import GIB, first_gpu
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


class Memory:
    """This process's RAM and, with an NVIDIA GPU, the card's memory in use beyond what others held; peaks, in GiB."""

    def __enter__(self) -> Memory:
        self._process = psutil.Process()
        self._card: Any = None
        self._nvml: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pynvml

            pynvml.nvmlInit()
            self._nvml, self._card = pynvml, first_gpu(pynvml)
        except Exception:
            self._card = None
        self._base = 0.0
        self._base = self.vram() or 0.0
        self.ram_peak, self.vram_peak = self.ram(), 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def ram(self) -> float:
        """Return the resident memory of this process, in GiB."""
        return float(self._process.memory_info().rss) / GIB

    def vram(self) -> float | None:
        """Return the card's memory in use beyond what was in use at the start, in GiB; None without a card."""
        if self._card is None:
            return None
        return float(self._nvml.nvmlDeviceGetMemoryInfo(self._card).used) / GIB - self._base

    def now(self) -> dict[str, float]:
        """Return both, those that there are."""
        vram = self.vram()
        return {"ram": self.ram()} | ({"vram": vram} if vram is not None else {})

    def _sample(self) -> None:
        while not self._ended.wait(0.02):
            self.ram_peak = max(self.ram_peak, self.ram())
            self.vram_peak = max(self.vram_peak, self.vram() or 0.0)


class BenchEngine(VllmEngine):
    """DocMind's own engine, made to write on to the token limit: an answer that ends early measures nothing."""

    to_the_limit = True

    def _add(self, request: Request) -> None:
        request.sampling.ignore_eos = self.to_the_limit
        super()._add(request)


@contextmanager
def loaded(settings: Settings, *, own: bool = True, dummy: bool = False) -> Iterator[Engine]:
    """Load the model, yield the engine, close it.

    Args:
        settings: as for the app.
        own: a BenchEngine; False: what the app itself would build.
        dummy: random weights for a model directory that has none, only its shape.
    """
    resolved = resolve(settings)
    if dummy:
        where = resolved.catalog.path(resolved.llm)
        plan = plan_for(settings, resolved.hardware, where)
        os.environ |= {"VLLM_CONFIGURE_LOGGING": "0", **plan.env}
        from docmind.lazy_imports import import_model_stack

        import_model_stack()
        import vllm.engine.arg_utils as arguments

        arguments.EngineArgs = functools.partial(arguments.EngineArgs, load_format="dummy")
    engine = BenchEngine(resolved) if own else build_engine(resolved)
    engine.start()
    try:
        engine.wait_ready()
        yield engine
    finally:
        engine.close()


@contextmanager
def fresh(settings: Settings) -> Iterator[Settings]:
    """Yield the same settings with an empty data folder; models and what vLLM has compiled are shared."""
    (settings.data_dir / "cache").mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (Path(folder) / "models").symlink_to(settings.models_dir)
        (Path(folder) / "cache").symlink_to(settings.data_dir / "cache")
        yield settings.model_copy(update={"data_dir": Path(folder)})


@dataclass(frozen=True)
class Reply:
    """What one request gave, and the time its caller saw."""

    text: str
    usage: EngineUsage
    seconds: float
    first: float
    """Seconds until the first text reached the caller."""
    last: float
    """Seconds until the last text did."""

    @property
    def decode_tok_s(self) -> float:
        """Tokens a second after the first, as the engine counted."""
        return (
            (self.usage.completion_tokens - 1) / self.usage.decode_s if self.usage.decode_s else 0.0
        )

    @property
    def seen_tok_s(self) -> float:
        """Tokens a second from the first to the last text, as the caller saw them arrive."""
        return (self.usage.completion_tokens - 1) / max(1e-9, self.last - self.first)


async def ask(
    engine: Engine, messages: Sequence[Message], max_tokens: int, **options: Any
) -> Reply:
    """Send one request and drain it."""
    begin = time.perf_counter()
    text, usage, times = "", None, []
    async for delta in engine.stream(messages, max_tokens=max_tokens, **options):
        if delta.text:
            times.append(time.perf_counter() - begin)
        text += delta.text
        usage = delta.usage or usage
    assert usage is not None
    seconds = time.perf_counter() - begin
    times = times or [seconds]
    return Reply(text, usage, seconds, times[0], times[-1])


def run(*replies: Any) -> list[Reply]:
    """Run requests at once and return their replies."""

    async def all_of_them() -> list[Reply]:
        return list(await asyncio.gather(*replies))

    return asyncio.run(all_of_them())


def book() -> str:
    """Return a long English text that every Python has: its own language reference, 100,000 words."""
    from pydoc_data.topics import topics

    return "\n\n".join(re.sub(r"\n{3,}", "\n\n", topics[name]).strip() for name in sorted(topics))


def chapters() -> str:
    """Return the chapters of the book in which the scripted questions are answered, 25,000 tokens."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name].strip() for name in CHAPTERS)


def user(text: str) -> list[Message]:
    """Return a conversation of one user message."""
    return [{"role": "user", "content": text}]


def fit(
    engine: Engine,
    tokens: int,
    seed: int,
    make: Callable[[str], str] = str,
    text: str | None = None,
) -> str:
    """Return `make(text)` with as much of the text (default: the book) as gives a prompt of `tokens`, to within 1%.

    It begins at a place chosen by `seed`, and from the beginning again where the text is too short.
    """
    words = (text or book()).split(" ")
    at = random.Random(seed).randrange(len(words)) if seed else 0
    words = words[at:] + words[:at]
    words *= 1 + tokens // len(words)
    count = int(tokens * 0.6)
    for _ in range(6):
        have = engine.count_tokens(user(make(f"[{seed}] " + " ".join(words[:count]))))
        if 0 <= tokens - have <= max(8, tokens // 100):
            break
        count = max(1, int(count * (tokens - 2) / have))
    return make(f"[{seed}] " + " ".join(words[:count]))


@dataclass(frozen=True)
class Call:
    """One request that went through a Recorder."""

    messages: tuple[Message, ...]
    options: dict[str, Any]
    reply: Reply


@dataclass
class Recorder(Engine):
    """An engine that passes everything on to another, and keeps what was asked."""

    inner: Engine
    calls: list[Call] = field(default_factory=list)

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

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        constraint: Constraint | None = None,
        **options: Any,
    ) -> AsyncIterator[Delta]:
        """Pass on, and keep the request with its reply."""
        begin = time.perf_counter()
        text, times = "", []
        options |= {"max_tokens": max_tokens, "constraint": constraint}
        async for delta in self.inner.stream(messages, **options):
            if delta.text:
                times.append(time.perf_counter() - begin)
            text += delta.text
            yield delta
            if delta.usage:
                seconds = time.perf_counter() - begin
                times = times or [seconds]
                options.pop("on_end", None)  # the caller's own
                reply = Reply(text, delta.usage, seconds, times[0], times[-1])
                self.calls.append(Call(tuple(messages), options, reply))

    def close(self) -> None:
        """Close the other engine."""
        self.inner.close()

    def _run(self) -> None:
        """Never called: the other engine loads itself."""
