"""Claims with a passage that does or does not support them, made from the public sets: what `eval citations` runs on.

Supported: a sentence of the passage; an xquad question with its answer; a sentence of a reference answer with the gold
passage. Not supported, and hard on purpose: the same claim with another passage of the same document; a question
with the answer to another question about the same paragraph; a sentence of the passage whose subject, name or number
was swapped for another one of the passage, whose number was changed, or that was negated.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from benchmarks.sets import LANGUAGES, cookbook, mtrag_tasks
from docmind.passages import NumberedPassage, Passage
from docmind.retrieval.sparse import terms
from docmind.verification.sentences import stretches

PER_KIND = 300
"""Claims of one kind at most, drawn evenly."""
_VERB = re.compile(
    r" (?:is|are|was|were|has|have|had|can|could|may|will|would|must|should|became|remained) "
)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d(?![\w.,])|(?<![\w.,])\d(?![\w.,])")
_REFUSAL = re.compile(
    r"\b(?:I (?:do not|don't|am|apologize|cannot|can't)|sorry|no information|not (?:provide|mention))\b"
)


@dataclass(frozen=True)
class Claim:
    """A sentence, the passage it cites, and whether that passage supports it."""

    kind: str
    text: str
    source: NumberedPassage
    supported: bool

    @property
    def half(self) -> int:
        """0: thresholds are chosen on it; 1: figures are reported on it. By document, so that no passage is in both."""
        return crc32(self.source.passage.document_id.encode()) % 2


def claims(data: Path) -> list[Claim]:
    """Return all claims, at most PER_KIND of a kind and half, the same at every call."""
    drawn: dict[tuple[str, int], list[Claim]] = {}
    for claim in [*_xquad(data), *_answers(data)]:
        drawn.setdefault((claim.kind, claim.half), []).append(claim)
    pick = random.Random(0)
    return [c for found in drawn.values() for c in pick.sample(found, min(PER_KIND, len(found)))]


def _xquad(data: Path) -> Iterator[Claim]:
    for language in LANGUAGES:
        articles = json.loads((data / "xquad" / f"xquad.{language}.json").read_text("utf-8"))[
            "data"
        ]
        for article in articles:
            title = article["title"]
            passages = [
                _source(f"{title}.txt", i, p["context"])
                for i, p in enumerate(article["paragraphs"])
            ]
            for passage, paragraph in zip(passages, article["paragraphs"], strict=True):
                asked = [(qa["question"], qa["answers"][0]["text"]) for qa in paragraph["qas"]]
                others = [p for p in passages if p is not passage]
                for question, answer in asked:
                    claim = f"{question} {answer}"
                    yield Claim(f"question and answer, {language}", claim, passage, True)
                    free = [p for p in others if answer.lower() not in p.passage.text.lower()]
                    yield from _nearest(f"other passage, {language}", claim, free)
                    wrong = [a for q, a in asked if q != question and _other(a, answer, question)]
                    if wrong:
                        text = f"{question} {max(wrong, key=lambda a: _alike(a, answer))}"
                        yield Claim(f"wrong answer, {language}", text, passage, False)
                if language == "en":
                    yield from _altered(passage)


def _altered(passage: NumberedPassage) -> Iterator[Claim]:
    """Yield sentences of a passage as they are and spoilt."""
    sentences = [s for s in stretches(passage.passage.text, pairs=False) if len(s.split()) >= 8]
    for sentence in sentences:
        yield Claim("quote", sentence, passage, True)
        for kind, spoil in (
            ("subject", _subject),
            ("name", _name),
            ("number", _number),
            ("negation", _negation),
        ):
            if text := spoil(sentence, sentences, passage.passage.text):
                yield Claim(f"swapped {kind}" if kind != "negation" else kind, text, passage, False)
        if text := _new_number(sentence, passage.passage.text):
            yield Claim("changed number", text, passage, False)


def _answers(data: Path) -> Iterator[Claim]:
    """Sentences of reference answers with their gold passages."""
    for task in mtrag_tasks(data):
        if task["answerability"][0] == "ANSWERABLE":
            gold = [_source(c["document_id"], 0, c["text"]) for c in task["contexts"]]
            yield from _reference("multi-turn", task["targets"][0]["text"], gold, [])
    corpus = cookbook(data)
    sections: dict[str, list[NumberedPassage]] = {}
    for i, unit in enumerate(corpus.units):
        name, document = corpus.documents[unit.document_id]
        text = document.text[unit.start : unit.end]
        sections.setdefault(unit.document_id, []).append(_source(name, i, text))
    for question in corpus.questions:
        named = [
            s
            for d in sorted({corpus.units[i].document_id for i in question.gold})
            for s in sections[d]
        ]
        mine = [s for s in named if s.number - 1 in question.gold]
        rest = [s for s in named if s.number - 1 not in question.gold]
        yield from _reference("cookbook", question.answers[0], _cut(mine), _cut(rest))


def _reference(
    name: str, answer: str, gold: Sequence[NumberedPassage], rest: Sequence[NumberedPassage]
) -> Iterator[Claim]:
    for sentence in stretches(answer, pairs=False):
        if len(terms(sentence)) >= 5 and not _REFUSAL.search(sentence):
            for claim in _nearest(f"reference answer, {name}", sentence, gold):
                yield Claim(claim.kind, claim.text, claim.source, True)
                if text := _negation(sentence, [], ""):
                    yield Claim(f"negated answer, {name}", text, claim.source, False)
                if text := _new_number(sentence, claim.source.passage.text):
                    yield Claim(f"changed number in answer, {name}", text, claim.source, False)
            yield from _nearest(f"other passage, {name}", sentence, rest)


def _cut(sources: Iterable[NumberedPassage], words: int = 150) -> list[NumberedPassage]:
    """Cut long sections into passages of about a chunk's length."""
    found = []
    for source in sources:
        parts, size = [""], 0
        for stretch in stretches(source.passage.text, pairs=False):
            if size + len(stretch.split()) > words and parts[-1]:
                parts.append("")
                size = 0
            parts[-1] += stretch + " "
            size += len(stretch.split())
        found += [
            _source(source.passage.file_name, source.number - 1, p) for p in parts if p.strip()
        ]
    return found


