"""Questions → passages: hybrid search, without the same passage twice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal

from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.rerank import DEPTH, Reranker
from docmind.retrieval.sparse import query_vector, terms
from docmind.retrieval.store.base import EVERYWHERE, Hit, Scope, VectorStore
from docmind.settings import Settings

Mode = Literal["hybrid", "dense_only", "bm25_only"]
SAME_WORDS = 0.85
"""Share of words (Jaccard) from which two passages count as the same: copies, new editions, page furniture."""
SAME_SPAN = 0.5
"""Share of the shorter passage that may overlap with a better one of the same document."""


class Retriever:
    """Finds passages in the store."""

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        settings: Settings,
        reranker: Reranker | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._reranker = reranker
        self._candidates = settings.retrieval.candidates
        self._neighbours = settings.retrieval.neighbours

    def search(
        self, query: str, k: int, scope: Scope = EVERYWHERE, *, mode: Mode = "hybrid"
    ) -> list[Hit]:
        """Return up to `k` passages, best first, none of them nearly the same as a better one.

        Args:
            scope: look only there.
            mode: hybrid fuses meaning (dense) and words (BM25); the others are for evaluation.
        """
        if not query.strip():
            return []
        dense = None if mode == "bm25_only" else self._embedder.embed_query(query)
        sparse = None if mode == "dense_only" else query_vector(query)
        most = max(2 * k, k + 5, DEPTH if self._reranker else 0)
        floor = self._embedder.unrelated if dense and sparse else 0.0
        hits = self._store.search(
            dense, sparse, most, scope, candidates=max(self._candidates, most), floor=floor
        )
        return diverse(self._reranker.rank(query, hits) if self._reranker else hits, k)

    def search_each(self, query: str, k: int, scopes: Sequence[Scope]) -> list[Hit]:
        """Search every scope and take from each in turn: in a comparison no side may crowd out the others."""
        found = [self.search(query, k, scope) for scope in scopes]
        # what two documents say alike is shown from both
        hits = list(
            {hit.chunk_id: hit for rank in zip_longest(*found) for hit in rank if hit}.values()
        )[:k]
        return self._with_neighbours(hits)

    def _with_neighbours(self, hits: Sequence[Hit]) -> list[Hit]:
        """Put what stands before and after the best passages around them; around tables only tables."""
        best = hits[: self._neighbours]
        around = (
            (hit, near)
            for hit in best
            for near in self._store.chunks(hit.document_id, near=hit.position)
        )
        shown = [near for hit, near in around if near.table or not hit.table]
        return list({hit.chunk_id: hit for hit in [*shown, *hits]}.values())

    def chunks(self, document_id: str, page: int | None = None) -> list[Hit]:
        """Return a document's passages (or those of one page) in reading order."""
        return self._store.chunks(document_id, page)


def diverse(hits: Sequence[Hit], k: int) -> list[Hit]:
    """Return the first `k` hits that add something to those before them."""
    kept: list[Hit] = []
    words: list[frozenset[str]] = []
    for hit in hits:
        bag = frozenset(terms(hit.text))
        if any(_same(hit, bag, other, seen) for other, seen in zip(kept, words, strict=True)):
            continue
        kept.append(hit)
        words.append(bag)
        if len(kept) == k:
            break
    return kept


def _same(a: Hit, words_a: frozenset[str], b: Hit, words_b: frozenset[str]) -> bool:
    if a.document_id == b.document_id:
        overlap = min(a.end, b.end) - max(a.start, b.start)
        if overlap > SAME_SPAN * max(1, min(a.end - a.start, b.end - b.start)):
            return True
    either = len(words_a | words_b)
    return either > 0 and len(words_a & words_b) / either >= SAME_WORDS
