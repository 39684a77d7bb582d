"""A table of documents by aspects in an answer: every cell is a statement of its own.

    | | lease-a.pdf | lease-b.pdf |
    | --- | --- | --- |
    | rent | EUR 950 [1] | EUR 1,100 [3] |
    | pets | allowed [2] | not stated |

A cell is what its document says of its aspect: only a passage of that document supports it. What is
the same and what differs is computed from the cells, and such a sentence of an answer is checked by
computing it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from docmind.events import Citation, Statement, Verdict
from docmind.passages import NumberedPassage, Passage
from docmind.verification.judge import Judge
from docmind.verification.sentences import MARK, expand, plain
from docmind.verification.short_answers import judge_short_answer
from docmind.verification.statements import (
    CheckedAnswer,
    asks_yes_or_no,
    check_answer,
    is_fragment,
    join_checked,
)
from docmind.verification.support import Nearness, closest
from docmind.verification.support import compare as compare_with_passage
from docmind.verification.values import missing, values, without_values
from docmind.verification.words import content_words, is_negated, says_opposite, words_alone

_TABLE = re.compile(r"(?m)^\|.*\|[ \t]*\n\|[\s:|-]*-[\s:|-]*\|[ \t]*\n(?:\|.*\|[ \t]*(?:\n|\Z))+")
HEADING_LINE = re.compile(r"(?m)^#{1,6} (.+?)\s*$")
_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[ \t]*\S[^\n]*)*")
_CELL = re.compile(r"\|((?:\\.|[^|\\\n])*)(?=\|)")
_ASKS_SAME = re.compile(
    r"\b(?:same|equal(?:ly)?|identical(?:ly)?|alike|agree|match|gleiche?\w*|\u00fcberein\w*"
    r"|identisch\w*|dieselbe\w*|denselben|dasselbe)\b",
    re.IGNORECASE,
)
_ASKS_DIFFERENT = re.compile(
    r"\b(?:differ(?:s|ent|ently|ence|ences)?|unterscheide\w*|unterschied\w*|verschieden\w*"
    r"|abweich\w*)\b",
    re.IGNORECASE,
)


class Outcome(StrEnum):
    """What comes of comparing the cells of one aspect."""

    DIFFERENT = "different"
    """Their values are others."""
    OTHER_WORDS = "other words"
    """Nothing that could be compared by value tells; the words are others."""
    SAME = "same"
    NOT_EVERYWHERE = "not everywhere"
    """Some documents do not state it."""
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Wording:
    """The words around the cells, in one language."""

    not_stated: str
    yes: str
    no: str
    conjunction: str
    outcomes: Mapping[Outcome, str]
    """In the order in which they are told."""


ENGLISH = Wording(
    not_stated="not stated",
    yes="Yes",
    no="No",
    conjunction="and",
    outcomes={
        Outcome.DIFFERENT: "different",
        Outcome.OTHER_WORDS: "worded differently",
        Outcome.SAME: "the same",
        Outcome.NOT_EVERYWHERE: "not stated in each",
        Outcome.NOWHERE: "stated in none",
    },
)
GERMAN = Wording(
    not_stated="nicht angegeben",
    yes="Ja",
    no="Nein",
    conjunction="und",
    outcomes={
        Outcome.DIFFERENT: "verschieden",
        Outcome.OTHER_WORDS: "anders formuliert",
        Outcome.SAME: "gleich",
        Outcome.NOT_EVERYWHERE: "nicht \u00fcberall angegeben",
        Outcome.NOWHERE: "nirgends angegeben",
    },
)
WORDINGS: Mapping[str, Wording] = {"en": ENGLISH, "de": GERMAN}
"""By language."""


@dataclass(frozen=True)
class Cell:
    """What one document says of one aspect."""

    document: str
    """The document's name, as the table has it."""
    aspect: str
    text: str
    """Without marks; empty where nothing is stated."""
    numbers: tuple[int, ...] = ()
    """Of the passages that it cites."""
    start: int = 0
    """Character offset in the answer of its first character."""
    end: int = 0
    """Character offset in the answer behind its last character."""


