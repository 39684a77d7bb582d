"""An answer → its citations: which passage each sentence names, and whether it supports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from docmind.events import Citation
from docmind.passages import NumberedPassage
from docmind.verification.sentences import CitedSentence, cited_sentences
from docmind.verification.support import Nearness, supports, text_with_place
from docmind.verification.values import content_words

ASKED = 0.3
"""Fraction of a question's words that must stand in the passages cited for its answer. Of 49
answers that the 1.5B gave to questions whose passages do not tell, 7 pass without it and 2 with it;
of 12 where they do tell, none is lost."""


def cite(
    answer: str, sources: Sequence[NumberedPassage], nearness: Nearness
) -> tuple[str, tuple[Citation, ...]]:
    """Check every `[n]` of an answer (not in code) against the passage that it names.

    Where no passage named for a sentence supports it but another one does, the mark is put right:
    small models often write the wrong number. A mark that names no passage is unsupported.

    Args:
        answer: as the model wrote it.
        sources: the passages that the model was shown.
        nearness: compares meanings; called only when words alone do not decide.

    Returns:
        The answer with its marks put right, and its citations in reading order.
    """
    by_number = {source.number: source for source in sources}
    # One citation for each number and sentence, however often it is repeated.
    citations: dict[tuple[int, str], Citation] = {}
    new_marks: dict[tuple[int, int], str] = {}
    for sentence in cited_sentences(answer):
        verdicts = _verdicts(sentence, by_number, nearness)
        right_source = None
        if not any(verdicts.values()):
            right_source = _supporting_source(sentence.text, sources, nearness)
        if right_source is None:
            for number, supported in verdicts.items():
                citation = Citation(number=number, sentence=sentence.text, supported=supported)
                citations.setdefault((number, sentence.text), citation)
        else:
            number = right_source.number
            citation = Citation(
                number=number,
                sentence=sentence.text,
                supported=True,
                instead_of=sentence.numbers[0],
            )
            citations.setdefault((number, sentence.text), citation)
            first_mark, *other_marks = sentence.marks
            new_marks[first_mark] = f"[{number}]"
            new_marks.update(dict.fromkeys(other_marks, ""))
    return _replace(answer, new_marks), tuple(citations.values())


def citations_answer_question(
    question: str, sources: Sequence[NumberedPassage], citations: Sequence[Citation]
) -> bool:
    """Return whether a text may be taken for the answer to a question, by its checked citations.

    It has some, all are supported, and their passages are about what is asked: a true sentence may
    answer another question.
    """
    if not citations or not all(citation.supported for citation in citations):
        return False
    cited_numbers = {citation.number for citation in citations}
    texts = [
        text_with_place(source.passage) for source in sources if source.number in cited_numbers
    ]
    asked = content_words(question)
    found = asked & content_words(" ".join(texts))
    return len(found) >= ASKED * len(asked)


def _verdicts(
    sentence: CitedSentence, by_number: Mapping[int, NumberedPassage], nearness: Nearness
) -> dict[int, bool]:
    """Return for each number that a sentence cites whether that passage supports it."""
    cited = [by_number[number] for number in sentence.numbers if number in by_number]
    verdicts: dict[int, bool] = {}
    for number in sentence.numbers:
        source = by_number.get(number)
        if source is None:
            verdicts[number] = False
        else:
            verdicts[number] = supports(sentence.text, source, cited=cited, nearness=nearness)
    return verdicts


def _supporting_source(
    sentence: str, sources: Sequence[NumberedPassage], nearness: Nearness
) -> NumberedPassage | None:
    """Return the source that supports a sentence by itself; of several, the one with most words."""
    words = content_words(sentence)
    best: NumberedPassage | None = None
    most_words = -1
    for source in sources:
        if supports(sentence, source, cited=[source], nearness=nearness):
            shared = len(words & content_words(text_with_place(source.passage)))
            if shared > most_words:
                best = source
                most_words = shared
    return best


def _replace(text: str, replacements: Mapping[tuple[int, int], str]) -> str:
    """Return a text with the stretches [start, end) replaced; they are in order, none overlaps."""
    pieces: list[str] = []
    done = 0
    for (start, end), replacement in replacements.items():
        pieces.append(text[done:start])
        pieces.append(replacement)
        done = end
    pieces.append(text[done:])
    return "".join(pieces)
