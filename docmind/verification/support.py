"""Does a passage support a sentence?

A passage supports a sentence that stands in it word for word. Otherwise all of this must hold:

1. every name of the sentence is in the passages cited for it;
2. every number is in the stretches of those passages that come closest to the sentence;
3. the closest sentence of the passage does not contradict it;
4. enough of its words are in the passage, or in all passages cited for it and a part of them in
   this one; or its meaning is close to a stretch of the passage.

The thresholds were chosen on half of 9,000 claims and measured on the other half, with MiniLM
(`docmind eval citations` has the figures of each kind of claim).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from docmind.passages import NumberedPassage, Passage
from docmind.verification.sentences import POINTING_WORDS, stretches
from docmind.verification.values import (
    content_words,
    is_negated,
    names,
    numbers,
    words_alone,
    words_in_order,
)

Nearness = Callable[[str, list[str]], float]
"""How near the meaning of the nearest of some texts comes to a text's: 1 is the same, 0 or less has
nothing to do with it."""

OVERLAP = 0.6
"""A sentence passes by its words when this fraction of them is in the passage."""

MOST_TOGETHER = 3
"""So many passages at most carry a sentence together, each its part of these words."""

NEAR = 0.7
"""A sentence passes by its meaning when a stretch of the passage comes this near to it …"""

SHARED = 0.3
"""… and at least this fraction of its words is in the passage."""

ALIKE = 0.3
"""Similarity of two sentences' words in order (`difflib` ratio, 0 to 1) from which both or neither
must be negated."""

SAME = 0.7
"""Similarity of two sentences' words in order from which no word may stand in another's place."""


def supports(
    sentence: str,
    source: NumberedPassage,
    cited: Sequence[NumberedPassage],
    nearness: Nearness,
) -> bool:
    """Return whether `source` supports a sentence.

    Args:
        sentence: without the numbers in brackets that cite.
        source: the passage in question.
        cited: all passages that the sentence cites, `source` among them: names, numbers and words
            may be spread over them.
        nearness: called only when the words alone do not decide.
    """
    passage = source.passage
    passage_text = text_with_place(passage)
    if _stands_in(sentence, passage_text):
        return True
    words = _words_that_state(sentence)
    cited_words = content_words(" ".join(text_with_place(other.passage) for other in cited))
    if not words or not names(sentence) <= cited_words:
        return False
    if not numbers(sentence) <= _numbers_nearby(words, cited):
        return False
    closest_sentence = _closest_part(words, stretches(passage.text, pairs=False))
    if contradicts(sentence, closest_sentence):
        return False

    overlap = len(words & content_words(passage_text)) / len(words)
    overlap_of_cited = len(words & cited_words) / len(words)
    carries_a_part = overlap_of_cited >= OVERLAP and overlap >= OVERLAP / MOST_TOGETHER
    if overlap >= OVERLAP or carries_a_part:
        return True
    # The embedding model is asked last: it takes longest.
    return overlap >= SHARED and nearness(sentence, stretches(passage.text)) >= NEAR


def contradicts(sentence: str, other: str) -> bool:
    """Return whether a sentence says nearly the same as another, but the opposite or of another.

    That is: only one of them is negated, or a word of one stands in the place of a word of the
    other, while neither word is anywhere in the other sentence.
    """
    order = words_in_order(sentence)
    other_order = words_in_order(other)
    matcher = SequenceMatcher(None, order, other_order, autojunk=False)
    similarity = matcher.ratio()
    if similarity >= ALIKE and is_negated(sentence) != is_negated(other):
        return True
    if similarity < SAME:
        return False
    words = content_words(sentence)
    other_words = content_words(other)
    only_here = words - other_words
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


def text_with_place(passage: Passage) -> str:
    """Return a passage's text behind its file's name and headings, which often name its subject."""
    return f"{passage.file_name} {passage.heading} {passage.text}"


def _stands_in(sentence: str, text: str) -> bool:
    """Return whether a text has the words of a sentence, in one piece."""
    quoted = words_alone(sentence)
    return quoted != "" and f" {quoted} " in f" {words_alone(text)} "


def _words_that_state(sentence: str) -> set[str]:
    """Return a sentence's words without those that point: "…, which is in passage [2]"."""
    words = content_words(sentence)
    return words - POINTING_WORDS or words


def _numbers_nearby(words: set[str], cited: Sequence[NumberedPassage]) -> set[str]:
    """Return the numbers in the closest stretch of each passage, its file's name and headings.

    A number elsewhere in a passage may be said of something else.
    """
    found: set[str] = set()
    for source in cited:
        passage = source.passage
        stretch = _closest_part(words, stretches(passage.text))
        found |= numbers(f"{stretch} {passage.file_name} {passage.heading}")
    return found


def _closest_part(words: set[str], parts: Sequence[str]) -> str:
    """Return the part that has most of the words, the shortest of several."""
    return max(parts, key=lambda part: (len(words & content_words(part)), -len(part)))
