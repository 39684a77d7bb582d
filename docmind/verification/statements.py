"""An answer → its sentences, each with a verdict: what `check_answer` finds.

    supported        a passage says so: one that the model cites, else another; its mark is put
    contradicted     a passage speaks of the same thing and says otherwise
    not found        no passage says so
    no statement     a heading, a greeting, a question, a refusal, an echo of the question

Every sentence is compared with one passage at a time. Only where the model cites several may each
carry a clause of it.

Where there is a judge (a model that is tuned to judge, see `judge`), rules and judge decide
together. Rules alone decide on what stands in a passage word for word, and on values: what is
supported has each of its numbers, dates and quantities in one passage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from docmind.events import Citation, Statement, Verdict
from docmind.passages import NumberedPassage
from docmind.phrases import ALL as ALL_PHRASES
from docmind.verification.judge import Claim, Judge, Judgement
from docmind.verification.quotations import quoted_words
from docmind.verification.sentences import AnswerSentence, answer_sentences, points_elsewhere
from docmind.verification.short_answers import asks_for_number, judge_short_answer
from docmind.verification.support import (
    Nearness,
    compare,
    has_values,
    names_of_document,
    stands_word_for_word,
    words_with_place,
)
from docmind.verification.values import missing, values
from docmind.verification.words import content_words, is_bare_number, is_negated

SHORT = 10
"""An answer of at most so many words, none of them a common verb, says nothing without its
question."""

SAID_AGAIN = 0.6
"""Fraction of a question's words from which an answer says it again."""

MOST_OTHERS = 5
"""Passages that are looked at, at most, beside those that a sentence cites: those that share most
words with it."""

_OF_COMPARISON = {
    sentence
    for phrases in ALL_PHRASES.values()
    for sentence in (phrases.as_stated, phrases.not_as_stated)
}
"""What is said of a statement that the user wants checked; it was compared by this same check."""

LEAST_SUPPORTED = 0.2
"""Chance that a statement is supported, by the judge, below which the rules' word is not enough."""

SUPPORTED_ALONE = 0.3
"""The same from which the judge's word is enough. Both were chosen on half of the claims of
`docmind eval citations`: most supported ones pass where at most 6% of the others do."""

CLAUSE_WORDS = 2
"""What has fewer words is no clause of its own."""

_CLAUSE_END = re.compile(r",?\s+(?:and|but|while|whereas|und|aber)\s+|;\s+")

