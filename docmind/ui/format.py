"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from docmind.events import Source, Usage


def size(count: float | None) -> str:
    """Return bytes as `1.2 MB`; memory and files alike are counted in powers of 1024."""
    if count is None:
        return "unknown"
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return ""


def duration(seconds: float) -> str:
    """Return `850 ms`, `4.2 s` or `3 min 5 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def when(stamp: str | float | datetime) -> str:
    """Return a moment (ISO 8601 in UTC, or Unix time) in local time: today only the hour."""
    try:
        moment = (
            stamp
            if isinstance(stamp, datetime)
            else datetime.fromtimestamp(stamp, UTC)
            if isinstance(stamp, int | float)
            else datetime.fromisoformat(stamp)
        )
    except ValueError:
        return str(stamp)
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if today else f"{local:%-d %b %Y}"


def count(number: int, noun: str) -> str:
    """Return `1 page`, `2 pages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def place(source: Source) -> str:
    """Return `report.pdf, page 3`."""
    return f"{source.file_name}, page {source.page}" if source.page else source.file_name


def cost(usage: Usage, agents: list[str]) -> str:
    """Return the line under an answer: speed, tokens and who worked on it."""
    parts = []
    if usage.ttft_s is not None:
        parts.append(f"{duration(usage.ttft_s)} to first token")
    if usage.tokens_per_s:
        parts.append(f"{usage.tokens_per_s:.1f} tokens/s")
    if usage.prompt_tokens:
        cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
        parts.append(f"{usage.prompt_tokens:,} prompt tokens{cached}")
    if usage.engine_calls:
        parts.append(count(usage.engine_calls, "model call"))
    if agents:
        parts.append(", ".join(agents))
    return " · ".join(parts)
