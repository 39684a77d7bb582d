"""Which documents a question names, and what it then still asks of them.

"What was the capital expenditure of American Express in FY2022?" names AMERICANEXPRESS_2022_10K.pdf
and asks it for the capital expenditure. Within the report the words of its name say nothing: they
are the running head of every page. On five annual reports hybrid search without them, in the named
report first, finds 0.91 of the wanted pages among ten passages, with them 0.85 (`docmind eval
reports`, the half for reporting, which was seen while choosing).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

from docmind.retrieval.sparse import is_stop_word

NAMED = 0.6
"""How much of a name a question must say, by the weight of its words, to mean that document."""
NAMED_IN_CAPITALS = 0.25
"""The same, in words with a capital or a digit: Downer is enough for Downer_EDI_Report_2022.pdf."""
MOST_OF_ONE = 6
"""Documents whose names may begin with the same word, or an eighth of all. With all words of a
name alike, topics named pages of documentation: recall@5 of BM25 on cookbook-docs 0.67, not 0.75.
"""
SHORTEST_NUMBER = 3
"""Digits: a year names a report, a copy's `(2)` does not."""
SHORTEST_PART = 3
"""Letters of a word that may be glued to others: BROS in RITCHIEBROS."""
SHORTEST_END = 4
"""Letters of a word in capitals or with one, with which a glued name begins or ends: Epson."""
SHORTEST_GLUED = 3
"""Letters that are left of a glued name then: Norman is no part of Normans."""
WEIGHT_OF_END = 0.75
"""Of a word of a name that is said in part."""

_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True)
class NamedDocuments:
    """The documents that a question is about."""

    document_ids: Sequence[str]
    """Those of whose names the question says most."""
    rest: str
    """The question without the words that name them."""


@dataclass(frozen=True)
class _Match:
    """How much of a word of a name a question says."""

    fraction: float
    said_by: frozenset[str] = frozenset()
    """The question's words that say it, in small letters."""
    as_name: bool = False
    """One of them is written as names are."""


def named_documents(question: str, names: Mapping[str, str]) -> NamedDocuments | None:
    """Return the documents that a question names; None where it names none, or all of several.

    Args:
        question: what is asked.
        names: file names by document id.
    """
    words_of_names = {document_id: _name_words(name) for document_id, name in names.items()}
    frequencies: Counter[str] = Counter()
    for name_words in words_of_names.values():
        frequencies.update(name_words)
    matches: dict[str, _Match] = {}
    for name_word in frequencies:
        matches[name_word] = _match(name_word, question)
    scores: dict[str, float] = {}
    for document_id, name_words in words_of_names.items():
        # The name of a report begins with who it is of; what all names begin with is a folder.
        head = _head(names[document_id])
        if head not in matches or frequencies[head] > max(MOST_OF_ONE, len(names) / 8):
            continue
        weights: dict[str, float] = {}
        for name_word in sorted(name_words):  # in one order, so that equal sums are equal
            weights[name_word] = _weight(frequencies[name_word], len(names))
        said = _said_of(weights, matches, head)
        if said:
            scores[document_id] = said
    best_score = max(scores.values(), default=0.0)
    named = [document_id for document_id, score in scores.items() if score == best_score]
    if not named or 1 < len(named) == len(names):
        return None
    said_by: set[str] = set()
    for document_id in named:
        for name_word in words_of_names[document_id]:
            said_by |= matches[name_word].said_by
    return NamedDocuments(document_ids=named, rest=_without(question, said_by))


def _said_of(weights: Mapping[str, float], matches: Mapping[str, _Match], head: str) -> float:
    """Return the weight of a name's words that a question says; 0 if it does not mean that name."""
    said = 0.0
    said_as_name = 0.0
    for name_word, weight in weights.items():
        match = matches[name_word]
        said += weight * match.fraction
        if match.as_name:
            said_as_name += weight * match.fraction
    total = sum(weights.values())
    by_name = matches[head].as_name and said_as_name > NAMED_IN_CAPITALS * total
    if by_name or (matches[head].fraction and said > NAMED * total):
        return round(said, 6)
    return 0.0


def _weight(documents_with_word: int, documents: int) -> float:
    """Return what a word of names says about which is meant: BM25's IDF."""
    return math.log(1 + (documents - documents_with_word + 0.5) / (documents_with_word + 0.5))


def _head(file_name: str) -> str:
    """Return the first word of a name, in small letters."""
    first = _WORD.search(PurePath(file_name).stem)
    return first[0].casefold() if first else ""


@lru_cache(maxsize=20_000)
def _name_words(file_name: str) -> frozenset[str]:
    words: set[str] = set()
    for word in _WORD.findall(PurePath(file_name).stem):
        is_short_number = word.isdigit() and len(word) < SHORTEST_NUMBER
        if not is_short_number and not is_stop_word(word):
            words.add(word.casefold())
    return frozenset(words)


def _match(name_word: str, question: str) -> _Match:
    """Return how much of a word of a name a question says: as it is, in parts, or one end of it."""
    written: dict[str, str] = {}
    for word in _WORD.findall(question):
        if not is_stop_word(word):
            written[word.casefold()] = word
    if name_word in written:
        return _said(1.0, [name_word], written)
    for word in written:
        # FY2022 says 2022.
        if name_word.isdigit() and name_word in _PART.findall(word):
            return _said(1.0, [word], written)
    within = [word for word in written if len(word) >= SHORTEST_PART and word in name_word]
    parts = _parts(name_word, within)
    if parts:
        return _said(1.0, parts, written)
    for word in within:
        is_glued = len(name_word) >= len(word) + SHORTEST_GLUED
        is_end = is_glued and (name_word.startswith(word) or name_word.endswith(word))
        is_acronym = written[word].isupper()
        has_capital = written[word][0].isupper() and len(word) >= SHORTEST_END
        if is_end and (is_acronym or has_capital):
            return _said(WEIGHT_OF_END, [word], written)
    return _Match(fraction=0.0)


def _said(fraction: float, words: Sequence[str], written: Mapping[str, str]) -> _Match:
    as_name = any(written[word] != word or not word.isalpha() for word in words)
    return _Match(fraction=fraction, said_by=frozenset(words), as_name=as_name)


def _parts(name_word: str, words: Sequence[str]) -> list[str]:
    """Return words that make up the whole of another one, glued together; none if they do not."""
    for word in words:
        if word == name_word:
            return [word]
        if name_word.startswith(word):
            others = _parts(name_word[len(word) :], words)
            if others:
                return [word, *others]
    return []


def _without(question: str, said_by: set[str]) -> str:
    """Return a question without some words, their genitive included."""

    def keep_other_words(found: re.Match[str]) -> str:
        return "" if found[1].casefold() in said_by else found[0]

    shortened = re.sub(r"([^\W_]+)(?:['\u2019]s\b)?", keep_other_words, question)
    return " ".join(shortened.split())
