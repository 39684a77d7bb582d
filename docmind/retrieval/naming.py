"""Which documents a question names, and what it then still asks of them.

"What was the capital expenditure of American Express in FY2022?" names AMERICANEXPRESS_2022_10K.pdf
and asks it for the capital expenditure. Within the report the words of its name say nothing: they
are the running head of every page. On five annual reports hybrid search without them, in the named
report first, finds 0.91 of the wanted pages among ten passages, with them 0.85 (`docmind eval
reports`, the half for reporting, which was seen while choosing).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

from docmind.retrieval.sparse import idf, is_stop_word

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
class _Name:
    """A file name as a question may say it, in small letters."""

    words: tuple[str, ...]
    """Those that tell it from others, each once, sorted."""
    head: str
    """The first word, whether it tells anything or not."""


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
    split_names = {document_id: _split(name) for document_id, name in names.items()}
    frequencies: Counter[str] = Counter()
    for name in split_names.values():
        frequencies.update(name.words)
    written = _written_words(question)
    matches: dict[str, _Match] = {}
    weights: dict[str, float] = {}
    for name_word, frequency in frequencies.items():
        matches[name_word] = _match(name_word, written)
        weights[name_word] = idf(len(names), frequency)
    scores: dict[str, float] = {}
    for document_id, name in split_names.items():
        # The name of a report begins with who it is of; what all names begin with is a folder.
        if name.head not in matches or frequencies[name.head] > max(MOST_OF_ONE, len(names) / 8):
            continue
        said = _said_of(name, matches, weights)
        if said:
            scores[document_id] = said
    best_score = max(scores.values(), default=0.0)
    named = [document_id for document_id, score in scores.items() if score == best_score]
    if not named or 1 < len(named) == len(names):
        return None
    said_by: set[str] = set()
    for document_id in named:
        for name_word in split_names[document_id].words:
            said_by |= matches[name_word].said_by
    return NamedDocuments(document_ids=named, rest=_without(question, said_by))


def _said_of(name: _Name, matches: Mapping[str, _Match], weights: Mapping[str, float]) -> float:
    """Return the weight of a name's words that a question says; 0 if it does not mean that name."""
    said = 0.0
    said_as_name = 0.0
    total = 0.0
    for name_word in name.words:  # in one order, so that equal sums are equal
        match = matches[name_word]
        weight = weights[name_word]
        total += weight
        said += weight * match.fraction
        if match.as_name:
            said_as_name += weight * match.fraction
    head = matches[name.head]
    by_name = head.as_name and said_as_name > NAMED_IN_CAPITALS * total
    if by_name or (head.fraction and said > NAMED * total):
        return round(said, 6)
    return 0.0


@lru_cache(maxsize=20_000)
def _split(file_name: str) -> _Name:
    found = _WORD.findall(PurePath(file_name).stem)
    words: set[str] = set()
    for word in found:
        is_short_number = word.isdigit() and len(word) < SHORTEST_NUMBER
        if not is_short_number and not is_stop_word(word):
            words.add(word.casefold())
    head = found[0].casefold() if found else ""
    return _Name(words=tuple(sorted(words)), head=head)


def _written_words(question: str) -> dict[str, str]:
    """Return the words of a question by their small letters, as they are written there."""
    written: dict[str, str] = {}
    for word in _WORD.findall(question):
        if not is_stop_word(word):
            written[word.casefold()] = word
    return written


def _match(name_word: str, written: Mapping[str, str]) -> _Match:
    """Return how much of a word of a name a question says: as it is, in parts, or one end of it.

    Args:
        name_word: in small letters.
        written: what `_written_words` returns.
    """
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
