"""The fixed question sets in `questions/`: what to ingest, what to ask, which facts are right.

`multipart.json` has documents (relative to the data folder) and messages of one or more parts.
`routing.json` has 200 messages of all kinds with what should become of them: prompts are chosen on
80, figures reported on the 120 others, which were written before the prompts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from docmind.ingestion.readers.formats import read

QUESTIONS = Path(__file__).resolve().parent / "questions"
AGENTS = {
    "fact": "researcher",
    "summary": "summarizer",
    "comparison": "analyst",
    "check": "verifier",
}
"""The agent that a part of this kind is for."""


class GoldFact(TypedDict):
    """A fact that a right answer has."""

    any_of: list[str]
    """Ways to write it; one of them is enough."""
    file: str
    """The document that says so."""
    page: int | None
    """Its page; None where the format has none."""
    evidence: list[str]
    """Strings of that page which make it right."""


class Part(TypedDict):
    """One of the questions in a message."""

    kind: str
    """fact, summary, comparison or check: a key of AGENTS."""
    question: str
    gold: list[GoldFact]
    """An answer must have every one."""


class MultipartQuestion(TypedDict):
    """A message with all its parts."""

    id: str
    message: str
    parts: list[Part]


class MultipartSet(TypedDict):
    """What `multipart.json` has."""

    documents: list[str]
    questions: list[MultipartQuestion]


class ToolChoice(TypedDict):
    """A tool that may rightly be called first, with the arguments that must be there."""

    name: str
    arguments: list[str]


class RoutingMessage(TypedDict):
    """A message, and who should get it."""

    id: str
    half: Literal["choosing", "reporting"]
    kind: str
    documents: bool
    """Whether the answer stands in the documents of multipart.json."""
    message: str
    agents: list[str]
    """Who should get a task, one entry a task."""
    tools: list[list[ToolChoice]]
    """For each task the tools that may be called first; none: that is not asked."""
    reply: NotRequired[str]
    """What the supervisor should reply to itself, where no agent should get a task."""
    history: NotRequired[list[list[str]]]
    """Questions and answers before it."""
    holds: NotRequired[list[str]]
    """What the questions of the tasks should have: names of a follow-up, a wish for the form."""
    language: NotRequired[str]
    """Where it is not English."""


def load_multipart() -> MultipartSet:
    """Return the messages of several parts, and some of one part."""
    return cast(MultipartSet, _load("multipart.json"))


def load_routing() -> list[RoutingMessage]:
    """Return the messages on which routing and tool calls are measured."""
    return cast(list[RoutingMessage], _load("routing.json"))


def _load(name: str) -> object:
    return json.loads((QUESTIONS / name).read_text("utf-8"))


def unfounded_facts(data: Path) -> list[str]:
    """Return a line for each evidence that the product's readers do not find where it should be."""
    questions = load_multipart()
    pages: dict[str, dict[int | None, str]] = {}
    for name in questions["documents"]:
        texts: dict[int | None, str] = {None: ""}
        for section in read(data / name).sections:
            texts[section.page] = f"{texts.get(section.page, '')} {section.text}"
        pages[name] = {page: _in_one_line(text) for page, text in texts.items()}

    missing = []
    for question in questions["questions"]:
        for part in question["parts"]:
            for gold in part["gold"]:
                page_text = pages[gold["file"]].get(gold["page"], "")
                place = f"page {gold['page']} of {gold['file']}"
                missing += [
                    f"{question['id']}: {evidence!r} is not on {place}"
                    for evidence in gold["evidence"]
                    if _in_one_line(evidence) not in page_text
                ]
    return missing


def _in_one_line(text: str) -> str:
    """Return the text without line breaks and table bars: readers differ in both."""
    return " ".join(text.replace("|", " ").split())
