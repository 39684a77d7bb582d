"""Claims with a passage that does or does not support them, made from the public sets.

Supported: a sentence of the passage; an xquad question with its answer; a sentence of a reference
answer with the gold passage. Not supported, and hard on purpose: the same claim with another
passage of the same document; a question with the answer to another question about the same
paragraph; a sentence of the passage whose subject, name or number was swapped for another one of
the passage, whose number was changed, or that was negated.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.halves import half_of_document
from benchmarks.sets import (
    ANSWERABLE,
    LANGUAGES,
    Corpus,
    XquadParagraph,
    cookbook,
    multi_turn_tasks,
    xquad_articles,
)
from docmind.passages import NumberedPassage, Passage
from docmind.retrieval.sparse import terms
from docmind.verification.sentences import stretches

MOST_PER_KIND = 300
"""Claims of one kind and half at most, drawn evenly."""
LEAST_SENTENCE_WORDS = 8
MOST_SUBJECT_WORDS = 8
LEAST_REFERENCE_TERMS = 5

_VERB = re.compile(
    r" (?:is|are|was|were|has|have|had|can|could|may|will|would|must|should|became|remained) "
)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d(?![\w.,])|(?<![\w.,])\d(?![\w.,])")
_AUXILIARY = re.compile(r" (is|are|was|were|can|could|may|will|would|must|should)( not)? ")
_REFUSAL = re.compile(
    r"\b(?:I (?:do not|don't|am|apologize|cannot|can't)"
    r"|sorry|no information|not (?:provide|mention))\b"
)


@dataclass(frozen=True)
class Claim:
    """A sentence, the passage it cites, and whether that passage supports it."""

    kind: str
    text: str
    source: NumberedPassage
    supported: bool
    question: str = ""
    """What it answers; the text begins with it."""

    @property
    def statement(self) -> str:
        """The text without the question."""
        return self.text.removeprefix(self.question).strip()

    @property
    def half(self) -> int:
        """CHOOSING or REPORTING, see `halves`."""
        return half_of_document(self.source.passage.document_id)


def make_claims(data: Path) -> list[Claim]:
    """Return all claims, at most MOST_PER_KIND of a kind and half, the same at every call."""
    groups: dict[tuple[str, int], list[Claim]] = {}
    for claim in [*_xquad_claims(data), *_multi_turn_claims(data), *_cookbook_claims(data)]:
        groups.setdefault((claim.kind, claim.half), []).append(claim)
    pick = random.Random(0)
    drawn = []
    for group in groups.values():
        drawn += pick.sample(group, min(MOST_PER_KIND, len(group)))
    return drawn


def _xquad_claims(data: Path) -> Iterator[Claim]:
    for language in LANGUAGES:
        for article in xquad_articles(data, language):
            name = f"{article['title']}.txt"
            paragraphs = article["paragraphs"]
            passages = []
            for place, paragraph in enumerate(paragraphs):
                passages.append(_passage(name, place, paragraph["context"]))
            for passage, paragraph in zip(passages, paragraphs, strict=True):
                others = [other for other in passages if other is not passage]
                yield from _question_claims(paragraph, passage, others, language=language)
                if language == "en":
                    yield from _altered_sentences(passage)


def _question_claims(
    paragraph: XquadParagraph,
    passage: NumberedPassage,
    others: Sequence[NumberedPassage],
    *,
    language: str,
) -> Iterator[Claim]:
    """Yield each question with its answer, with another passage, and with a wrong answer."""
    asked = [(qa["question"], qa["answers"][0]["text"]) for qa in paragraph["qas"]]
    for question, answer in asked:
        claim = Claim(
            kind=f"question and answer, {language}",
            text=f"{question} {answer}",
            source=passage,
            supported=True,
            question=question,
        )
        yield claim
        without_answer = [o for o in others if answer.lower() not in o.passage.text.lower()]
        for other in _with_nearest(f"other passage, {language}", claim.text, without_answer):
            yield replace(other, question=question)

        wrong_answers = []
        for other_question, other_answer in asked:
            if other_question != question and _is_wrong(other_answer, answer, question):
                wrong_answers.append(other_answer)
        if wrong_answers:
            yield Claim(
                kind=f"wrong answer, {language}",
                text=f"{question} {_most_alike(wrong_answers, answer)}",
                source=passage,
                supported=False,
                question=question,
            )


def _is_wrong(other: str, answer: str, question: str) -> bool:
    """Tell whether another question's answer is a wrong one here: no word of it is right."""
    words = set(terms(other))
    shared = words & set(terms(answer))
    return bool(words) and not shared and not words <= set(terms(question))


