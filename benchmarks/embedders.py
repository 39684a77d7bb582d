"""Embedding models against each other: the product's own retrieval on the English sets, and what a passage costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.retrieval import Memo, retrieval
from benchmarks.sets import Corpus, cookbook, multi_turn, xquad
from docmind.ingestion.pipeline import BATCH
from docmind.settings import Settings

KEPT = ("bm25.ndcg10", "dense.ndcg10", "hybrid.ndcg10", "hybrid.recall5", "questions", "chunks")


def embedders(
    settings: Settings, data: Path, models: Mapping[str, Path], tell: Callable[[str], None]
) -> dict[str, float]:
    """Measure every model on the English sets.

    Returns:
        embedders.NAME.SET.bm25|dense|hybrid.ndcg10, hybrid.recall5, questions, chunks;
        embedders.NAME.passages_cpu_s: passages embedded in a CPU second, in the ingestion's batches, sorted by length.
    """
    sets: list[Corpus] = [xquad(data, "en"), cookbook(data), multi_turn(data)]
    sections = [s.text for _, document in sets[1].documents.values() for s in document.sections]
    texts = sorted((t[:1000] for t in sections if len(t) > 500), key=len)[:256]
    figures: dict[str, float] = {}
    for name, directory in models.items():
        embedder = Memo(directory)
        embedder.embed_texts(texts[:BATCH])
        begin = time.process_time()
        for start in range(0, len(texts), BATCH):
            embedder.embed_texts(texts[start : start + BATCH])
        figures[f"embedders.{name}.passages_cpu_s"] = len(texts) / (time.process_time() - begin)
        tell(f"{name}: {figures[f'embedders.{name}.passages_cpu_s']:.1f} passages per CPU second")
        found = retrieval(settings, sets, lambda line, name=name: tell(f"{name}: {line}"), embedder)  # type: ignore[misc]
        for key, value in found.items():
            if key.endswith(KEPT):
                figures[key.replace("retrieval.", f"embedders.{name}.")] = value
    return figures
