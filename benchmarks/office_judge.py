"""Whether an answer about the office is right, and whether a wrong one says that it may be.

By rules: what it must and must not hold, what refuses, and what the product's own check marked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.scoring import REFUSAL
from docmind.events import Citation, TurnFinished
from docmind.verification.sentences import plain, stretches

_OTHER_REFUSAL = re.compile(
    r"\bno (?:such )?(?:document|file)\b"
    r"|not (?:found|specified|listed) in (?:your|the|any)\b"
    r"|not possible to (?:say|tell|find|determine|answer)"
    r"|unable to (?:say|tell|find|determine|answer)"
    r"|nicht (?:gefunden|erw\u00e4hnt|angegeben|genannt)"
    r"|keine (?:Angabe|Information)",
    re.IGNORECASE,
)
"""What `REFUSAL` does not know: a document that is not there, and German."""

_PART_HEADING = re.compile(r"(?m)^\*\*.*\*\*\n\n(?=\S)")
"""What the product writes above each part of an answer: the question that it answers."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FILE_NAME = re.compile(r"\S+\.[A-Za-z]{2,4}\b")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Co|Dr|Inc|Ltd|Mr|Mrs|Ms|No|St)\.\Z")
"""The end of what is no sentence yet: `The hourly rate of M.`"""
_DASH = re.compile(r"[\u2010-\u2015\u2212]")


class Verdict(StrEnum):
    """What became of a question; exactly one of them."""

    RIGHT = "right"
    SILENT = "silent"
    """Wrong without a word: nothing is marked unverified, no notice, no refusal."""
    MARKED = "marked"
    """Wrong, and something says that it may be."""
    REFUSED_WRONGLY = "refused_wrongly"
    """Nothing but a refusal, where the documents have the answer."""
    FAILED = "failed"
    """The turn ended with an error."""


@dataclass(frozen=True)
class Expected:
    """What an answer has to hold, as regular expressions; case does not matter."""

    must: tuple[str, ...] = ()
    """All of them are found in a right answer."""
    never: tuple[str, ...] = ()
    """None of them is."""
    refuse: bool = False
    """The documents do not tell: a right answer claims nothing."""


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons, for a person to check."""

    verdict: Verdict
    missing: tuple[str, ...] = ()
    """What had to be found and was not."""
    forbidden: tuple[str, ...] = ()
    """What was found and should not have been."""
    claims: tuple[str, ...] = ()
    """Sentences that neither refuse nor are marked unverified."""
    unverified: tuple[str, ...] = ()
    """Sentences that are marked unverified."""
    refusals: tuple[str, ...] = ()
    """Sentences that refuse."""


def judge(question: str, expected: Expected, turn: TurnFinished) -> Judgement:
    """Judge the answer that a turn ended with.

    Where the documents have the answer, every `must` has to stand in it and no `never`; a sentence
    that refuses does not count for `must`, so that "Not found" is no "not". Where they have not, it
    is right to claim nothing: each sentence refuses or is marked unverified.
    """
    sentences = answer_sentences(turn.answer)
    refusals = [sentence for sentence in sentences if refuses(sentence, question)]
    stated = [sentence for sentence in sentences if sentence not in refusals]
    unverified = [sentence for sentence in stated if is_unverified(sentence, turn.citations)]
    claims = [sentence for sentence in stated if sentence not in unverified]

    missing = [pattern for pattern in expected.must if not _found(pattern, stated)]
    forbidden = [pattern for pattern in expected.never if _found(pattern, sentences)]
    unsupported = any(not citation.supported for citation in turn.citations)

    if expected.refuse:
        right = not claims and not forbidden
        refused_wrongly = False
    else:
        right = bool(stated) and not missing and not forbidden
        refused_wrongly = not stated
    if right:
        verdict = Verdict.RIGHT
    elif refused_wrongly:
        verdict = Verdict.REFUSED_WRONGLY
    elif unsupported or turn.notices or refusals:
        verdict = Verdict.MARKED
    else:
        verdict = Verdict.SILENT
    return Judgement(
        verdict=verdict,
        missing=tuple(missing),
        forbidden=tuple(forbidden),
        claims=tuple(claims),
        unverified=tuple(unverified),
        refusals=tuple(refusals),
    )


def answer_sentences(answer: str) -> list[str]:
    """Return the sentences of an answer, without marks and Markdown.

    The headings of its parts are left out: they repeat the question.
    """
    text = unicodedata.normalize("NFKC", _PART_HEADING.sub("", answer))
    found = []
    for line in _DASH.sub("-", text).splitlines():
        begun = ""
        for stretch in stretches(line, pairs=False):
            sentence = f"{begun} {plain(stretch)}".strip()
            begun = ""
            if _ABBREVIATION.search(sentence):
                begun = sentence
            elif re.search(r"\w", sentence):
                found.append(sentence)
        if begun:
            found.append(begun)
    return found


def refuses(sentence: str, question: str) -> bool:
    """Return whether a sentence says that the documents do not tell, and nothing else.

    With a number that the question does not have, it states something: "It does not mention 250,000
    but 100,000." Numbers in the names of files are none.
    """
    if not REFUSAL.search(sentence) and not _OTHER_REFUSAL.search(sentence):
        return False
    return _numbers(sentence) <= _numbers(question)


def is_unverified(sentence: str, citations: Collection[Citation]) -> bool:
    """Return whether the product shows a sentence as unverified, by each of its citations."""
    verdicts = []
    for citation in citations:
        cited = " ".join(answer_sentences(citation.sentence))
        # A citation's sentence may begin behind an abbreviation, or with the sentence before it.
        if cited and (sentence.endswith(cited) or cited.endswith(sentence)):
            verdicts.append(citation.supported)
    return bool(verdicts) and not any(verdicts)


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(_FILE_NAME.sub(" ", text)))


def _found(pattern: str, sentences: Sequence[str]) -> bool:
    return re.search(pattern, " ".join(sentences), re.IGNORECASE) is not None
