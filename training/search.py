"""BM25 over the passages of one source, with the product's own words: hard negatives."""

from __future__ import annotations

import random
from collections.abc import Iterable, Set

from docmind.retrieval.sparse import document_vector, idf, query_vector
from training.sources import Library

MOST_PASSAGES = 3500
"""Indexed of one source: those that are asked about, their neighbours, and others by chance."""
NEIGHBOURS = 12
"""Passages of the same document that are indexed beside one that is asked about, at most."""


class Index:
    """Finds the passages that share most words with a text."""

    def __init__(self, library: Library, asked: Iterable[str], pick: random.Random) -> None:
        self._library = library
        chosen: dict[str, None] = {}
        for passage_id in asked:
            chosen[passage_id] = None
            siblings = library.documents[library.document_of[passage_id]]
            place = siblings.index(passage_id)
            for sibling in siblings[max(0, place - NEIGHBOURS // 2) : place + NEIGHBOURS // 2]:
                chosen[sibling] = None
        if len(chosen) > MOST_PASSAGES:
            chosen = dict.fromkeys(pick.sample(list(chosen), MOST_PASSAGES))
        rest = [passage_id for passage_id in library.texts if passage_id not in chosen]
        for passage_id in pick.sample(rest, max(0, min(len(rest), MOST_PASSAGES - len(chosen)))):
            chosen[passage_id] = None

        self._weights: dict[int, dict[str, float]] = {}
        """Word → passage → weight."""
        for passage_id in chosen:
            for word, weight in document_vector(library.texts[passage_id][:2400]).items():
                self._weights.setdefault(word, {})[passage_id] = weight
        self._size = len(chosen)

    def near(
        self, text: str, *, without: Set[str], most: int, document: str | None = None
    ) -> list[str]:
        """Return the passages nearest to a text, the best first; of its document, if it has one."""
        scores: dict[str, float] = {}
        for word in query_vector(text):
            found = self._weights.get(word, {})
            if len(found) > self._size / 3:
                continue
            rarity = idf(self._size, len(found))
            for passage_id, weight in found.items():
                scores[passage_id] = scores.get(passage_id, 0.0) + rarity * weight
        allowed = [p for p in scores if p not in without]
        if document:
            own = [p for p in allowed if self._library.document_of[p] == document]
            allowed = own or allowed
        return sorted(allowed, key=scores.__getitem__, reverse=True)[:most]
