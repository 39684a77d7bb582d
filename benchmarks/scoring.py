"""Whether an answer is right, by rules: gold facts, words in common, refusals."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean

from benchmarks.questions import GoldFact, Part

REFUSAL = re.compile(
    r"not found in (?:your|the) documents"
    r"|(?:no|none of the) passages? (?:say|mention|contain|provide|answer|support)"
    r"|(?:do|does|did) not (?:mention|contain|provide|specify|say|include)"
    r"|no information"
    r"|not (?:mentioned|provided|stated)"
    r"|(?:couldn|could|can)(?:'t| ?not) (?:find|be found|answer|be determined)",
    re.IGNORECASE,
)
"""What a sentence says that refuses to answer."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d]+")
_MARK = re.compile(r"\[\s*\d+(?:\s*[,;\u2013-]\s*\d+)*\s*\]")
_HEADING = re.compile(r"(?m)^\*\*.*\*\*$")
_CITATION = re.compile(r"\[[\d\s,;\u2013-]+\]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def fraction(values: Iterable[bool]) -> float:
    """Return how many of the values are true, 0 to 1; 0 if there is none."""
    found = list(values)
    if not found:
        return 0.0
    return sum(found) / len(found)


def has_fact(answer: str, any_of: Iterable[str]) -> bool:
    """Return whether one of the strings stands in the answer as whole words.

    Marks such as [8] are no part of the answer.
    """
    text = f" {_normalized(_MARK.sub(' ', answer))} "
    return any(f" {_normalized(gold)} " in text for gold in any_of)


def fact_score(answer: str, parts: Iterable[Part]) -> float:
    """Return the fraction of the parts' gold facts that an answer has, 0 to 1."""
    facts = []
    for part in parts:
        facts += part["gold"]
    return gold_score(answer, facts)


def gold_score(answer: str, facts: Iterable[GoldFact]) -> float:
    """Return the fraction of these facts that an answer has, 0 to 1."""
    # A heading repeats the question: it states no fact.
    text = _HEADING.sub("", answer)
    return mean(has_fact(text, gold["any_of"]) for gold in facts)


def is_refusal(answer: str) -> bool:
    """Return whether the answer begins by saying that the documents do not tell."""
    first_sentence = _SENTENCE_END.split(answer.strip() + " ")[0]
    return bool(REFUSAL.search(first_sentence))


def squad_words(text: str) -> list[str]:
    """Return a text's words as SQuAD compares them: lower case, no punctuation, no articles."""
    letters = "".join(c for c in text.lower() if c not in string.punctuation)
    return [word for word in letters.split() if word not in {"a", "an", "the"}]


def is_exact(answer: str, gold: str) -> bool:
    """Return whether an answer, without its citations, has just the words of the gold answer."""
    return squad_words(_CITATION.sub("", answer)) == squad_words(gold)


@dataclass(frozen=True)
class WordOverlap:
    """How far an answer's words are those of the gold answer, 0 to 1."""

    f1: float
    recall: float


def word_overlap(answer: str, gold: str) -> WordOverlap:
    """Compare an answer, without its citations, with a gold answer."""
    given = Counter(squad_words(_CITATION.sub("", answer)))
    wanted = Counter(squad_words(gold))
    shared = (given & wanted).total()
    if not shared:
        return WordOverlap(f1=0.0, recall=0.0)
    precision = shared / given.total()
    recall = shared / wanted.total()
    return WordOverlap(f1=2 * precision * recall / (precision + recall), recall=recall)


def _normalized(text: str) -> str:
    """Return words and numbers, so that `2\u00d7` is `2x` and `2,400` is `2400`."""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u00d7", "x")
    return " ".join(token.replace(",", "") for token in _TOKEN.findall(text))
