"""The supervisor's model: a message becomes a plan, valid by construction, in one model call."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from docmind.agents.agent_spec import AgentSpec
from docmind.agents.handoff import handoff_call
from docmind.agents.plan import Plan, Task, plan_schema, read_plan
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Constraint

log = logging.getLogger(__name__)

PLAN_TOKENS = 640
"""Longest plan; three questions of 400 characters take about 400 tokens."""
ONLY_NEW = "Split only this new message, the earlier ones have been answered:\n"
"""Stands before a message that has a conversation before it. Without it the 1.5B planned old
questions again in 4 of 8 turns, with it in none; the same words after the message: 3."""

PLAN = """You split a user's message about their documents into tasks. Do not answer it yourself.
Kinds of task:
{kinds}
- greeting: nothing is asked, only hello or thanks
Count the separate questions in the message, then list them, each complete in itself and in the \
user's own words, with the kind of task. Most messages are one question. Do not add questions that \
the user did not ask.

Examples:
"Hi! Who is the CEO and is it true that the office closes at 6? Also sum up report.pdf." has three \
questions: "Who is the CEO?" (look_up), "Is it true that the office closes at 6?" (check), "Sum up \
report.pdf." (summarize).
"What does the warranty cover?" is one question (look_up).
"How much more did we spend in May than in April?" is one question (calculate).
"Do both offers have the same delivery time?" is one question (compare).
"Thank you!" asks nothing (greeting)."""
"""Kinds of task instead of names of agents: of 50 fixed messages the 1.5B then routes 43 right
instead of 32, with the short examples 45 (with names and the same examples 37)."""


def plan_prompt(team: Iterable[AgentSpec]) -> str:
    """Return what the supervisor is told when it plans tasks for a team."""
    lines = [f"- {agent.kind}: {agent.purpose}" for agent in team]
    return PLAN.format(kinds="\n".join(lines))


class PlanMode(Enum):
    """How much of a message is planned at once."""

    ALL = auto()
    """All tasks, to be worked on at the same time."""
    FIRST = auto()
    """How many tasks there are, and the first."""
    NEXT = auto()
    """The next one after those that have been handed out."""


class PlanRequest(SystemMessage):
    """The system message of a call that asks for a plan."""

    mode: PlanMode


class PlanMessage(AIMessage):
    """The reply to a `PlanRequest`: a plan, and its tasks as calls of handoff tools."""

    plan: Plan

    @classmethod
    def of(cls, plan: Plan, usage: UsageMetadata | None = None) -> PlanMessage:
        """Return a plan as a message, with what its JSON has cost."""
        calls = [handoff_call(task) for task in plan.tasks]
        return cls(content="", plan=plan, tool_calls=calls, usage_metadata=usage)


class SupervisorModel(ChatVLLM):
    """ChatVLLM that plans where a `PlanRequest` asks for it.

    A small model is helped by a grammar: it writes the number of questions and, for each, the
    question and a kind of task. Tasks are bounded by `max_tasks` and doubles are dropped.
    """

    kinds: dict[str, str]
    """Kinds of task → the agents for them; the first gets what can't be planned."""
    max_tasks: int = 3
    plans: bool = True
    """False: every message is one task of the first agent, without a model call."""

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401  LangChain's signature
    ) -> ChatResult:
        kwargs.pop("tools", None)  # handoffs are planned, not called
        request = messages[0]
        if not isinstance(request, PlanRequest):
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        if not self.plans:
            message = PlanMessage.of(self._single_task(messages[-1].text))
            return ChatResult(generations=[ChatGeneration(message=message)])

        most_tasks = 1
        if request.mode is PlanMode.ALL:
            most_tasks = self.max_tasks
        kwargs["constraint"] = Constraint("json", plan_schema([*self.kinds], most_tasks))
        kwargs["max_tokens"] = PLAN_TOKENS
        kwargs["silent"] = True  # JSON is no text for the user
        result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        output = cast("AIMessage", result.generations[0].message)
        plan = self._plan(output.text, request.mode, messages[-1].text)
        message = PlanMessage.of(plan, output.usage_metadata)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _plan(self, output: str, mode: PlanMode, question: str) -> Plan:
        """Return the plan that the model wrote, or what takes its place."""
        try:
            plan = read_plan(output, self.kinds)
        except ValueError:  # cut off, or a server that ignores the schema
            log.warning("the plan could not be read: %r", output[:200])
            if mode is PlanMode.NEXT:
                return Plan(questions_seen=1, readable=False)
            single = self._single_task(question)
            return Plan(tasks=single.tasks, questions_seen=1, readable=False)
        if mode is PlanMode.FIRST and not plan.tasks and plan.questions_seen > 1:
            # A greeting stands before the questions.
            single = self._single_task(question)
            return Plan(tasks=single.tasks, questions_seen=plan.questions_seen)
        return plan

    def _single_task(self, question: str) -> Plan:
        """Return the plan that takes the whole message for one question to the first agent."""
        first_agent = next(iter(self.kinds.values()))
        task = Task(agent=first_agent, question=question.removeprefix(ONLY_NEW).strip())
        return Plan(tasks=(task,), questions_seen=1)
