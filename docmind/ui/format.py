"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from docmind.engine.interface import EngineStatus
from docmind.events import Citation, Usage
from docmind.passages import NumberedPassage

if TYPE_CHECKING:
    from docmind.storage.messages import StoredMessage


def size(count: float) -> str:
    """Return bytes as `1.2 MB`; memory and files alike are counted in powers of 1024."""
    unit = 0
    while count >= 1024 and unit < 3:
        count, unit = count / 1024, unit + 1
    return (
        f"{count:.0f} B"
        if not unit
        else f"{count:.{0 if count >= 100 else 1}f} {('KB', 'MB', 'GB')[unit - 1]}"
    )


def memory(used: float, total: float) -> str:
    """Return `5.8 of 23.5 GiB`, from bytes."""
    return f"{used / 2**30:.1f} of {total / 2**30:.1f} GiB"


def duration(seconds: float) -> str:
    """Return `850 ms`, `4.2 s` or `3 min 5 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def elapsed(seconds: float) -> str:
    """Return a duration that is being watched: whole seconds."""
    return f"{seconds:.0f} s" if seconds < 60 else duration(seconds)


def when(stamp: str) -> str:
    """Return a moment (ISO 8601 in UTC) in local time: today only the hour."""
    local = datetime.fromisoformat(stamp).astimezone()
    return (
        f"{local:%H:%M}"
        if local.date() == datetime.now().astimezone().date()
        else f"{local:%-d %b %Y}"
    )


def count(number: int, noun: str) -> str:
    """Return `1 page`, `2 pages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def place(source: NumberedPassage) -> str:
    """Return `report.pdf, page 3`."""
    return (
        f"{source.passage.file_name}, page {source.passage.page}"
        if source.passage.page
        else source.passage.file_name
    )


def verdict(citation: Citation) -> str:
    """Return in words what the check of a citation found; nothing if it is as the model wrote it and supported."""
    if not citation.supported:
        return "the passage was not found to support this sentence"
    if citation.instead_of is None:
        return ""
    number = f"[{citation.instead_of}]" if citation.instead_of else "a number that no passage has"
    return f"the model had written {number}; this is the passage that supports the sentence"


def best(citations: Iterable[Citation]) -> dict[int, Citation]:
    """Return for each number its citation of which the check found most: one that is supported, and as written."""
    return {
        c.number: c for c in sorted(citations, key=lambda c: (c.supported, c.instead_of is None))
    }


def transcript(title: str, messages: Iterable[StoredMessage]) -> str:
    """Return a conversation as Markdown: each answer with what became of it and the passages that it cites."""
    parts = [f"# {title}"]
    for message in messages:
        parts.append(
            f"## {' '.join(message.text.split())}" if message.role == "user" else message.text
        )
        stopped = ["Stopped before it was complete."] if message.stopped else []
        parts += [f"*{told}*" for told in (message.error, *message.notices, *stopped) if told]
        cited = best(message.citations)
        for source in (s for s in message.sources if s.number in cited):
            found = verdict(cited[source.number])
            parts.append(f"**[{source.number}] {place(source)}**{f' ({found})' if found else ''}")
            parts.append(
                "\n".join(f"> {line}".rstrip() for line in source.passage.text.strip().splitlines())
            )
    return "\n\n".join(filter(None, parts)) + "\n"


def model(status: EngineStatus) -> str:
    """Return the model's name without its folders."""
    return status.model.rstrip("/").rsplit("/", 1)[-1] or "no model"


def speed(usage: Usage) -> str:
    """Return how fast an answer came."""
    first = [] if usage.ttft_s is None else [f"{duration(usage.ttft_s)} to first token"]
    return " · ".join(
        [*first, *([f"{usage.tokens_per_s:.1f} tokens/s"] if usage.tokens_per_s else [])]
    )


def cost(usage: Usage, agents: Sequence[str]) -> str:
    """Return the line under an answer: speed, tokens and who worked on it."""
    parts = [speed(usage)] if speed(usage) else []
    if usage.prompt_tokens:
        cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
        parts.append(f"{usage.prompt_tokens:,} prompt tokens{cached}")
    if usage.engine_calls:
        parts.append(count(usage.engine_calls, "model call"))
    if agents:
        parts.append(", ".join(agents))
    return " · ".join(parts)
