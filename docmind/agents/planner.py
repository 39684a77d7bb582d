"""The supervisor's plan: a message becomes handoff calls, valid by construction, in one constrained model call."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, cast
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from docmind.agents.workers import Worker
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Constraint

log = logging.getLogger(__name__)

HANDOFF = "transfer_to_"
GREETER = "greeter"
"""What the plan names when there is nothing to look up: then the supervisor replies itself. (As "none" it drew a
quarter of the real questions of the 1.5B model.)"""
PLAN_TOKENS = 640
"""Longest plan; three questions of 400 characters take about 400 tokens."""
PLANNING = "planning"
"""Marks the system message of a planning call with its kind."""
PlanKind = Literal["all", "first", "next"]
"""All tasks at once, or one after another: how many there are and the first, then each next one."""

PLAN = """You are the supervisor of a team that works on the user's documents. Hand out tasks; do not answer yourself.
Agents:
{agents}
- greeter: replies to a greeting or to thanks, when nothing is asked
Count the separate questions in the message, then list them, each complete in itself and in the user's own words, \
with the agent for it. Most messages are one question. Do not add questions that the user did not ask.

Example: "Hi! Who is the CEO and is it true that the office closes at 6? Also sum up report.pdf." has three questions: \
"Who is the CEO?" (researcher), "Is it true that the office closes at 6?" (verifier), \
"Sum up report.pdf." (summarizer)."""


def plan_prompt(workers: Sequence[Worker]) -> str:
    """Return what the supervisor is told when it plans."""
    return PLAN.format(agents="\n".join(f"- {w.name}: {w.purpose}" for w in workers))


class SupervisorModel(ChatVLLM):
    """ChatVLLM that routes: a fresh question becomes handoff calls, valid by construction.

    A small model is helped by a grammar: it writes the number of questions and, for each, the question and one of
    the agents' names. Calls are bounded by `max_tasks` and doubles are dropped.
    """

    max_tasks: int = 3
    plans: bool = True
    """False: every message is one task of the first agent, without a model call."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, AIMessage]:
        """Bind the handoff tools that the plan may use."""
        return self.bind(tools=[convert_to_openai_tool(t) for t in tools])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        tools = kwargs.pop("tools", [])
        kind: PlanKind | None = messages[0].additional_kwargs.get(PLANNING)
        if kind is None:
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        agents = [t["function"]["name"].removeprefix(HANDOFF) for t in tools]
        whole = json.dumps({"questions": [{"question": messages[-1].text, "agent": agents[0]}]})
        if not self.plans:
            yield ChatGenerationChunk(message=_handoffs(plan_calls(whole, agents)))
            return
        constraint = Constraint("json", plan_schema(agents, self.max_tasks, self.max_tasks if kind == "all" else 1))
        text = ""
        options = kwargs | {"constraint": constraint, "max_tokens": PLAN_TOKENS}
        async for chunk in super()._astream(messages, stop, run_manager, **options):
            text += str(chunk.message.content)
            last = chunk.message
        count = 1
        try:
            calls = plan_calls(text, agents)
            count = int(json.loads(text).get("count", 1))
        except (ValueError, KeyError, TypeError):  # cut off, or a server that ignores the schema: one question
            log.warning("the plan could not be read: %r", text[:200])
            calls = [] if kind == "next" else plan_calls(whole, agents)
        # The JSON itself is no text for the user; what it cost is passed on with the calls it stands for.
        yield ChatGenerationChunk(message=_handoffs(calls, count, last))


def plan_schema(agents: Sequence[str], max_tasks: int, at_once: int) -> dict[str, Any]:
    """Return the JSON schema of a plan.

    Args:
        agents: Names that it may use, besides the greeter.
        max_tasks: Most questions that a message may be said to have.
        at_once: Most questions handed out by this plan.
    """
    question = {
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 400},
            "agent": {"enum": [*agents, GREETER]},
        },
        "required": ["question", "agent"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": max_tasks},
            "questions": {"type": "array", "minItems": 1, "maxItems": at_once, "items": question},
        },
        "required": ["count", "questions"],
        "additionalProperties": False,
    }


def plan_calls(text: str, agents: Sequence[str]) -> list[Any]:
    """Return the plan's handoffs as tool call chunks, without doubles; none if nothing is to be looked up.

    Raises:
        ValueError, KeyError, TypeError: the plan was cut off, or does not follow the schema.
    """
    questions = json.loads(text)["questions"]
    if unknown := {q["agent"] for q in questions} - {*agents, GREETER}:
        raise ValueError(f"no such agents: {unknown}")
    wanted = dict.fromkeys((q["agent"], q["question"].strip()) for q in questions if q["agent"] != GREETER)
    return [
        {
            "name": f"{HANDOFF}{agent}",
            "args": json.dumps({"task": task}, ensure_ascii=False),
            "id": f"call_{uuid4().hex[:12]}",
            "index": i,
            "type": "tool_call_chunk",
        }
        for i, (agent, task) in enumerate(wanted)
    ]


def _handoffs(calls: list[Any], count: int = 1, cost: BaseMessage | None = None) -> AIMessageChunk:
    """Return the chunk that stands for a plan, with what it cost."""
    update = {"content": "", "tool_call_chunks": calls, "additional_kwargs": {"count": max(count, len(calls))}}
    return cast("AIMessageChunk", (cost or AIMessageChunk(content="")).model_copy(update=update))
