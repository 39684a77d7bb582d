"""The supervisor's plan: a message becomes handoff calls, valid by construction, in one constrained model call."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Literal, cast
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from docmind.agents.team import Worker
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Constraint

log = logging.getLogger(__name__)

HANDOFF = "transfer_to_"
GREETING = "greeting"
"""The kind of task that is none: the supervisor replies itself."""
PLAN_TOKENS = 640
"""Longest plan; three questions of 400 characters take about 400 tokens."""
MOST_QUESTIONS = 9
"""Most that a message may be said to have; those over the number of tasks are told to the user."""
PLANNING = "planning"
"""Marks the system message of a planning call with its kind."""
ONLY_NEW = "Split only this new message, the earlier ones have been answered:\n"
"""Stands before a message that has a conversation before it. Without it the 1.5B planned old questions again in 4 of 8
turns, with it in none; the same words after the message: 3."""
PlanKind = Literal["all", "first", "next"]
"""All tasks at once, or one after another: how many there are and the first, then each next one."""

PLAN = """You split a user's message about their documents into tasks. Do not answer it yourself.
Kinds of task:
{kinds}
- greeting: nothing is asked, only hello or thanks
Count the separate questions in the message, then list them, each complete in itself and in the user's own words, \
with the kind of task. Most messages are one question. Do not add questions that the user did not ask.

Examples:
"Hi! Who is the CEO and is it true that the office closes at 6? Also sum up report.pdf." has three questions: \
"Who is the CEO?" (look_up), "Is it true that the office closes at 6?" (check), "Sum up report.pdf." (summarize).
"What does the warranty cover?" is one question (look_up).
"How much more did we spend in May than in April?" is one question (calculate).
"Thank you!" asks nothing (greeting)."""
"""Kinds of task instead of names of agents: of 50 fixed messages the 1.5B then routes 43 right instead of 32, with the
short examples 45 (with names and the same examples 37)."""


def plan_prompt(workers: Sequence[Worker]) -> str:
    """Return what the supervisor is told when it plans."""
    return PLAN.format(kinds="\n".join(f"- {w.kind}: {w.purpose}" for w in workers))


class SupervisorModel(ChatVLLM):
    """ChatVLLM that routes: a fresh question becomes handoff calls, valid by construction.

    A small model is helped by a grammar: it writes the number of questions and, for each, the question and a kind of
    task. Calls are bounded by `max_tasks` and doubles are dropped.
    """

    kinds: dict[str, str]
    """Kinds of task → the agents for them; the first gets what can't be planned."""
    max_tasks: int = 3
    plans: bool = True
    """False: every message is one task of the first agent, without a model call."""

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        kwargs.pop("tools", None)
        kind: PlanKind | None = messages[0].additional_kwargs.get(PLANNING)
        if kind is None:
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        one = _calls(
            [(next(iter(self.kinds.values())), messages[-1].text.removeprefix(ONLY_NEW).strip())]
        )
        if not self.plans:
            yield ChatGenerationChunk(message=_handoffs(one))
            return
        at_once = self.max_tasks if kind == "all" else 1
        constraint = Constraint("json", plan_schema([*self.kinds], at_once))
        text = ""
        options = kwargs | {"constraint": constraint, "max_tokens": PLAN_TOKENS}
        async for chunk in super()._astream(messages, stop, **options):
            text += str(chunk.message.content)  # JSON: no text for the user
            last = chunk.message
        fallback = False
        try:
            count, calls = read_plan(text, self.kinds)
        except (
            ValueError,
            KeyError,
            TypeError,
        ):  # cut off, or a server that ignores the schema: one question
            log.warning("the plan could not be read: %r", text[:200])
            count, calls, fallback = 1, [] if kind == "next" else one, True
        if kind == "first" and not calls and count > 1:  # a greeting before the questions
            calls = one
        # What the JSON cost is passed on with the calls it stands for.
        yield ChatGenerationChunk(message=_handoffs(calls, count, last, fallback))


def plan_schema(kinds: Sequence[str], at_once: int) -> dict[str, Any]:
    """Return the JSON schema of a plan.

    Args:
        kinds: Kinds of task that it may use, besides the greeting.
        at_once: Most questions handed out by this plan.
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
            "questions": {"type": "array", "minItems": 1, "maxItems": at_once, "items": question},
        },
        "required": ["count", "questions"],
        "additionalProperties": False,
    }


def read_plan(text: str, kinds: Mapping[str, str]) -> tuple[int, list[Any]]:
    """Return how many questions a plan saw, and its handoffs as tool call chunks, without doubles and greetings.

    Raises:
        ValueError, KeyError, TypeError: the plan was cut off, or does not follow the schema.
    """
    plan = json.loads(text)
    asked = [q for q in plan["questions"] if q["kind"] != GREETING and q["question"].strip()]
    return int(plan.get("count", 1)), _calls(
        (kinds[q["kind"]], q["question"].strip()) for q in asked
    )


def _calls(wanted: Iterable[tuple[str, str]]) -> list[Any]:
    """Return (agent, task) pairs as tool call chunks, without doubles."""
    return [
        tool_call_chunk(
            name=f"{HANDOFF}{agent}",
            args=json.dumps({"task": task}),
            id=f"call_{uuid4().hex}",
            index=i,
        )
        for i, (agent, task) in enumerate(dict.fromkeys(wanted))
    ]


def _handoffs(
    calls: list[Any], count: int = 1, cost: BaseMessage | None = None, fallback: bool = False
) -> AIMessageChunk:
    """Return the chunk that stands for a plan, with what it cost."""
    extra = {"count": max(count, len(calls)), "fallback": fallback}
    update = {
        "content": "",
        "tool_call_chunks": calls,
        "response_metadata": {},
        "additional_kwargs": extra,
    }
    return cast("AIMessageChunk", (cost or AIMessageChunk(content="")).model_copy(update=update))
