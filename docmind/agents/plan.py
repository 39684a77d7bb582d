"""What the supervisor decided: which tasks a message comes to, and for which agents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from typing import Any

MOST_QUESTIONS = 9
"""Most that a message may be said to have; those over the number of tasks are told to the user."""
LONGEST_QUESTION = 400
"""Characters of a question that is written anew."""


class PlanForm(Enum):
    """What a plan says of a message's questions."""

    LIST = auto()
    """All of them, each in full words with its kind."""
    FULL_QUESTION = auto()
    """The same; a single one is written anew, because it leans on what stands before it."""
    KIND = auto()
    """Only the kind of the one question that the message is."""


class Own(StrEnum):
    """Kinds of question that go to no agent: the supervisor replies itself, without passages."""

    APP = "app"
    CONVERSATION = "conversation"
    CHAT = "chat"


_OWN_KINDS = frozenset(Own)

FORM = "form"
"""The kind of what asks for nothing but says how to answer: it goes with the task beside it."""


@dataclass(frozen=True)
class Task:
    """One question of a message, and the agent that answers it."""

    agent: str
    question: str
    """Complete in itself."""


@dataclass(frozen=True)
class OwnQuestion:
    """A question of a message that the supervisor replies to itself."""

    kind: Own
    question: str


@dataclass(frozen=True)
class Plan:
    """The tasks of a message, in the order of the answer."""

    tasks: tuple[Task, ...] = ()
    """Empty if nothing is to be looked up."""
    own: tuple[OwnQuestion, ...] = ()
    """What the supervisor replies to itself."""
    questions_seen: int = 0
    """How many separate questions the model counted; there may be more than tasks."""
    readable: bool = True
    """False if what the model wrote was no plan, and the message was taken for one question."""


def plan_schema(kinds: Sequence[str], most_tasks: int, form: PlanForm) -> dict[str, Any]:
    """Return the JSON schema of a plan: how many questions there are, and each with its kind.

    Args:
        kinds: Kinds of task that there are agents for.
        most_tasks: Most tasks of this plan.
        form: What it says of them. A single question that is written anew has a name of its own.
    """
    kind = {"enum": [*kinds, *Own]}
    if form is PlanForm.KIND:
        return _object({"count": {"const": 1}, "kind": kind})
    question = {"type": "string", "minLength": 1, "maxLength": LONGEST_QUESTION}
    item = _object({"question": question, "kind": {"enum": [*kinds, *Own, FORM]}})
    questions = {"type": "array", "minItems": 1, "maxItems": most_tasks, "items": item}
    fewest = 1
    if form is PlanForm.FULL_QUESTION:
        fewest = 2
    count = {"type": "integer", "minimum": fewest, "maximum": MOST_QUESTIONS}
    listed = _object({"count": count, "questions": questions})
    if form is PlanForm.LIST:
        return listed
    single = _object({"count": {"const": 1}, "full_question": question, "kind": kind})
    return {"anyOf": [single, listed]}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [*properties],
        "additionalProperties": False,
    }


def read_plan(text: str, agents: Mapping[str, str], message: str = "") -> Plan:
    """Return the plan that a model wrote as JSON, without doubles.

    A wish about the form of an answer is no task: "Round to three decimals." joins the question
    before it, or the one behind it.

    Args:
        text: What it wrote.
        agents: Kind of task → the agent for it.
        message: The question where the plan has only its kind.

    Raises:
        ValueError: It was cut off, or does not follow the schema.
    """
    try:
        data = json.loads(text)
        count = int(data["count"])
        items = data.get("questions", [data])
        tasks: list[Task] = []
        own: list[OwnQuestion] = []
        first_wishes: list[str] = []  # those before any task
        for item in items:
            question = (item.get("full_question") or item.get("question") or message).strip()
            kind = item["kind"]
            if not question:
                continue
            if kind in _OWN_KINDS:
                own.append(OwnQuestion(kind=Own(kind), question=question))
            elif kind == FORM and tasks:
                tasks[-1] = replace(tasks[-1], question=f"{tasks[-1].question} {question}")
            elif kind == FORM:
                first_wishes.append(question)
            else:
                words = " ".join([*first_wishes, question])
                first_wishes = []
                task = Task(agent=agents[kind], question=words)
                if task not in tasks:
                    tasks.append(task)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"this is no plan: {text[:200]!r}") from exc
    return Plan(tasks=tuple(tasks), own=tuple(own), questions_seen=max(count, len(tasks)))
