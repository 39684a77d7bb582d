"""The supervisor's model: a message becomes a plan, valid by construction, in one model call."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from docmind.agents.agent_spec import AgentSpec
from docmind.agents.handoff import handoff_call
from docmind.agents.plan import Own, Plan, PlanForm, Task, plan_schema, read_plan
from docmind.context.trimming import begins_turn
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Constraint
from docmind.verification.sentences import plain

log = logging.getLogger(__name__)

_MORE_CLAUSES = re.compile(
    r"[?.!:;,]\s+\S|\n|\b(?:and|also|plus|then|separately|und|sowie|au\u00dferdem|dann)\b",
    re.IGNORECASE,
)
"""Where a second question may begin."""

PLAN_TOKENS = 640
"""Longest plan; three questions of 400 characters take about 400 tokens."""
LONG_MESSAGE = 400
"""Characters from which a message is more than its question, which then is written anew."""
ANSWER_SHOWN = 300
"""Characters of each earlier answer that are shown with a new message."""
NEW_MESSAGE = "Message: "
"""Stands before the user's message, as in the prompt's examples."""
IN_FULL = "Write this message as a full question, with what it leaves out."
"""Stands last where a question is written anew. With this, and the name `full_question`, the 1.5B
completed all of 4 follow-ups of which it had written 3 down as they were."""

FIRST_PLAN = """You split a user's message about their documents into tasks. Do not answer it \
yourself.
Kinds of task:
{kinds}
Count the separate questions in the message, then list them, each complete in itself and in the \
user's own words, with the kind of task. Most messages are one question. Do not add questions that \
the user did not ask. A wish for the form of the answer (short, rounded, in German) belongs to its \
question.

Examples:
"Hi! Who is the CEO and is it true that the office closes at 6? Also sum up report.pdf." has three \
questions: "Who is the CEO?" (look_up), "Is it true that the office closes at 6?" (check), "Sum up \
report.pdf." (summarize).
"Which river drives the mill, and who repaired it?" has two questions: "Which river drives the \
mill?" (look_up), "Who repaired the mill?" (look_up).
"What does the warranty cover?" is one question (look_up).
"What is the fee for a pass? Round it to two digits." is one question (look_up).
"How much more did we spend in May than in April?" is one question (calculate).
"Do both offers have the same delivery time?" is one question (compare).
"Gib mir die Kernpunkte des Gutachtens." is one question (summarize).
"Which of my files are about insurance?" is one question (library).
"May I give you photos?" is one question (app).
"What did you say about the roof before?" is one question (conversation).
"I like Mondays." asks nothing (chat).
"Thank you!" asks nothing (chat)."""
"""For a message that may have several questions. By PLAN, or where a single question needs no words
in the plan, the 1.5B takes most of those for one."""

PLAN = """You sort messages to an app that answers from the user's documents. Do not answer them \
yourself.
Kinds of question:
{kinds}

Count the separate questions in the message. A wish for the form of the answer (short, rounded, \
as a list, in German) is no question and changes no kind. Of a single question only the kind is \
written. Several are listed, each complete in itself and in the user's own words. Do not add \
questions that the user did not ask.

Message: When does the office open?
{{"count": 1, "kind": "look_up"}}
Message: What is the fee for a pass? Round it to two digits.
{{"count": 1, "kind": "look_up"}}
Message: Which river drives the mill, and who repaired it?
{{"count": 2, "questions": [{{"question": "Which river drives the mill?", "kind": "look_up"}}, \
{{"question": "Who repaired the mill?", "kind": "look_up"}}]}}
Message: How much more did we spend in May than in April?
{{"count": 1, "kind": "calculate"}}
Message: Do both offers have the same delivery time?
{{"count": 1, "kind": "compare"}}
Message: Which of my files are about insurance?
{{"count": 1, "kind": "library"}}
Message: May I give you photos?
{{"count": 1, "kind": "app"}}
Message: Is there anything on bees in my files?
{{"count": 1, "kind": "library"}}
Message: What did you say about the roof before?
{{"count": 1, "kind": "conversation"}}
Message: Gib mir die Kernpunkte des Gutachtens.
{{"count": 1, "kind": "summarize"}}
Message: I like Mondays.
{{"count": 1, "kind": "chat"}}
Message: Hi! Which color is the door and is it true that the office closes at 6? Also sum up \
report.pdf.
{{"count": 3, "questions": [{{"question": "Which color is the door?", "kind": "look_up"}}, \
{{"question": "Is it true that the office closes at 6?", "kind": "check"}}, {{"question": "Sum up \
report.pdf.", "kind": "summarize"}}]}}
Message: Thank you!
{{"count": 1, "kind": "chat"}}"""
"""Kinds of task instead of names of agents: of 50 fixed messages the 1.5B then routed 43 right
instead of 32."""

FOLLOW_UPS = """

In a conversation, or behind a long text, a single question is written anew: in the user's \
language, with the names that it means, so that it can be understood alone.