def _most_alike(answers: Sequence[str], answer: str) -> str:
    """Return the one most like `answer`: a number for a number, a name for a name, as long."""

    def likeness(other: str) -> tuple[bool, bool, int]:
        same_digit = other[:1].isdigit() == answer[:1].isdigit()
        same_case = other[:1].isupper() == answer[:1].isupper()
        return same_digit, same_case, -abs(len(other) - len(answer))

    return max(answers, key=likeness)


def _altered_sentences(source: NumberedPassage) -> Iterator[Claim]:
    """Yield the sentences of a passage as they are, and spoilt in each way that is possible."""
    text = source.passage.text
    sentences = [
        sentence
        for sentence in stretches(text, pairs=False)
        if len(sentence.split()) >= LEAST_SENTENCE_WORDS
    ]
    for sentence in sentences:
        yield Claim(kind="quote", text=sentence, source=source, supported=True)
        spoilt = {
            "swapped subject": swap_subject(sentence, sentences),
            "swapped name": swap_name(sentence, text),
            "swapped number": swap_number(sentence, text),
            "negation": negate(sentence),
            "changed number": change_number(sentence, text),
        }
        for kind, altered in spoilt.items():
            if altered:
                yield Claim(kind=kind, text=altered, source=source, supported=False)


def _multi_turn_claims(data: Path) -> Iterator[Claim]:
    """Yield sentences of the multi-turn set's reference answers with their gold passages."""
    for task in multi_turn_tasks(data):
        if task.answerability == ANSWERABLE:
            gold = [_passage(context.document_id, 0, context.text) for context in task.contexts]
            yield from _reference_claims(
                "multi-turn", answer=task.reference_answer, gold=gold, others=[]
            )


def _cookbook_claims(data: Path) -> Iterator[Claim]:
    """Yield sentences of the cookbook's reference answers with their gold passages."""
    corpus = cookbook(data)
    sections = _sections_by_document(corpus)
    for question in corpus.questions:
        gold = []
        others = []
        for document_id in sorted({corpus.units[place].document_id for place in question.gold}):
            for section in sections[document_id]:
                if section.number - 1 in question.gold:
                    gold.append(section)
                else:
                    others.append(section)
        yield from _reference_claims(
            "cookbook",
            answer=question.answers[0],
            gold=_cut_sections(gold),
            others=_cut_sections(others),
        )


def _sections_by_document(corpus: Corpus) -> dict[str, list[NumberedPassage]]:
    """Return each document's units as passages; the number is the unit's place plus one."""
    sections: dict[str, list[NumberedPassage]] = {}
    for place, unit in enumerate(corpus.units):
        file_name = corpus.documents[unit.document_id].file_name
        section = _passage(file_name, place, corpus.text_of(unit))
        sections.setdefault(unit.document_id, []).append(section)
    return sections


def _reference_claims(
    name: str,
    *,
    answer: str,
    gold: Sequence[NumberedPassage],
    others: Sequence[NumberedPassage],
) -> Iterator[Claim]:
    for sentence in stretches(answer, pairs=False):
        states_something = len(terms(sentence)) >= LEAST_REFERENCE_TERMS
        if states_something and not _REFUSAL.search(sentence):
            for claim in _with_nearest(f"reference answer, {name}", sentence, gold):
                yield replace(claim, supported=True)
                negated = negate(sentence)
                if negated:
                    yield replace(claim, kind=f"negated answer, {name}", text=negated)
                changed = change_number(sentence, claim.source.passage.text)
                if changed:
                    yield replace(claim, kind=f"changed number in answer, {name}", text=changed)
            yield from _with_nearest(f"other passage, {name}", sentence, others)


