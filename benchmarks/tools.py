"""`docmind bench tools`: how often a model routes and calls tools as it should, with and without a grammar.

Fifty fixed messages. A call is *valid* if it can be carried out: well-formed, a tool that exists, arguments of its
schema. It is *right* if it is also what the message asks for: the same agents, as often; a tool that may help.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from statistics import mean
from typing import Any

import jsonschema
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from benchmarks.questions import load
from docmind.agents.handoff import PREFIX, handoff_tool
from docmind.agents.plan import GREETING
from docmind.agents.planner import (
    PlanMessage,
    PlanMode,
    PlanRequest,
    SupervisorModel,
    plan_prompt,
)
from docmind.agents.team import TEAM
from docmind.agents.tools import make_tools
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Engine
from docmind.settings import Settings

FREE = """You are the supervisor of a team that works on the user's documents. Hand out tasks; do not answer yourself.
Agents:
{agents}
Call one transfer tool for each separate question in the message, all in one reply, each with a task that is complete \
in itself. If nothing is asked (a greeting, thanks), reply to it without a call."""
FIRST_CALL = (
    "You look things up in the user's documents. Call the tool that you need first for the task."
)
TOOLS = (
    "search_documents",
    "find_tables",
    "read_pages",
    "list_documents",
    "outline",
    "calculate",
    "recall",
)
Progress = Callable[[str], None]


def run(settings: Settings, engine: Engine, limit: int, say: Progress) -> dict[str, float]:
    """Return `tools.routing_valid_rate|right_rate.WAY` and `tools.call_valid_rate|right_rate.WAY`, shares from 0 to 1.

    WAY is `constrained` (the plan under its grammar; calls forced), `tags` (free text, calls held to their schema once
    begun, as DocMind's agents run) or `free`. Free routing has a prompt of its own, which asks for calls of transfer
    tools; the plan's prompt names kinds of task. `tools.valid_rate.constrained|free` are the means over routing
    and calls.
    """
    messages = load("routing")[: limit or None]
    options: dict[str, Any] = {"engine": engine, "max_tokens": 640}
    tools = make_tools(None, None, 5)  # type: ignore[arg-type]  # only their schemas are used
    transfers = [handoff_tool(agent.name, agent.purpose) for agent in TEAM]
    roster = "\n".join(f"- {agent.name}: {agent.purpose}" for agent in TEAM)
    plan = PlanRequest(content=plan_prompt(TEAM), mode=PlanMode.ALL)
    free = SystemMessage(FREE.format(agents=roster))
    kinds = {agent.kind: agent.name for agent in TEAM}
    routers = {
        "constrained": (plan, SupervisorModel(**options, kinds=kinds)),
        "tags": (free, ChatVLLM(**options, constrain_calls=True).bind_tools(transfers)),
        "free": (free, ChatVLLM(**options).bind_tools(transfers)),
    }
    offered = [convert_to_openai_tool(tools[name]) for name in TOOLS]
    callers = {
        "constrained": ChatVLLM(**options).bind_tools(offered, tool_choice="any"),
        "tags": ChatVLLM(**options, constrain_calls=True).bind_tools(offered),
        "free": ChatVLLM(**options).bind_tools(offered),
    }
    figures: dict[str, float] = {}
    schemas = {
        f"{PREFIX}{agent.name}": {"required": ["task"], "properties": {"task": {"minLength": 1}}}
        for agent in TEAM
    }
    for way, (system, model) in routers.items():
        answers = asyncio.run(_all(model, system, messages))
        valid = [
            _valid(a, schemas, may_be_none=not m["agents"])
            for a, m in zip(answers, messages, strict=True)
        ]
        right = [
            v
            and Counter(c["name"].removeprefix(PREFIX) for c in a.tool_calls)
            == Counter(m["agents"])
            for v, a, m in zip(valid, answers, messages, strict=True)
        ]
        for m, a, ok in zip(messages, answers, right, strict=True):
            if not ok:
                got = [
                    (c["name"].removeprefix(PREFIX), c["args"].get("task")) for c in a.tool_calls
                ] or GREETING
                say(
                    f"routing {way} {m['id']} {m['message']!r}: wanted {m['agents']}, got {got} {str(a.content)[:80]!r}"
                )
        figures |= {
            f"tools.routing_valid_rate.{way}": mean(valid),
            f"tools.routing_right_rate.{way}": mean(right),
        }

    wanted = [m for m in messages if m["agents"] and m.get("tools") and any(m["tools"])]
    parameters = {t["function"]["name"]: t["function"]["parameters"] for t in offered}
    for way, model in callers.items():
        answers = asyncio.run(_all(model, SystemMessage(FIRST_CALL), wanted))
        valid = [_valid(a, parameters, may_be_none=False) for a in answers]
        right = [
            v
            and all(
                c["name"] in {t["name"] for options in m["tools"] for t in options}
                for c in a.tool_calls
            )
            for v, a, m in zip(valid, answers, wanted, strict=True)
        ]
        figures |= {
            f"tools.call_valid_rate.{way}": mean(valid),
            f"tools.call_right_rate.{way}": mean(right),
        }
    for way in callers:
        figures[f"tools.valid_rate.{way}"] = mean(
            figures[f"tools.{kind}_valid_rate.{way}"] for kind in ("routing", "call")
        )
    return figures


async def _all(
    model: Any, system: SystemMessage, messages: list[dict[str, Any]]
) -> list[AIMessage]:
    """Return the model's answers, four at a time."""
    gate = asyncio.Semaphore(4)

    async def call(text: str) -> AIMessage:
        async with gate:
            return await model.ainvoke([system, HumanMessage(text)])  # type: ignore[no-any-return]

    return await asyncio.gather(*(call(m["message"]) for m in messages))


def _valid(answer: AIMessage, schemas: dict[str, Any], *, may_be_none: bool) -> bool:
    """Tell whether every call can be carried out, and there is one unless none is needed."""
    if isinstance(answer, PlanMessage) and not answer.plan.readable:
        return False
    if answer.invalid_tool_calls or not (answer.tool_calls or may_be_none):
        return False
    for call in answer.tool_calls:
        try:
            jsonschema.validate(call["args"], schemas[call["name"]])
        except (KeyError, jsonschema.ValidationError):
            return False
    return True
