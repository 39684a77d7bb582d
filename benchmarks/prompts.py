"""Which words make a small model answer, refuse and cite: wordings of the researcher's closing, on the same passages.

    python -m benchmarks.prompts DATA_DIR RESULT.json

Answerable: the single facts of questions/multipart.json and questions of xquad, with the passages that the product's
search finds for them (only those whose passages hold the answer). Unanswerable: each of them asked of the other corpus.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import mkdtemp
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_tool

from benchmarks.questions import load, score
from benchmarks.result import result
from docmind.agents.passage_numbers import PassageNumbers
from docmind.agents.refusals import NOT_FOUND
from docmind.agents.team import RESEARCHER
from docmind.agents.tools import make_tools, render_for_model
from docmind.app import build_embedder, build_engine
from docmind.ingestion.service import IngestionService
from docmind.passages import NumberedPassage
from docmind.resolution import resolve
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.opening import open_store
from docmind.settings import Settings
from docmind.storage.settings import load_settings
from docmind.storage.documents import Registry
from docmind.verification.citations import citations_answer_question, cite

NUMBERED = "full sentences, and end each with the number of its passage in brackets"
CLOSINGS = {
    "now": RESEARCHER.closing,
    "answer_first": f"Question: {{task}}\n\nAnswer it in {NUMBERED}. Only if the passages above say nothing about it, "
    f"write: {NOT_FOUND}",
    "short": "Question: {task}\n\nAnswer in one or two full sentences from the passages above; end each with the "
    f"number of its passage in brackets. If the answer is not in them, write: {NOT_FOUND}",
    "find": "Question: {task}\n\nFind the passage above that answers this. Write the answer as a full sentence, then "
    f"the number of that passage in brackets. If none of the passages answers it, write: {NOT_FOUND}",
    "plain": RESEARCHER.closing_after_refusal,
}
QUESTIONS, PASSAGES, AT_ONCE = 40, 5, 16


@dataclass(frozen=True)
class Case:
    """A question with its passages; `gold` is None where they do not hold the answer."""

    question: str
    sources: list[NumberedPassage]
    gold: list[dict[str, Any]] | None


def _corpus(
    settings: Settings, embedder: Embedder, files: list[Path] | dict[str, str]
) -> Retriever:
    own = settings.model_copy(update={"data_dir": Path(mkdtemp())})
    store = open_store(own, embedder.dims)
    service = IngestionService(own, Registry(own.database), store, embedder)
    for file in files:
        service.add(file) if isinstance(file, Path) else service.add_bytes(
            files[file].encode(), file
        )  # type: ignore[call-overload]
    service.wait()
    service.close()
    return Retriever(store, embedder, own)


def cases(settings: Settings, embedder: Embedder, data: Path) -> list[Case]:
    """Return the questions, answerable ones first."""
    asked = load("multipart")
    articles = json.loads((data / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]
    mixed = _corpus(settings, embedder, [data / name for name in asked["documents"]])
    texts = {
        f"{a['title']}.md": "\n\n".join(p["context"] for p in a["paragraphs"]) for a in articles
    }
    wiki = _corpus(settings, embedder, texts)
    facts = [
        (p["question"], p["gold"])
        for q in asked["questions"]
        for p in q["parts"]
        if p["kind"] == "fact"
    ]
    all_qas = [qa for a in articles for p in a["paragraphs"] for qa in p["qas"]]
    picked = random.Random(5).sample(all_qas, 2 * QUESTIONS)
    questions = [
        (qa["question"], [{"any_of": [a["text"] for a in qa["answers"]]}]) for qa in picked
    ]

    def case(question: str, gold: list[dict[str, Any]] | None, corpus: Retriever) -> Case:
        return Case(question, PassageNumbers().add(corpus.search(question, PASSAGES)), gold)

    answerable = [case(q, g, mixed) for q, g in facts] + [
        case(q, g, wiki) for q, g in questions[:QUESTIONS]
    ]
    held = [
        c
        for c in answerable
        if score(" ".join(s.passage.text for s in c.sources), [{"gold": c.gold}]) == 1
    ]
    return (
        held
        + [case(q, None, wiki) for q, _ in facts]
        + [case(q, None, mixed) for q, _ in questions[QUESTIONS:]]
    )


async def answers(engine: Any, closing: str, some: list[Case]) -> list[str]:
    """Return what the model writes for each case under this closing."""
    names = ("search_documents", "read_pages", "outline", "recall")
    made = make_tools(None, None, PASSAGES)  # type: ignore[arg-type]  # only their schemas are used
    tools = [convert_to_openai_tool(made[name]) for name in names]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> str:
        content = f"{render_for_model(case.sources)}\n\n{closing.format(task=case.question)}"
        messages = [
            {"role": "system", "content": RESEARCHER.system_prompt},
            {"role": "user", "content": content},
        ]
        async with gate:
            return "".join(
                [d.text async for d in engine.stream(messages, tools=tools, max_tokens=160)]
            )

    return await asyncio.gather(*(one(case) for case in some))


def _refused(text: str) -> bool:
    return NOT_FOUND.rstrip(".").lower() in text.lower()


def main(data: Path, target: Path) -> None:
    """Measure every closing and write the figures `prompts.CLOSING.found|false_refusals|refusals|marked|supported`.

    `product`: "now", and where that refuses the text of "plain" if its passages support every mark in it.
    """
    settings = load_settings()
    resolved = resolve(settings)
    embedder = build_embedder(resolved)
    asked = cases(settings, embedder, data)
    engine = build_engine(resolved)
    engine.start()
    engine.wait_ready()
    figures: dict[str, float] = {"prompts.answerable": sum(c.gold is not None for c in asked)}
    written = {
        name: asyncio.run(answers(engine, closing, asked)) for name, closing in CLOSINGS.items()
    }
    checked = []
    for c, text, again in zip(asked, written["now"], written["plain"], strict=True):
        _, citations = cite(again, c.sources, embedder.nearness)
        checked.append(
            again
            if _refused(text) and citations_answer_question(c.question, c.sources, citations)
            else text
        )
    for name, texts in (written | {"product": checked}).items():
        refused = [_refused(text) for text in texts]
        pairs = list(zip(asked, texts, refused, strict=True))
        cited = [
            cite(text, c.sources, embedder.nearness)[1]
            for c, text, no in pairs
            if c.gold is not None and not no
        ]
        values = {
            "found": mean(
                score(text, [{"gold": c.gold}]) for c, text, _ in pairs if c.gold is not None
            ),
            "false_refusals": mean(no for c, _, no in pairs if c.gold is not None),
            "refusals": mean(no for c, _, no in pairs if c.gold is None),
            "marked": mean(bool(marks) for marks in cited),
            "supported": mean([mark.supported for marks in cited for mark in marks] or [0]),
        }
        print(name, {k: round(v, 3) for k, v in values.items()}, flush=True)
        figures |= {f"prompts.{name}.{key}": value for key, value in values.items()}
    record = result("python -m benchmarks.prompts", figures, engine.status().model)
    target.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    engine.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
