"""Retrieval quality through the product's own splitter, embedder, store and Retriever.

Chunks are credited to the gold passages ("units") that they stand for, so that other chunk sizes and the published
figures on whole paragraphs can be compared. Fusion, candidates and BM25's constants were chosen on the questions with
even numbers; the figures are of the odd ones.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from benchmarks.sets import Corpus, Question
from docmind.ingestion.pipeline import Pipeline
from docmind.passages import ScoredPassage
from docmind.resolution import resolve
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.rerank import Reranker
from docmind.retrieval.search import Mode, Retriever, diverse
from docmind.retrieval.sparse import query_vector
from docmind.retrieval.store.base import VectorStore
from docmind.retrieval.store.opening import open_store
from docmind.settings import Settings

DEPTH = 20
"""Chunks asked for; several may stand for one unit."""
SHOWN = 5
"""Chunks counted in the span measures: what an agent gets from one search on a CPU."""
Search = Callable[[str], Sequence[ScoredPassage]]


class Memo(Embedder):
    """Embeds each question once for all the searches that use it."""

    def __init__(self, model_dir: Path) -> None:
        super().__init__(model_dir)
        self._known: dict[str, list[float]] = {}

    def learn(self, texts: Sequence[str]) -> None:
        """Embed these questions."""
        self._known = {text: super(Memo, self).embed_query(text) for text in texts}

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self._known.get(text) or super().embed_query(text)


def retrieval(
    settings: Settings,
    corpora: Iterable[Corpus],
    tell: Callable[[str], None],
    embedder: Memo | None = None,
) -> dict[str, float]:
    """Measure every corpus in a store of its own.

    Returns:
        retrieval.SET.MODE.recall5|recall10|mrr10|ndcg10|ms (of one search, its question embedded before) for bm25,
        dense, hybrid, rrf (ranks fused instead of scores, for comparison) and, if a reranker is set, reranked;
        retrieval.SET.questions and .chunks; for sets whose gold is a quoted span also
        MODE.span_recall|span_precision|span_iou of the first SHOWN chunks (characters);
        retrieval.gain.better|bm25|dense|rrf: mean over the sets of hybrid's nDCG@10 divided by that mode's, minus 1,
        `better` being the better of bm25 and dense; retrieval.gain.worst_set: the smallest gain over the better.
    """
    resolved = resolve(settings)
    catalog = resolved.catalog
    if embedder is None:
        embedder = Memo(
            Path(catalog.path(resolved.embedding_model)),
            bfloat16=resolved.hardware.embeds_in_bfloat16,
        )
    wanted = settings.retrieval.reranker
    reranker = Reranker(Path(catalog.path(wanted))) if wanted else None
    figures: dict[str, float] = {}
    ndcg: list[dict[str, float]] = []
    with ExitStack() as stack:
        store, stored = None, None
        for corpus in corpora:
            prefix = f"retrieval.{corpus.name}"
            if store is None or stored != corpus.documents:  # one set may be asked in two ways
                stack.close()
                own = settings.model_copy(
                    update={"data_dir": Path(stack.enter_context(TemporaryDirectory()))}
                )
                store, stored = open_store(own, embedder.dims), corpus.documents
                stack.callback(store.close)
                begin = time.perf_counter()
                pipeline = Pipeline(store, embedder, own)
                for document_id, (name, document) in corpus.documents.items():
                    pipeline.run(document_id, name, document, lambda *_: None)
                store.optimize()
                figures[f"{prefix}.ingest_chunks_s"] = store.count() / (time.perf_counter() - begin)
            asked = corpus.questions[1::2]
            embedder.learn([q.text for q in asked])
            figures |= {f"{prefix}.questions": len(asked), f"{prefix}.chunks": store.count()}
            row = {}
            for mode, search in searches(settings, store, embedder, reranker).items():
                measured = measure(corpus, asked, search, spans=corpus.name == "chunking-eval")
                figures |= {f"{prefix}.{mode}.{name}": value for name, value in measured.items()}
                row[mode] = measured["ndcg10"]
            ndcg.append(row)
            tell(
                f"{corpus.name}: " + ", ".join(f"{mode} {value:.3f}" for mode, value in row.items())
            )
    better = [r["hybrid"] / max(r["bm25"], r["dense"]) - 1 for r in ndcg]
    figures |= {
        "retrieval.gain.better": statistics.mean(better),
        "retrieval.gain.worst_set": min(better),
    }
    for mode in ("bm25", "dense", "rrf"):
        figures[f"retrieval.gain.{mode}"] = statistics.mean(r["hybrid"] / r[mode] - 1 for r in ndcg)
    return figures


def searches(
    settings: Settings, store: VectorStore, embedder: Embedder, reranker: Reranker | None = None
) -> dict[str, Search]:
    """Return what is compared, by name."""
    retriever = Retriever(store, embedder, settings)

    def product(mode: Mode) -> Search:
        return lambda query: retriever.search(query, DEPTH, mode=mode)

    found = {mode.removesuffix("_only"): product(mode) for mode in get_args(Mode)}
    found["rrf"] = lambda query: by_ranks(store, embedder, query)
    if reranker:
        found["reranked"] = lambda query: Retriever(store, embedder, settings, reranker).search(
            query, DEPTH
        )
    return found


def measure(
    corpus: Corpus, asked: Sequence[Question], search: Search, *, spans: bool
) -> dict[str, float]:
    """Return the mean over the questions of recall@5 and @10, MRR@10, nDCG@10 (binary gains, log2 discount), and ms."""
    rows: list[dict[str, float]] = []
    for question in asked:
        begin = time.perf_counter()
        hits = search(question.text)
        took = time.perf_counter() - begin
        units: list[int] = []
        for hit in hits:
            passage = hit.passage
            units += corpus.units_of(passage.document_id, passage.start, passage.end)
        right = [u in question.gold for u in list(dict.fromkeys(units))[:10]]
        ideal = sum(1 / math.log2(i + 2) for i in range(min(10, len(question.gold))))
        row = {
            "recall5": sum(right[:5]) / len(question.gold),
            "recall10": sum(right) / len(question.gold),
            "mrr10": next((1 / (i + 1) for i, ok in enumerate(right) if ok), 0.0),
            "ndcg10": sum(1 / math.log2(i + 2) for i, ok in enumerate(right) if ok) / ideal,
            "ms": took * 1000,
        }
        rows.append(row | (_spans(corpus, question, hits[:SHOWN]) if spans else {}))
    return {name: statistics.mean(row[name] for row in rows) for name in rows[0]}


def by_ranks(
    store: VectorStore, embedder: Embedder, query: str, constant: int = 60
) -> Sequence[ScoredPassage]:
    """Return what reciprocal rank fusion of the two searches gives (Cormack et al., 2009)."""
    lists = [
        store.search(embedder.embed_query(query), None, 100),
        store.search(None, query_vector(query), 100),
    ]
    hits = {hit.passage.id: hit for found in lists for hit in found}
    scores = dict.fromkeys(hits, 0.0)
    for found in lists:
        for rank, hit in enumerate(found, 1):
            scores[hit.passage.id] += 1 / (constant + rank)
    return diverse([hits[i] for i in sorted(hits, key=lambda i: -scores[i])][: 2 * DEPTH], DEPTH)


def _spans(corpus: Corpus, question: Question, hits: Sequence[ScoredPassage]) -> dict[str, float]:
    """Return how much of the quoted references the chunks have, and how much else (counted in characters)."""
    seen = {
        (hit.passage.document_id, c)
        for hit in hits
        for c in range(hit.passage.start, hit.passage.end)
    }
    gold = set()
    for unit in (corpus.units[i] for i in question.gold):
        copies = [{(unit.document_id, c) for c in range(*span)} for span in unit.spans]
        gold |= max(copies, key=lambda copy: len(copy & seen))
    both = len(gold & seen)
    return {
        "span_recall": both / len(gold),
        "span_precision": both / max(1, len(seen)),
        "span_iou": both / len(gold | seen),
    }