def _cut_sections(
    sections: Iterable[NumberedPassage], most_words: int = 150
) -> list[NumberedPassage]:
    """Cut long sections into passages of about a stored passage's length."""
    passages = []
    for section in sections:
        parts = [""]
        words = 0
        for stretch in stretches(section.passage.text, pairs=False):
            stretch_words = len(stretch.split())
            if words + stretch_words > most_words and parts[-1]:
                parts.append("")
                words = 0
            parts[-1] += stretch + " "
            words += stretch_words
        for part in parts:
            if part.strip():
                file_name = section.passage.file_name
                passages.append(_passage(file_name, section.number - 1, part))
    return passages


def _with_nearest(kind: str, text: str, passages: Sequence[NumberedPassage]) -> Iterator[Claim]:
    """Yield the claim with the passage that shares most of its words, as not supported."""
    words = set(terms(text))

    def shared_words(source: NumberedPassage) -> int:
        return len(words & set(terms(source.passage.text)))

    if passages:
        nearest = max(passages, key=shared_words)
        yield Claim(kind=kind, text=text, source=nearest, supported=False)


def swap_subject(sentence: str, sentences: Sequence[str]) -> str:
    """Put another sentence's subject (what stands before its first verb) before this one's verb.

    Empty if none fits: subjects are short, and share no word.
    """
    verb = _VERB.search(sentence)
    if not verb:
        return ""
    subject = sentence[: verb.start()]
    if len(subject.split()) > MOST_SUBJECT_WORDS:
        return ""
    for other in sentences:
        other_verb = _VERB.search(other)
        if other_verb is None or other == sentence:
            continue
        other_subject = other[: other_verb.start()]
        words = set(terms(other_subject))
        is_short = len(other_subject.split()) <= MOST_SUBJECT_WORDS
        is_new = not words & set(terms(subject)) and not words <= set(terms(sentence))
        if words and is_short and is_new:
            return other_subject + sentence[verb.start() :]
    return ""


def swap_name(sentence: str, text: str) -> str:
    """Replace the sentence's first name by one of the text with other words; empty if none."""
    name = _NAME.search(sentence)
    if not name:
        return ""
    for other in _NAME.findall(text):
        if other not in sentence and not set(terms(other)) & set(terms(name[0])):
            return _replace_match(sentence, name, other)
    return ""


def swap_number(sentence: str, text: str) -> str:
    """Replace the sentence's first number by one of the text, as long; empty if none."""
    number = _NUMBER.search(sentence)
    if not number:
        return ""
    for other in _NUMBER.findall(text):
        if other not in sentence and len(other) == len(number[0]):
            return _replace_match(sentence, number, other)
    return ""


def change_number(sentence: str, text: str) -> str:
    """Change the first digit of the sentence's first number to a number that is not in the text.

    Empty if there is none.
    """
    number = _NUMBER.search(sentence)
    if not number:
        return ""
    digits = re.search(r"\d", number[0])
    assert digits is not None
    place = digits.start()
    first_digit = int(number[0][place])
    for step in range(1, 10):
        new_digit = (first_digit + step) % 9 + 1
        changed = f"{number[0][:place]}{new_digit}{number[0][place + 1 :]}"
        if changed != number[0] and changed not in text:
            return _replace_match(sentence, number, changed)
    return ""


def negate(sentence: str) -> str:
    """Put a `not` behind the first auxiliary verb, or take it away; empty without such a verb."""
    auxiliary = _AUXILIARY.search(sentence)
    if not auxiliary:
        return ""
    if auxiliary[2]:
        return _replace_match(sentence, auxiliary, f" {auxiliary[1]} ")
    return _replace_match(sentence, auxiliary, f" {auxiliary[1]} not ")


def _replace_match(sentence: str, match: re.Match[str], new: str) -> str:
    return sentence[: match.start()] + new + sentence[match.end() :]


def _passage(file_name: str, place: int, text: str) -> NumberedPassage:
    passage = Passage(
        id=f"{file_name}:{place}", document_id=file_name, file_name=file_name, text=text
    )
    return NumberedPassage(number=place + 1, passage=passage)