@dataclass(frozen=True)
class ComparisonTable:
    """A cell for each document and aspect."""

    cells: tuple[Cell, ...]
    """In reading order."""
    start: int = 0
    """Character span [start, end) in the answer."""
    end: int = 0

    @property
    def aspects(self) -> list[str]:
        """The aspects, in reading order."""
        return list(dict.fromkeys(cell.aspect for cell in self.cells))

    @property
    def documents(self) -> list[str]:
        """The documents' names, in reading order."""
        return list(dict.fromkeys(cell.document for cell in self.cells))

    def of_aspect(self, aspect: str) -> list[Cell]:
        """Return the cells of one aspect."""
        return [cell for cell in self.cells if cell.aspect == aspect]


def render(cells: Sequence[Cell], wording: Wording) -> str:
    """Return cells as a Markdown table with their marks.

    What there is more of, documents or aspects, runs down the page.
    """
    table = ComparisonTable(tuple(cells))
    by_place: dict[tuple[str, str], str] = {}
    for cell in cells:
        by_place[cell.document, cell.aspect] = _cell_text(cell, wording)
    documents_on_top = len(table.documents) <= len(table.aspects)
    columns = table.aspects
    rows = table.documents
    if documents_on_top:
        columns = table.documents
        rows = table.aspects
    lines = [_row(["", *columns]), _row(["---"] * (len(columns) + 1))]
    for row in rows:
        texts = [row]
        for column in columns:
            place = (column, row) if documents_on_top else (row, column)
            texts.append(by_place[place])
        lines.append(_row(texts))
    return "\n".join(lines)


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell_text(cell: Cell, wording: Wording) -> str:
    if not cell.text:
        return wording.not_stated
    return f"{one_line(cell.text)}{_marks(cell)}"


def _marks(cell: Cell) -> str:
    """Return a cell's marks as they stand behind its text."""
    return "".join(f" [{number}]" for number in cell.numbers)


def one_line(text: str) -> str:
    """Return a text as it can stand in a cell: without marks of its own, in one line."""
    without_marks = MARK.sub(r"(\1)", text)
    return " ".join(without_marks.replace("|", "/").split())


def find_table(answer: str, passages: Sequence[NumberedPassage]) -> ComparisonTable | None:
    """Return the first table of an answer whose heads are names of the passages' documents."""
    names = {source.passage.file_name for source in passages}
    for match in _TABLE.finditer(answer):
        table = _read_table(match[0], match.start(), names)
        if table is not None:
            return table
    return None


def _read_table(markdown: str, start: int, names: set[str]) -> ComparisonTable | None:
    """Return a Markdown table as documents by aspects; None if it is none."""
    rows: list[list[re.Match[str]]] = []
    starts: list[int] = []
    offset = start
    for number, line in enumerate(markdown.splitlines(keepends=True)):
        if number != 1:  # the line below the head
            rows.append(list(_CELL.finditer(line)))
            starts.append(offset)
        offset += len(line)
    texts: list[list[str]] = []
    for row in rows:
        texts.append([plain(cell[1]) for cell in row])
    head = texts[0]
    body = texts[1:]
    if any(len(line) != len(head) for line in body) or len(head) < 2:
        return None
    heads_are_documents = all(is_name_of(text, names) for text in head[1:])
    rows_are_documents = all(is_name_of(line[0], names) for line in body)
    if heads_are_documents == rows_are_documents:
        return None
    cells: list[Cell] = []
    for number in range(1, len(rows)):
        row_head = texts[number][0]
        for column in range(1, len(head)):
            place = Cell(document=row_head, aspect=head[column], text="")
            if heads_are_documents:
                place = Cell(document=head[column], aspect=row_head, text="")
            cells.append(_read_cell(rows[number][column], starts[number], place))
    return ComparisonTable(cells=tuple(cells), start=start, end=start + len(markdown.rstrip()))


