"""`docmind selftest`: the whole system, once through, with checks that can fail.

A document near the window is summarized, searched for themes and turned into recommendations by
three requests; memory is read before and after each. Then a document is ingested and asked about
through the app, and its citation checked. With an NVIDIA GPU the speed and memory targets are
checked too; without one they are reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docmind.app import App, build_app
from docmind.engine.interface import Constraint, Engine
from docmind.events import TurnFailed, TurnFinished
from docmind.hardware import GIB
from docmind.measurement import (
    Figures,
    TimedReply,
    empty_data_folder,
    fit_text,
    reference_text,
    run_request,
    send,
    user_message,
)
from docmind.monitor.memory import MemoryMonitor
from docmind.settings import Settings

ANSWER_TOKENS = 512
"""Kept free for each answer."""
INSTRUCTION_TOKENS = 96
"""Kept free for what is asked about the long document."""

# Targets. Memory may grow by 500 MB over three requests; the others are for a GPU.
MOST_DRIFT_MB = 500.0
LEAST_DECODE_TOK_S = 100.0
LEAST_PREFILL_TOK_S = 800.0
MOST_VRAM_GIB = 16.0

LEAST_GROUNDED = 0.6
"""Fraction of an answer's longer words that must stand in the document."""


@dataclass(frozen=True)
class LongRequest:
    """A request about the long document, answered as JSON with one key, `name`."""

    name: str
    task: str
    schema: dict[str, Any]
    """JSON schema of the value."""


TEXTS = {
    "type": "array",
    "items": {"type": "string", "minLength": 12, "maxLength": 300},
    "minItems": 3,
    "maxItems": 6,
}
REQUESTS = (
    LongRequest(
        name="summary",
        task="Summarize the document above in one paragraph.",
        schema={"type": "string", "minLength": 80, "maxLength": 900},
    ),
    LongRequest(
        name="themes",
        task="Name the main themes of the document above.",
        schema=TEXTS,
    ),
    LongRequest(
        name="recommendations",
        task="What should a reader of the document above do? Give recommendations.",
        schema=TEXTS,
    ),
)

FACT = "The warehouse in Ostrava stores 4,812 pallets of ceramic insulators."
QUESTION = "How many pallets of ceramic insulators does the warehouse in Ostrava store?"
FACT_NUMBER = "4,812"


@dataclass(frozen=True)
class Check:
    """One thing that must be so."""

    what: str
    found: str
    passed: bool


@dataclass
class SelftestReport:
    """What the self-test found."""

    checks: list[Check] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """What the model answered to each request, for a person to read."""
    notes: str = ""
    """Model, window, what failed, and the answers, in one line."""

    def check(self, what: str, *, found: str, passed: bool) -> None:
        """Add a check."""
        self.checks.append(Check(what=what, found=found, passed=passed))


def word_stems(text: str) -> set[str]:
    """Return the first five letters of each word of at least five letters.

    So inflections count as the same.
    """
    words = re.findall(r"[a-z]{5,}", text.lower())
    return {word[:5] for word in words}


def grounded_fraction(text: str, document: str) -> float:
    """Return the fraction (0 to 1) of the text's longer words that stand in the document too."""
    stems = word_stems(text)
    if not stems:
        return 0.0
    return len(stems & word_stems(document)) / len(stems)


def check_long_document(
    engine: Engine,
    document: str,
    memory: MemoryMonitor,
    *,
    wanted_tokens: int,
    report: SelftestReport,
) -> None:
    """Send the three requests over a document that fills the window.

    Memory drift is what is in use after the last request, less what was after the first: the
    first may allocate.
    """
    before = memory.now()
    after: list[dict[str, float]] = []
    prompt_tokens = 0
    for request in REQUESTS:
        schema = {
            "type": "object",
            "properties": {request.name: request.schema},
            "required": [request.name],
        }
        prompt = f"<document>\n{document}\n</document>\n\n{request.task} Answer as JSON."
        reply = run_request(
            send(
                engine,
                user_message(prompt),
                ANSWER_TOKENS,
                constraint=Constraint(kind="json", value=schema),
            )
        )
        prompt_tokens = reply.usage.prompt_tokens
        after.append(memory.now())
        _check_reply(request, reply, document, report)
        for kind, gib in after[-1].items():
            report.figures[f"selftest.{kind}_gib.after_{request.name}"] = gib

    for kind, gib in before.items():
        drift_mb = (after[-1][kind] - after[0][kind]) * GIB / 1e6
        report.figures[f"selftest.{kind}_gib.before"] = gib
        report.figures[f"selftest.{kind}_drift_mb"] = drift_mb
        report.check(
            f"{kind} drift over three requests",
            found=f"{drift_mb:.0f} MB",
            passed=drift_mb < MOST_DRIFT_MB,
        )

    window = engine.status().window
    report.figures["selftest.window"] = window
    report.check(
        "the document is as long as it should be",
        found=f"{prompt_tokens:,} of {wanted_tokens:,} tokens; the window is {window:,}",
        passed=prompt_tokens > 0.9 * wanted_tokens,
    )


