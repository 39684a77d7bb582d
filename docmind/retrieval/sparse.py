"""BM25 as sparse vectors: the same words and weights in every store mode.

The score of document d for query q is the usual Okapi BM25 (Robertson & Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009):

    sum over t in q of  IDF(t) * tf(t,d) * (k1 + 1) / (tf(t,d) + k1 * (1 - b + b * |d| / avgdl))

The document vector holds the fraction, the query vector the number of times a word is asked for,
and Qdrant multiplies by IDF(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)) (`Modifier.IDF`), which it
knows at query time. avgdl is a constant, because a stored vector can't follow a changing average.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
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

WORDS_VERSION = 3
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
_BLANK_IN_NUMBER = re.compile(r"(?<=\d)[\u202f\u00a0\u2009](?=\d{3}(?!\d))")
"""A blank that does not break, between groups of three digits."""
_MONTH_NAMES = (
    "january jan januar janvier enero gennaio janeiro januari",
    "february feb februar février febrero febbraio fevereiro februari",
    "march mar märz mars marzo março maart",
    "april apr avril abril aprile",
    "may mai mayo maggio maio mei",
    "june jun juni juin junio giugno junho",
    "july jul juli juillet julio luglio julho",
    "august aug août agosto augustus",
    "september sep sept septembre septiembre settembre setembro",
    "october oct oktober okt octobre octubre ottobre outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre diciembre dicembre dezembro",
)
_MONTHS = {name: n for n, row in enumerate(_MONTH_NAMES, start=1) for name in row.split()}
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|\.)?\s+(?:of |de )?"
    r"([^\W\d_]{3,})\.?,?\s+(?:de )?(\d{4})(?!\d)"
)
_MONTH_DAY = re.compile(r"([^\W\d_]{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)")
_SUPERSCRIPT = re.compile(r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u2070-\u2079])")
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe"}
)
"""Letters with a spelling of their own where a keyboard lacks them."""

_STEMMERS = {
    "en": snowballstemmer.stemmer("english"),
    "de": snowballstemmer.stemmer("german"),
    "fr": snowballstemmer.stemmer("french"),
    "es": snowballstemmer.stemmer("spanish"),
    "it": snowballstemmer.stemmer("italian"),
    "pt": snowballstemmer.stemmer("portuguese"),
    "nl": snowballstemmer.stemmer("dutch"),
    "sv": snowballstemmer.stemmer("swedish"),
    "da": snowballstemmer.stemmer("danish"),
    "no": snowballstemmer.stemmer("norwegian"),
    "fi": snowballstemmer.stemmer("finnish"),
    "ru": snowballstemmer.stemmer("russian"),
}
"""By language, as ISO 639-1 has it. MRR of BM25 with the language's own instead of the English one:
XQuAD in German 0.935 (0.917), FaQuAD in Portuguese 0.888 (0.872), NorQuAD 0.800 (0.783)."""
ENGLISH = "en"
_stemmer_lock = threading.Lock()
"""A stemmer keeps the word that it works on in itself."""


def terms(text: str, *, spellings: bool = True, language: str = ENGLISH) -> list[str]:
    """Return the words of a text as they are counted, in order.

    They are in lower case, stemmed, without stop words; CJK comes as pairs of characters. What is
    written in several ways comes as several words, so that all ways meet: codes as a whole and in
    parts (AX-4711, camelCase), umlauts as ae and as a.

    Args:
        text: a passage or a question.
        spellings: both ways of umlauts; else ae only. In a question both count twice what is one
            word (MRR of BM25 on XQuAD in German: 0.896, else 0.904).
        language: whose stemmer is used, as ISO 639-1 has it; English where it has none.
    """
    words, others = _words_and_spellings(text, language)
    return [*words, *others] if spellings else words


def _words_and_spellings(text: str, language: str) -> tuple[list[str], list[str]]:
    """Return the words of a text, and apart what else some of them may be written as."""
    # One form for letters of full width and for accents; 10⁶ must not become 106.
    text = _SUPERSCRIPT.sub(" ", _BLANK_IN_NUMBER.sub(",", text))
    text = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    others: list[str] = []
    for word in _WORD.findall(text):
        if _CJK_WORD.match(word):
            found += _pairs(word)
        elif not is_stop_word(word):
            first_spelling, *other_spellings = _spellings(word.lower(), language)
            found.append(first_spelling)
            others += other_spellings
    for code in _CODE.findall(text):
        found += _code_words(code, language)
    for number in _NUMBER.findall(text):
        found.append("".join(filter(str.isdigit, number)))
    found += _dates(text)
    return found, others


def _dates(text: str) -> list[str]:
    """Return the dates in a text as eight digits, however they are written: 20220312.

    03/12/2022 is March in one country and December in others: it counts as both.
    """
    found: list[str] = []
    for year, month, day in _YEAR_FIRST.findall(text):
        found += _date(year, int(month), int(day))
    for first, mark, second, year in _YEAR_LAST.findall(text):
        found += _date(year, int(second), int(first))
        if mark == "/" and first != second:
            found += _date(year, int(first), int(second))
    for day, name, year in _DAY_MONTH.findall(text):
        found += _date(year, _MONTHS.get(name.lower(), 0), int(day))
    for name, day, year in _MONTH_DAY.findall(text):
        found += _date(year, _MONTHS.get(name.lower(), 0), int(day))
    return found


def _date(year: str, month: int, day: int) -> list[str]:
    """Return a date as eight digits; nothing if there is none such."""
    if 1 <= month <= 12 and 1 <= day <= 31:
        return [f"{year}{month:02}{day:02}"]
    return []


def is_stop_word(word: str) -> bool:
    """Tell whether a word says nothing by itself; in capitals it may be a name (US, WHO)."""
    return word.lower() in _STOP_WORDS and word not in _ACRONYMS


def _spellings(word: str, language: str) -> Iterator[str]:
    """Yield a word's stem, in each of the ways in which its umlauts and accents are written."""
    if word.isascii():
        yield _stem(word, language)
        return
    with_pairs = _without_accents(word.translate(_UMLAUTS))
    first_spelling = _stem(with_pairs, language)
    yield first_spelling
    without_umlauts = _stem(_without_accents(word.replace("ß", "ss")), language)
    if without_umlauts != first_spelling:
        yield without_umlauts