def is_name_of(head: str, names: set[str]) -> bool:
    """Return whether a head names a document: one of two with the same name has a number."""
    name, _, _ = head.rpartition(" (")
    return head in names or name in names


def _read_cell(match: re.Match[str], row_start: int, place: Cell) -> Cell:
    """Return a cell of a row, at its place in the answer."""
    raw = match[1]
    text = plain(raw)
    numbers: dict[int, None] = {}  # an ordered set
    start = row_start + match.start(1)
    for mark in MARK.finditer(raw):
        numbers.update(dict.fromkeys(expand(mark[1])))
    if text in (ENGLISH.not_stated, GERMAN.not_stated):
        text = ""
    return replace(
        place,
        text=text,
        numbers=tuple(numbers),
        start=start + len(raw) - len(raw.lstrip()),
        end=start + len(raw.rstrip()),
    )


def judge_cell(
    cell: Cell, by_number: Mapping[int, NumberedPassage], nearness: Nearness
) -> tuple[Verdict, tuple[int, ...]]:
    """Return a cell's verdict, and the numbers of the passages of its document that support it."""
    if not cell.text:
        return Verdict.NO_STATEMENT, ()
    verdict = Verdict.NOT_FOUND
    supporting: list[int] = []
    for number in cell.numbers:
        source = by_number.get(number)
        if source is None or not is_name_of(cell.document, {source.passage.file_name}):
            continue
        found = _judge_by(cell, source, nearness)
        if found is Verdict.SUPPORTED:
            supporting.append(number)
        elif found is Verdict.CONTRADICTED:
            verdict = found
    if supporting:
        verdict = Verdict.SUPPORTED
    return verdict, tuple(supporting)


def _judge_by(cell: Cell, source: NumberedPassage, nearness: Nearness) -> Verdict:
    """Return what one passage says of a cell."""
    words = _unquoted(cell.text)
    is_quotation = words != cell.text
    if is_quotation or not is_fragment(words, cell.aspect):
        return compare_with_passage(words, source.passage, nearness)
    verdict = judge_short_answer(words, source.passage, cell.aspect, nearness=nearness)
    for section in _sections_about(cell.aspect, source.passage):
        if verdict is not Verdict.SUPPORTED:
            verdict = judge_short_answer(words, section, cell.aspect, nearness=nearness)
    if verdict is Verdict.SUPPORTED and not values(words):
        # "allowed" stands in "Pets are not allowed." as well.
        _, sentence = closest(f"{cell.aspect} {words}", [source])
        if is_negated(sentence) != is_negated(words):
            return Verdict.CONTRADICTED
    return verdict


def _sections_about(aspect: str, passage: Passage) -> Iterator[Passage]:
    """Yield the sections of a passage whose heading has a word of an aspect.

    A short document is one passage with its headings in the text: "Term", and below it "It runs for
    two years.".
    """
    asked = content_words(aspect)
    headings = list(HEADING_LINE.finditer(passage.text))
    for number, heading in enumerate(headings):
        end = len(passage.text)
        if number + 1 < len(headings):
            end = headings[number + 1].start()
        if asked & content_words(heading[1]):
            text = passage.text[heading.end() : end].strip()
            yield replace(passage, text=text, heading=heading[1])


