"""The public sets in the data folder, as documents to ingest and questions with gold passages.

A gold passage ("unit") is a stretch of a document: an xquad paragraph, a section of the cookbook
documentation, a passage of the multi-turn set, a quoted reference of the chunking set. What the
store returns are DocMind's own passages; `Corpus.units_of` says which units one stands for.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

from docmind.ingestion.parsed import ParsedDocument, Section
from docmind.ingestion.readers.formats import read

LANGUAGES = ("en", "de", "zh")

ANSWERABLE = "ANSWERABLE"
PARTIAL = "PARTIAL"
UNANSWERABLE = "UNANSWERABLE"

Span = tuple[int, int]
"""Characters [start, end) of a document's extracted text."""


@dataclass(frozen=True)
class Unit:
    """A gold passage: characters [start, end) of a document's extracted text."""

    document_id: str
    start: int
    end: int
    copies: tuple[Span, ...] = ()
    """Where else in the document the same text stands."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """Every place of the text."""
        return ((self.start, self.end), *self.copies)


@dataclass(frozen=True)
class Question:
    """What is asked, and the units that answer it."""

    text: str
    gold: tuple[int, ...]
    """Places in `Corpus.units`."""
    answers: tuple[str, ...] = ()
    """Any of them is right; empty where the set has passages only."""


class SetDocument(NamedTuple):
    """A document of a set."""

    file_name: str
    parsed: ParsedDocument


@dataclass
class Corpus:
    """One set."""

    name: str
    documents: dict[str, SetDocument] = field(default_factory=dict)
    """By document id."""
    units: list[Unit] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def add(self, file_name: str, sections: Sequence[Section]) -> list[int]:
        """Add a document with one unit per section; return the units' places."""
        parsed = ParsedDocument(tuple(sections))
        document_id = id_of_file_name(file_name)
        self.documents[document_id] = SetDocument(file_name, parsed)
        places = []
        for start, section in parsed.spans():
            places.append(len(self.units))
            end = start + len(section.text)
            self.units.append(Unit(document_id=document_id, start=start, end=end))
        return places

    def text_of(self, unit: Unit) -> str:
        """Return the text of a unit."""
        return self.documents[unit.document_id].parsed.text[unit.start : unit.end]

    def units_of(self, document_id: str, start: int, end: int) -> list[int]:
        """Return the places of the units that characters [start, end) stand for.

        These have at least half of the unit, or the unit has half of them. Most overlap first.
        """
        overlaps = []
        for place in self._places_by_document.get(document_id, ()):
            span = _best_span(self.units[place], start, end)
            shared = _overlap(span, start, end)
            shorter = min(end - start, span[1] - span[0])
            if shared > 0 and 2 * shared >= shorter:
                overlaps.append((-shared, place))
        return [place for _, place in sorted(overlaps)]

    @cached_property
    def _places_by_document(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for place, unit in enumerate(self.units):
            index.setdefault(unit.document_id, []).append(place)
        return index


def id_of_file_name(file_name: str) -> str:
    """Return the document id of a set's file: of its name, as the text is made by the set."""
    return hashlib.sha256(file_name.encode()).hexdigest()


def _overlap(span: Span, start: int, end: int) -> int:
    """Return how many characters of [start, end) lie in the span; negative where they are apart."""
    return min(end, span[1]) - max(start, span[0])


def _best_span(unit: Unit, start: int, end: int) -> Span:
    """Return the place of the unit's text that overlaps [start, end) most."""
    best = unit.spans[0]
    for span in unit.copies:
        if _overlap(span, start, end) > _overlap(best, start, end):
            best = span
    return best


class XquadAnswer(TypedDict):
    """A right answer, as it stands in the paragraph."""

    text: str


class XquadQuestion(TypedDict):
    """A question about one paragraph."""

    question: str
    answers: list[XquadAnswer]


class XquadParagraph(TypedDict):
    """A paragraph with its questions."""

    context: str
    qas: list[XquadQuestion]


class XquadArticle(TypedDict):
    """A Wikipedia article's paragraphs."""

    title: str
    paragraphs: list[XquadParagraph]


def xquad_articles(data: Path, language: str) -> list[XquadArticle]:
    """Return the articles of xquad in one of LANGUAGES."""
    file = data / "xquad" / f"xquad.{language}.json"
    return cast(list[XquadArticle], json.loads(file.read_text("utf-8"))["data"])


def xquad(data: Path, language: str) -> Corpus:
    """Articles as documents, their paragraphs as units."""
    corpus = Corpus(f"xquad-{language}")
    for article in xquad_articles(data, language):
        paragraphs = article["paragraphs"]
        sections = [Section(paragraph["context"].strip()) for paragraph in paragraphs]
        places = corpus.add(f"{article['title']}.txt", sections)
        for place, paragraph in zip(places, paragraphs, strict=True):
            for qa in paragraph["qas"]:
                answers = tuple(dict.fromkeys(answer["text"] for answer in qa["answers"]))
                question = Question(text=qa["question"], gold=(place,), answers=answers)
                corpus.questions.append(question)
    return corpus


class CookbookSection(TypedDict):
    """A section of a documentation page."""

    chunk_link: str
    chunk_heading: str
    text: str


class CookbookQuestion(TypedDict):
    """A question about the documentation."""

    question: str
    correct_chunks: list[str]
    """Links of the sections that answer it."""
    correct_answer: str


def cookbook(data: Path) -> Corpus:
    """Pages of product documentation as documents, their sections as units."""
    folder = data / "cookbook-docs"
    sections_file = folder / "anthropic_docs.json"
    all_sections: list[CookbookSection] = json.loads(sections_file.read_text("utf-8"))
    pages: dict[str, list[CookbookSection]] = {}
    for section in all_sections:
        page_link = section["chunk_link"].split("#")[0]
        pages.setdefault(page_link, []).append(section)

    corpus = Corpus("cookbook-docs")
    place_of_link: dict[str, int] = {}
    for page_link, sections in pages.items():
        file_name = page_link.split("/en/")[-1].replace("/", " ") + ".md"
        parts = []
        for section in sections:
            heading = section["chunk_heading"]
            parts.append(Section(section["text"].strip() or heading, headings=(heading,)))
        places = corpus.add(file_name, parts)
        for section, place in zip(sections, places, strict=True):
            place_of_link[section["chunk_link"]] = place

    questions_file = folder / "docs_evaluation_dataset.json"
    questions: list[CookbookQuestion] = json.loads(questions_file.read_text("utf-8"))
    for asked in questions:
        gold = tuple(place_of_link[link] for link in asked["correct_chunks"])
        answers = (asked["correct_answer"],)
        corpus.questions.append(Question(text=asked["question"], gold=gold, answers=answers))
    return corpus


class Utterance(NamedTuple):
    """What one side said in a conversation."""

    speaker: str
    """`user` or `agent`."""
    text: str


@dataclass(frozen=True)
class Context:
    """A gold passage of a task."""

    document_id: str
    title: str
    """Of the article that it is from."""
    text: str
    """As the set has it, white space at its ends included."""


@dataclass(frozen=True)
class MultiTurnTask:
    """A conversation of the multi-turn set that ends with a question."""

    answerability: str
    """ANSWERABLE, PARTIAL, UNANSWERABLE or UNDERSPECIFIED."""
    past: tuple[Utterance, ...]
    question: str
    contexts: tuple[Context, ...]
    reference_answer: str

    @property
    def user_turns(self) -> list[str]:
        """What the user said, the question last."""
        turns = [utterance.text for utterance in self.past if utterance.speaker == "user"]
        return [*turns, self.question]


def multi_turn_tasks(data: Path) -> list[MultiTurnTask]:
    """Return the tasks of the multi-turn set, the same at every call."""
    lines = (data / "mtrag" / "dev.jsonl").read_text("utf-8").splitlines()
    tasks = []
    for line in lines:
        task = json.loads(line)
        utterances = [Utterance(u["speaker"], u["text"].strip()) for u in task["input"]]
        contexts = []
        for context in task["contexts"]:
            document_id = context["document_id"]
            title = context.get("title") or re.split(r"[-_]", document_id)[0]
            contexts.append(Context(document_id=document_id, title=title, text=context["text"]))
        tasks.append(
            MultiTurnTask(
                answerability=task["answerability"][0],
                past=tuple(utterances[:-1]),
                question=utterances[-1].text,
                contexts=tuple(contexts),
                reference_answer=task["targets"][0]["text"].strip(),
            )
        )
    return tasks


def multi_turn(data: Path, turns: int = 1) -> Corpus:
    """Titles as documents, their passages as units.

    The query is the last `turns` turns of the user in an answerable task.
    """
    tasks = multi_turn_tasks(data)
    passages_by_title: dict[str, dict[str, str]] = {}
    for task in tasks:
        for context in task.contexts:
            passages = passages_by_title.setdefault(context.title, {})
            passages[context.document_id] = context.text.strip()

    corpus = Corpus("mtrag" if turns == 1 else f"mtrag-last{turns}")
    place_of_passage: dict[str, int] = {}
    for title, passages in passages_by_title.items():
        file_name = re.sub(r"[^\w .,()-]", "", title)[:80] + ".txt"
        places = corpus.add(file_name, [Section(text) for text in passages.values()])
        place_of_passage |= zip(passages, places, strict=True)

    for task in tasks:
        if task.contexts and task.answerability in {ANSWERABLE, PARTIAL}:
            places = [place_of_passage[context.document_id] for context in task.contexts]
            question = Question(
                text="\n".join(task.user_turns[-turns:]),
                gold=tuple(dict.fromkeys(places)),
                answers=(task.reference_answer,),
            )
            corpus.questions.append(question)
    return corpus


def handbook_questions(data: Path) -> list[str]:
    """Return the handbook's questions.

    Its documents are not in the data folder, only pointers to a store elsewhere.
    """
    questions = json.loads((data / "handbook" / "sourcegraph.json").read_text("utf-8"))
    return [question["query"] for question in questions]


def chunking(data: Path) -> Corpus:
    """Five long files through the product's reader; the quoted references are the units."""
    folder = data / "chunking-eval"
    corpus = Corpus("chunking-eval")
    id_of_stem: dict[str, str] = {}
    for file in sorted((folder / "corpora").glob("*.md")):
        document_id = id_of_file_name(file.name)
        corpus.documents[document_id] = SetDocument(file.name, read(file))
        id_of_stem[file.stem] = document_id

    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            document_id = id_of_stem[row["corpus_id"]]
            units = _quoted_units(corpus, document_id, row["references"])
            if not units:
                continue
            first = len(corpus.units)
            corpus.units += units
            gold = tuple(range(first, len(corpus.units)))
            corpus.questions.append(Question(text=row["question"], gold=gold))
    return corpus


def _quoted_units(corpus: Corpus, document_id: str, references: str) -> list[Unit]:
    """Return a unit for each quoted reference; none if one is not in the extracted text."""
    text = corpus.documents[document_id].parsed.text
    units = []
    for reference in _parse_references(references):
        spans = _find_quote(text, reference["content"])
        if not spans:
            return []
        start, end = spans[0]
        unit = Unit(document_id=document_id, start=start, end=end, copies=tuple(spans[1:]))
        units.append(unit)
    return units


class Reference(TypedDict):
    """A quotation that answers a question of the chunking set."""

    content: str


def _parse_references(cell: str) -> list[Reference]:
    """Return the references of a cell, which is JSON in some rows and Python in others."""
    try:
        return cast(list[Reference], json.loads(cell))
    except ValueError:
        return cast(list[Reference], ast.literal_eval(cell))


def _find_quote(text: str, quote: str) -> list[Span]:
    """Return everywhere that a quote stands; white space may differ, as readers clean it."""
    pattern = re.escape(quote)
    if quote not in text:
        pattern = r"\s+".join(re.escape(word) for word in quote.split())
    return [match.span() for match in re.finditer(pattern, text)]


def retrieval_sets(data: Path) -> Iterator[Corpus]:
    """Yield every set on which retrieval is measured."""
    for language in LANGUAGES:
        yield xquad(data, language)
    yield cookbook(data)
    yield chunking(data)
    yield multi_turn(data)
    yield multi_turn(data, turns=3)
