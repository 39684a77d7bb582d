"""The passages' own words: what is said where the model's words are not supported."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docmind.passages import NumberedPassage, Passage
from docmind.phrases import ALL as ALL_PHRASES
from docmind.phrases import phrases_in
from docmind.retrieval.language import answer_language
from docmind.verification.sentences import MARK, stretches
from docmind.verification.short_answers import asks_for_number
from docmind.verification.support import words_with_place
from docmind.verification.values import Quantity, Value, missing, values
from docmind.verification.words import content_words

LEAST_WORDS = 3
"""A shorter sentence of a passage is a heading or a remnant, and says nothing by itself."""

ANSWERS = 0.65
"""Fraction of the question, its words weighted by how few sentences have them, that a quoted
sentence must speak of. With 0.5 "How many employees does Harbour Foods have?" is answered by a
sentence about Harbour Foods and a fee."""

NEAR_STATEMENT = 0.35
"""The same for what comes closest to a statement that is not so: it has words that no passage has.
"""

LEAST_TOPIC = 0.34
"""Fraction of what is asked, besides the names, of which a quoted sentence must speak itself: a
contract with Harbour Foods does not tell how many employees that company has."""
CAPITAL_NOUNS = {"de"}
"""Languages in which names can't be told from other nouns."""
LONGEST = 400
"""Characters of a quotation."""


def _quotation_pattern() -> re.Pattern[str]:
    """Return what recognises a `Quotation`, in any language, without its mark."""
    beginnings: list[str] = []
    for phrases in ALL_PHRASES.values():
        before, _, _ = phrases.document_says.partition("{words}")
        beginnings.append(re.escape(before))
    return re.compile(rf'(?:{"|".join(beginnings)})(?P<words>.*)"\.?')


_QUOTATION = _quotation_pattern()
_NAME = re.compile(r"(?<=\w )(?:[A-Z\u00c4\u00d6\u00dc][\w'-]+|plc\b)")


@dataclass(frozen=True)
class Quotation:
    """A sentence of a passage."""

    words: str
    number: int
    """The passage's."""
    language: str = "en"
    """That of the question, in which it is said that this is a quotation."""

    def __str__(self) -> str:
        phrases = phrases_in(self.language)
        return phrases.document_says.format(words=self.words, number=self.number)


@dataclass(frozen=True)
class _Candidate:
    """A sentence that may be quoted, and the words that it is found by."""

    source: NumberedPassage
    words: str
    own: set[str]
    """Its own words and those of the headings above it."""
    before: set[str]
    """The words of the sentence before it."""
    place: set[str]
    """All words shown of its document, whose names it need not say again."""


def quoted_words(sentence: str) -> str:
    """Return what a sentence quotes, if it is a `Quotation`; else the sentence as it is."""
    quotation = _QUOTATION.fullmatch(sentence)
    if quotation is None:
        return sentence
    return quotation["words"].removesuffix("\u2026").strip()


def find_quotation(
    question: str,
    sentence: str,
    passages: Sequence[NumberedPassage],
    least: float = ANSWERS,
) -> Quotation | None:
    """Return the passages' own sentence that answers a question; None if none does.

    Args:
        question: what was asked.
        sentence: what the model wrote instead. Its values, where they have a unit, find the place
            in a passage of another language.
        passages: those that the model was shown.
        least: fraction of the question that a quoted sentence must speak of.
    """
    candidates = _candidates(passages)
    with_word: Counter[str] = Counter()
    for candidate in candidates:
        with_word.update(candidate.own)

    def weight(words: set[str]) -> float:
        return sum(math.log(1 + len(candidates) / (with_word[word] or 0.5)) for word in words)

    asked = content_words(question)
    names = content_words(" ".join(_NAME.findall(question)))
    said = content_words(sentence) - asked
    stated = [value for value in values(sentence) if _has_unit(value)]
    wants_number = asks_for_number(question)
    topic = asked - names  # a sentence that only names who is asked about tells nothing
    knows_names = answer_language(question) not in CAPITAL_NOUNS
    best: _Candidate | None = None
    best_score = 0.0
    most_names = max((len(names & candidate.place) for candidate in candidates), default=0)
    for candidate in candidates:
        if len(names & candidate.place) < most_names:
            continue  # another document is about more of what is named
        by_itself = weight(topic & candidate.own) / max(weight(topic), 1e-9)
        found = (asked & (candidate.own | candidate.before)) | (names & candidate.place)
        spoken_of = weight(found) / max(weight(asked), 1e-9)
        is_there = bool(stated) and not missing(stated, values(candidate.words))
        same_value = is_there and bool(names & candidate.place)
        if spoken_of < least and not same_value:
            continue
        near_topic = weight(topic & (candidate.own | candidate.before)) / max(weight(topic), 1e-9)
        if topic and knows_names and near_topic < LEAST_TOPIC and not same_value:
            continue
        if wants_number and not values(candidate.words):
            continue
        shared = weight(said & candidate.own) / max(weight(said), 1e-9)
        score = spoken_of + by_itself + shared / 2 + same_value
        if score > best_score:
            best = candidate
            best_score = score
    if best is None:
        return None
    return Quotation(
        words=_as_quoted(best.words),
        number=best.source.number,
        language=answer_language(question),
    )