def _unquoted(text: str) -> str:
    """Return what a cell quotes; the cell as it is if it quotes nothing."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return text[1:-1].removesuffix("\u2026").strip()
    return text


def compare(cells: Sequence[Cell]) -> Outcome:
    """Return what comes of comparing the cells of one aspect."""
    stated = [cell.text for cell in cells if cell.text]
    if not stated:
        return Outcome.NOWHERE
    if len(stated) < len(cells):
        return Outcome.NOT_EVERYWHERE
    first, *others = stated
    outcomes = {Outcome.SAME}
    for other in others:
        outcomes.add(_compare_texts(first, other))
    for outcome in (Outcome.DIFFERENT, Outcome.OTHER_WORDS):
        if outcome in outcomes:
            return outcome
    return Outcome.SAME


def _compare_texts(text: str, other: str) -> Outcome:
    """Return whether two texts say the same: by their values, else by their words."""
    here = values(text)
    there = values(other)
    if words_alone(text) == words_alone(other) and len(here) == len(there):
        return Outcome.SAME
    if not here or not there:
        return Outcome.OTHER_WORDS
    # One may say more than the other: what both give in the same unit must be the same.
    shorter, longer = sorted([here, there], key=len)
    if missing(shorter, longer):
        return Outcome.DIFFERENT
    if says_opposite(text, other) or is_negated(text) != is_negated(other):
        return Outcome.DIFFERENT
    words = content_words(without_values(text))
    other_words = content_words(without_values(other))
    if words <= other_words or other_words <= words:
        return Outcome.SAME
    return Outcome.OTHER_WORDS


def conclusion(table: ComparisonTable, wording: Wording) -> str:
    """Return one sentence on which aspects are the same and which differ; "" for one document."""
    if len(table.documents) < 2:
        return ""
    by_outcome: dict[Outcome, list[str]] = {}
    for aspect in table.aspects:
        by_outcome.setdefault(compare(table.of_aspect(aspect)), []).append(aspect)
    parts: list[str] = []
    for outcome, name in wording.outcomes.items():
        if outcome in by_outcome:
            parts.append(f"{name}: {_listed(by_outcome[outcome], wording)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _listed(texts: Sequence[str], wording: Wording) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    *before, last = texts
    if not before:
        return last
    return f"{', '.join(before)} {wording.conjunction} {last}"


def asks_same(question: str) -> bool | None:
    """Return whether a question asks if things are the same (True) or differ (False).

    None: it asks neither, or more than yes or no.
    """
    has_same = _ASKS_SAME.search(question) is not None
    has_different = _ASKS_DIFFERENT.search(question) is not None
    if not asks_yes_or_no(question) or has_same == has_different:
        return None
    return has_same


def yes_or_no(question: str, table: ComparisonTable, wording: Wording) -> str:
    """Return the sentence that answers whether aspects are the same, or differ, with all values.

    Empty if the question does not ask that, or if values do not tell.
    """
    asked_same = asks_same(question)
    if asked_same is None or len(table.documents) < 2:
        return ""
    outcomes: set[Outcome] = set()
    for aspect in table.aspects:
        outcomes.add(compare(table.of_aspect(aspect)))
    if not outcomes <= {Outcome.SAME, Outcome.DIFFERENT}:
        return ""
    all_same = Outcome.DIFFERENT not in outcomes
    word = wording.yes if all_same == asked_same else wording.no
    parts: list[str] = []
    for aspect in table.aspects:
        texts: list[str] = []
        for cell in table.of_aspect(aspect):
            texts.append(f"{cell.text} ({cell.document}){_marks(cell)}")
        parts.append(f"{aspect}: {_listed(texts, wording)}")
    return f"{word}, {'; '.join(parts)}."


def _nothing_is_near(_text: str, _others: list[str]) -> float:
    """Compare by words alone."""
    return 0.0


def check_comparison(
    question: str,
    answer: str,
    passages: Sequence[NumberedPassage],
    nearness: Nearness = _nothing_is_near,
    *,
    judge: Judge | None = None,
) -> CheckedAnswer:
    """Check an answer as `check_answer` does, a table of documents by aspects cell by cell."""
    table = find_table(answer, passages)
    if table is None:
        return check_answer(question, answer, passages, nearness=nearness, judge=judge)
    by_number = {source.number: source for source in passages}
    checked_table = _check_table(answer, table, by_number, nearness=nearness)
    computed = _computed(question, table)
    parts: list[tuple[str, CheckedAnswer]] = []
    done = 0
    for start, end in _stretches(answer, table):
        part = answer[start:end]
        if start == table.start:
            checked = checked_table
        elif plain(part) in computed:
            checked = _check_computed(part, checked_table)
        elif _concludes(part, question):
            checked = _contradicted(part)
        else:
            checked = check_answer(question, part, passages, nearness=nearness, judge=judge)
        parts.append((answer[done:start], checked))
        done = end
    return join_checked(parts)


def _stretches(answer: str, table: ComparisonTable) -> Iterator[tuple[int, int]]:
    """Yield the character span [start, end) of each paragraph of an answer; its table is one."""
    for match in _PARAGRAPH.finditer(answer, 0, table.start):
        yield match.span()
    yield table.start, table.end
    for match in _PARAGRAPH.finditer(answer, table.end):
        yield match.span()


def _computed(question: str, table: ComparisonTable) -> set[str]:
    """Return all sentences that can be computed from a table, without marks."""
    sentences: set[str] = set()
    for wording in WORDINGS.values():
        sentences.add(plain(conclusion(table, wording)))
        sentences.add(plain(yes_or_no(question, table, wording)))
    return sentences


def _concludes(part: str, question: str) -> bool:
    """Return whether a paragraph has the form of a sentence that is computed from a table."""
    words = plain(part).casefold()
    for wording in WORDINGS.values():
        name, has_colon, _ = words.partition(": ")
        if has_colon and name in wording.outcomes.values():
            return True
        beginnings: list[str] = []
        if asks_same(question) is not None:
            beginnings += [f"{wording.yes.casefold()}, ", f"{wording.no.casefold()}, "]
        if words.startswith(tuple(beginnings)):
            return True
    return False


def _contradicted(text: str) -> CheckedAnswer:
    """Return a sentence that says another thing than the table beside it."""
    statement = Statement(text=plain(text), verdict=Verdict.CONTRADICTED, start=0, end=len(text))
    citations: list[Citation] = []
    for mark in MARK.finditer(text):
        for number in expand(mark[1]):
            citations.append(Citation(number=number, sentence=statement.text, supported=False))
    return CheckedAnswer(text=text, statements=(statement,), citations=tuple(citations))


def _check_table(
    answer: str,
    table: ComparisonTable,
    by_number: Mapping[int, NumberedPassage],
    *,
    nearness: Nearness,
) -> CheckedAnswer:
    """Return a table with its cells as statements."""
    statements: list[Statement] = []
    citations: list[Citation] = []
    for cell in table.cells:
        verdict, supporting = judge_cell(cell, by_number, nearness)
        if verdict is Verdict.NO_STATEMENT:
            continue
        statement = Statement(
            text=f"{cell.document}, {cell.aspect}: {cell.text}",
            verdict=verdict,
            passages=supporting,
            start=cell.start - table.start,
            end=cell.end - table.start,
        )
        statements.append(statement)
        for number in cell.numbers:
            citation = Citation(
                number=number, sentence=statement.text, supported=number in supporting
            )
            citations.append(citation)
    return CheckedAnswer(
        text=answer[table.start : table.end],
        statements=tuple(statements),
        citations=tuple(citations),
    )


def _check_computed(text: str, table: CheckedAnswer) -> CheckedAnswer:
    """Return a sentence that was computed from a table: it is as well supported as the cells."""
    supporting: dict[int, None] = {}  # an ordered set
    verdict = Verdict.NO_STATEMENT  # nothing is stated anywhere
    if table.statements:
        verdict = Verdict.SUPPORTED
    for statement in table.statements:
        supporting.update(dict.fromkeys(statement.passages))
        if statement.verdict is not Verdict.SUPPORTED:
            verdict = Verdict.NOT_FOUND
    words = plain(text)
    citations: list[Citation] = []
    for mark in MARK.finditer(text):
        for number in expand(mark[1]):
            citation = Citation(number=number, sentence=words, supported=number in supporting)
            citations.append(citation)
    statement = Statement(
        text=words, verdict=verdict, passages=tuple(supporting), start=0, end=len(text)
    )
    return CheckedAnswer(text=text, statements=(statement,), citations=tuple(citations))
