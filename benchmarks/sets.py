"""The public sets in the data folder as documents to ingest and questions with gold passages.

A gold passage ("unit") is a stretch of a document: an xquad paragraph, a section of the cookbook documentation, a
passage of the multi-turn set, a quoted reference of the chunking set. What the store returns are DocMind's own chunks;
`Corpus.units_of` says which units a chunk stands for.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from docmind.ingestion.parsed import ParsedDocument, Section
from docmind.ingestion.readers.formats import read

LANGUAGES = ("en", "de", "zh")


@dataclass(frozen=True)
class Unit:
    """A gold passage: characters [start, end) of a document's extracted text."""

    document_id: str
    start: int
    end: int
    copies: tuple[tuple[int, int], ...] = ()
    """Where else in the document the same text stands."""

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Every place of the text."""
        return ((self.start, self.end), *self.copies)


@dataclass(frozen=True)
class Question:
    """What is asked, and the units that answer it."""

    text: str
    gold: tuple[int, ...]  # places in Corpus.units
    answers: tuple[str, ...] = ()


@dataclass
class Corpus:
    """One set."""

    name: str
    documents: dict[str, tuple[str, ParsedDocument]] = field(
        default_factory=dict
    )  # id → (file name, text)
    units: list[Unit] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def add(self, file_name: str, sections: list[Section]) -> list[int]:
        """Add a document with one unit per section; return the units' places."""
        document = ParsedDocument(tuple(sections))
        document_id = hashlib.sha256(file_name.encode()).hexdigest()
        self.documents[document_id] = (file_name, document)
        first = len(self.units)
        self.units += [Unit(document_id, at, at + len(s.text)) for at, s in document.spans()]
        return list(range(first, len(self.units)))

    def units_of(self, document_id: str, start: int, end: int) -> list[int]:
        """Return the units that a chunk has half of, or that have half of the chunk; most overlap first."""
        found = []
        for i in self._by_document.get(document_id, ()):
            first, last = max(self.units[i].spans, key=lambda s: min(end, s[1]) - max(start, s[0]))
            overlap = min(end, last) - max(start, first)
            if overlap > 0 and 2 * overlap >= min(end - start, last - first):
                found.append((-overlap, i))
        return [i for _, i in sorted(found)]

    @cached_property
    def _by_document(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for i, unit in enumerate(self.units):
            index.setdefault(unit.document_id, []).append(i)
        return index


def xquad(data: Path, language: str) -> Corpus:
    """Articles as documents, their paragraphs as units."""
    corpus = Corpus(f"xquad-{language}")
    for article in json.loads((data / "xquad" / f"xquad.{language}.json").read_text("utf-8"))[
        "data"
    ]:
        paragraphs = article["paragraphs"]
        units = corpus.add(
            f"{article['title']}.txt", [Section(p["context"].strip()) for p in paragraphs]
        )
        for unit, paragraph in zip(units, paragraphs, strict=True):
            for qa in paragraph["qas"]:
                answers = tuple(dict.fromkeys(a["text"] for a in qa["answers"]))
                corpus.questions.append(Question(qa["question"], (unit,), answers))
    return corpus


def cookbook(data: Path) -> Corpus:
    """Pages of product documentation as documents, their sections as units."""
    corpus = Corpus("cookbook-docs")
    pages: dict[str, list[dict[str, str]]] = {}
    for section in json.loads((data / "cookbook-docs" / "anthropic_docs.json").read_text("utf-8")):
        pages.setdefault(section["chunk_link"].split("#")[0], []).append(section)
    places: dict[str, int] = {}
    for link, sections in pages.items():
        name = link.split("/en/")[-1].replace("/", " ") + ".md"
        parts = [
            Section(s["text"].strip() or s["chunk_heading"], headings=(s["chunk_heading"],))
            for s in sections
        ]
        places |= zip((s["chunk_link"] for s in sections), corpus.add(name, parts), strict=True)
    for q in json.loads(
        (data / "cookbook-docs" / "docs_evaluation_dataset.json").read_text("utf-8")
    ):
        gold = tuple(places[link] for link in q["correct_chunks"])
        corpus.questions.append(Question(q["question"], gold, (q["correct_answer"],)))
    return corpus


def multi_turn(data: Path, turns: int = 1) -> Corpus:
    """Titles as documents, passages as units; the query is the last `turns` user turns of an answerable task."""
    corpus = Corpus("mtrag" if turns == 1 else f"mtrag-last{turns}")
    titles: dict[str, dict[str, str]] = {}
    tasks = mtrag_tasks(data)
    for task in tasks:
        for context in task["contexts"]:
            title = context.get("title") or re.split(r"[-_]", context["document_id"])[0]
            titles.setdefault(title, {})[context["document_id"]] = context["text"].strip()
    places: dict[str, int] = {}
    for title, passages in titles.items():
        name = re.sub(r"[^\w .,()-]", "", title)[:80] + ".txt"
        places |= zip(
            passages, corpus.add(name, [Section(t) for t in passages.values()]), strict=True
        )
    for task in tasks:
        if task["contexts"] and task["answerability"][0] in {"ANSWERABLE", "PARTIAL"}:
            query = "\n".join(task["asked"][-turns:])
            gold = tuple(dict.fromkeys(places[c["document_id"]] for c in task["contexts"]))
            corpus.questions.append(Question(query, gold, (task["targets"][0]["text"].strip(),)))
    return corpus


def mtrag_tasks(data: Path) -> list[dict[str, Any]]:
    """Return the tasks of the multi-turn set with `asked`, the user's turns."""
    tasks = [
        json.loads(line) for line in (data / "mtrag" / "dev.jsonl").read_text("utf-8").splitlines()
    ]
    return [
        t | {"asked": [m["text"].strip() for m in t["input"] if m["speaker"] == "user"]}
        for t in tasks
    ]


def handbook_questions(data: Path) -> list[str]:
    """Return the handbook's questions; of its documents only pointers to a store elsewhere are in the data folder."""
    return [
        q["query"] for q in json.loads((data / "handbook" / "sourcegraph.json").read_text("utf-8"))
    ]


def chunking(data: Path) -> Corpus:
    """Five long files through the product's reader; the quoted references are the units."""
    corpus = Corpus("chunking-eval")
    texts: dict[str, tuple[str, str]] = {}
    for file in sorted((data / "chunking-eval" / "corpora").glob("*.md")):
        document = read(file)
        document_id = hashlib.sha256(file.name.encode()).hexdigest()
        corpus.documents[document_id] = (file.name, document)
        texts[file.stem] = (document_id, document.text)
    with (data / "chunking-eval" / "questions_df.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            document_id, text = texts[row["corpus_id"]]
            spans = [_find(text, r["content"]) for r in _references(row["references"])]
            if all(spans):  # else the quote is not in the extracted text
                first = len(corpus.units)
                corpus.units += [Unit(document_id, *found[0], tuple(found[1:])) for found in spans]
                corpus.questions.append(
                    Question(row["question"], tuple(range(first, len(corpus.units))))
                )
    return corpus


def retrieval_sets(data: Path) -> Iterator[Corpus]:
    """Yield every set on which retrieval is measured."""
    for language in LANGUAGES:
        yield xquad(data, language)
    yield cookbook(data)
    yield chunking(data)
    yield multi_turn(data)
    yield multi_turn(data, turns=3)


def _references(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return ast.literal_eval(cell)


def _find(text: str, quote: str) -> list[tuple[int, int]]:
    """Return everywhere that a quote stands; white space may differ, as readers clean it."""
    if quote in text:
        return [m.span() for m in re.finditer(re.escape(quote), text)]
    return [m.span() for m in re.finditer(r"\s+".join(re.escape(w) for w in quote.split()), text)]