def _without_accents(word: str) -> str:
    """Return Latin letters without their accents; other alphabets as they are."""
    letters = unicodedata.normalize("NFD", word)
    if not letters[:1].isascii():
        return word
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _code_words(code: str, language: str) -> Iterator[str]:
    """Yield a code without the marks in it, and those of its parts that no mark parts.

    AX-4711 is also ax4711, AX4711 also ax and 4711, getUserName also get, user and name.
    """
    if len(code) > _LONGEST_CODE or _CJK_WORD.search(code):
        return
    without_marks = "".join(filter(str.isalnum, code))
    has_marks = without_marks != code
    has_digits_and_letters = not (without_marks.isdigit() or without_marks.isalpha())
    if has_marks and (has_digits_and_letters or "_" in code):
        yield _stem(without_marks.lower(), language)
    for word in _WORD.findall(code):
        parts = _PART.findall(word)
        if len(parts) > 1:
            for part in parts:
                if part.lower() not in _STOP_WORDS:
                    yield _stem(part.lower(), language)


def document_vector(text: str, language: str = ENGLISH) -> SparseVector:
    """Return the BM25 weights of a passage, without IDF."""
    words, spellings = _words_and_spellings(text, language)
    counts = Counter(_index(word) for word in [*words, *spellings])
    # Another spelling makes a passage no longer.
    norm = K1 * (1 - B + B * len(words) / AVERAGE_LENGTH)
    return {index: tf * (K1 + 1) / (tf + norm) for index, tf in counts.items()}


def query_vector(text: str, languages: Collection[str] = (ENGLISH,)) -> SparseVector:
    """Return the query's words with how often each is asked for.

    Args:
        text: the question.
        languages: of the documents; the question's words have the stem that each gives them.
    """
    asked: dict[int, float] = {}
    for language in languages:
        counts = Counter(terms(text, spellings=False, language=language))
        asked |= {_index(word): count for word, count in counts.items()}
    return asked


def idf(passages: int, with_word: int) -> float:
    """Return a word's IDF, as Qdrant has it: for what is ranked outside of the store.

    Args:
        passages: how many there are.
        with_word: those that have the word.
    """
    return math.log(1 + (passages - with_word + 0.5) / (with_word + 0.5))


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
def _stem(word: str, language: str) -> str:
    """Return a word's stem in a language; in an unknown one the English stem."""
    stemmer = _STEMMERS.get(language, _STEMMERS[ENGLISH])
    with _stemmer_lock:
        return str(stemmer.stemWord(word))
