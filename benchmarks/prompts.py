"""Which words make a small model answer, refuse and cite.

    python -m benchmarks.prompts DATA_DIR RESULT.json

Wordings of the researcher's closing, on the same passages. Answerable: the single facts of
questions/multipart.json and questions of xquad, with the passages that the product's search finds
for them (only those whose passages hold the answer). Unanswerable: each of them asked of the
other corpus.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from langchain_core.utils.function_calling import convert_to_openai_tool

from benchmarks.index import empty_index, load_embedder
from benchmarks.lab import loaded_engine
from benchmarks.questions import GoldFact, load_multipart
from benchmarks.result import result_record
from benchmarks.scoring import gold_score
from benchmarks.sets import xquad_articles
from docmind.agents.passage_numbers import PassageNumbers
from docmind.agents.refusals import NOT_FOUND
from docmind.agents.team import RESEARCHER
from docmind.agents.tools import make_tools, render_for_model
from docmind.engine.interface import Engine, Message
from docmind.measurement import Figures, save_record, send
from docmind.passages import NumberedPassage, ScoredPassage
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.settings import Settings
from docmind.storage.settings import load_settings
from docmind.verification.citations import citations_answer_question
from docmind.verification.statements import check_answer

NUMBERED = "full sentences, and end each with the number of its passage in brackets"
NOW = "now"
PLAIN = "plain"
CLOSINGS = {
    NOW: RESEARCHER.closing,
    "answer_first": f"Question: {{task}}\n\nAnswer it in {NUMBERED}. "
    f"Only if the passages above say nothing about it, write: {NOT_FOUND}",
    "short": "Question: {task}\n\nAnswer in one or two full sentences from the passages above; "
    "end each with the number of its passage in brackets. "
    f"If the answer is not in them, write: {NOT_FOUND}",
    "find": "Question: {task}\n\nFind the passage above that answers this. Write the answer as a "
    "full sentence, then the number of that passage in brackets. "
    f"If none of the passages answers it, write: {NOT_FOUND}",
    PLAIN: RESEARCHER.closing_after_refusal,
}
XQUAD_QUESTIONS = 40
"""Answerable ones; as many more are asked of the other corpus."""
PASSAGES = 5
AT_ONCE = 16
ANSWER_TOKENS = 160
TOOLS = ("search_documents", "read_pages", "outline", "recall")
"""The researcher's; their schemas stand in every prompt."""


@dataclass(frozen=True)
class FactQuestion:
    """A question and the facts that answer it."""

    text: str
    gold: list[GoldFact]


@dataclass(frozen=True)
class Case:
    """A question with its passages."""

    question: str
    sources: list[NumberedPassage]
    gold: list[GoldFact] | None
    """None where the passages do not hold the answer."""


def make_cases(settings: Settings, embedder: Embedder, data: Path) -> list[Case]:
    """Return the questions, answerable ones first."""
    facts = _single_facts()
    xquad = _xquad_questions(data)
    with empty_index(settings, embedder) as mixed, empty_index(settings, embedder) as wiki:
        for name in load_multipart()["documents"]:
            mixed.service.add(data / name)
        for article in xquad_articles(data, "en"):
            text = "\n\n".join(paragraph["context"] for paragraph in article["paragraphs"])
            wiki.service.add_bytes(text.encode(), f"{article['title']}.md")
        mixed.service.wait()
        wiki.service.wait()

        answerable = [_answerable(fact, mixed.retriever) for fact in facts]
        answerable += [_answerable(fact, wiki.retriever) for fact in xquad[:XQUAD_QUESTIONS]]
        # Each is asked of the other corpus.
        unanswerable = [_unanswerable(fact, wiki.retriever) for fact in facts]
        unanswerable += [_unanswerable(fact, mixed.retriever) for fact in xquad[XQUAD_QUESTIONS:]]
    return [case for case in answerable if _holds_answer(case)] + unanswerable


def _single_facts() -> list[FactQuestion]:
    facts = []
    for question in load_multipart()["questions"]:
        parts = [part for part in question["parts"] if part["kind"] == "fact"]
        facts += [FactQuestion(text=part["question"], gold=part["gold"]) for part in parts]
    return facts


def _xquad_questions(data: Path) -> list[FactQuestion]:
    """Return twice XQUAD_QUESTIONS of xquad's questions, the same at every call."""
    questions = []
    for article in xquad_articles(data, "en"):
        for paragraph in article["paragraphs"]:
            questions += paragraph["qas"]
    found = []
    for qa in random.Random(5).sample(questions, 2 * XQUAD_QUESTIONS):
        answers = [answer["text"] for answer in qa["answers"]]
        gold = GoldFact(any_of=answers, file="", page=None, evidence=[])
        found.append(FactQuestion(text=qa["question"], gold=[gold]))
    return found


