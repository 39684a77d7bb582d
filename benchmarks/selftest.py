"""`docmind selftest`: the whole system, once through, with checks that can fail.

A document near the window is summarized, searched for themes and turned into recommendations by three requests; memory
is read before and after each. Then a document is ingested and asked about through the app, and its citation checked.
With an NVIDIA GPU the speed and memory targets are checked too; without one they are reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lab import BenchEngine, Memory, ask, book, fit, fresh, run, user
from docmind.app import App, build_app
from docmind.engine.interface import Constraint, Engine
from docmind.events import TurnFailed, TurnFinished
from docmind.resolution import resolve
from docmind.settings import Settings

ANSWER = 512
"""Tokens kept free for each answer."""
DRIFT_GIB = 500e6 / 1024**3
DECODE, PREFILL, VRAM_GIB = 100.0, 800.0, 16.0
"""Targets on a GPU: tokens a second and GiB."""
TEXTS = {
    "type": "array",
    "items": {"type": "string", "minLength": 12, "maxLength": 300},
    "minItems": 3,
    "maxItems": 6,
}
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "summary",
        "Summarize the document above in one paragraph.",
        {"type": "string", "minLength": 80, "maxLength": 900},
    ),
    ("themes", "Name the main themes of the document above.", TEXTS),
    (
        "recommendations",
        "What should a reader of the document above do? Give recommendations.",
        TEXTS,
    ),
)
FACT = "The warehouse in Ostrava stores 4,812 pallets of ceramic insulators."
QUESTION = "How many pallets of ceramic insulators does the warehouse in Ostrava store?"
NEEDLE = "4,812"


@dataclass(frozen=True)
class Check:
    """One thing that must be so."""

    what: str
    found: str
    passed: bool


def vocabulary(text: str) -> set[str]:
    """Return the words of at least five letters, cut to their first five: enough to match inflections."""
    return {w[:5] for w in re.findall(r"[a-z]{5,}", text.lower())}


def grounded(text: str, document: str) -> float:
    """Return the share of the text's longer words that stand in the document too."""
    words = vocabulary(text)
    return len(words & vocabulary(document)) / len(words) if words else 0.0


def long_document(
    engine: Engine, document: str, memory: Memory, answers: dict[str, str], wanted_tokens: int
) -> tuple[list[Check], dict[str, float]]:
    """Send the three requests over a document that fills the window; checks and figures.

    Memory drift is what is in use after the last request, less what was after the first: the first may allocate.
    """
    window = engine.status().window
    checks: list[Check] = []
    figures: dict[str, float] = {"selftest.window": window}
    levels = [memory.now()]
    for name, task, schema in REQUESTS:
        wanted = Constraint(
            "json", {"type": "object", "properties": {name: schema}, "required": [name]}
        )
        prompt = f"<document>\n{document}\n</document>\n\n{task} Answer as JSON."
        reply = run(ask(engine, user(prompt), ANSWER, constraint=wanted))[0]
        levels.append(memory.now())
        usage = reply.usage
        try:
            value = json.loads(reply.text)[name]
        except (ValueError, KeyError, TypeError):
            value = None
        text = value if isinstance(value, str) else "; ".join(value or ())
        answers[name] = text
        share = grounded(text, document)
        whole = "complete JSON" if value else f"broken JSON: {reply.text[-60:]!r}"
        checks.append(
            Check(f"{name} of {usage.prompt_tokens:,} tokens", f"{whole}, {share:.0%} of its words are the document's",
                  bool(value) and share >= 0.6)
        )  # fmt: skip
        figures |= {
            f"selftest.{name}_s": reply.seconds,
            f"selftest.{name}_cached": usage.cached_tokens / usage.prompt_tokens,
            f"selftest.decode_tok_s.{name}": reply.decode_tok_s,
        }
        if not usage.cached_tokens:
            figures[f"selftest.prefill_tok_s.{name}"] = usage.prompt_tokens / usage.ttft_s
        for kind, gib in levels[-1].items():
            figures[f"selftest.{kind}_gib.after_{name}"] = gib
    for kind, before in levels[0].items():
        figures[f"selftest.{kind}_gib.before"] = before
        drift = levels[-1][kind] - levels[1][kind]
        figures[f"selftest.{kind}_drift_mb"] = drift * 1024**3 / 1e6
        checks.append(
            Check(
                f"{kind} drift over three requests",
                f"{drift * 1024**3 / 1e6:.0f} MB",
                drift < DRIFT_GIB,
            )
        )
    prompt_tokens = usage.prompt_tokens
    found = f"{prompt_tokens:,} of {wanted_tokens:,} tokens; the window is {window:,}"
    checks.append(
        Check("the document is as long as it should be", found, prompt_tokens > 0.9 * wanted_tokens)
    )
    return checks, figures