_GREETING = re.compile(
    r"^(?:hello|hi|hey|sure|certainly|of course|thanks?|thank you|you're welcome|welcome|great"
    r"|okay|ok|hallo|danke|gerne|here (?:is|are)|i hope|let me know|feel free)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"""
    ^ (?: however,? \s | unfortunately,? \s | sorry,? \s )?
    (?:
        not \s found \s in \s (?:your|the) \s documents
      | in \s (?: den | ihren ) \s dokumenten \s nicht \s gefunden
      | (?: the | your | these | this | my ) \s (?:[\w-]+ \s)? (?: document | passage | text
          | source | excerpt | context | information | file )s? \b [^.;]{0,60}?
          \b (?: do | does | did ) \s? (?: not | n['\u2019]t ) \s
          (?: say | mention | state | contain | provide | specify | include | tell | give | address
            | answer | describe | list )
      | there \s (?: is | are | was | were ) \s no \s
          (?: information | mention | document | passage | detail | answer )
      | no \s (?: information | document | passage | mention ) s? \b
      | i \s (?: could | can | did | do | am ) \s? (?: not | n['\u2019]t )
      | i \s cannot | i['\u2019]m \s (?: sorry | unable | not )
      | (?: die | ihre | diese ) \s (?: dokumente | unterlagen ) \b [^.]* \b (?: nicht | keine )
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TURNS = re.compile(r"\b(?:but|however|although|except|only)\b", re.IGNORECASE)
"""What may bring a statement behind a refusal."""

_ABOUT_PASSAGE = re.compile(
    r"""
    ^ (?: this | that | these | it | more
        | the \s (?: information | answer | statement | details? ) )
    \b .* \b (?: found | stated | mentioned | described | given | listed | provided | contained
      | located | refer\w* | according | based ) \b
    .* \b (?: passage | document | source | text | excerpt | context ) s? \b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\b(?:is|are|was|were|in|on|by|from|of|at|see|to|ist|sind|war|steht in|siehe)\W*$",
    re.IGNORECASE,
)
"""The end of a sentence whose mark stood for the thing: "The Harbour one is [1]."."""

_OPEN_QUESTION = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|name|list|was|welche\w*|wer|wem|wen|wann"
    r"|wo|warum|wie)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^(?:and |but )?(?:is|are|was|were|do|does|did|has|have|had|can|could|may|must|will|would"
    r"|should|shall|ist|sind|hat|haben|kann|darf|muss|wird)\b",
    re.IGNORECASE,
)

_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|did|can|could|may|might|must|shall|should|will"
    r"|would|ist|sind|war|waren|hat|haben|hatte|kann|muss|darf|wird|wurde|wurden)\b",
    re.IGNORECASE,
)

_NOT_A_STATEMENT = frozenset({"heading", "table head"})


@dataclass(frozen=True)
class CheckedAnswer:
    """An answer with what its check found."""

    text: str
    """The answer with wrong marks put right and missing ones put."""
    statements: tuple[Statement, ...]
    """Its sentences in reading order."""
    citations: tuple[Citation, ...]
    """Its marks in reading order."""
    is_short: bool = False
    """Whether it is one short sentence, which was checked together with its question."""


@dataclass
class _Sentence:
    """A sentence while it is checked."""

    sentence: AnswerSentence
    numbers: list[int] = field(default_factory=list)
    """The numbers that it cites, also those of a "See [1]." behind it."""
    marks: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    """Where it ends, with a "See [1]." behind it."""
    is_hollow: bool = False
    verdict: Verdict = Verdict.NO_STATEMENT
    passages: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """What it says or quotes."""
        return quoted_words(self.sentence.text)

    @property
    def is_quotation(self) -> bool:
        """Whether it says that it quotes: its words were found for the question."""
        return self.words != self.sentence.text


def check_answer(
    question: str,
    answer: str,
    passages: Sequence[NumberedPassage],
    nearness: Nearness = lambda _text, _others: 0.0,
    *,
    judge: Judge | None = None,
) -> CheckedAnswer:
    """Give every sentence of an answer a verdict, and put its marks right.

    Args:
        question: what was asked; empty if that is not known.
        answer: as the model wrote it.
        passages: those that the model was shown.
        nearness: compares meanings; called only when words alone do not decide.
        judge: judges what is not said word for word; None: the rules alone decide.
    """
    by_number = {source.number: source for source in passages}
    sentences = _with_marks_behind(list(answer_sentences(answer)))
    whole = " ".join(found.sentence.text for found in sentences)
    is_short = bool(question) and len(sentences) == 1 and is_fragment(whole, question)
    citations: dict[tuple[int, str], Citation] = {}
    new_marks: dict[tuple[int, int], str] = {}
    for found in sentences:
        text = found.sentence.text
        found.is_hollow = _is_hollow(found.sentence, question, is_short=is_short)
        if not found.is_hollow and not _states_nothing(found.sentence):
            asked = question if is_short else ""
            _compare(found, by_number, nearness, asked=asked, question=question)
    if judge is not None:
        _add_judgements(sentences, by_number, judge, question)
    for found in sentences:
        text = found.sentence.text
        moved = bool(found.passages) and not set(found.passages) & set(found.numbers)
        if moved and not found.numbers:
            number = found.passages[0]
            if not found.sentence.is_table_row:
                place = found.sentence.mark_place
                new_marks[place, place] = f" [{number}]"
                citation = Citation(number=number, sentence=text, supported=True)
                citations.setdefault((number, text), citation)
        elif moved:
            number = found.passages[0]
            first_mark, *other_marks = found.marks
            new_marks[first_mark] = f"[{number}]"
            new_marks.update(dict.fromkeys(other_marks, ""))
            citation = Citation(
                number=number, sentence=text, supported=True, instead_of=found.numbers[0]
            )
            citations.setdefault((number, text), citation)
        else:
            for number in found.numbers:
                citation = Citation(
                    number=number, sentence=text, supported=number in found.passages
                )
                citations.setdefault((number, text), citation)
    statements = [
        Statement(
            text=found.sentence.text,
            verdict=found.verdict,
            passages=found.passages,
            end=_moved(found.end, new_marks),
            start=_moved(found.sentence.start, new_marks),
            is_hollow=found.is_hollow,
        )
        for found in sentences
    ]
    return CheckedAnswer(
        text=_replace(answer, new_marks),
        statements=tuple(statements),
        citations=tuple(citations.values()),
        is_short=is_short,
    )


def join_checked(parts: Sequence[tuple[str, CheckedAnswer]]) -> CheckedAnswer:
    """Return the parts of an answer as one, each checked with its own question.

    Args:
        parts: what stands before each part, and the part.
    """
    text = ""
    statements: list[Statement] = []
    citations: list[Citation] = []
    for before, part in parts:
        text += before
        for statement in part.statements:
            start = len(text) + statement.start
            end = len(text) + statement.end
            statements.append(replace(statement, start=start, end=end))
        for citation in part.citations:
            if citation not in citations:
                citations.append(citation)
        text += part.text
    return CheckedAnswer(
        text=text,
        statements=tuple(statements),
        citations=tuple(citations),
        is_short=all(part.is_short for _, part in parts),
    )


def is_fragment(text: str, question: str) -> bool:
    """Return whether a text is an answer such as "40 people", not a sentence of its own.

    One that says the question again states it, whatever its verb: "The repair of the lift cost
    EUR 204."
    """
    words = content_words(text)
    asked = content_words(question)
    says_question = bool(asked) and len(asked & words) >= SAID_AGAIN * len(asked)
    return len(words) <= SHORT and _VERB.search(text) is None and not says_question


def _with_marks_behind(sentences: Sequence[AnswerSentence]) -> list[_Sentence]:
    """Return the sentences; marks of one that only points belong to the one before it."""
    found: list[_Sentence] = []
    for sentence in sentences:
        if found and sentence.numbers and points_elsewhere(sentence.text):
            before = found[-1]
            new_numbers = [number for number in sentence.numbers if number not in before.numbers]
            before.numbers.extend(new_numbers)
            before.marks.extend(sentence.marks)
            before.end = sentence.end
        else:
            added = _Sentence(sentence, end=sentence.end)
            added.numbers.extend(sentence.numbers)
            added.marks.extend(sentence.marks)
            found.append(added)
    return found


def _states_nothing(sentence: AnswerSentence) -> bool:
    """Return whether a sentence is none that passages could support, and does no harm either.

    A heading, a question, a greeting, a refusal, the result of a comparison.
    """
    text = sentence.text
    is_heading = sentence.kind in _NOT_A_STATEMENT or text.endswith(("?", "\uff1f", ":"))
    if is_heading or not content_words(text):
        return True
    if f"{text.rstrip('.')}." in _OF_COMPARISON:
        return True
    refuses = _REFUSAL.search(text) is not None and not _TURNS.search(text, 20)
    return not values(text) and (refuses or _GREETING.search(text) is not None)


def _is_hollow(sentence: AnswerSentence, question: str, *, is_short: bool) -> bool:
    """Return whether a sentence has the looks of an answer and nothing in it.

    It tells only where something stands, its mark stands for the thing, it is a bare number, or it
    says the question again.
    """
    text = sentence.text
    if sentence.kind in _NOT_A_STATEMENT or _states_nothing(sentence):
        return False
    if points_elsewhere(text):
        return True
    if _ABOUT_PASSAGE.search(text) and not values(text):
        return True
    if sentence.numbers and _DANGLING.search(text):
        return True
    if is_bare_number(text):
        return not (is_short and asks_for_number(question))
    return _echoes(text, question)


def asks_yes_or_no(question: str) -> bool:
    """Return whether a question begins as one does that is answered by yes or no."""
    return _YES_NO.search(question) is not None


def is_open_question(question: str) -> bool:
    """Return whether a question wants more than yes or no."""
    return _OPEN_QUESTION.search(question) is not None and _YES_NO.search(question) is None


def _asks(question: str) -> bool:
    """Return whether a task is a question, and not to summarize something."""
    return question.rstrip().endswith(("?", "\uff1f")) or is_open_question(question)


def _echoes(text: str, question: str) -> bool:
    """Return whether a sentence only says an open question again."""
    if not is_open_question(question) or is_negated(text):
        return False
    has_new_value = bool(missing(values(text), values(question)))
    return not has_new_value and content_words(text) <= content_words(question)


def _compare(
    found: _Sentence,
    by_number: Mapping[int, NumberedPassage],
    nearness: Nearness,
    *,
    asked: str,
    question: str,
) -> None:
    """Set a sentence's verdict and the passages that support it.

    Args:
        found: the sentence.
        by_number: the passages.
        nearness: compares meanings.
        asked: the question of a short answer, else empty.
        question: the question.
    """
    text = found.words

    def verdict_of(source: NumberedPassage) -> Verdict:
        if asked:
            return judge_short_answer(text, source.passage, asked, nearness)
        known = names_of_document(question or text, source.passage, by_number.values())
        if not question:
            # A statement by itself. Which of the names that a passage has does what is checked.
            known -= words_with_place(source.passage)
        return compare(text, source.passage, nearness, known)

    cited = [by_number[number] for number in found.numbers if number in by_number]
    verdicts = {source.number: verdict_of(source) for source in cited}
    supporting = [number for number, verdict in verdicts.items() if verdict is Verdict.SUPPORTED]
    if not supporting and len(cited) > 1:
        supporting = _carried_together(text, cited, nearness)
    if not supporting:
        for source in _closest_others(text, by_number, found.numbers):
            verdicts[source.number] = verdict_of(source)
            if verdicts[source.number] is Verdict.SUPPORTED:
                supporting = [source.number]
                break
    if supporting:
        found.verdict = Verdict.SUPPORTED
        found.passages = tuple(supporting)
    elif Verdict.CONTRADICTED in verdicts.values():
        found.verdict = Verdict.CONTRADICTED
    else:
        found.verdict = Verdict.NOT_FOUND


def _add_judgements(
    sentences: Sequence[_Sentence],
    by_number: Mapping[int, NumberedPassage],
    judge: Judge,
    question: str,
) -> None:
    """Have judged what the rules may be wrong about, and set the verdicts anew.

    A single statement must also answer the question, if one is asked; each of several need only be
    so.
    """
    stated = [found for found in sentences if found.verdict is not Verdict.NO_STATEMENT]
    asked = ""
    if len(stated) == 1 and _asks(question):
        asked = question
    open_ones = [found for found in stated if not _stands_as_it_is(found, by_number, asked)]
    claims = [Claim(statement=found.words, question=asked) for found in open_ones]
    for found, judgement in zip(open_ones, judge(claims), strict=True):
        if judgement is not None:
            _weigh(found, judgement, by_number)


def _stands_as_it_is(
    found: _Sentence, by_number: Mapping[int, NumberedPassage], asked: str
) -> bool:
    """Return whether a sentence needs no judge: a passage has its very words.

    But those that alone answer a question may answer another one, unless they are a quotation.
    """
    if asked and not found.is_quotation:
        return False
    supporting = [by_number[number].passage for number in found.passages]
    return any(stands_word_for_word(found.words, passage) for passage in supporting)


def _weigh(
    found: _Sentence, judgement: Judgement, by_number: Mapping[int, NumberedPassage]
) -> None:
    """Set a sentence's verdict by the rules' and the judge's."""
    if found.verdict is Verdict.SUPPORTED and judgement.supported >= LEAST_SUPPORTED:
        return
    if found.verdict is not Verdict.SUPPORTED and judgement.supported >= SUPPORTED_ALONE:
        found.passages = _passage_with_values(found, by_number)
        if found.passages:
            found.verdict = Verdict.SUPPORTED
            return
    found.passages = ()
    if judgement.contradicted > max(judgement.supported, judgement.not_stated):
        found.verdict = Verdict.CONTRADICTED
    elif found.verdict is Verdict.SUPPORTED:
        found.verdict = Verdict.NOT_FOUND


def _passage_with_values(
    found: _Sentence, by_number: Mapping[int, NumberedPassage]
) -> tuple[int, ...]:
    """Return the passage that supports a sentence by the judge's word; none lacks its values.

    The judge has read all passages and does not tell which: it is a cited one, else the closest.
    """
    text = found.words
    cited = [number for number in found.numbers if number in by_number]
    words = content_words(text)
    cited.sort(key=lambda number: -len(words & words_with_place(by_number[number].passage)))
    candidates = [by_number[number] for number in cited]
    candidates += _closest_others(text, by_number, found.numbers)
    for source in candidates:
        if has_values(text, source.passage):
            return (source.number,)
    return ()


def _carried_together(text: str, cited: Sequence[NumberedPassage], nearness: Nearness) -> list[int]:
    """Return the cited passages that support a sentence clause by clause; empty if they do not."""
    clauses = _CLAUSE_END.split(text)
    if len(clauses) < 2:
        return []
    carrying: dict[int, None] = {}  # an ordered set
    for clause in clauses:
        if len(content_words(clause)) < CLAUSE_WORDS:
            return []
        supporting = [
            source.number
            for source in cited
            if compare(clause, source.passage, nearness) is Verdict.SUPPORTED
        ]
        if not supporting:
            return []
        carrying.update(dict.fromkeys(supporting))
    return list(carrying)


def _closest_others(
    text: str, by_number: Mapping[int, NumberedPassage], cited: Sequence[int]
) -> list[NumberedPassage]:
    """Return the passages that are not cited and share words with a sentence, most first."""
    words = content_words(text)
    shared: dict[int, int] = {}
    for number, source in by_number.items():
        count = len(words & words_with_place(source.passage))
        if number not in cited and count:
            shared[number] = count
    closest_first = sorted(shared, key=lambda number: -shared[number])
    return [by_number[number] for number in closest_first[:MOST_OTHERS]]


def _replace(text: str, replacements: Mapping[tuple[int, int], str]) -> str:
    """Return a text with the stretches [start, end) replaced; none overlaps another."""
    pieces: list[str] = []
    done = 0
    for (start, end), replacement in sorted(replacements.items()):
        pieces.append(text[done:start])
        pieces.append(replacement)
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def _moved(place: int, replacements: Mapping[tuple[int, int], str]) -> int:
    """Return where a place of a text is after `_replace`."""
    moved = place
    for (start, end), replacement in replacements.items():
        if end <= place:
            moved += len(replacement) - (end - start)
    return moved
