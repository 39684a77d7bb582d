"""`docmind bench tools`: how often a model routes and calls tools as it should.

With and without a grammar, on 200 fixed messages. A call is *valid* if it can be carried out:
well-formed, a tool that exists, arguments of its schema. It is *right* if it is also what the
message asks for: the same agents, as often, with the names that a follow-up leaves out and the
wishes that it has; the reply of the supervisor's own that is wanted; a tool that may help.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from statistics import mean
from typing import Any

import jsonschema
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from benchmarks.questions import RoutingMessage, load_routing
from benchmarks.result import Progress
from docmind.agents.handoff import PREFIX, handoff_tool
from docmind.agents.plan import Task
from docmind.agents.planner import (
    PlanMessage,
    PlanMode,
    PlanRequest,
    SupervisorModel,
    lay_out_plan,
    plan_form,
    plan_prompt,
)
from docmind.agents.team import TEAM
from docmind.agents.tools import make_tools
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Engine
from docmind.measurement import Figures

FREE = """You are the supervisor of a team that works on the user's documents. \
Hand out tasks; do not answer yourself.
Agents:
{agents}
Call one transfer tool for each separate question in the message, all in one reply, \
each with a task that is complete \
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
MAX_TOKENS = 640
AT_ONCE = 4
WAYS = ("constrained", "tags", "free")
"""`constrained`: the plan under its grammar, calls forced. `tags`: free text, calls held to their
schema once begun, as DocMind's agents run. `free`: no grammar."""

Schemas = dict[str, dict[str, Any]]
"""Tool name → JSON schema of its arguments."""
Model = Runnable[LanguageModelInput, BaseMessage]


@dataclass(frozen=True)
class Router:
    """A model with the prompt by which it hands tasks out."""

    system: SystemMessage
    model: Model


def measure_tools(
    engine: Engine, *, limit: int, progress: Progress, plans_only: bool = False
) -> Figures:
    """Measure routing and first calls in all WAYS.

    Args:
        engine: ready.
        limit: most messages; 0: all.
        plans_only: measure only constrained routing, as the app does it.
        progress: is given a line for each message that was routed wrongly.

    Returns:
        `tools.routing_valid_rate|right_rate.WAY` and `tools.call_valid_rate|right_rate.WAY`, 0 to
        1, routing on the half for reporting, and `tools.routing_right_rate.choosing.WAY` on the
        other. `tools.routing.KIND.messages|right`: by kind of message, for reporting, constrained.
        Free routing has a prompt of its own, which asks for calls of transfer tools; the plan's
        prompt names kinds of task. `tools.valid_rate.WAY` are the means over routing and calls.
    """
    messages = load_routing()[: limit or None]
    if plans_only:
        return _measure_routing(engine, messages, progress, ways=("constrained",))
    figures = _measure_routing(engine, messages, progress)
    figures |= _measure_calls(engine, [message for message in messages if _wants_tools(message)])
    for way in WAYS:
        routing = figures[f"tools.routing_valid_rate.{way}"]
        calls = figures[f"tools.call_valid_rate.{way}"]
        figures[f"tools.valid_rate.{way}"] = mean([routing, calls])
    return figures


def _measure_routing(
    engine: Engine,
    messages: Sequence[RoutingMessage],
    progress: Progress,
    *,
    ways: Collection[str] = WAYS,
) -> Figures:
    """Return how many messages are routed validly and rightly."""
    reporting = [message["half"] == "reporting" for message in messages]
    if not any(reporting):  # a limit left only the others
        reporting = [True] * len(messages)
    figures: Figures = {}
    for way, router in make_routers(engine).items():
        if way not in ways:
            continue
        answers = ask_all(router.model, router.system, messages)
        valid = []
        right = []
        for message, answer in zip(messages, answers, strict=True):
            tasks = tasks_of(answer)
            # None means that the answer can't be carried out; no task is right for a greeting only.
            is_valid = tasks is not None and bool(tasks or not message["agents"])
            is_right = is_valid and is_routed_right(message, answer)
            if not is_right:
                progress(f"routing {way} {_wrong_routing(message, tasks, answer)}")
            valid.append(is_valid)
            right.append(is_right)
        figures[f"tools.routing_valid_rate.{way}"] = mean(compress(valid, reporting))
        figures[f"tools.routing_right_rate.{way}"] = mean(compress(right, reporting))
        chose = list(compress(right, [not each for each in reporting]))
        if chose:
            figures[f"tools.routing_right_rate.choosing.{way}"] = mean(chose)
        if way == "constrained":
            figures |= _by_kind(messages, right, reporting)
    return figures


