"""`docmind eval retrieval`: quality through the product's own splitter, embedder, store and search.

Passages are credited to the gold passages ("units") that they stand for, so that other passage
lengths and the published figures on whole paragraphs can be compared. Fusion, candidates and
BM25's constants were chosen on the questions with even numbers; the figures are of the odd ones.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from benchmarks.halves import reporting_questions
from benchmarks.result import Progress
from benchmarks.sets import Corpus, Question, SetDocument
from docmind.ingestion.pipeline import Pipeline
from docmind.measurement import Figures, empty_data_folder
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
"""Passages asked for; several may stand for one unit."""
SHOWN = 5
"""Passages counted in the span measures: what an agent gets from one search on a CPU."""
RRF_CONSTANT = 60
"""Of reciprocal rank fusion, as Cormack et al. (2009) have it."""
RRF_CANDIDATES = 100
SETS_WITH_QUOTES = ("chunking-eval",)
"""Sets whose gold is a quoted span, so that characters can be counted."""

Search = Callable[[str], Sequence[ScoredPassage]]


class QuestionEmbedder(Embedder):
    """Embeds each question once for all the searches that use it."""

    def __init__(self, model_dir: Path, *, bfloat16: bool = False) -> None:
        super().__init__(model_dir, bfloat16=bfloat16)
        self._known: dict[str, list[float]] = {}

    def embed_questions(self, texts: Iterable[str]) -> None:
        """Embed these questions, and forget those before."""
        self._known = {}
        for text in texts:
            self._known[text] = super().embed_query(text)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self._known.get(text) or super().embed_query(text)


def measure_retrieval(
    settings: Settings,
    corpora: Iterable[Corpus],
    *,
    progress: Progress,
    embedder: QuestionEmbedder | None = None,
) -> Figures:
    """Measure every corpus in a store of its own.

    Returns:
        retrieval.SET.MODE.recall5|recall10|mrr10|ndcg10|ms (of one search, its question embedded
        before) for bm25, dense, hybrid, rrf (ranks fused instead of scores, for comparison) and,
        if a reranker is set, reranked; retrieval.SET.questions and .chunks; for sets whose gold
        is a quoted span also MODE.span_recall|span_precision|span_iou of the first SHOWN passages
        (characters); retrieval.gain.better|bm25|dense|rrf: mean over the sets of hybrid's nDCG@10
        divided by that mode's, minus 1, `better` being the better of bm25 and dense;
        retrieval.gain.worst_set: the smallest gain over the better.
    """
    resolved = resolve(settings)
    catalog = resolved.catalog
    if embedder is None:
        embedder = QuestionEmbedder(
            Path(catalog.path(resolved.embedding_model)),
            bfloat16=resolved.hardware.embeds_in_bfloat16,
        )
    reranker = None
    if settings.retrieval.reranker:
        reranker = Reranker(Path(catalog.path(settings.retrieval.reranker)))

    figures: Figures = {}
    ndcg_of_sets: list[dict[str, float]] = []
    for group in same_documents(corpora):
        with stored(settings, embedder, group[0].documents) as index:
            figures[f"retrieval.{group[0].name}.ingest_chunks_s"] = index.passages_s
            for corpus in group:
                questions = reporting_questions(corpus.questions)
                embedder.embed_questions(question.text for question in questions)
                figures[f"retrieval.{corpus.name}.questions"] = len(questions)
                figures[f"retrieval.{corpus.name}.chunks"] = index.store.count()
                ndcg = {}
                compared = searches(settings, index.store, embedder, reranker=reranker)
                for mode, search in compared.items():
                    measured = measure_search(corpus, questions, search)
                    for name, value in measured.items():
                        figures[f"retrieval.{corpus.name}.{mode}.{name}"] = value
                    ndcg[mode] = measured["ndcg10"]
                ndcg_of_sets.append(ndcg)
                progress(f"{corpus.name}: {_named_values(ndcg)}")
    return figures | gain_figures(ndcg_of_sets)


def _named_values(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def gain_figures(ndcg_of_sets: Sequence[dict[str, float]]) -> Figures:
    """Return what hybrid search gains over the others, from each set's nDCG@10 by mode."""
    gains: dict[str, list[float]] = {"better": [], "bm25": [], "dense": [], "rrf": []}
    for ndcg in ndcg_of_sets:
        better = max(ndcg["bm25"], ndcg["dense"])
        gains["better"].append(ndcg["hybrid"] / better - 1)
        for mode in ("bm25", "dense", "rrf"):
            gains[mode].append(ndcg["hybrid"] / ndcg[mode] - 1)
    figures = {}
    for mode, values in gains.items():
        figures[f"retrieval.gain.{mode}"] = statistics.mean(values)
    figures["retrieval.gain.worst_set"] = min(gains["better"])
    return figures


def same_documents(corpora: Iterable[Corpus]) -> Iterator[list[Corpus]]:
    """Yield the corpora in groups: those after each other that have the same documents."""
    group: list[Corpus] = []
    for corpus in corpora:
        if group and corpus.documents != group[0].documents:
            yield group
            group = []
        group.append(corpus)
    if group:
        yield group


class Index:
    """A store with a set's documents."""

    def __init__(self, store: VectorStore, passages_s: float) -> None:
        self.store = store
        self.passages_s = passages_s
        """Passages split, embedded and stored in a second."""


@contextmanager
def stored(
    settings: Settings, embedder: Embedder, documents: dict[str, SetDocument]
) -> Iterator[Index]:
    """Yield a store of its own with these documents."""
    with empty_data_folder(settings) as fresh_settings:
        store = open_store(fresh_settings, embedder.dims)
        try:
            begin = time.perf_counter()
            pipeline = Pipeline(store, embedder, fresh_settings)
            for document_id, document in documents.items():
                pipeline.run(document_id, document.file_name, document.parsed, _ignore_progress)
            store.optimize()
            seconds = time.perf_counter() - begin
            yield Index(store, store.count() / seconds)
        finally:
            store.close()