def speed(figures: dict[str, float], memory: Memory) -> list[Check]:
    """Return the checks that only a GPU has to pass."""
    decode = min(v for k, v in figures.items() if k.startswith("selftest.decode_tok_s"))
    prefill = [v for k, v in figures.items() if k.startswith("selftest.prefill_tok_s")]
    figures["selftest.vram_peak_gib"] = memory.vram_peak
    return [
        Check("decode", f"{decode:.0f} tok/s after the long document", decode > DECODE),
        Check("prefill", f"{max(prefill, default=0):.0f} tok/s", max(prefill, default=0) > PREFILL),
        Check("VRAM", f"{memory.vram_peak:.2f} GiB at most", memory.vram_peak < VRAM_GIB),
    ]


def cited_answer(app: App, answers: dict[str, str]) -> list[Check]:
    """Ingest a document, ask for a fact in it, look at answer and citation."""
    filler = book()[:30_000]
    app.documents.add_bytes(
        f"{filler}\n\n{FACT}\n\n{filler[::-1][:2_000]}".encode(), "warehouses.txt"
    )
    app.documents.wait()
    document = app.documents.documents()[0]
    checks = [
        Check("ingestion", f"{document.state}, {document.passages} chunks", document.state == "ready")
    ]
    for event in app.chat.stream(QUESTION, app.conversations.create().id):
        if isinstance(event, TurnFailed):
            return [*checks, Check("answer", event.error, False)]
        if isinstance(event, TurnFinished):
            sources = {s.number: s.passage.text for s in event.sources}
            right = [c for c in event.citations if NEEDLE in sources.get(c.number, "")]
            answers["question"] = event.answer
            checks += [
                Check(
                    "answer",
                    event.answer.strip()[:120],
                    NEEDLE in event.answer.replace("4812", NEEDLE),
                ),
                Check(
                    "citation",
                    f"{len(right)} of {len(event.citations)} name the passage with the fact",
                    bool(right),
                ),
            ]
    return checks


def selftest(
    settings: Settings, files: Sequence[Path] = (), tokens: int | None = None
) -> tuple[list[Check], dict[str, float], str]:
    """Run it in a data folder of its own.

    Args:
        settings: of the machine.
        files: documents whose text, joined, is the long document; none: Python's language reference.
        tokens: length of the long prompt; None: the window less the answer.

    Returns:
        The checks, the figures, and notes with the model's answers, for a person to read.
    """
    from docmind.ingestion.readers.formats import read

    with fresh(settings) as own, Memory() as memory:
        engine = BenchEngine(resolve(own))
        engine.to_the_limit = False
        app = build_app(own, engine=engine)
        answers: dict[str, str] = {}
        try:
            engine.wait_ready()
            window = engine.status().window
            given = "\n\n".join(read(f).text for f in files)
            wanted = tokens or window - ANSWER
            document = fit(engine, wanted - 96, 0, text=given or None)
            checks, figures = long_document(engine, document, memory, answers, wanted)
            figures["selftest.load_s"] = engine.status().load_s or 0.0
            if memory.vram() is not None:
                checks += speed(figures, memory)
            checks += cited_answer(app, answers)
            status = engine.status()
        finally:
            app.close()
    said = "; ".join(f"{name}: {' '.join(text.split())}" for name, text in answers.items())
    failed = [c.what for c in checks if not c.passed]
    figures["selftest.checks"], figures["selftest.failed"] = len(checks), len(failed)
    return (
        checks,
        figures,
        f"{status.model}, window {window}; failed: {failed or 'none'}. Answers: {said}",
    )
