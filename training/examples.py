"""Prompts as the product writes them, with what is right: a letter, or a text.

The GPU host has little of what DocMind imports, so its words come in a file, see `prepare`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from docmind.context.delimiters import defuse_tags
from docmind.verification.judge_prompts import judge_request, relevance_request

MOST_CHARACTERS = 2600
"""Of the passages of one example; longer ones cost more than they teach."""
WITH_TOOLS = 0.06
"""Of the examples, with the tools' descriptions in the system message, as an agent's turn has them:
500 tokens more."""

SUPPORTED = 0
CONTRADICTED = 1
NOT_STATED = 2


@dataclass(frozen=True)
class Text:
    """A passage of the training data."""

    text: str
    name: str
    """What its file is called."""


@dataclass(frozen=True)
class Example:
    """A prompt with its answer."""

    task: str
    """judge, relevance, answer, plan, anchor."""
    kind: str
    """Where it is from, or what was spoilt."""
    user: str
    """The user's message."""
    label: int = -1
    """The letter's place in "ABC"; -1 for a text."""
    target: str = ""
    """The text to write."""
    system: str = ""
    """Another system message than the researcher's."""
    tools: bool = False

    def as_json(self) -> dict[str, object]:
        """Return what the GPU host reads, without empty values."""
        data: dict[str, object] = {"task": self.task, "kind": self.kind, "user": self.user}
        if self.label >= 0:
            data["label"] = self.label
        for name in ("target", "system", "tools"):
            if getattr(self, name):
                data[name] = getattr(self, name)
        return data


class Wording(TypedDict):
    """The product's words."""

    closings: dict[str, str]
    """By agent: what stands after the passages."""
    systems: dict[str, str]
    """By agent: its system message; `plan` and `follow_up`: the supervisor's; `library`: that of
    questions to the list of documents."""
    kinds: list[str]
    """Of tasks."""
    new_message: str
    in_full: str
    not_found: str
    reported: list[str]
    """Messages on which figures are reported."""


def read_wording(file: Path) -> Wording:
    """Return the words that `prepare` has written."""
    wording: Wording = json.loads(file.read_text("utf-8"))
    return wording


def show(texts: Sequence[Text]) -> str:
    """Return passages as an agent reads them: as `docmind.agents.tools.render_for_model` does."""
    blocks = []
    for number, text in enumerate(texts, start=1):
        cut = text.text[:MOST_CHARACTERS].strip()
        blocks.append(defuse_tags(f"[{number}] ({text.name})\n{cut}\n"))
    return "<passages>\n" + "\n".join(blocks) + "\n</passages>"


def judged(
    kind: str,
    texts: Sequence[Text],
    statement: str,
    label: int,
    *,
    question: str = "",
    tools: bool = False,
) -> Example:
    """Return a statement to be judged by passages."""
    user = f"{show(texts)}\n\n{judge_request(statement, question)}"
    return Example(task="judge", kind=kind, user=user, label=label, tools=tools)


def relevance(kind: str, text: Text, question: str, *, relevant: bool) -> Example:
    """Return a passage whose relevance is to be judged."""
    user = f"{show([text])}\n\n{relevance_request(question)}"
    return Example(task="relevance", kind=kind, user=user, label=0 if relevant else 1)


def answered(
    kind: str,
    texts: Sequence[Text],
    question: str,
    answer: str,
    *,
    wording: Wording,
    tools: bool = False,
) -> Example:
    """Return a question to be answered from passages; no answer: they do not tell."""
    user = f"{show(texts)}\n\n{wording['closings']['researcher'].format(task=question)}"
    return Example(
        task="answer",
        kind=kind,
        user=user,
        target=answer or wording["not_found"],
        tools=tools,
    )


def has_tools(pick: random.Random) -> bool:
    """Return whether an example gets the tools."""
    return pick.random() < WITH_TOOLS
