"""The fixed question sets: what to ingest, what to ask, and whether an answer has the gold facts.

`questions/multipart.json`: `documents` (relative to the data folder) and `questions`, each with a `message` and its
`parts`. A part has a kind (fact, summary, comparison, check), its own question, and `gold`: an answer must have one of
`any_of` for every entry; `evidence` are the strings of `file` (on `page`, where it has pages) that make it right.

`questions/routing.json`: 50 messages; `agents` is who should get a task, one entry per task; `tools` says for each task
which tools may rightly be called first, with the arguments that must be there; `documents` tells whether the answer
stands in the documents of multipart.json.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

from docmind.ingestion.readers.formats import read

QUESTIONS = Path(__file__).resolve().parent / "questions"
AGENTS = {
    "fact": "researcher",
    "summary": "summarizer",
    "comparison": "analyst",
    "check": "verifier",
}
"""The agent that a part of this kind is for."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d]+")
_MARK = re.compile(r"\[\s*\d+(?:\s*[,;\u2013-]\s*\d+)*\s*\]")


def load(name: str) -> Any:
    """Return one of the sets: multipart or routing."""
    return json.loads((QUESTIONS / f"{name}.json").read_text("utf-8"))


def has(answer: str, any_of: list[str]) -> bool:
    """Return whether one of the strings stands in the answer as whole words; marks such as [8] are not part of it."""
    text = f" {_plain(_MARK.sub(' ', answer))} "
    return any(f" {_plain(gold)} " in text for gold in any_of)


def score(answer: str, parts: Iterable[dict[str, Any]]) -> float:
    """Return the share of the parts' gold facts that an answer has, 0 to 1."""
    text = re.sub(
        r"(?m)^\*\*.*\*\*$", "", answer
    )  # a heading repeats the question: it states no fact
    return mean(has(text, gold["any_of"]) for part in parts for gold in part["gold"])


def unfounded(data: Path) -> list[str]:
    """Return every evidence that the product's own readers do not find where a question says it stands."""
    found = load("multipart")
    pages: dict[str, dict[int | None, str]] = {}
    for name in found["documents"]:
        text: dict[int | None, str] = {None: ""}
        for section in read(data / name).sections:
            text[section.page] = f"{text.get(section.page, '')} {section.text}"
        pages[name] = {page: _flat(t) for page, t in text.items()}
    golds = [(q["id"], g) for q in found["questions"] for part in q["parts"] for g in part["gold"]]
    return [
        f"{name}: {evidence!r} is not on page {gold['page']} of {gold['file']}"
        for name, gold in golds
        for evidence in gold["evidence"]
        if _flat(evidence) not in pages[gold["file"]].get(gold["page"], "")
    ]


def _flat(text: str) -> str:
    """Return a text in one line, whether a reader made a table of it or not."""
    return " ".join(text.replace("|", " ").split())


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).lower().replace("\u00d7", "x")
    return " ".join(t.replace(",", "") for t in _TOKEN.findall(text))
