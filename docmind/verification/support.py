"""Does a passage support a sentence?

A passage supports a sentence that stands in it word for word. Otherwise all of this must hold:

1. every name of the sentence is in the passage;
2. every value (number, date, quantity) is in the stretch of it that comes closest to the sentence;
3. the closest sentence of the passage does not contradict it;
4. enough of its words are in the passage, or its meaning is close to a stretch of it.

The thresholds were chosen on half of 9,000 claims and measured on the other half, with MiniLM
(`docmind eval citations` has the figures of each kind of claim).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from docmind.events import Verdict
from docmind.passages import NumberedPassage, Passage
from docmind.verification.sentences import POINTING_WORDS, stretches
from docmind.verification.values import (
    NUMBER_WORDS,
    Value,
    is_rival,
    missing,
    values,
    without_values,
)
from docmind.verification.words import (
    content_words,
    is_negated,
    names,
    says_opposite,
    words_alone,
    words_in_order,
)

Nearness = Callable[[str, list[str]], float]
"""How near the meaning of the nearest of some texts comes to a text's: 1 is the same, 0 or less has
nothing to do with it."""

_QUESTION_NAME = re.compile(r"(?<=\w )[A-Z\u00c4\u00d6\u00dc][\w'-]+")
"""A word with a capital that does not begin the question."""

OVERLAP = 0.6
"""A sentence passes by its words when this fraction of them is in the passage."""

NEAR = 0.7
"""A sentence passes by its meaning when a stretch of the passage comes this near to it …"""

SHARED = 0.3
"""… and at least this fraction of its words is in the passage."""

ALIKE = 0.3
"""Similarity of two sentences' words in order (`difflib` ratio, 0 to 1) from which both or neither
must be negated."""

SAME = 0.7
"""Similarity of two sentences' words in order from which no word may stand in another's place."""


def compare(
    sentence: str, passage: Passage, nearness: Nearness, known: frozenset[str] = frozenset()
) -> Verdict:
    """Return what one passage says of a sentence: SUPPORTED, CONTRADICTED or NOT_FOUND.

    Args:
        sentence: without its marks.
        passage: the passage in question.
        nearness: called only when the words alone do not decide.
        known: names of what the passage is about that it need not say itself: the question has
            them, and another passage of the same document.
    """
    if stands_word_for_word(sentence, passage):
        return Verdict.SUPPORTED
    stated = values(sentence)
    words = _words_that_state(sentence)
    verdict = Verdict.NOT_FOUND
    if words and names(sentence) <= words_with_place(passage) | known:
        verdict = _judge_values(stated, words, passage)
    if verdict is not Verdict.SUPPORTED:
        return verdict
    if contradicts(sentence, _closest_part(words, stretches(passage.text, pairs=False)), known):
        return Verdict.CONTRADICTED
    if _is_close_enough(sentence, stated, passage, nearness=nearness, known=known):
        return Verdict.SUPPORTED
    return Verdict.NOT_FOUND


def stands_word_for_word(sentence: str, passage: Passage) -> bool:
    """Return whether a passage has a sentence's words in one piece, and its values."""
    stands = _stands_in(sentence, passage.text)
    return stands and not missing(values(sentence), values(passage.text))


def has_values(sentence: str, passage: Passage) -> bool:
    """Return whether all values of a sentence are anywhere in a passage or its headings."""
    return not missing(values(sentence), values(f"{passage.heading}\n{passage.text}"))