def _answerable(question: FactQuestion, corpus: Retriever) -> Case:
    sources = _numbered(corpus.search(question.text, PASSAGES))
    return Case(question=question.text, sources=sources, gold=question.gold)


def _unanswerable(question: FactQuestion, other_corpus: Retriever) -> Case:
    sources = _numbered(other_corpus.search(question.text, PASSAGES))
    return Case(question=question.text, sources=sources, gold=None)


def _numbered(results: Sequence[ScoredPassage]) -> list[NumberedPassage]:
    """Return the passages as an agent shows them to the model, numbered from 1."""
    return PassageNumbers().add([result.passage for result in results])


def _holds_answer(case: Case) -> bool:
    """Tell whether the passages that were found have every gold fact."""
    text = " ".join(source.passage.text for source in case.sources)
    return gold_score(text, case.gold or []) == 1


def ask_all(engine: Engine, closing_words: str, cases: Sequence[Case]) -> list[str]:
    """Return what the model writes for each case under this closing, AT_ONCE at a time."""
    # The tools are never run here: only their schemas are used.
    tools = make_tools(None, None, PASSAGES)  # type: ignore[arg-type]
    schemas = [convert_to_openai_tool(tools[name]) for name in TOOLS]

    async def gather() -> list[str]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(case: Case) -> str:
            content = render_for_model(case.sources)
            content += f"\n\n{closing_words.format(task=case.question)}"
            messages: list[Message] = [
                {"role": "system", "content": RESEARCHER.system_prompt},
                {"role": "user", "content": content},
            ]
            async with gate:
                reply = await send(engine, messages, ANSWER_TOKENS, tools=schemas)
            return reply.text

        return await asyncio.gather(*[ask(case) for case in cases])

    return asyncio.run(gather())


def _refused(text: str) -> bool:
    return NOT_FOUND.rstrip(".").lower() in text.lower()


def product_answers(
    cases: Sequence[Case], answers: Mapping[str, Sequence[str]], embedder: Embedder
) -> list[str]:
    """Return what the product answers.

    The text of "now", and where that refuses the text of "plain", if its passages support every
    mark in it.
    """
    found = []
    for case, text, again in zip(cases, answers[NOW], answers[PLAIN], strict=True):
        checked = check_answer(case.question, again, case.sources, embedder.nearness)
        supported = citations_answer_question(case.question, case.sources, checked)
        if _refused(text) and supported:
            found.append(again)
        else:
            found.append(text)
    return found


def closing_figures(cases: Sequence[Case], texts: Sequence[str], embedder: Embedder) -> Figures:
    """Return how well one closing does.

    found (gold facts in the answers), false_refusals, refusals (of what can't be answered),
    marked (answers with a citation), supported (of all citations); each 0 to 1.
    """
    found = []
    false_refusals = []
    refusals = []
    marked = []
    supported = []
    for case, text in zip(cases, texts, strict=True):
        refused = _refused(text)
        if case.gold is None:
            refusals.append(refused)
            continue
        found.append(gold_score(text, case.gold))
        false_refusals.append(refused)
        if not refused:
            checked = check_answer(case.question, text, case.sources, embedder.nearness)
            citations = checked.citations
            marked.append(bool(citations))
            supported += [citation.supported for citation in citations]
    return {
        "found": mean(found),
        "false_refusals": mean(false_refusals),
        "refusals": mean(refusals),
        "marked": mean(marked),
        "supported": mean(supported or [0]),
    }


def main(data: Path, target: Path) -> None:
    """Measure every closing, and what the product makes of two of them.

    Writes `prompts.answerable` and `prompts.CLOSING.found|false_refusals|refusals|marked|supported`
    to `target`.
    """
    settings = load_settings()
    embedder = load_embedder(settings)
    cases = make_cases(settings, embedder, data)
    figures: Figures = {"prompts.answerable": sum(case.gold is not None for case in cases)}
    with loaded_engine(settings) as engine:
        answers = {}
        for name, closing_words in CLOSINGS.items():
            answers[name] = ask_all(engine, closing_words, cases)
        answers["product"] = product_answers(cases, answers, embedder)
        for name, texts in answers.items():
            values = closing_figures(cases, texts, embedder)
            rounded = {key: round(value, 3) for key, value in values.items()}
            print(name, rounded, flush=True)
            for key, value in values.items():
                figures[f"prompts.{name}.{key}"] = value
        model = engine.status().model
    record = result_record("python -m benchmarks.prompts", figures, model)
    save_record(record, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