User: How long is the notice period in the Miller contract?
You: It is three months.
Message: And how high is the fee?
{"count": 1, "full_question": "How high is the fee in the Miller contract?", "kind": "look_up"}
User: Who is the seller in the contract for the boat?
You: The seller is Tom Reed.
Message: When was the boat built?
{"count": 1, "full_question": "When was the boat in the contract for the boat built?", "kind": \
"look_up"}
User: What does Fox & Sons pay per year?
You: Fox & Sons pays 900 a year.
Message: What about Reed Ltd?
{"count": 1, "full_question": "What does Reed Ltd pay per year?", "kind": "look_up"}
User: Who wrote the study on bees?
You: Lena Berg wrote it. (from bees.pdf)
Message: And the ants one?
{"count": 1, "full_question": "Who wrote the study on ants?", "kind": "look_up"}
User: Fasse das Protokoll vom April zusammen.
You: Das Dach wird erneuert. (from protokoll-april.docx)
Message: Kürzer, bitte.
{"count": 1, "full_question": "Fasse das Protokoll vom April kürzer zusammen.", "kind": "summarize"}
User: Where is the meter?
You: In the cellar.
Message: What did I just ask you?
{"count": 1, "full_question": "What did I just ask you?", "kind": "conversation"}
User: Wie hoch ist der Turm?
You: Er ist 30 Meter hoch.
Message: Wiederhole das bitte.
{"count": 1, "full_question": "Wiederhole das bitte.", "kind": "conversation"}"""
"""Stands behind that where a question is written anew. Examples in the form in which message and
plan stand: without them the 1.5B planned 4 of 6 follow-ups in their own words."""

OWN_PURPOSES = {
    Own.APP: "about you: who you are, what you can do, which types of files you read, where data "
    "goes",
    Own.CONVERSATION: "about this conversation: what was asked or answered before",
    Own.CHAT: "nothing is asked of documents: hello, thanks, goodbye, jokes, small talk",
}
"""What the kinds are that no agent is for."""


def plan_prompt(team: Iterable[AgentSpec], form: PlanForm = PlanForm.LIST) -> str:
    """Return what the supervisor is told when it plans tasks for a team.

    Args:
        team: who may get a task.
        form: what the plan says of the message's questions.
    """
    lines = [f"- {agent.kind}: {agent.purpose}" for agent in team]
    lines += [f"- {kind}: {purpose}" for kind, purpose in OWN_PURPOSES.items()]
    kinds = "\n".join(lines)
    match form:
        case PlanForm.LIST:
            return FIRST_PLAN.format(kinds=kinds)
        case PlanForm.KIND:
            return PLAN.format(kinds=kinds)
        case PlanForm.FULL_QUESTION:
            return PLAN.format(kinds=kinds) + FOLLOW_UPS


def plan_form(message: str, past: Sequence[AnyMessage]) -> PlanForm:
    """Return what a plan has to say of a message's questions.

    A question that follows others, or stands in a long text, is written anew. What can be but one
    question needs no words of the model's: told so, it tells the kinds apart better.
    """
    if past or len(message) > LONG_MESSAGE:
        return PlanForm.FULL_QUESTION
    if may_be_several(message):
        return PlanForm.LIST
    return PlanForm.KIND


def may_be_several(message: str) -> bool:
    """Return whether a message may have more than one question: it has more than one clause."""
    clause = message.strip().rstrip("?.!")
    return _MORE_CLAUSES.search(clause) is not None


def lay_out_plan(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return a prompt that asks for a plan as the model reads it.

    Where the prompt's examples are messages, the conversation and the new message stand in one
    message of the user, as they do.
    """
    forms = [message.form for message in messages if isinstance(message, PlanRequest)]
    if PlanForm.LIST in forms or not forms:
        return list(messages)
    before: list[AnyMessage] = []
    lines: list[str] = []
    behind: list[AnyMessage] = []
    in_full = False
    for message in messages:
        if isinstance(message, PlanRequest):
            before.append(message)
            in_full = message.form is PlanForm.FULL_QUESTION
        elif begins_turn(message):
            lines.append(f"User: {message.text}")
        elif isinstance(message, AIMessage) and message.text:
            lines.append(f"You: {_shortened(message.text)}")
        elif isinstance(message, HumanMessage):  # an instruction
            behind.append(message)
    new = lines.pop().removeprefix("User: ")
    lines.append(f"{NEW_MESSAGE}{new}")
    if in_full and not behind:
        lines.append(IN_FULL)
    return [*before, HumanMessage("\n".join(lines)), *behind]


def _shortened(answer: str) -> str:
    """Return an answer in one line, without marks, its middle cut out if it is long."""
    text = plain(answer)
    if len(text) <= ANSWER_SHOWN:
        return text
    half = ANSWER_SHOWN // 2
    return f"{text[:half]} … {text[-half:]}"


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
    question: str = ""
    """The user's message, where more than that stands in the prompt's last one."""
    form: PlanForm = PlanForm.LIST


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

    A small model is helped by a grammar: it writes how many questions there are and, for each, its
    words and kind. Tasks are bounded by `max_tasks` and doubles are dropped.
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
        question = request.question or messages[-1].text
        if not self.plans:
            message = PlanMessage.of(self._single_task(question))
            return ChatResult(generations=[ChatGeneration(message=message)])

        most_tasks = 1
        if request.mode is PlanMode.ALL:
            most_tasks = self.max_tasks
        schema = plan_schema([*self.kinds], most_tasks, request.form)
        kwargs["constraint"] = Constraint("json", schema)
        kwargs["max_tokens"] = PLAN_TOKENS
        kwargs["silent"] = True  # JSON is no text for the user
        result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        output = cast("AIMessage", result.generations[0].message)
        plan = self._plan(output.text, request.mode, question)
        message = PlanMessage.of(plan, output.usage_metadata)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _plan(self, output: str, mode: PlanMode, question: str) -> Plan:
        """Return the plan that the model wrote, or what takes its place."""
        try:
            plan = read_plan(output, self.kinds, question)
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
        task = Task(agent=first_agent, question=question.strip())
        return Plan(tasks=(task,), questions_seen=1)
