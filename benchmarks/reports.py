"""`docmind eval reports`: are the pages of long reports found that answer a question?

Ten annual reports of 2022, 92 to 324 pages long, from the public repository that
`questions/reports.json` names; `report_files` gets them out of a clone of it. The questions are
`literal` (after a line of a page), `analyst` (the page has no word of it: a ratio, a judgement) and
`challenge` (the repository's own). Each asks for one or several pages; where several pages
have the same, any of them will do. Questions with even numbers choose, those with odd ones report.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.halves import REPORTING
from benchmarks.result import Progress
from benchmarks.retrieval import QuestionEmbedder, Search, searches, stored
from benchmarks.sets import SetDocument, id_of_file_name
from docmind.ingestion.readers.formats import read
from docmind.measurement import Figures
from docmind.passages import ScoredPassage
from docmind.resolution import resolve
from docmind.settings import Settings

QUESTIONS = Path(__file__).parent / "questions" / "reports.json"
DEPTH = 10
"""Passages in which the pages are looked for."""
COMPARED = ("bm25", "dense", "hybrid")


class ReportQuestion(NamedTuple):
    """A question with the pages that answer it."""

    file_name: str
    kind: str
    text: str
    pages: Sequence[Sequence[int]]
    """Wanted pages, from 1; for each, all those that will do."""


def read_questions() -> list[ReportQuestion]:
    """Return all questions."""
    content = json.loads(QUESTIONS.read_text("utf-8"))
    questions: list[ReportQuestion] = []
    for row in content["questions"]:
        question = ReportQuestion(
            file_name=content["documents"][row["document"]]["name"],
            kind=row["kind"],
            text=row["question"],
            pages=row["pages"],
        )
        questions.append(question)
    return questions


def report_files(clone: Path, folder: Path) -> list[Path]:
    """Write the reports out of a clone's git directory into a folder, under their names here."""
    content = json.loads(QUESTIONS.read_text("utf-8"))
    files: list[Path] = []
    for document in content["documents"].values():
        path = folder / document["name"]
        if not path.is_file():
            blob = f"HEAD:round2/pdfs/{document['sha1']}.pdf"
            command = ["git", "-C", str(clone), "cat-file", "blob", blob]
            path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        files.append(path)
    return files


def measure_reports(
    settings: Settings,
    files: Iterable[Path],
    *,
    progress: Progress,
    embedder: QuestionEmbedder | None = None,
) -> Figures:
    """Measure the questions about these reports, all of them in one store.

    Returns:
        reports.MODE.KIND.chosen|reported.recall10 and reports.MODE.recall10|mrr10 over all
        questions of the reported half, for bm25, dense and hybrid; reports.questions, .chunks.
    """
    if embedder is None:
        resolved = resolve(settings)
        embedder = QuestionEmbedder(
            Path(resolved.catalog.path(resolved.embedding_model)),
            bfloat16=resolved.hardware.embeds_in_bfloat16,
        )
    documents: dict[str, SetDocument] = {}
    for path in files:
        parsed = read(path, path.name)
        document = SetDocument(file_name=path.name, parsed=parsed)
        documents[id_of_file_name(path.name)] = document
        progress(f"{path.name}: {parsed.pages} pages")
    names = {document.file_name for document in documents.values()}
    questions = [question for question in read_questions() if question.file_name in names]
    figures: Figures = {"reports.questions": len(questions)}
    with stored(settings, embedder, documents) as index:
        figures["reports.chunks"] = index.store.count()
        embedder.embed_questions(question.text for question in questions)
        compared = searches(settings, index.store, embedder)
        for mode in COMPARED:
            measured = _measure(questions, compared[mode])
            for name, value in measured.items():
                figures[f"reports.{mode}.{name}"] = value
            progress(f"{mode}: {measured}")
    return figures


def _measure(questions: Sequence[ReportQuestion], search: Search) -> Figures:
    recalls: dict[str, list[float]] = {}
    reciprocal_ranks: list[float] = []
    for number, question in enumerate(questions):
        ranks = _ranks(question, search(question.text)[:DEPTH])
        recall = len(ranks) / len(question.pages)
        half = ("chosen", "reported")[number % 2]
        recalls.setdefault(f"{question.kind}.{half}.recall10", []).append(recall)
        recalls.setdefault(f"{half}.recall10", []).append(recall)
        if number % 2 == REPORTING:
            reciprocal_ranks.append(1 / min(ranks) if ranks else 0.0)
    figures = {name: statistics.mean(values) for name, values in recalls.items()}
    figures["recall10"] = figures["reported.recall10"]
    figures["mrr10"] = statistics.mean(reciprocal_ranks)
    return figures


def _ranks(question: ReportQuestion, results: Sequence[ScoredPassage]) -> list[int]:
    """Return the rank, from 1, of each wanted page that was found."""
    ranks: list[int] = []
    for alternatives in question.pages:
        for rank, result in enumerate(results, start=1):
            passage = result.passage
            if passage.file_name == question.file_name and passage.page in alternatives:
                ranks.append(rank)
                break
    return ranks
