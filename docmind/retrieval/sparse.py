"""BM25 as sparse vectors: the same words and weights in every store mode.

The score of document d for query q is the usual Okapi BM25 (Robertson & Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009):

    sum over t in q of  IDF(t) * tf(t,d) * (k1 + 1) / (tf(t,d) + k1 * (1 - b + b * |d| / avgdl))

The document vector holds the fraction, the query vector the number of times a word is asked for,
and Qdrant multiplies by IDF(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)) (`Modifier.IDF`), which it
knows at query time. avgdl is a constant, because a stored vector can't follow a changing average.
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
"""How soon repeating a word stops to count."""
B = 0.75
"""How much a long passage is discounted: 0 not at all, 1 in full proportion."""
AVERAGE_LENGTH = 100
"""Words left of a passage of 220 tokens after the stop words, about."""

_CJK_CHARACTERS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Hiragana and Katakana, Han, Hangul, as a range in a regular expression. Chinese and Japanese
write no spaces; Korean does, but glues its particles to the words."""

_WORD = re.compile(
    rf"""
    [{_CJK_CHARACTERS}]+             # a run of CJK characters
    | (?: (?! [{_CJK_CHARACTERS}_] ) \w )+    # or of other letters and digits; `_` parts words
    """,
    re.VERBOSE,
)
_CJK_WORD = re.compile(f"[{_CJK_CHARACTERS}]")

_STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each few for from
    further had has have having he her here hers him his how i if in into is it its itself just me
    more most my no nor not of off on once only or other our ours out over own same she should so
    some such than that the their theirs them then there these they this those through to too under
    until up very was we were what when where which while who whom why will with would you your
    yours s t""".split()  # noqa: SIM905
)

_stemmer = snowballstemmer.stemmer("english")
_stemmer_lock = threading.Lock()
"""The stemmer keeps the word that it works on in itself."""


def terms(text: str) -> list[str]:
    """Return the words of a text as they are counted, in order.

    They are in lower case, stemmed, without stop words; CJK comes as pairs of characters.
    """
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        if _CJK_WORD.match(word):
            found += _pairs(word)
        elif word not in _STOP_WORDS:
            found.append(_stem(word))
    return found


def document_vector(text: str) -> SparseVector:
    """Return the BM25 weights of a passage, without IDF."""
    words = terms(text)
    counts = Counter(_index(word) for word in words)
    norm = K1 * (1 - B + B * len(words) / AVERAGE_LENGTH)
    return {index: tf * (K1 + 1) / (tf + norm) for index, tf in counts.items()}


def query_vector(text: str) -> SparseVector:
    """Return the query's words with how often each is asked for."""
    return dict(Counter(_index(word) for word in terms(text)))


def _pairs(word: str) -> list[str]:
    """Return each pair of neighbouring characters; a single character stays alone."""
    if len(word) == 1:
        return [word]
    return [word[i : i + 2] for i in range(len(word) - 1)]


def _index(term: str) -> int:
    """Return a word's dimension.

    Two words share one with probability 1 / 2**32: rarely enough, and no vocabulary is stored.
    """
    return crc32(term.encode())


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    """Return an English word's stem; other alphabets as they are."""
    if not word.isascii():
        return word
    with _stemmer_lock:
        return str(_stemmer.stemWord(word))
