"""What every agent does around its model: looks first, reports, keeps to its window, its steps and its time."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from langchain.agents.middleware import (
    AgentMiddleware,
    AgentState,
    ModelRequest,
    ModelResponse,
    hook_config,
)
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.runtime import Runtime
from langgraph.types import Command

from docmind.agents.answer_stream import NOT_FOUND
from docmind.agents.state import CUT, AgentResult, TurnContext, defused, run_id
from docmind.agents.tools import FOUND, earlier
from docmind.context.summary import recall
from docmind.errors import DocMindError
from docmind.events import AgentFinished, AgentStarted, AgentStep
from docmind.settings import AgentSettings
from docmind.verification.citations import citations_answer_question
from docmind.verification.sentences import MARK
from docmind.verification.support import closest

log = logging.getLogger(__name__)

TASK = "supervisor"
"""Name of the human message that carries a task: it begins no turn of the conversation."""
LAST_STEP = "This is your last step: write the answer now from what you have found."


def task_message(task: str) -> HumanMessage:
    """Return the message that hands a task to an agent."""
    return HumanMessage(task, name=TASK)


@dataclass(frozen=True)
class Brief:
    """What an agent is told, and what it does before it is asked."""

    system: str
    closing: str
    """Stands after the passages, where a small model heeds it most; `{task}` is replaced by the task."""
    first_calls: tuple[tuple[str, str], ...]
    """Tools called with the task before the model is asked, each with the argument that takes it."""
    forced: str = ""
    """A tool that the model must call first, under a grammar."""
    again: str = ""
    """In place of the closing when the agent refused: its answer counts if its passages support it."""
    compares: bool = False
    """Whether the task is a statement that is compared with the passages before the model is asked."""


class WorkerMiddleware(AgentMiddleware[AgentState[Any], TurnContext]):
    """Makes the first tool calls itself, with the task as their argument.

    A direct question then costs one model call instead of two, and a small model can't skip looking. It reports what
    happens as events, keeps the prompt within the window, bounds steps and time, and turns a failure into a message,
    because an agent that raises would end all the others.
    """

    def __init__(self, name: str, brief: Brief, settings: AgentSettings) -> None:
        super().__init__()
        self._agent = name
        self._brief = brief
        self._max_steps = settings.max_steps + bool(brief.forced)
        self._timeout_s = settings.agent_timeout_s

    @hook_config(can_jump_to=["tools"])
    async def abefore_agent(
        self, state: AgentState[Any], runtime: Runtime[TurnContext]
    ) -> dict[str, Any]:
        """Announce the agent and make its first tool calls."""
        task, turn = _task(state), runtime.context
        turn.emit(AgentStarted(turn.conversation_id, turn.turn_id, self._agent, task, run_id()))
        turn.relay.begin(run_id(), task)
        if len(state["messages"]) > 1:  # it sees what others wrote: their numbers are its own too
            turn.sources.read_by(run_id(), [s.passage for s in turn.sources.all()])
        turn.deadlines[run_id()] = asyncio.get_running_loop().time() + self._timeout_s
        calls = [
            {"name": tool, "args": {argument: task}, "id": f"call_{uuid4().hex[:12]}"}
            for tool, argument in self._brief.first_calls
        ]
        return {"messages": [AIMessage("", tool_calls=calls)], "jump_to": "tools"}

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run a tool; report it; a failing one tells the model instead of ending the turn."""
        turn = cast("TurnContext", request.runtime.context)
        call = request.tool_call
        begin = time.perf_counter()
        try:
            async with asyncio.timeout_at(turn.deadlines[run_id()]):
                result = cast(
                    "ToolMessage", await handler(request)
                )  # no tool here returns a Command
        except Exception as exc:  # noqa: BLE001  told to the model
            result = ToolMessage(
                f"This did not work: {self._reason(exc)}", tool_call_id=call["id"], status="error"
            )
        text = str(result.content)
        told = text[:200] if result.status == "error" else _size(text)
        caller = next(m for m in reversed(request.state["messages"]) if isinstance(m, AIMessage))
        first = (
            caller.tool_calls[0]["id"] == call["id"]
        )  # of several calls the first one takes what was said
        said = turn.sources.translate_marks(run_id(), caller.text).strip() if first else ""
        if said:
            turn.relay.restart(run_id())
        took = round((time.perf_counter() - begin) * 1000, 1)
        ids = (turn.conversation_id, turn.turn_id, self._agent, run_id())
        turn.emit(AgentStep(*ids, call["name"], dict(call["args"]), told, took, said))
        return result

    async def awrap_model_call(
        self,
        request: ModelRequest[TurnContext],
        handler: Callable[[ModelRequest[TurnContext]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any] | AIMessage:
        """Call the model with what fits its window; in its last step without tools."""
        turn = request.runtime.context
        step = self._step(request.messages)
        messages = list(request.messages)
        choice = self._brief.forced if self._brief.forced and step == 1 else None
        if step >= self._max_steps or _repeats(messages):
            choice = "none"
            if step > 1:
                messages.append(HumanMessage(LAST_STEP, name=TASK))
        head = [request.system_message] if request.system_message else []
        tools = [convert_to_openai_tool(t) for t in request.tools]

        cut = turn.past[: turn.first_turn]
        if cut and (text := earlier(recall(_task(request.state), cut, 1))):
            messages.insert(_start(messages) + 2, ToolMessage(text, tool_call_id="recall"))
        try:
            async with asyncio.timeout_at(turn.deadlines[run_id()]):
                if self._brief.compares:
                    text = await asyncio.to_thread(_compared, turn, _task(request.state))
                    messages.insert(
                        _first_found(messages).stop, ToolMessage(text, tool_call_id="comparison")
                    )
                fitted = await asyncio.to_thread(
                    turn.fitted, [*head, *messages], tools, self._lay_out, self._agent
                )
                messages = [m for m in fitted if not isinstance(m, SystemMessage)]
                response = await handler(request.override(messages=messages, tool_choice=choice))
                if self._refuses(response.result[-1]):
                    again = request.override(messages=messages, tool_choice="none")
                    return await self._look_again(again, handler) or response
                return response
        except Exception as exc:  # noqa: BLE001  the other agents go on
            return AIMessage("", additional_kwargs={"error": self._reason(exc)})

    def _refuses(self, message: BaseMessage) -> bool:
        """Whether an agent found nothing, or wrote no word, only a mark or a fence."""
        if (
            not (self._brief.again and isinstance(message, AIMessage) and message.text)
            or message.tool_calls
        ):
            return False
        text = message.text.strip()
        return text.startswith(NOT_FOUND.rstrip(".")) or not re.search(r"\w", MARK.sub("", text))

    async def _look_again(
        self,
        request: ModelRequest[TurnContext],
        handler: Callable[[ModelRequest[TurnContext]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any] | None:
        """Ask a refusing agent for its answer without the way out; None if its passages do not support it.

        A small model told that it may refuse does so where the answer stands in its passages, and one that may not
        invents: of the two texts, the checked one decides. Passages come from the prefix cache.
        """
        turn, task = request.runtime.context, _task(request.state)
        refusing, plain = (
            words.format(task=task) for words in (self._brief.closing, self._brief.again)
        )
        messages = [
            m.model_copy(update={"content": str(m.content).replace(refusing, plain)})
            if m.name == TASK
            else m
            for m in request.messages
        ]
        if messages == request.messages or not turn.sources.all():
            return None
        turn.relay.close(run_id())
        begin = time.perf_counter()
        response = await handler(request.override(messages=messages))
        text = turn.sources.translate_marks(run_id(), response.result[-1].text)
        sources = turn.sources.all()
        _, citations = await asyncio.to_thread(turn.cite, text, sources)
        supported = citations_answer_question(task, sources, citations)
        told = (
            "its passages do answer the question" if supported else "no passage supports an answer"
        )
        ids = (turn.conversation_id, turn.turn_id, self._agent, run_id())
        turn.emit(
            AgentStep(*ids, "look_again", {}, told, round((time.perf_counter() - begin) * 1000, 1))
        )
        return response if supported else None

    async def aafter_agent(
        self, state: AgentState[Any], runtime: Runtime[TurnContext]
    ) -> dict[str, Any]:
        """Report how it ended; its passage numbers become the turn's."""
        turn, last = runtime.context, state["messages"][-1]
        text, error, incomplete = (
            turn.sources.translate_marks(run_id(), str(last.content)),
            None,
            "",
        )
        if last.additional_kwargs.get("error"):
            error = str(last.additional_kwargs["error"])
        elif self._step(state["messages"][:-1]) == self._max_steps > 1:
            incomplete = f"it was ended after {self._max_steps} steps. Ask for one thing at a time."
            error = None if text else f"it found no answer within {self._max_steps} steps."
        elif cut := CUT.get(last.response_metadata.get("finish_reason", "")):
            incomplete = f"its text {cut}."
        if not (text or error):
            error = "it wrote nothing. Ask again, or put the question differently."
        turn.results.append(
            AgentResult(self._agent, _task(state), text, error, "" if error else incomplete)
        )
        turn.relay.end(run_id(), text)
        turn.emit(
            AgentFinished(turn.conversation_id, turn.turn_id, self._agent, run_id(), text, error)
        )
        read = [
            m for m in state["messages"][_start(state["messages"]) :] if isinstance(m, ToolMessage)
        ]
        renumbered = [
            m.model_copy(update={"content": turn.sources.renumber(run_id(), str(m.content))})
            for m in read
        ]
        return {"messages": [*renumbered, last.model_copy(update={"content": text})]}

    def _reason(self, exc: Exception) -> str:
        if isinstance(exc, ExceptionGroup):
            exc = exc.exceptions[0]
        if isinstance(exc, TimeoutError):
            return f"it took longer than {self._timeout_s:g} s (agent_timeout_s)."
        if isinstance(exc, DocMindError):
            return str(exc)
        log.error("agent %s failed", self._agent, exc_info=exc)
        return f"{type(exc).__name__}: {exc}"

    def _step(self, messages: Sequence[AnyMessage]) -> int:
        """Return the number, from 1, of the model call that these messages are for; the first calls were no step."""
        return sum(isinstance(m, AIMessage) for m in messages[_start(messages) :])

    def _lay_out(self, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        """Return the prompt with the first passages before the task instead of after it.

        The 1.5B model gave no citation when the task stood before the passages, and did when it stood after them
        with the closing words. The same beginning also serves the prefix cache when the task is put differently.
        Where turns were cut from the conversation, those that bear on the task come back with the passages.
        """
        start, first = _start(messages), _first_found(messages)
        if not first:
            return list(messages)
        closing = self._brief.closing.format(task=str(messages[start].content))
        merged = HumanMessage(
            "\n\n".join([*(str(messages[i].content) for i in first), closing]), name=TASK
        )
        return [*messages[:start], merged, *messages[first.stop :]]


def _start(messages: Sequence[AnyMessage]) -> int:
    """Return where the task stands: the last one, if agents before this one left theirs."""
    return next(
        i
        for i, m in reversed(list(enumerate(messages)))
        if isinstance(m, HumanMessage) and m.content != LAST_STEP
    )


def _first_found(messages: Sequence[AnyMessage]) -> range:
    """Return where the results of the first tool calls stand, behind the task and the calls."""
    first = _start(messages) + 2
    rest = enumerate(messages[first:], first)
    return range(
        first,
        next((i for i, m in rest if not isinstance(m, ToolMessage)), max(first, len(messages))),
    )


def _compared(turn: TurnContext, statement: str) -> str:
    """Return a statement with what the check of citations finds of it in the run's passages.

    The 1.5B by itself took all of 56 statements, 40 of them false, for supported.
    """
    known = turn.sources.known_to(run_id())
    if known:
        near, words = closest(statement, known)
        _, marks = turn.cite(f"{statement} [{near.number}]", known)
        right = next(
            (f"supported by passage [{mark.number}]." for mark in marks if mark.supported), None
        )
        other = (
            f"not supported as it stands. What comes closest is in passage [{near.number}]: {words}"
        )
    result = f"the statement is {right or other}" if known else "no passage was found"
    return defused(f"Statement to check: {statement}\nComparison: {result}")


def _repeats(messages: Sequence[AnyMessage]) -> bool:
    """Return whether an agent's last calls were all made before: it would go on like that to its last step."""
    *earlier, last = [m for m in messages[_start(messages) :] if isinstance(m, AIMessage)] or [
        AIMessage("")
    ]
    made = [(c["name"], c["args"]) for m in earlier for c in m.tool_calls]
    return bool(last.tool_calls) and all((c["name"], c["args"]) in made for c in last.tool_calls)


def _task(state: Mapping[str, Any]) -> str:
    return str(state["messages"][_start(state["messages"])].content)


def _size(text: str) -> str:
    read = text.count("\n[") if text.startswith("<passages>") else 0
    if read:
        found = text.rpartition(FOUND)[2].count("[") if FOUND in text else read
        kept = f" ({read} with those of earlier turns)" if found < read else ""
        return f"{found} passage{'s' if found > 1 else ''}{kept}, {len(text.split())} words"
    return text if len(text) <= 80 else f"{len(text.split())} words"
