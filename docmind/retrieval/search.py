"""Questions → passages: hybrid search, without the same passage twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Literal

from docmind.passages import Passage, ScoredPassage
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.naming import NamedDocuments, named_documents
from docmind.retrieval.rerank import DEPTH, Reranker
from docmind.retrieval.sparse import ENGLISH, query_vector, terms
from docmind.retrieval.store.base import EVERYWHERE, Scope, StoredDocument, VectorStore
from docmind.settings import Settings

Mode = Literal["hybrid", "dense_only", "bm25_only"]
"""What is compared: meaning (dense) and words (BM25), or one of them."""

SAME_WORDS = 0.85
"""Fraction of words in common (Jaccard) from which two passages count as the same: copies, new
editions, page furniture."""

SAME_SPAN = 0.5
"""Fraction of the shorter passage that may overlap with a better one of the same document."""

PREFERRED_RUN = 3
"""Passages of the documents that a question names, after one that is found everywhere."""


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
    ) -> list[ScoredPassage]:
        """Return up to `k` passages, best first, none of them nearly the same as a better one.

        Args:
            query: the question; an empty one finds nothing.
            k: passages wanted.
            scope: look only there.
            mode: all but "hybrid" are for evaluation.
        """
        if not query.strip():
            return []
        documents = self._documents_in(scope)
        languages = {document.language for document in documents.values()} | {ENGLISH}
        named = self._named(query, documents)
        # Some of what is found goes again because it says the same as a better passage.
        result_count = max(2 * k, k + 5)
        if self._reranker is not None:
            result_count = max(result_count, DEPTH)
        search = partial(self._search, languages=languages, mode=mode)
        found = search(query, result_count, scope)
        if named is not None:
            # It only reorders: what the names do not tell is still found, in every fourth place.
            in_named = replace(scope, document_ids=named.document_ids)
            preferred = search(named.rest, result_count, in_named)
            found = interleave(preferred, found)
        if self._reranker is not None:
            found = self._reranker.rank(query, found)
        return diverse(found, k)

    def languages(self, scope: Scope) -> list[str]:
        """Return the language (ISO 639-1) of each document in a scope where it is known."""
        documents = self._documents_in(scope).values()
        return [document.language for document in documents if document.language]

    def _documents_in(self, scope: Scope) -> dict[str, StoredDocument]:
        documents = self._store.stored_documents()
        if scope.document_ids is None:
            return documents
        chosen = set(scope.document_ids)
        return {known: document for known, document in documents.items() if known in chosen}

    def _named(self, query: str, documents: Mapping[str, StoredDocument]) -> NamedDocuments | None:
        """Return which of the documents a question names, if it then asks anything else."""
        names = {document_id: document.file_name for document_id, document in documents.items()}
        named = named_documents(query, names)
        if named is None or not terms(named.rest):
            return None
        return named

    def _search(
        self,
        query: str,
        result_count: int,
        scope: Scope,
        *,
        languages: Collection[str],
        mode: Mode,
    ) -> list[ScoredPassage]:
        """Return what the store finds for a question as it is."""
        dense = None
        if mode != "bm25_only":
            dense = self._embedder.embed_query(query)
        sparse = None
        if mode != "dense_only":
            sparse = query_vector(query, languages)
        floor = 0.0
        if dense and sparse:
            floor = self._embedder.unrelated
        return self._store.search(
            dense,
            sparse,
            result_count,
            scope,
            candidates=max(self._candidates, result_count),
            floor=floor,
        )

    def search_each(self, query: str, k: int, scopes: Sequence[Scope]) -> list[Passage]:
        """Search every scope and take from each in turn, with neighbours of the best.

        In a comparison no side may crowd out the others, and what two documents say alike is shown
        from both.
        """
        rankings: list[list[Passage]] = []
        for scope in scopes:
            rankings.append([result.passage for result in self.search(query, k, scope)])
        return self._with_neighbours(in_turn(rankings)[:k], scopes)

    def _with_neighbours(
        self, passages: Sequence[Passage], scopes: Sequence[Scope]
    ) -> list[Passage]:
        """Put what stands before and after the best passages around them.

        Around tables only tables, and nothing from pages that are not searched.
        """
        shown: dict[str, Passage] = {}
        for passage in passages[: self._neighbours]:
            for near in self._store.passages(passage.document_id, near=passage.position):
                is_searched = any(scope.has_page_of(near) for scope in scopes)
                if is_searched and (near.table or not passage.table):
                    shown.setdefault(near.id, near)
        for passage in passages:
            shown.setdefault(passage.id, passage)
        return list(shown.values())

    def passages(self, document_id: str, page: int | None = None) -> list[Passage]:
        """Return a document's passages (or those of one page) in reading order."""
        return self._store.passages(document_id, page)


def in_turn(rankings: Sequence[Sequence[Passage]]) -> list[Passage]:
    """Return several rankings as one: the best of each, then the second of each, none twice."""
    merged: dict[str, Passage] = {}
    for same_rank in zip_longest(*rankings):
        for passage in same_rank:
            if passage is not None:
                merged.setdefault(passage.id, passage)
    return list(merged.values())


def interleave(
    preferred: Sequence[ScoredPassage], others: Sequence[ScoredPassage]
) -> list[ScoredPassage]:
    """Return both rankings as one: the best of the others, PREFERRED_RUN preferred, and so on.

    The best one stays the best: what is found everywhere is right about it in more cases.
    """
    waiting = iter(others)
    merged: dict[str, ScoredPassage] = {}
    for place, result in enumerate(preferred):
        if place % PREFERRED_RUN == 0:
            _add_next(waiting, merged)
        merged.setdefault(result.passage.id, result)
    for other in waiting:
        merged.setdefault(other.passage.id, other)
    return list(merged.values())


def _add_next(waiting: Iterator[ScoredPassage], merged: dict[str, ScoredPassage]) -> None:
    """Add the next result that is not there yet."""
    for result in waiting:
        if result.passage.id not in merged:
            merged[result.passage.id] = result
            return


def diverse(results: Sequence[ScoredPassage], k: int) -> list[ScoredPassage]:
    """Return the first `k` results that add something to those before them."""
    retained: list[ScoredPassage] = []
    words_of_retained: list[frozenset[str]] = []
    for result in results:
        words = frozenset(terms(result.passage.text))
        is_repetition = any(
            _same(result.passage, words, other.passage, other_words)
            for other, other_words in zip(retained, words_of_retained, strict=True)
        )
        if is_repetition:
            continue
        retained.append(result)
        words_of_retained.append(words)
        if len(retained) == k:
            break
    return retained


def _same(a: Passage, words_a: frozenset[str], b: Passage, words_b: frozenset[str]) -> bool:
    """Return whether two passages overlap, or say the same in nearly the same words."""
    if a.document_id == b.document_id:
        overlap = min(a.end, b.end) - max(a.start, b.start)
        shorter = min(a.end - a.start, b.end - b.start)
        if overlap > SAME_SPAN * max(1, shorter):
            return True
    if _with_digits(words_a) != _with_digits(words_b):
        return False  # two versions: what differs between them is what is asked for
    either = len(words_a | words_b)
    return either > 0 and len(words_a & words_b) / either >= SAME_WORDS


def _with_digits(words: frozenset[str]) -> set[str]:
    return {word for word in words if any(char.isdigit() for char in word)}
