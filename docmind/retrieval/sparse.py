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
import unicodedata
from collections import Counter
from collections.abc import Iterator
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

WORDS_VERSION = 2
"""Of what `terms` makes of a text. A store with words of another version is filled anew."""

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

_ACRONYMS = frozenset("AM AN AS AT BE DO HE IF IN IT ME NO OF ON OR SO US WE WHO".split())  # noqa: SIM905
"""Stop words that are names of something in capitals: the United States, the WHO, information
technology."""

_CODE = re.compile(r"\w+(?:[-_./]\w+)*")
"""What a code may be, with the marks within it: AX-4711, snake_case, 3.14."""
_PART = re.compile(
    r"""
    [^\W\d_]? [^\W\d_A-Z]+   # a word, perhaps with a capital: user, Name
    | [A-Z]+ (?! [a-z] )      # capitals up to the next word: HTTP in HTTPServer
    | [A-Z]
    | \d+
    """,
    re.VERBOSE,
)
_LONGEST_CODE = 40
"""Characters; what is longer is a path or an address, of which only the parts are words."""
_NUMBER = re.compile(r"\d{1,3}(?:[,.'\u202f\u00a0]\d{3})+(?!\d)")
"""A number in groups of three digits."""
_SUPERSCRIPT = re.compile(r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u2070-\u2079])")
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe"}
)
"""Letters with a spelling of their own where a keyboard lacks them."""

_stemmer = snowballstemmer.stemmer("english")
_stemmer_lock = threading.Lock()
"""The stemmer keeps the word that it works on in itself."""


def terms(text: str, *, spellings: bool = True) -> list[str]:
    """Return the words of a text as they are counted, in order.

    They are in lower case, stemmed, without stop words; CJK comes as pairs of characters. What is
    written in several ways comes as several words, so that all ways meet: codes as a whole and in
    parts (AX-4711, camelCase), umlauts as ae and as a.

    Args:
        text: a passage or a question.
        spellings: both ways of umlauts; else ae only. In a question both count twice what is one
            word (MRR of BM25 on XQuAD in German: 0.896, else 0.904).
    """
    # One form for letters of full width and for accents; 10⁶ must not become 106.
    text = unicodedata.normalize("NFKC", _SUPERSCRIPT.sub(" ", text))
    found: list[str] = []
    for word in _WORD.findall(text):
        if _CJK_WORD.match(word):
            found += _pairs(word)
        elif word.lower() not in _STOP_WORDS or word in _ACRONYMS:
            first_spelling, *others = _spellings(word.lower())
            found.append(first_spelling)
            if spellings:
                found += others
    for code in _CODE.findall(text):
        found += _code_words(code)
    for number in _NUMBER.findall(text):
        found.append("".join(filter(str.isdigit, number)))
    return found


def _spellings(word: str) -> Iterator[str]:
    """Yield a word's stem, in each of the ways in which its umlauts and accents are written."""
    if word.isascii():
        yield _stem(word)
        return
    with_pairs = word.translate(_UMLAUTS)
    yield _stem(_without_accents(with_pairs))
    without_umlauts = _without_accents(word.replace("ß", "ss"))
    if without_umlauts != _without_accents(with_pairs):
        yield _stem(without_umlauts)


def _without_accents(word: str) -> str:
    """Return Latin letters without their accents; other alphabets as they are."""
    letters = unicodedata.normalize("NFD", word)
    if not letters[:1].isascii():
        return word
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _code_words(code: str) -> Iterator[str]:
    """Yield a code without the marks in it, and those of its parts that no mark parts.

    AX-4711 is also ax4711, AX4711 also ax and 4711, getUserName also get, user and name.
    """
    if len(code) > _LONGEST_CODE or _CJK_WORD.search(code):
        return
    without_marks = "".join(filter(str.isalnum, code))
    has_marks = without_marks != code
    has_digits_and_letters = not (without_marks.isdigit() or without_marks.isalpha())
    if has_marks and (has_digits_and_letters or "_" in code):
        yield _stem(without_marks.lower())
    for word in _WORD.findall(code):
        parts = _PART.findall(word)
        if len(parts) > 1:
            for part in parts:
                if part.lower() not in _STOP_WORDS:
                    yield _stem(part.lower())


def document_vector(text: str) -> SparseVector:
    """Return the BM25 weights of a passage, without IDF."""
    words = terms(text)
    counts = Counter(_index(word) for word in words)
    norm = K1 * (1 - B + B * len(words) / AVERAGE_LENGTH)
    return {index: tf * (K1 + 1) / (tf + norm) for index, tf in counts.items()}


def query_vector(text: str) -> SparseVector:
    """Return the query's words with how often each is asked for."""
    return dict(Counter(_index(word) for word in terms(text, spellings=False)))


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
    """Return an English word's stem; others as they are."""
    if not word.isascii():
        return word
    with _stemmer_lock:
        return str(_stemmer.stemWord(word))
