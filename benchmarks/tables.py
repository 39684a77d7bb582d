"""`docmind eval tables`: questions to tables, whose operation the model picks and code computes.

Held-out questions of WikiTableQuestions and TAT-QA, half of each, to the table alone: what is
measured is whether the query is the right one, not whether the table is found.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zlib import crc32

from benchmarks.result import Progress
from docmind.agents.table_query import query_prompt, write_query
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Engine
from docmind.errors import DocMindError
from docmind.ingestion.parsed import ParsedDocument, Section, markdown_table
from docmind.ingestion.tables import tables_of
from docmind.measurement import Figures
from docmind.tables.cells import typed_cells
from docmind.tables.compute import Computed, compute
from docmind.tables.query import Query
from docmind.tables.statement import query_text, statement
from docmind.tables.table import DocumentTable

SETS = ("wtq", "tatqa")
TOLERANCE = Decimal("0.006")
"""How far a number may be from the right one: those of TAT-QA have two decimals."""
RELATIVE_TOLERANCE = Decimal("0.0005")


@dataclass(frozen=True)
class TableQuestion:
    """A question to one table, with its answer."""

    set: str
    text: str
    table: DocumentTable | None
    """None: it can't be read as a table."""
    answers: tuple[str, ...]
    """All of them are the answer."""


@dataclass(frozen=True)
class TableOutcome:
    """What became of a question."""

    question: TableQuestion
    query: Query | None
    answers: tuple[str, ...]
    told: str
    is_right: bool
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class TablesResult:
    """Figures, and what was asked and computed."""

    figures: Figures
    outcomes: list[TableOutcome]


def measure_tables(engine: Engine, data: Path, *, limit: int, progress: Progress) -> TablesResult:
    """Ask the fixed sample.

    Args:
        engine: loaded.
        data: the folder with the data sets.
        limit: questions in all, half of each set.
        progress: is given a line for each question.

    Returns:
        tables.SET.questions; right (the computed answer is the right one); wrong (another one was
        computed); none (no query, or it gave nothing: the product then reads passages);
        seconds of a query, the median.
    """
    questions = [
        question
        for name in SETS
        for question in load_questions(data / "train" / "tables", name)[: limit // len(SETS)]
    ]
    outcomes: list[TableOutcome] = []
    model = ChatVLLM(engine=engine)
    for question in questions:
        outcome = asyncio.run(_ask(model, question))
        outcomes.append(outcome)
        mark = "right" if outcome.is_right else "-"
        shown = outcome.error or outcome.told
        progress(
            f"{len(outcomes)}/{len(questions)} {mark}: {question.text[:60]!r} → {shown[:80]!r}"
        )
    return TablesResult(figures=_score(outcomes), outcomes=outcomes)


def load_questions(folder: Path, name: str) -> list[TableQuestion]:
    """Return a set's held-out questions whose answer is in the table, in an order fixed by hash."""
    rows: list[dict[str, Any]] = []
    with gzip.open(folder / f"{name}.test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("answer_from", "table") == "table":
                rows.append(row)
    rows.sort(key=lambda row: crc32(f"{row['table_id']} {row['question']}".encode()))
    questions: list[TableQuestion] = []
    for row in rows:
        question = TableQuestion(
            set=name,
            text=row["question"],
            table=read_table(row["table"]),
            answers=tuple(row["answer"].split(" | ")),
        )
        questions.append(question)
    return questions


def read_table(rows: Sequence[Sequence[str]]) -> DocumentTable | None:
    """Return a table of the set as the product keeps it."""
    section = Section(text=markdown_table(rows), table=True)
    tables = tables_of(ParsedDocument(sections=(section,)))
    if not tables:
        return None
    return DocumentTable(document_id="table", file_name="table.csv", table=tables[0])


async def _ask(model: ChatVLLM, question: TableQuestion) -> TableOutcome:
    begin = time.perf_counter()
    query: Query | None = None
    told = ""
    error = ""
    answers: tuple[str, ...] = ()
    is_right = False
    if question.table is None:
        error = "it can't be read as a table"
    else:
        tables = [question.table]
        try:
            prompt = query_prompt(tables, question.text)
            query = await write_query(model, prompt, tables, question.text)
            if query is not None:
                computed = compute(query, tables)
                told = statement(computed)
                answers = tuple(" | ".join(some) for some in _answers(computed))
                is_right = any(same(some, question.answers) for some in _answers(computed))
        except (DocMindError, ValueError) as exc:
            error = str(exc)
    return TableOutcome(
        question=question,
        query=query,
        answers=answers,
        told=told,
        is_right=is_right,
        seconds=time.perf_counter() - begin,
        error=error,
    )


def _answers(computed: Computed) -> list[list[str]]:
    """Return what may be taken for the answer: each column of the result, and all of a row."""
    if computed.is_true is not None:
        return [["yes" if computed.is_true else "no"]]
    if computed.value is not None:
        return [[str(abs(computed.value))], [str(computed.value)]]
    results = computed.parts[0].results
    if not results:
        return []
    columns = [[str(value) for value in column] for column in zip(*results, strict=True)]
    if len(results) == 1:
        columns.append([str(value) for value in results[0]])
    return columns


def same(found: Sequence[str], expected: Sequence[str]) -> bool:
    """Return whether two lists of answers are the same in any order."""
    left = list(expected)
    for answer in found:
        match = [other for other in left if _same_value(answer, other)]
        if not match:
            return False
        left.remove(match[0])
    return not left


def _same_value(answer: str, other: str) -> bool:
    if " ".join(answer.casefold().split()) == " ".join(other.casefold().split()):
        return True
    one = _number(answer)
    two = _number(other)
    if one is None or two is None:
        return False
    return abs(one - two) <= max(TOLERANCE, RELATIVE_TOLERANCE * abs(two))


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        value = typed_cells([text]).values[0]
        return value if isinstance(value, Decimal) else None


def _score(outcomes: Sequence[TableOutcome]) -> Figures:
    figures: Figures = {}
    for name in SETS:
        some = [outcome for outcome in outcomes if outcome.question.set == name]
        if not some:
            continue
        right = sum(outcome.is_right for outcome in some)
        none = sum(not outcome.told for outcome in some)
        figures[f"tables.{name}.questions"] = len(some)
        figures[f"tables.{name}.right"] = right / len(some)
        figures[f"tables.{name}.none"] = none / len(some)
        figures[f"tables.{name}.wrong"] = (len(some) - right - none) / len(some)
        seconds = [outcome.seconds for outcome in some]
        figures[f"tables.{name}.median_s"] = statistics.median(seconds)
    return figures


def to_json(outcome: TableOutcome) -> Mapping[str, object]:
    """Return what was asked and computed, for a person to read."""
    return {
        "set": outcome.question.set,
        "asked": outcome.question.text,
        "expected": outcome.question.answers,
        "query": "" if outcome.query is None else query_text(outcome.query),
        "answers": outcome.answers,
        "told": outcome.told,
        "right": outcome.is_right,
        "error": outcome.error,
        "seconds": round(outcome.seconds, 2),
    }