def _nearest(kind: str, claim: str, passages: Sequence[NumberedPassage]) -> Iterator[Claim]:
    """Yield the claim with the passage that shares most of its words, as not supported."""
    words = set(terms(claim))
    if passages:
        best = max(passages, key=lambda p: len(words & set(terms(p.passage.text))))
        yield Claim(kind, claim, best, False)


def _subject(sentence: str, sentences: Sequence[str], _text: str) -> str:
    """Swap what stands before the first verb for another sentence's."""
    mine = _VERB.search(sentence)
    if not mine or len(sentence[: mine.start()].split()) > 8:
        return ""
    for other in sentences:
        found = _VERB.search(other)
        if found and other != sentence:
            head = other[: found.start()]
            new, old = set(terms(head)), set(terms(sentence[: mine.start()]))
            if new and len(head.split()) <= 8 and not new & old and not new <= set(terms(sentence)):
                return head + sentence[mine.start() :]
    return ""


def _swap(
    pattern: re.Pattern[str], keep: Callable[[str, str], bool]
) -> Callable[[str, Sequence[str], str], str]:
    def spoil(sentence: str, _sentences: Sequence[str], text: str) -> str:
        found = pattern.search(sentence)
        if not found:
            return ""
        others = [
            m[0] for m in pattern.finditer(text) if m[0] not in sentence and keep(m[0], found[0])
        ]
        return sentence[: found.start()] + others[0] + sentence[found.end() :] if others else ""

    return spoil


_name = _swap(_NAME, lambda new, old: not set(terms(new)) & set(terms(old)))
_number = _swap(_NUMBER, lambda new, old: len(new) == len(old))


def _new_number(sentence: str, text: str) -> str:
    found = _NUMBER.search(sentence)
    if not found:
        return ""
    digit = next(i for i, c in enumerate(found[0]) if c.isdigit())
    for step in range(1, 10):
        new = found[0][:digit] + str((int(found[0][digit]) + step) % 9 + 1) + found[0][digit + 1 :]
        if new != found[0] and new not in text:
            return sentence[: found.start()] + new + sentence[found.end() :]
    return ""


def _negation(sentence: str, _sentences: Sequence[str], _text: str) -> str:
    found = re.search(r" (is|are|was|were|can|could|may|will|would|must|should)( not)? ", sentence)
    if not found:
        return ""
    return f"{sentence[: found.start()]} {found[1]}{'' if found[2] else ' not'} {sentence[found.end() :]}"


def _other(answer: str, right: str, question: str) -> bool:
    a, b = set(terms(answer)), set(terms(right))
    return bool(a) and not a & b and not a <= set(terms(question))


def _alike(a: str, b: str) -> tuple[bool, bool, int]:
    return (
        a[:1].isdigit() == b[:1].isdigit(),
        a[:1].isupper() == b[:1].isupper(),
        -abs(len(a) - len(b)),
    )


def _source(name: str, place: int, text: str) -> NumberedPassage:
    passage = Passage(id=f"{name}:{place}", document_id=name, file_name=name, text=text)
    return NumberedPassage(number=place + 1, passage=passage)