def _ignore_progress(*_: object) -> None:
    """Take what the pipeline says of its progress."""


def searches(
    settings: Settings,
    store: VectorStore,
    embedder: Embedder,
    *,
    reranker: Reranker | None = None,
) -> dict[str, Search]:
    """Return what is compared, by name."""
    retriever = Retriever(store, embedder, settings)
    found: dict[str, Search] = {}
    for mode in get_args(Mode):
        found[mode.removesuffix("_only")] = _search_in_mode(retriever, mode)

    def search_by_ranks(query: str) -> Sequence[ScoredPassage]:
        return fuse_ranks(store, embedder, query)

    found["rrf"] = search_by_ranks
    if reranker:
        reranking = Retriever(store, embedder, settings, reranker=reranker)
        found["reranked"] = _search_in_mode(reranking, "hybrid")
    return found


def _search_in_mode(retriever: Retriever, mode: Mode) -> Search:
    def search(query: str) -> Sequence[ScoredPassage]:
        return retriever.search(query, DEPTH, mode=mode)

    return search


def measure_search(corpus: Corpus, questions: Sequence[Question], search: Search) -> Figures:
    """Return the means over the questions.

    recall5, recall10, mrr10, ndcg10 (binary gains, log2 discount) and ms; for a set with quotes
    also span_recall, span_precision and span_iou.
    """
    rows: list[Figures] = []
    for question in questions:
        begin = time.perf_counter()
        results = search(question.text)
        milliseconds = (time.perf_counter() - begin) * 1000
        row = rank_figures(question, found_units(corpus, results))
        row["ms"] = milliseconds
        if corpus.name in SETS_WITH_QUOTES:
            row |= span_figures(corpus, question, results[:SHOWN])
        rows.append(row)
    return {name: statistics.mean(row[name] for row in rows) for name in rows[0]}


def found_units(corpus: Corpus, results: Iterable[ScoredPassage]) -> list[int]:
    """Return the units that the results stand for, each once, the best first."""
    units: list[int] = []
    for result in results:
        passage = result.passage
        units += corpus.units_of(passage.document_id, passage.start, passage.end)
    return list(dict.fromkeys(units))


def rank_figures(question: Question, units: Sequence[int]) -> Figures:
    """Return recall at 5 and 10, MRR and nDCG at 10 of the units found for a question."""
    right_ranks = _right_ranks(units, question.gold)
    right_in_five = [rank for rank in right_ranks if rank <= 5]
    return {
        "recall5": len(right_in_five) / len(question.gold),
        "recall10": len(right_ranks) / len(question.gold),
        "mrr10": 1 / right_ranks[0] if right_ranks else 0.0,
        "ndcg10": ndcg10(units, question.gold),
    }


def ndcg10(units: Sequence[int], gold: Sequence[int]) -> float:
    """Return the nDCG at 10 of units, each there once: binary gains, log2 discount."""
    best_ranks = range(1, min(10, len(gold)) + 1)
    return _discounted_gain(_right_ranks(units, gold)) / _discounted_gain(best_ranks)


def _right_ranks(units: Sequence[int], gold: Sequence[int]) -> list[int]:
    """Return the ranks, from 1, of the gold units among the first ten."""
    return [rank for rank, unit in enumerate(units[:10], 1) if unit in gold]


def _discounted_gain(ranks: Iterable[int]) -> float:
    return sum(1 / math.log2(rank + 1) for rank in ranks)


def fuse_ranks(store: VectorStore, embedder: Embedder, query: str) -> Sequence[ScoredPassage]:
    """Return what reciprocal rank fusion of the two searches gives (Cormack et al., 2009)."""
    by_meaning = store.search(embedder.embed_query(query), None, RRF_CANDIDATES)
    languages = {document.language for document in store.stored_documents().values()}
    by_words = store.search(None, query_vector(query, languages), RRF_CANDIDATES)
    results: dict[str, ScoredPassage] = {}
    scores: dict[str, float] = {}
    for found in (by_meaning, by_words):
        for rank, result in enumerate(found, 1):
            passage_id = result.passage.id
            results[passage_id] = result
            scores[passage_id] = scores.get(passage_id, 0.0) + 1 / (RRF_CONSTANT + rank)
    best_first = sorted(scores, key=scores.__getitem__, reverse=True)
    return diverse([results[passage_id] for passage_id in best_first[: 2 * DEPTH]], DEPTH)


def span_figures(corpus: Corpus, question: Question, results: Sequence[ScoredPassage]) -> Figures:
    """Return how much of the quoted references the passages have, and how much else (characters).

    Of a reference that stands in several places, the one counts that the passages have most of.
    """
    seen: set[tuple[str, int]] = set()
    for result in results:
        passage = result.passage
        seen |= _characters(passage.document_id, passage.start, passage.end)
    gold: set[tuple[str, int]] = set()
    for place in question.gold:
        unit = corpus.units[place]
        copies = [_characters(unit.document_id, start, end) for start, end in unit.spans]
        gold |= max(copies, key=lambda copy: len(copy & seen))
    both = len(gold & seen)
    return {
        "span_recall": both / len(gold),
        "span_precision": both / max(1, len(seen)),
        "span_iou": both / len(gold | seen),
    }


def _characters(document_id: str, start: int, end: int) -> set[tuple[str, int]]:
    return {(document_id, character) for character in range(start, end)}
