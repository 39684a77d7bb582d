"""`docmind eval embedders`: embedding models against each other.

The product's own retrieval on the English sets, and what embedding a passage costs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.result import Progress
from benchmarks.retrieval import QuestionEmbedder, measure_retrieval
from benchmarks.sets import Corpus, cookbook, multi_turn, xquad
from docmind.ingestion.pipeline import BATCH
from docmind.measurement import Figures
from docmind.resolution import resolve
from docmind.retrieval.embeddings import Embedder
from docmind.settings import Settings

REPORTED = (
    "bm25.ndcg10",
    "dense.ndcg10",
    "hybrid.ndcg10",
    "hybrid.recall5",
    "questions",
    "chunks",
)
"""The figures of retrieval that are kept of each model."""
TIMED_PASSAGES = 256


def measure_embedders(
    settings: Settings, data: Path, models: Mapping[str, Path], *, progress: Progress
) -> Figures:
    """Measure every model on the English sets.

    Returns:
        embedders.NAME.SET.bm25|dense|hybrid.ndcg10, hybrid.recall5, questions, chunks;
        embedders.NAME.passages_cpu_s: passages embedded in a CPU second, in the ingestion's
        batches, sorted by length.
    """
    pages = cookbook(data)
    corpora = [xquad(data, "en"), pages, multi_turn(data)]
    texts = _passages_by_length(pages)
    bfloat16 = resolve(settings).hardware.embeds_in_bfloat16
    figures: Figures = {}
    for name, directory in models.items():
        embedder = QuestionEmbedder(directory, bfloat16=bfloat16)
        speed = passages_per_cpu_second(embedder, texts)
        figures[f"embedders.{name}.passages_cpu_s"] = speed
        progress(f"{name}: {speed:.1f} passages per CPU second")
        found = measure_retrieval(
            settings, corpora, embedder=embedder, progress=_with_prefix(progress, name)
        )
        for key, value in found.items():
            if key.endswith(REPORTED):
                figures[key.replace("retrieval.", f"embedders.{name}.")] = value
    return figures


def _passages_by_length(pages: Corpus) -> list[str]:
    """Return long sections, cut to 1,000 characters, the shortest first."""
    texts = []
    for document in pages.documents.values():
        sections = document.parsed.sections
        texts += [section.text[:1000] for section in sections if len(section.text) > 500]
    return sorted(texts, key=len)[:TIMED_PASSAGES]


def passages_per_cpu_second(embedder: Embedder, texts: list[str]) -> float:
    """Return the speed of the model in the ingestion's batches, once warm."""
    embedder.embed_texts(texts[:BATCH])
    begin = time.process_time()
    for start in range(0, len(texts), BATCH):
        embedder.embed_texts(texts[start : start + BATCH])
    return len(texts) / (time.process_time() - begin)


def _with_prefix(progress: Progress, name: str) -> Progress:
    def say(line: str) -> None:
        progress(f"{name}: {line}")

    return say
