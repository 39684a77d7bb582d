"""What the supervisor decided: which tasks a message comes to, and for which agents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GREETING = "greeting"
"""The kind of task that is none: the supervisor replies itself."""
MOST_QUESTIONS = 9
"""Most that a message may be said to have; those over the number of tasks are told to the user."""


@dataclass(frozen=True)
class Task:
    """One question of a message, and the agent that answers it."""

    agent: str
    question: str
    """Complete in itself."""


@dataclass(frozen=True)
class Plan:
    """The tasks of a message, in the order of the answer."""

    tasks: tuple[Task, ...] = ()
    """Empty if nothing is to be looked up."""
    questions_seen: int = 0
    """How many separate questions the model counted; there may be more than tasks."""
    readable: bool = True
    """False if what the model wrote was no plan, and the message was taken for one question."""


def plan_schema(kinds: Sequence[str], most_tasks: int) -> dict[str, Any]:
    """Return the JSON schema of a plan.

    Args:
        kinds: Kinds of task that it may use, besides the greeting.
        most_tasks: Most tasks of this plan.
    """
    question = {
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 400},
            "kind": {"enum": [*kinds, GREETING]},
        },
        "required": ["question", "kind"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": MOST_QUESTIONS},
            "questions": {
                "type": "array",
                "minItems": 1,
                "maxItems": most_tasks,
                "items": question,
            },
        },
        "required": ["count", "questions"],
        "additionalProperties": False,
    }


def read_plan(text: str, agents: Mapping[str, str]) -> Plan:
    """Return the plan that a model wrote as JSON, without doubles and greetings.

    Args:
        text: What it wrote.
        agents: Kind of task → the agent for it.

    Raises:
        ValueError: It was cut off, or does not follow the schema.
    """
    try:
        data = json.loads(text)
        tasks: list[Task] = []
        for item in data["questions"]:
            question = item["question"].strip()
            if item["kind"] == GREETING or not question:
                continue
            task = Task(agent=agents[item["kind"]], question=question)
            if task not in tasks:
                tasks.append(task)
        count = int(data.get("count", 1))
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"this is no plan: {text[:200]!r}") from exc
    return Plan(tasks=tuple(tasks), questions_seen=max(count, len(tasks)))
