"""Figures, places and findings in words, as the pages and the command line both say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from docmind.events import Citation, Replacement, Statement, Usage, Verdict
from docmind.passages import NumberedPassage

_SIZE_UNITS = ("B", "KB", "MB", "GB")


def comparable(text: str) -> str:
    """Return a text as it is searched in: letters' case and line ends make no difference."""
    return " ".join(text.casefold().split())


def size(count: float) -> str:
    """Return bytes as `1.2 MB`; memory and files alike are counted in powers of 1024."""
    unit = 0
    while count >= 1024 and unit < len(_SIZE_UNITS) - 1:
        count = count / 1024
        unit += 1
    if unit == 0 or count >= 100:
        return f"{count:.0f} {_SIZE_UNITS[unit]}"
    return f"{count:.1f} {_SIZE_UNITS[unit]}"


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
    if seconds < 60:
        return f"{seconds:.0f} s"
    return duration(seconds)


def when(stamp: str) -> str:
    """Return a moment (ISO 8601 in UTC) in local time: the hour if it is today, else the day."""
    local = datetime.fromisoformat(stamp).astimezone()
    today = datetime.now().astimezone().date()
    if local.date() == today:
        return f"{local:%H:%M}"
    return f"{local:%-d %b %Y}"


def day(stamp: str, today: date) -> str:
    """Return the group that a moment (ISO 8601 in UTC) belongs to: a day, or later a month."""
    local = datetime.fromisoformat(stamp).astimezone().date()
    days_ago = (today - local).days
    if days_ago <= 0:
        return "Today"
    if days_ago == 1:
        return "Yesterday"
    if days_ago < 7:
        return "Last 7 days"
    return f"{local:%B %Y}"


def count(number: int, noun: str) -> str:
    """Return `1 page`, `2 pages`."""
    plural = "" if number == 1 else "s"
    return f"{number:,} {noun}{plural}"


def place(source: NumberedPassage) -> str:
    """Return where a source stands: `report.pdf, page 3`."""
    passage = source.passage
    if passage.page:
        return f"{passage.file_name}, page {passage.page_name}"
    return passage.file_name


def verdict(citation: Citation) -> str:
    """Return what the check of a citation found.

    Nothing if the citation is supported and stands as the model wrote it.
    """
    if not citation.supported:
        return "the passage was not found to support this sentence"
    if citation.instead_of is None:
        return ""
    number = f"[{citation.instead_of}]" if citation.instead_of else "a number that no passage has"
    return f"the model had written {number}; this is the passage that supports the sentence"


MISSES_QUESTION = (
    "What the documents support in this answer does not speak of what you asked. "
    "Ask again with the words that the documents use."
)
"""Said of an answer whose supported sentences share nothing with the question."""


def support_summary(statements: Sequence[Statement]) -> str:
    """Return `7 of 8 statements supported`; empty where nothing was stated."""
    stated = [found for found in statements if found.verdict is not Verdict.NO_STATEMENT]
    if not stated:
        return ""
    supported = [found for found in stated if found.verdict is Verdict.SUPPORTED]
    return f"{len(supported)} of {count(len(stated), 'statement')} supported"


def doubt(statement: Statement) -> str:
    """Return what is wrong with a sentence of an answer; empty if nothing is."""
    if statement.verdict is Verdict.CONTRADICTED:
        return "the documents say otherwise"
    if statement.verdict is Verdict.NOT_FOUND:
        return "not found in the documents"
    return ""


def replaced(replacements: Sequence[Replacement]) -> str:
    """Return what became of sentences that no passage supports: `1 replaced, 2 taken out`."""
    removed = sum(not replacement.after for replacement in replacements)
    parts = []
    if len(replacements) > removed:
        parts.append(f"{count(len(replacements) - removed, 'unsupported sentence')} replaced")
    if removed:
        parts.append(f"{count(removed, 'unsupported sentence')} taken out")
    return ", ".join(parts)


def best_citations(citations: Iterable[Citation]) -> dict[int, Citation]:
    """Return each number's best citation: one that is supported, and as the model wrote it."""
    best_last = sorted(citations, key=lambda c: (c.supported, c.instead_of is None))
    return {citation.number: citation for citation in best_last}


def speed(usage: Usage) -> str:
    """Return how fast an answer came; empty where nothing was measured."""
    parts = []
    if usage.ttft_s is not None:
        parts.append(f"{duration(usage.ttft_s)} to first token")
    if usage.tokens_per_s:
        parts.append(f"{usage.tokens_per_s:.1f} tokens/s")
    return " · ".join(parts)


def cost(usage: Usage, agents: Sequence[str]) -> str:
    """Return the line under an answer: speed, tokens, and which agents worked on it."""
    parts = []
    if speed(usage):
        parts.append(speed(usage))
    if usage.prompt_tokens:
        cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
        parts.append(f"{usage.prompt_tokens:,} prompt tokens{cached}")
    if usage.engine_calls:
        parts.append(count(usage.engine_calls, "model call"))
    if agents:
        parts.append(", ".join(agents))
    return " · ".join(parts)