def _check_reply(
    request: LongRequest, reply: TimedReply, document: str, report: SelftestReport
) -> None:
    """Check that a reply is whole JSON about the document; note its speed."""
    value = _json_value(reply.text, request.name)
    answer = "; ".join(value)
    grounded = grounded_fraction(answer, document)
    whole = "complete JSON"
    if not answer:
        whole = f"broken JSON: {reply.text[-60:]!r}"
    usage = reply.usage
    report.answers[request.name] = answer
    report.check(
        f"{request.name} of {usage.prompt_tokens:,} tokens",
        found=f"{whole}, {grounded:.0%} of its words are the document's",
        passed=bool(answer) and grounded >= LEAST_GROUNDED,
    )
    name = request.name
    report.figures[f"selftest.{name}_s"] = reply.seconds
    report.figures[f"selftest.{name}_cached"] = usage.cached_tokens / usage.prompt_tokens
    report.figures[f"selftest.decode_tok_s.{name}"] = reply.decode_tok_s
    if not usage.cached_tokens:  # only then the whole prompt was computed
        report.figures[f"selftest.prefill_tok_s.{name}"] = usage.prompt_tokens / usage.ttft_s


def _json_value(text: str, key: str) -> list[str]:
    """Return the texts under `key` of a JSON object; none if it is broken or has no such key."""
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        return []
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [str(text) for text in value]
    return []


def check_gpu_targets(memory: MemoryMonitor, report: SelftestReport) -> None:
    """Check speed and memory of a GPU, from the figures of the long document."""
    decode_rates = []
    prefill_rates = []
    for name, value in report.figures.items():
        if name.startswith("selftest.decode_tok_s"):
            decode_rates.append(value)
        if name.startswith("selftest.prefill_tok_s"):
            prefill_rates.append(value)
    decode = min(decode_rates)
    prefill = max(prefill_rates, default=0.0)
    report.figures["selftest.vram_peak_gib"] = memory.vram_peak
    report.check(
        "decode",
        found=f"{decode:.0f} tok/s after the long document",
        passed=decode > LEAST_DECODE_TOK_S,
    )
    report.check("prefill", found=f"{prefill:.0f} tok/s", passed=prefill > LEAST_PREFILL_TOK_S)
    report.check(
        "VRAM",
        found=f"{memory.vram_peak:.2f} GiB at most",
        passed=memory.vram_peak < MOST_VRAM_GIB,
    )


def check_cited_answer(app: App, report: SelftestReport) -> None:
    """Ingest a document, ask for a fact in it, and check the answer and its citation."""
    filler = reference_text()[:30_000]
    text = f"{filler}\n\n{FACT}\n\n{filler[::-1][:2_000]}"
    app.documents.add_bytes(text.encode(), "warehouses.txt")
    app.documents.wait()
    document = app.documents.documents()[0]
    report.check(
        "ingestion",
        found=f"{document.state}, {document.passages} passages",
        passed=document.state == "ready",
    )
    conversation = app.conversations.create()
    for event in app.chat.stream(QUESTION, conversation.id):
        if isinstance(event, TurnFailed):
            report.check("answer", found=event.error, passed=False)
        if isinstance(event, TurnFinished):
            _check_answer(event, report)


def _check_answer(event: TurnFinished, report: SelftestReport) -> None:
    """Check that the answer has the number, and cites a passage that has it."""
    with_fact = {s.number for s in event.sources if FACT_NUMBER in s.passage.text}
    right = [c for c in event.citations if c.number in with_fact]
    report.answers["question"] = event.answer
    report.check(
        "answer",
        found=event.answer.strip()[:120],
        passed=FACT_NUMBER in event.answer.replace("4812", FACT_NUMBER),
    )
    report.check(
        "citation",
        found=f"{len(right)} of {len(event.citations)} name the passage with the fact",
        passed=bool(right),
    )


def run_selftest(
    settings: Settings, files: Sequence[Path] = (), tokens: int | None = None
) -> SelftestReport:
    """Run the self-test in a data folder of its own.

    Args:
        settings: of this machine; the models are there.
        files: documents whose text, joined, is the long document; none: Python's language
            reference.
        tokens: length of the long prompt; None: the window less the answer.
    """
    from docmind.ingestion.readers.formats import read

    report = SelftestReport()
    given_text = "\n\n".join(read(file).text for file in files)
    with empty_data_folder(settings) as fresh_settings, MemoryMonitor() as memory:
        app = build_app(fresh_settings)
        engine = app.engine
        try:
            engine.wait_ready()
            window = engine.status().window
            wanted_tokens = tokens or window - ANSWER_TOKENS
            document = fit_text(engine, wanted_tokens - INSTRUCTION_TOKENS, text=given_text)
            check_long_document(
                engine, document, memory, wanted_tokens=wanted_tokens, report=report
            )
            report.figures["selftest.load_s"] = engine.status().load_s or 0.0
            if memory.vram() is not None:
                check_gpu_targets(memory, report)
            check_cited_answer(app, report)
            model = engine.status().model
        finally:
            app.close()

    failed = [check.what for check in report.checks if not check.passed]
    report.figures["selftest.checks"] = len(report.checks)
    report.figures["selftest.failed"] = len(failed)
    answers = [f"{name}: {' '.join(text.split())}" for name, text in report.answers.items()]
    report.notes = (
        f"{model}, window {window}; failed: {failed or 'none'}. Answers: {'; '.join(answers)}"
    )
    return report
