"""BM25 as sparse vectors: the same words and weights in every store mode.

The score of document d for query q is the usual Okapi BM25 (Robertson & Zaragoza, "The Probabilistic Relevance
Framework: BM25 and Beyond", 2009):

    sum over t in q of  IDF(t) * tf(t,d) * (k1 + 1) / (tf(t,d) + k1 * (1 - b + b * |d| / avgdl))

The document vector holds the fraction, the query vector the number of times a word is asked for, and Qdrant
multiplies by IDF(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)) (`Modifier.IDF`), which it knows at query time.
avgdl is a constant, because a stored vector can't follow a changing average.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from functools import lru_cache
from zlib import crc32

import snowballstemmer

from docmind.passages import SparseVector

K1 = 1.5
B = 0.75
AVERAGE_LENGTH = 100
"""Words left of a 220-token chunk after the stop words, about."""

# CJK scripts write no spaces: Han, Hiragana and Katakana, Hangul is spaced but agglutinates.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}_])\w)+")
_STOP = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing down during each few for from further had has have having he her here hers
    him his how i if in into is it its itself just me more most my no nor not of off on once only or other our ours
    out over own same she should so some such than that the their theirs them then there these they this those through
    to too under until up very was we were what when where which while who whom why will with would you your yours
    s t""".split()  # noqa: SIM905
)
_stemmer = snowballstemmer.stemmer("english")
_stemming = threading.Lock()


def terms(text: str) -> list[str]:
    """Return the words as they are counted: lower case, stemmed, no stop words; CJK as pairs of characters."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word[0] >= "\u3040" and re.match(f"[{_CJK}]", word):
            found += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
        elif word not in _STOP:
            found.append(_stem(word))
    return found


def document_vector(text: str) -> SparseVector:
    """Return the BM25 weights of a passage, without IDF."""
    counts = Counter(map(_index, words := terms(text)))
    norm = K1 * (1 - B + B * len(words) / AVERAGE_LENGTH)
    return {index: tf * (K1 + 1) / (tf + norm) for index, tf in counts.items()}


def query_vector(text: str) -> SparseVector:
    """Return the query's words with how often each is asked for."""
    return dict(Counter(map(_index, terms(text))))


def _index(term: str) -> int:
    # two words meet with probability 1 / 2**32: rarely enough, and it needs no vocabulary on disk
    return crc32(term.encode())


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    if not word.isascii():
        return word
    with _stemming:  # the stemmer keeps its word in itself
        return str(_stemmer.stemWord(word))