def contradicts(sentence: str, other: str, known: frozenset[str] = frozenset()) -> bool:
    """Return whether a sentence says nearly the same as another, but the opposite or of another.

    That is: only one of them is negated, or a word of one stands in the place of a word of the
    other, while neither word is anywhere in the other sentence.
    """
    words = content_words(sentence)
    other_words = content_words(other)
    if not missing(values(sentence), values(other)):
        # "five years" does not stand in the place of "60 months": it is the same value.
        words = content_words(without_values(sentence)) - NUMBER_WORDS
        other_words = content_words(without_values(other)) - NUMBER_WORDS
    order = words_in_order(sentence)
    other_order = words_in_order(other)
    matcher = SequenceMatcher(None, order, other_order, autojunk=False)
    similarity = matcher.ratio()
    if similarity >= ALIKE and is_negated(sentence) != is_negated(other):
        return True
    if similarity >= ALIKE and not is_negated(sentence) and says_opposite(sentence, other):
        return True
    if similarity < SAME:
        return False
    only_here = words - other_words - known  # "the Client" is the one whom the question names
    only_there = other_words - words
    for operation, start, end, other_start, other_end in matcher.get_opcodes():
        if operation != "replace":
            continue
        new = only_here.intersection(order[start:end])
        replaced = only_there.intersection(other_order[other_start:other_end])
        if new and replaced:
            return True
    return False


def closest(sentence: str, sources: Sequence[NumberedPassage]) -> tuple[NumberedPassage, str]:
    """Return the passage with most words of a sentence, and its own sentence with most of them."""
    words = content_words(sentence)
    best = max(sources, key=lambda source: len(words & content_words(source.passage.text)))
    return best, _closest_part(words, stretches(best.passage.text, pairs=False))


def names_of_document(
    question: str, passage: Passage, sources: Iterable[NumberedPassage]
) -> frozenset[str]:
    """Return the names in a question that stand in any passage shown of the same document.

    A contract names its parties once, and its clauses do not say them again.
    """
    asked = content_words(" ".join(_QUESTION_NAME.findall(question)))
    found: set[str] = set()
    for source in sources:
        if source.passage.document_id == passage.document_id:
            found |= asked & words_with_place(source.passage)
    return frozenset(found)


def text_with_place(passage: Passage) -> str:
    """Return a passage's text behind its file's name and headings, which often name its subject."""
    return f"{passage.file_name} {passage.heading} {passage.text}"


@lru_cache(maxsize=128)
def words_with_place(passage: Passage) -> frozenset[str]:
    """Return the words of a passage's text and place.

    They are kept, as every sentence of an answer is compared with the same few passages.
    """
    return frozenset(content_words(text_with_place(passage)))


def _stands_in(sentence: str, text: str) -> bool:
    """Return whether a text has the words of a sentence, in one piece."""
    quoted = words_alone(sentence)
    return quoted != "" and f" {quoted} " in f" {words_alone(text)} "


def _words_that_state(sentence: str) -> set[str]:
    """Return a sentence's words without those that point: "…, which is in passage [2]"."""
    words = content_words(sentence)
    return words - POINTING_WORDS or words


def _judge_values(stated: Sequence[Value], words: set[str], passage: Passage) -> Verdict:
    """Return whether the stated values are in the closest stretch of a passage or its headings.

    A value elsewhere in the passage may be said of something else, and what only the file's name
    or the page's number holds is no evidence.
    """
    nearby = values(f"{passage.heading}\n{_closest_part(words, stretches(passage.text))}")
    lacking = missing(stated, nearby)
    if not lacking:
        return Verdict.SUPPORTED
    for value in lacking:
        if any(is_rival(value, other) for other in nearby):
            return Verdict.CONTRADICTED
    return Verdict.NOT_FOUND


def _is_close_enough(
    sentence: str,
    stated: Sequence[Value],
    passage: Passage,
    *,
    nearness: Nearness,
    known: frozenset[str],
) -> bool:
    """Return whether enough of a sentence, whose values are all there, is in a passage."""
    plain_words = _words_that_state(without_values(sentence)) - NUMBER_WORDS
    there = words_with_place(passage)
    plain_words -= known - there  # what goes without saying counts neither way
    shared = plain_words & there
    # Each value counts as a word that the passage has, in whatever notation.
    overlap = (len(shared) + len(stated)) / max(1, len(plain_words) + len(stated))
    if overlap >= OVERLAP:
        return True
    return overlap >= SHARED and nearness(sentence, stretches(passage.text)) >= NEAR


def _closest_part(words: set[str], parts: Sequence[str]) -> str:
    """Return the part that has most of the words, the shortest of several."""
    return max(parts, key=lambda part: (len(words & content_words(part)), -len(part)))