def _measure_calls(engine: Engine, messages: Sequence[RoutingMessage]) -> Figures:
    """Return how many first calls are valid and right."""
    # The tools are never run here: only their schemas are used.
    tools = make_tools(None, None, 5)  # type: ignore[arg-type]
    offered = [convert_to_openai_tool(tools[name]) for name in TOOLS]
    parameters: Schemas = {}
    for tool in offered:
        parameters[tool["function"]["name"]] = tool["function"]["parameters"]
    figures: Figures = {}
    for way, model in make_callers(engine, offered).items():
        answers = ask_all(model, SystemMessage(FIRST_CALL), messages)
        valid = []
        right = []
        for message, answer in zip(messages, answers, strict=True):
            is_valid = calls_are_valid(answer, parameters, may_be_none=False)
            valid.append(is_valid)
            right.append(is_valid and _called_tools(answer) <= _helpful_tools(message))
        figures[f"tools.call_valid_rate.{way}"] = mean(valid)
        figures[f"tools.call_right_rate.{way}"] = mean(right)
    return figures


def is_routed_right(message: RoutingMessage, answer: BaseMessage) -> bool:
    """Return whether a router did with a message what should be done with it."""
    tasks = tasks_of(answer) or []
    if Counter(task.agent for task in tasks) != Counter(message["agents"]):
        return False
    words = " ".join(task.question for task in tasks).casefold()
    if not all(held.casefold() in words for held in message.get("holds", ())):
        return False
    if isinstance(answer, PlanMessage) and "reply" in message:
        return message["reply"] in [question.kind for question in answer.plan.own]
    return True


def _by_kind(
    messages: Sequence[RoutingMessage], right: Sequence[bool], reporting: Sequence[bool]
) -> Figures:
    """Return how many messages of each kind there are, and how many of them were routed right."""
    count: Counter[str] = Counter()
    count_right: Counter[str] = Counter()
    for message, is_right, reports in zip(messages, right, reporting, strict=True):
        if reports:
            kind = message["kind"].replace(" ", "-")
            count[kind] += 1
            count_right[kind] += is_right
    figures: Figures = {}
    for kind, number in count.items():
        figures[f"tools.routing.{kind}.messages"] = number
        figures[f"tools.routing.{kind}.right"] = count_right[kind]
    return figures


def make_routers(engine: Engine) -> dict[str, Router]:
    """Return who hands tasks out, by way."""
    transfers = [handoff_tool(agent.name, agent.purpose) for agent in TEAM]
    roster = "\n".join(f"- {agent.name}: {agent.purpose}" for agent in TEAM)
    kinds = {agent.kind: agent.name for agent in TEAM}
    plan = PlanRequest(content=plan_prompt(TEAM), mode=PlanMode.ALL)
    free = SystemMessage(FREE.format(agents=roster))
    planner = SupervisorModel(engine=engine, max_tokens=MAX_TOKENS, kinds=kinds)
    model = ChatVLLM(engine=engine, max_tokens=MAX_TOKENS)
    tags = ChatVLLM(engine=engine, max_tokens=MAX_TOKENS, constrain_calls=True)
    return {
        "constrained": Router(system=plan, model=planner),
        "tags": Router(system=free, model=tags.bind_tools(transfers)),
        "free": Router(system=free, model=model.bind_tools(transfers)),
    }


