"""Is this the answer to that question?

"40 people" may stand in a passage and answer another question. An answer of few words must stand
where the passage speaks of what is asked: the sentence that holds it must have nearly as many of
the question's words as the sentence that has most. And it must be of the kind that is asked for.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from docmind.events import Verdict
from docmind.passages import Passage
from docmind.verification.sentences import stretches
from docmind.verification.support import Nearness
from docmind.verification.values import missing, values
from docmind.verification.words import content_words, is_bare_number, names

COVERED = 0.6
"""Fraction of the answer's words that the sentence must have, unless it has the answer as it is."""

BESIDE = 0.5
"""Weight of the question's words in the sentence with the answer, as a fraction of that in the
sentence of the passage that has most. Of 300 wrong answers each in English, German and Chinese
about 40, 29 and 25% pass (88, 62, 74% by words alone), of right ones 87, 74 and 71%."""

ABOUT = 0.2
"""Weight of the question's words in that sentence, as a fraction of that of the whole question."""

NEAR_QUESTION = 0.55
"""Nearness of question and answer together to the sentence with the answer, where the passage has
no word of the question: "When can I leave? After three months." to "The notice period is three
months." is 0.59, to a rent due every three months 0.39. On the claims it lets 1 of 3,900 pass."""

_ASKS_NUMBER = re.compile(
    r"""
    \b how\ (?: many | much | old | long | far | tall | big | large | high ) \b
    | \b what\ (?: percent\w* | number | amount | year | date | price | total ) \b
    | \b in\ (?: what | which )\ year \b
    | ^ (?: and\ )? when \b
    | \b wie\ ?viele? \b | \b wann \b | \b welche[mns]?\ jahr \b
    | \u591a\u5c11 | \u51e0 | \u4f55\u65f6 | \u4ec0\u4e48\u65f6\u5019
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ASKS_NAME = re.compile(
    r"^(?:and )?(?:who|whose|whom|which|wer|wen|wem|welche\w*)\b|\u8c01", re.IGNORECASE
)
_IN_WORDS = re.compile(
    r"centur|jahrhundert|half|most|none|h\u00e4lfte|season|during|after|before|until|since|old|young"
    r"|[\u4e00\u4e8c\u4e24\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u767e\u5343]",
    re.IGNORECASE,
)
"""What says how many or when without a figure."""


def asks_for_number(question: str) -> bool:
    """Return whether a question asks for a number or a time."""
    return _ASKS_NUMBER.search(question) is not None


def is_of_asked_kind(answer: str, question: str) -> bool:
    """Return whether an answer has a figure if one is asked for, and more if a name is."""
    if asks_for_number(question):
        return bool(values(answer)) or _IN_WORDS.search(answer) is not None
    if _ASKS_NAME.search(question) is not None:
        return not is_bare_number(answer)
    return True


def judge_short_answer(answer: str, passage: Passage, question: str, nearness: Nearness) -> Verdict:
    """Return whether a passage gives an answer of few words to a question.

    What stands over a sentence says what it is about: headings and a table's head count as words
    of each sentence. A sentence that shares more of the question than they do still comes first,
    so that a heading does not lend its words to all that stands under it.

    Args:
        answer: without its marks.
        passage: the passage in question.
        question: what was asked.
        nearness: called only when the passage has no word of the question.

    Returns:
        SUPPORTED or NOT_FOUND.
    """
    asked = content_words(question)
    words = content_words(answer)
    said_anew = words - asked or words
    if not said_anew or not is_of_asked_kind(answer, question):
        return Verdict.NOT_FOUND
    sentences = stretches(passage.text, pairs=False)
    words_of = list(map(content_words, sentences))
    in_sentences: Counter[str] = Counter()
    for found in words_of:
        in_sentences.update(found)
    over_all = content_words(_over_sentences(passage, sentences))
    most = 0.0
    beside_answer = 0.0
    with_answer: list[str] = []
    for sentence, found in zip(sentences, words_of, strict=True):
        weight = _weight((asked - over_all) & found, in_sentences, len(sentences))
        most = max(most, weight)
        if _has_answer(sentence, found, answer=answer, said_anew=said_anew):
            with_answer.append(sentence)
            beside_answer = max(beside_answer, weight)
    if not with_answer or beside_answer < BESIDE * most:
        return Verdict.NOT_FOUND
    about = beside_answer + _weight(asked & over_all, in_sentences, len(sentences))
    if about == 0:
        is_near = nearness(f"{question} {answer}", with_answer) >= NEAR_QUESTION
    else:
        is_near = about >= ABOUT * _weight(asked, in_sentences, len(sentences))
    return Verdict.SUPPORTED if is_near else Verdict.NOT_FOUND


def _has_answer(sentence: str, words: set[str], *, answer: str, said_anew: set[str]) -> bool:
    """Return whether a sentence has an answer as it is, or most of its words, and its values.

    Args:
        sentence: of a passage.
        words: of the sentence.
        answer: without its marks.
        said_anew: words of the answer that the question does not have.
    """
    as_it_is = _compact(answer) in _compact(sentence)
    by_words = len(said_anew & words) >= COVERED * len(said_anew)
    if not as_it_is and not by_words:
        return False
    return names(answer) <= words and not missing(values(answer), values(sentence))


def _over_sentences(passage: Passage, sentences: Sequence[str]) -> str:
    """Return what stands over a passage's sentences: its headings, and a table's head.

    Not the file's name: with it twice as many answers pass that another passage would give.
    """
    if passage.table:
        return f"{passage.heading} {sentences[0]}"
    return passage.heading


def _weight(words: set[str], in_sentences: Counter[str], sentences: int) -> float:
    """Return how much some words tell: one that few sentences of the passage have tells more."""
    return sum(math.log(1 + sentences / (in_sentences[word] or 0.5)) for word in words)


def _compact(text: str) -> str:
    """Return the letters and figures of a text, in lower case."""
    return "".join(re.findall(r"\w", text.lower()))