def closest_quotation(sentence: str, source: NumberedPassage) -> Quotation:
    """Return a passage's sentence that shares most words with another one."""
    words = content_words(sentence)
    parts = [part for _, part in _headed_parts(source.passage)] or [source.passage.text]
    nearest = max(
        parts,
        key=lambda part: (len(words & content_words(part)), -len(part)),
    )
    return Quotation(
        words=_as_quoted(nearest),
        number=source.number,
        language=answer_language(sentence),
    )


def quotable_sentences(
    passages: Sequence[NumberedPassage],
) -> Iterator[tuple[NumberedPassage, str]]:
    """Yield the sentences of passages as they are quoted, in reading order; headings are none."""
    for source in passages:
        for _, part in headed_quotes(source.passage):
            yield source, part


def headed_quotes(passage: Passage) -> Iterator[tuple[str, str]]:
    """Yield each sentence of a passage as it is quoted, behind its heading or its table's head."""
    for over, part in _headed_parts(passage):
        yield over, _as_quoted(part)


def _candidates(passages: Sequence[NumberedPassage]) -> list[_Candidate]:
    """Return the sentences of all passages that say something."""
    places: dict[str, set[str]] = {}
    for source in passages:
        of_document = places.setdefault(source.passage.document_id, set())
        of_document.update(words_with_place(source.passage))
    found: list[_Candidate] = []
    for source in passages:
        place = places[source.passage.document_id]
        before: set[str] = set()
        for over, part in _headed_parts(source.passage):
            own = content_words(part)
            if len(own) >= LEAST_WORDS or values(part):
                candidate = _Candidate(
                    source=source,
                    words=part,
                    own=own | content_words(f"{source.passage.heading} {over}"),
                    before=before,
                    place=place,
                )
                found.append(candidate)
            before = own
    return found


def _headed_parts(passage: Passage) -> Iterator[tuple[str, str]]:
    """Yield each sentence of a passage, behind the line over it within the passage.

    That is a heading, or a table's head; "" where there is none. Headings are no sentences.
    """
    over = ""
    if passage.table:
        head, *rows = stretches(passage.text, pairs=False)
        for row in rows:
            yield head, row
        return
    body: list[str] = []
    for line in [*passage.text.splitlines(), "#"]:
        if not line.startswith("#"):
            body.append(line)
            continue
        text = "\n".join(body)
        if text.strip():
            for part in stretches(text, pairs=False):
                yield over, part
        body = []
        over = line


def _has_unit(value: Value) -> bool:
    """Return whether a value is one that hardly stands in a passage by chance."""
    return not isinstance(value, Quantity) or value.unit != ""


def _as_quoted(words: str) -> str:
    """Return a passage's sentence in one line that can stand between quotation marks.

    What would be read as a mark of the answer, as a row or as the quotation's end is written
    otherwise; a long one is cut.
    """
    text = MARK.sub(r"(\1)", words)
    text = text.replace(" | ", ", ").replace("|", " ").replace('"', "'")
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    cut, _, _ = text[:LONGEST].rpartition(" ")
    return f"{cut} \u2026"