def tasks_of(answer: BaseMessage) -> list[Task] | None:
    """Return the tasks that a router handed out; None if what it wrote can't be carried out."""
    if isinstance(answer, PlanMessage):
        return list(answer.plan.tasks) if answer.plan.readable else None
    handoffs: Schemas = {}
    for agent in TEAM:
        schema = {"required": ["task"], "properties": {"task": {"minLength": 1}}}
        handoffs[f"{PREFIX}{agent.name}"] = schema
    if not calls_are_valid(answer, handoffs, may_be_none=True):
        return None
    assert isinstance(answer, AIMessage)
    return [
        Task(agent=call["name"].removeprefix(PREFIX), question=call["args"]["task"])
        for call in answer.tool_calls
    ]


def make_callers(engine: Engine, offered: Sequence[dict[str, Any]]) -> dict[str, Model]:
    """Return who calls the first tool, by way."""
    model = ChatVLLM(engine=engine, max_tokens=MAX_TOKENS)
    tags = ChatVLLM(engine=engine, max_tokens=MAX_TOKENS, constrain_calls=True)
    return {
        "constrained": model.bind_tools(offered, tool_choice="any"),
        "tags": tags.bind_tools(offered),
        "free": model.bind_tools(offered),
    }


def ask_all(
    model: Model, system: SystemMessage, messages: Sequence[RoutingMessage]
) -> list[BaseMessage]:
    """Return the model's answers, AT_ONCE at a time."""

    async def gather() -> list[BaseMessage]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(message: RoutingMessage) -> BaseMessage:
            async with gate:
                return await model.ainvoke(prompt_of(system, message))

        return await asyncio.gather(*[ask(message) for message in messages])

    return asyncio.run(gather())


def prompt_of(system: SystemMessage, message: RoutingMessage) -> list[AnyMessage]:
    """Return what a model reads to decide on a message."""
    text = message["message"]
    past: list[AnyMessage] = []
    for question, answer in message.get("history", ()):
        past += [HumanMessage(question), AIMessage(answer)]
    if not isinstance(system, PlanRequest):
        return [system, *past, HumanMessage(text)]
    form = plan_form(text, past)
    request = PlanRequest(
        content=plan_prompt(TEAM, form), mode=system.mode, question=text, form=form
    )
    return lay_out_plan([request, *past, HumanMessage(text)])


def calls_are_valid(
    answer: BaseMessage, schemas: Mapping[str, dict[str, Any]], *, may_be_none: bool
) -> bool:
    """Tell whether every call can be carried out, and there is one unless none is needed."""
    assert isinstance(answer, AIMessage)
    if answer.invalid_tool_calls:
        return False
    if not answer.tool_calls and not may_be_none:
        return False
    for call in answer.tool_calls:
        schema = schemas.get(call["name"])
        if schema is None:
            return False
        try:
            jsonschema.validate(call["args"], schema)
        except jsonschema.ValidationError:
            return False
    return True


def _called_tools(answer: BaseMessage) -> set[str]:
    assert isinstance(answer, AIMessage)
    return {call["name"] for call in answer.tool_calls}


def _wants_tools(message: RoutingMessage) -> bool:
    return bool(message["agents"]) and any(message.get("tools", ()))


def _helpful_tools(message: RoutingMessage) -> set[str]:
    """Return the tools that may rightly be called first, whichever task is meant."""
    names: set[str] = set()
    for choices in message["tools"]:
        names.update(choice["name"] for choice in choices)
    return names


def _wrong_routing(
    message: RoutingMessage, tasks: Sequence[Task] | None, answer: BaseMessage
) -> str:
    """Return what was wanted and what was done instead."""
    handed_out = "nothing that can be carried out"
    if tasks is not None:
        handed_out = str([(task.agent, task.question) for task in tasks])
    return (
        f"{message['id']} {message['message']!r}: wanted {message['agents']}, "
        f"got {handed_out} {str(answer.content)[:80]!r}"
    )
