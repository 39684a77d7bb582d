"""What every agent does around its model.

It looks first, reports, and keeps to its window, its steps and its time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast
from uuid import uuid4

from langchain.agents.middleware import (
    AgentMiddleware,
    AgentState,
    ModelRequest,
    ModelResponse,
    hook_config,
)
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.runtime import Runtime
from langgraph.types import Command

from docmind import wording
from docmind.agents.agent_spec import AgentSpec, TableUse
from docmind.agents.comparison import Comparisons, is_comparison
from docmind.agents.mending import REWRITE_TOKENS, Mender
from docmind.agents.messages import (
    first_results,
    instruction_message,
    is_task,
    repeats_itself,
    replies_of,
    results_before_task,
    results_of,
    task_index,
    task_of,
    was_called_before,
)
from docmind.agents.naming import named_documents, say_missing
from docmind.agents.prompt_fitting import fit_prompt
from docmind.agents.refusals import NOT_FOUND, is_refusal
from docmind.agents.run_ids import run_id_of
from docmind.agents.state import AgentResult, AgentRun, TurnContext
from docmind.agents.table_query import MOST_ASKED, TableAnswers, speak_of
from docmind.agents.tools import (
    describe_result,
    earlier_turns_for_model,
    render_for_model,
    shows_all,
)
from docmind.context.delimiters import defuse_tags
from docmind.context.finish_reason import cut_off_reason
from docmind.context.summary import recall_turns
from docmind.errors import DocMindError
from docmind.events import Replacement
from docmind.passages import NumberedPassage, Passage
from docmind.phrases import phrases_in
from docmind.retrieval.language import answer_in, answer_language
from docmind.retrieval.sparse import ENGLISH
from docmind.settings import AgentSettings
from docmind.storage.documents import Document
from docmind.verification.citations import ASKED, citations_answer_question
from docmind.verification.figures import left_out
from docmind.verification.judge import Reading
from docmind.verification.quotations import (
    NEAR_STATEMENT,
    closest_quotation,
    find_quotation,
)
from docmind.verification.statements import is_open_question
from docmind.verification.support import closest

log = logging.getLogger(__name__)

LAST_STEP = "This is your last step: write the answer now from what you have found."

COMPARING_KINDS = ("look_up", "check")
"""Kinds of task that a small model now and then plans for a comparison: "Do both contracts have the
same law?" asks what stands in both, and is no statement to check."""

CALLED_BEFORE = "the same call was made before, and its result stands above. Answer from it."

ToolResult = ToolMessage | Command[Any]
ModelHandler = Callable[[ModelRequest[TurnContext]], Awaitable[ModelResponse[Any]]]
"""Calls the model."""


class FirstCalls(TypedDict):
    """What an agent begins with."""

    messages: list[AnyMessage]
    jump_to: Literal["tools"]


class Report(TypedDict):
    """What an agent ends with."""

    messages: list[AnyMessage]
    jump_to: NotRequired[Literal["end"]]


@dataclass(frozen=True)
class _Missing:
    """What is said of the documents that a task names and that can't be read."""

    text: str = ""
    """Empty if there are none."""
    others_named: bool = False
    """Whether it also names documents that can be read."""


class AgentRunMiddleware(AgentMiddleware[AgentState[Any], TurnContext]):
    """Makes the first tool calls itself, with the task as their argument.

    A direct question then costs one model call instead of two, and a small model can't skip
    looking. It reports what happens as events, keeps the prompt within the window, bounds steps and
    time, and turns a failure into a result, because an agent that raises would end all the others.
    """

    def __init__(
        self,
        spec: AgentSpec,
        settings: AgentSettings,
        table_answers: TableAnswers | None = None,
        *,
        comparisons: Comparisons | None = None,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._comparisons = comparisons
        self._table_answers = table_answers
        self._max_steps = settings.max_steps
        if spec.forced_tool:  # the call that it must make is no step of its own
            self._max_steps += 1
        self._timeout_s = settings.agent_timeout_s
        self._mends = settings.unsupported_sentences == "mend"

    @hook_config(can_jump_to=["tools", "end"])
    async def abefore_agent(  # type: ignore[override]  # LangChain has a plain dict
        self, state: AgentState[Any], runtime: Runtime[TurnContext]
    ) -> FirstCalls | Report:
        """Announce the agent and make its first tool calls.

        It ends at once if the documents that the task names are not there: none takes their place.
        """
        context = runtime.context
        run_id = run_id_of(runtime)
        task = task_of(state["messages"])
        context.state.runs[run_id] = AgentRun(
            agent=self._spec.name,
            task=task,
            deadline=asyncio.get_running_loop().time() + self._timeout_s,
        )
        context.events.agent_started(agent=self._spec.name, run_id=run_id, task=task)
        context.events.answer.begin(run_id, task)
        missing = await asyncio.to_thread(_missing_documents, context, task)
        if missing.text and not missing.others_named:
            return Report(messages=[AIMessage(missing.text)], jump_to="end")
        if missing.text:
            context.state.notices.append(missing.text)
        if len(state["messages"]) > 1:  # it sees what others wrote: their numbers are its own too
            passages = context.state.passages
            passages.read_by(run_id, [numbered.passage for numbered in passages.all()])
        calls = [
            ToolCall(name=call.tool, args={call.argument: task}, id=f"call_{uuid4().hex[:12]}")
            for call in self._spec.first_calls
        ]
        return FirstCalls(messages=[AIMessage("", tool_calls=calls)], jump_to="tools")

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolResult]],
    ) -> ToolResult:
        """Run a tool and report it; if it fails, the model is told and the turn goes on."""
        context = cast("TurnContext", request.runtime.context)
        run_id = run_id_of(request.runtime)
        call = request.tool_call
        began = time.perf_counter()
        try:
            if was_called_before(request.state["messages"], call):
                raise DocMindError(CALLED_BEFORE)
            async with asyncio.timeout_at(context.state.runs[run_id].deadline):
                # No tool here returns a Command.
                result = cast("ToolMessage", await handler(request))
        except Exception as exc:  # noqa: BLE001  told to the model
            result = ToolMessage(
                f"This did not work: {self._reason(exc)}", tool_call_id=call["id"], status="error"
            )
        message = self._message_before(request, run_id)
        if message:
            context.events.answer.restart(run_id)
        context.events.agent_step(
            agent=self._spec.name,
            run_id=run_id,
            tool=call["name"],
            arguments=call["args"],
            result=describe_result(result),
            began=began,
            message=message,
        )
        return result

    def _message_before(self, request: ToolCallRequest, run_id: str) -> str:
        """Return what the agent wrote before it made this call; "" if it wrote nothing.

        Of several calls in one message the first one takes the text.
        """
        context = cast("TurnContext", request.runtime.context)
        caller = replies_of(request.state["messages"])[-1]
        if caller.tool_calls[0]["id"] != request.tool_call["id"]:
            return ""
        return context.state.passages.translate_marks(run_id, caller.text).strip()

    async def awrap_model_call(
        self, request: ModelRequest[TurnContext], handler: ModelHandler
    ) -> ModelResponse[Any] | AIMessage:
        """Call the model with what fits its window, and again if it refuses or is not supported."""
        response: ModelResponse[Any] | None = None
        run_id = run_id_of(request.runtime)
        context = request.runtime.context
        run = context.state.runs[run_id]
        try:
            async with asyncio.timeout_at(run.deadline):
                if self._spec.first_result_is_answer:
                    return _first_result(request, run)
                computed = await self._compare_documents(request, run_id)
                if not computed and self._states_comparison(run):
                    return await asyncio.to_thread(_state_comparison, request, run.task)
                computed = computed or await self._answer_from_tables(request, run_id)
                if computed:
                    context.events.answer.write(run_id, computed)
                    return AIMessage(computed)
                request = await asyncio.to_thread(self._prepared, request, run)
                response = await handler(request)
                improved = await self._improved(request, run, handler, response=response)
                return await self._with_figures(improved, context, run_id)
        except Exception as exc:  # noqa: BLE001  the other agents go on
            reason = self._reason(exc)
            if response is not None:  # it has answered: what was tried after that is not needed
                log.warning("%s could not be asked again: %s", self._spec.name, reason)
                return response
            run.failure = reason
            return AIMessage("")

    async def _improved(
        self,
        request: ModelRequest[TurnContext],
        run: AgentRun,
        handler: ModelHandler,
        *,
        response: ModelResponse[Any],
    ) -> ModelResponse[Any] | AIMessage:
        """Return what the model answers when it is asked again, where it refused or is wrong."""
        if self._may_try_again(response):
            second_response = await self._answer_without_refusal_clause(request, run, handler)
            if second_response is not None:
                return second_response
            quoted = await self._quotation_for(run, request)
            if quoted is None and self._mends:
                return AIMessage(NOT_FOUND)  # whatever is behind it, or only marks
            return quoted or response
        if not _is_answer(response):
            return response
        if self._mends:
            return await self._mended(request, run, handler, response=response)
        await self._judge(request, run, response.result[-1].text)
        return response

    async def _with_figures(
        self, response: ModelResponse[Any] | AIMessage, context: TurnContext, run_id: str
    ) -> ModelResponse[Any] | AIMessage:
        """Return a summary with the document's sentences that tell amounts, terms and dates."""
        reply: object = response
        if not isinstance(response, AIMessage):
            reply = response.result[-1]
        if not self._spec.adds_figures or not isinstance(reply, AIMessage):
            return response
        if reply.tool_calls or is_refusal(reply.text):
            return response
        known = context.state.passages.known_to(run_id)
        quotations = await asyncio.to_thread(left_out, reply.text, known)
        lines = [f'- "{quotation.words}" [{quotation.number}]' for quotation in quotations]
        if not lines:
            return response
        content = "\n".join([reply.text.rstrip(), "", *lines])
        return reply.model_copy(update={"content": content})

    def _states_comparison(self, run: AgentRun) -> bool:
        """Return whether code answers: a statement is compared with the passages."""
        checks = self._mends and self._spec.compares_statement
        return checks and not is_open_question(run.task)

    async def _compare_documents(self, request: ModelRequest[TurnContext], run_id: str) -> str:
        """Return a comparison of documents, before the model is asked; "" if it is none."""
        is_first_step = self._step(request.messages) == 1
        if self._comparisons is None or not is_first_step:
            return ""
        context = request.runtime.context
        task = context.state.runs[run_id].task
        by_form = self._spec.kind in COMPARING_KINDS and is_comparison(task)
        if not self._spec.compares_documents and not by_form:
            return ""
        return await self._comparisons.answer(task, run_id=run_id, context=context)

    async def _answer_from_tables(self, request: ModelRequest[TurnContext], run_id: str) -> str:
        """Return the answer that tables give, before the model is asked; "" if none do."""
        context = request.runtime.context
        is_first_step = self._step(request.messages) == 1
        if self._table_answers is None or not is_first_step:
            return ""
        earlier = {passage.id for passage in context.request.retained_passages}
        found: list[Passage] = []
        for numbered in context.state.passages.known_to(run_id):
            if numbered.passage.id not in earlier:
                found.append(numbered.passage)
        of_tables = [passage for passage in found if passage.table and not passage.merged]
        task = context.state.runs[run_id].task
        match self._spec.tables:
            case TableUse.ALWAYS:
                is_used = speak_of(task, of_tables, ASKED)
            case TableUse.IF_BEST:
                is_used = found[:1] == of_tables[:1] and speak_of(task, of_tables, MOST_ASKED)
            case _:
                is_used = False
        if not is_used:
            return ""
        return await self._table_answers.answer(task, of_tables, run_id=run_id, context=context)

    def _prepared(
        self, request: ModelRequest[TurnContext], run: AgentRun
    ) -> ModelRequest[TurnContext]:
        """Return the request with a prompt that fits the window; in the last step without tools.

        Blocks while tokens are counted.
        """
        context = request.runtime.context
        step = self._step(request.messages)
        messages: list[AnyMessage] = list(request.messages)
        tool_choice: str | None = None
        if self._spec.forced_tool and step == 1:
            tool_choice = self._spec.forced_tool
        if step >= self._max_steps or repeats_itself(messages):
            tool_choice = "none"
            if step > 1:
                messages.append(instruction_message(LAST_STEP))
        self._add_cut_turns(context, run, messages)
        if self._spec.compares_statement:
            comparison = _compare(request, run.task)
            end_of_results = first_results(messages).stop
            messages.insert(end_of_results, ToolMessage(comparison, tool_call_id="comparison"))
        if request.system_message:
            messages.insert(0, request.system_message)
        prompt = fit_prompt(
            context,
            messages,
            reader=self._spec.name,
            tools=[convert_to_openai_tool(tool) for tool in request.tools],
            lay_out=self._lay_out,
        )
        without_system: list[AnyMessage] = [
            message for message in prompt if not isinstance(message, SystemMessage)
        ]
        return request.override(messages=without_system, tool_choice=tool_choice)

    def _add_cut_turns(
        self, context: TurnContext, run: AgentRun, messages: list[AnyMessage]
    ) -> None:
        """Put the turn that bears on the task most among the results, if it was cut before."""
        if not context.cut_turns:
            return
        text = earlier_turns_for_model(recall_turns(run.task, context.cut_turns, limit=1))
        if text:
            start_of_results = task_index(messages) + 2
            messages.insert(start_of_results, ToolMessage(text, tool_call_id="recall"))

    def _lay_out(self, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        return results_before_task(messages, self._closing(task_of(messages)))

    def _closing(self, task: str) -> str:
        """Return what stands behind the results of a task, with `{task}` for its words."""
        language = answer_language(task)
        if not language or language == ENGLISH:  # the prompt's own language
            return self._spec.closing
        return self._spec.closing + answer_in(language)

    def _may_try_again(self, response: ModelResponse[Any]) -> bool:
        """Return whether the agent refused to answer, and is one that is asked a second time."""
        if not self._spec.closing_after_refusal:
            return False
        reply = response.result[-1]
        if not isinstance(reply, AIMessage):
            return False
        if reply.tool_calls or not reply.text:
            return False
        return is_refusal(reply.text)

    async def _answer_without_refusal_clause(
        self, request: ModelRequest[TurnContext], run: AgentRun, handler: ModelHandler
    ) -> ModelResponse[Any] | None:
        """Ask an agent that refused once more, without offering it to refuse.

        A small model that may refuse does so even where its passages tell the answer; one that may
        not, invents an answer where they do not. So the second answer counts only if the passages
        support it. It costs little: its prompt begins as the first one, with the passages, and the
        engine has these in its prefix cache.

        Returns:
            The second response; None if it does not count, or if there was nothing to ask again.
        """
        context = request.runtime.context
        run_id = run_id_of(request.runtime)
        messages = self._without_refusal_clause(request.messages, run.task)
        # A prompt without tool results has no closing, so there is no clause to take out.
        if messages == request.messages or not context.state.passages.all():
            return None
        # The user sees nothing of the second answer before it is checked.
        context.events.answer.close(run_id)
        began = time.perf_counter()
        response = await handler(request.override(messages=messages, tool_choice="none"))
        text = context.state.passages.translate_marks(run_id, response.result[-1].text)
        passages = context.state.passages.all()
        known = context.state.passages.known_to(run_id)
        reading = self._reading(request, run.task, known)
        check = context.services.check_answer
        checked = await asyncio.to_thread(check, run.task, text, passages, reading)
        supported = citations_answer_question(run.task, passages, checked)
        result = "no passage supports an answer"
        if supported:
            result = "its passages do answer the question"
        context.events.agent_step(
            agent=self._spec.name,
            run_id=run_id,
            tool="look_again",
            arguments={},
            result=result,
            began=began,
        )
        if not supported:
            return None
        return response

    async def _mended(
        self,
        request: ModelRequest[TurnContext],
        run: AgentRun,
        handler: ModelHandler,
        *,
        response: ModelResponse[Any],
    ) -> ModelResponse[Any] | AIMessage:
        """Return an answer in which no sentence is left that no passage supports.

        A sentence is written again behind the answer: the prompt begins as the answer's did, and
        the engine has it in its prefix cache.
        """
        context = request.runtime.context
        run_id = run_id_of(request.runtime)
        passages = context.state.passages.known_to(run_id)
        if not passages and replies_of(request.messages):
            return response  # it tells of what other tools brought
        reply = response.result[-1]
        prompt = [*request.messages, AIMessage(reply.text)]

        async def write_again(instruction: str) -> str:
            # The user sees nothing of it before it is checked.
            context.events.answer.close(run_id)
            written = await handler(
                request.override(
                    messages=[*prompt, instruction_message(instruction)],
                    tool_choice="none",
                    model_settings={**request.model_settings, "max_tokens": REWRITE_TOKENS},
                )
            )
            return str(written.result[-1].text)

        began = time.perf_counter()
        mender = Mender(
            question=run.task,
            passages=passages,
            check=context.services.check_answer,
            reading=self._reading(request, run.task, passages),
            computed=_computed(request.messages),
            quotes=not self._spec.forced_tool,
        )
        mended = await mender.mend(reply.text, write_again)
        if not mended.replacements:
            return response
        text = context.state.passages.translate_marks(run_id, mended.text)
        shown = context.events.answer.revise(run_id, text)
        for replacement in mended.replacements:
            translated = Replacement(
                before=context.state.passages.translate_marks(run_id, replacement.before),
                after=context.state.passages.translate_marks(run_id, replacement.after),
            )
            context.state.replacements.append(translated)
            context.events.sentence_replaced(
                agent=self._spec.name, run_id=run_id, replacement=translated, text=shown
            )
        context.events.agent_step(
            agent=self._spec.name,
            run_id=run_id,
            tool="mend",
            arguments={},
            result=wording.replaced(mended.replacements),
            began=began,
        )
        return AIMessage(mended.text)

    async def _judge(self, request: ModelRequest[TurnContext], run: AgentRun, text: str) -> None:
        """Have an answer judged that stays as it is, while the engine has what it was read from."""
        context = request.runtime.context
        check = context.services.check_answer
        passages = context.state.passages.known_to(run_id_of(request.runtime))
        if check.judges and passages:
            reading = self._reading(request, run.task, passages)
            await asyncio.to_thread(check, run.task, text, passages, reading)

    def _reading(
        self,
        request: ModelRequest[TurnContext],
        task: str,
        passages: Sequence[NumberedPassage],
    ) -> Reading | None:
        """Return what an agent has read; None if that is not all of its passages."""
        closing = self._closing(task).format(task=task)
        parts: list[str] = []
        for message in request.messages:
            content = str(message.content)
            if is_task(message):
                parts = [content.removesuffix(closing).rstrip()]
            elif isinstance(message, ToolMessage):  # of a later step
                parts.append(content)
        text = "\n\n".join(parts)
        if not shows_all(text, passages):
            return None  # condensed, or cut to fit the window
        return Reading(
            system=self._spec.system_prompt,
            passages=text,
            tools=tuple(convert_to_openai_tool(tool) for tool in request.tools),
        )

    async def _quotation_for(
        self, run: AgentRun, request: ModelRequest[TurnContext]
    ) -> AIMessage | None:
        """Return the passages' own sentence that answers a task which the agent refused."""
        context = request.runtime.context
        if not self._mends or self._spec.forced_tool:  # a sum is not answered by a row
            return None
        known = context.state.passages.known_to(run_id_of(request.runtime))
        found = await asyncio.to_thread(find_quotation, run.task, "", known)
        if found is None:
            return None
        return AIMessage(str(found))

    def _without_refusal_clause(
        self, messages: Sequence[AnyMessage], task: str
    ) -> list[AnyMessage]:
        """Return a prompt with the closing that does not offer a refusal."""
        closing = self._spec.closing.format(task=task)
        closing_after_refusal = self._spec.closing_after_refusal.format(task=task)
        changed: list[AnyMessage] = []
        for message in messages:
            if is_task(message):
                content = str(message.content).replace(closing, closing_after_refusal)
                changed.append(message.model_copy(update={"content": content}))
            else:
                changed.append(message)
        return changed

    async def aafter_agent(  # type: ignore[override]  # LangChain has a plain dict
        self, state: AgentState[Any], runtime: Runtime[TurnContext]
    ) -> Report:
        """Report how it ended; its passage numbers become the turn's."""
        context = runtime.context
        run_id = run_id_of(runtime)
        passages = context.state.passages
        last = state["messages"][-1]
        text = passages.translate_marks(run_id, str(last.content))
        if text.strip() == NOT_FOUND:
            text = phrases_in(answer_language(task_of(state["messages"]))).not_found
        result = self._result(state["messages"], context.state.runs[run_id], text)
        context.state.results.append(result)
        context.events.answer.end(run_id, text)
        context.events.agent_finished(
            agent=self._spec.name, run_id=run_id, text=text, error=result.error
        )

        messages: list[AnyMessage] = []
        for found in results_of(state["messages"]):
            content = passages.renumber(run_id, str(found.content))
            messages.append(found.model_copy(update={"content": content}))
        messages.append(last.model_copy(update={"content": text}))
        return Report(messages=messages)

    def _result(self, messages: Sequence[AnyMessage], run: AgentRun, text: str) -> AgentResult:
        """Return how the run ended, from its whole conversation and its last text."""
        steps = self._step(messages[:-1])
        # Where one step is allowed, its first text is its answer: nothing was cut short.
        out_of_steps = steps == self._max_steps and steps > 1
        cut_off = cut_off_reason(messages[-1])
        error: str | None = None
        incomplete = ""
        if run.failure:
            error = run.failure
        elif out_of_steps and not text:
            error = f"it found no answer within {self._max_steps} steps."
        elif not text:
            error = "it wrote nothing. Ask again, or put the question differently."
        elif out_of_steps:
            incomplete = f"it was ended after {self._max_steps} steps. Ask for one thing at a time."
        elif cut_off:
            incomplete = f"its text {cut_off}."
        return AgentResult(
            agent=self._spec.name,
            task=run.task,
            text=text,
            error=error,
            incomplete=incomplete,
        )

    def _reason(self, exc: Exception) -> str:
        """Return in words for the user why something failed."""
        if isinstance(exc, ExceptionGroup):
            exc = exc.exceptions[0]
        if isinstance(exc, TimeoutError):
            return f"it took longer than {self._timeout_s:g} s (agent_timeout_s)."
        if isinstance(exc, DocMindError):
            return str(exc)
        log.error("agent %s failed", self._spec.name, exc_info=exc)
        return f"{type(exc).__name__}: {exc}"

    def _step(self, messages: Sequence[AnyMessage]) -> int:
        """Return the number, from 1, of the model call that these messages are for.

        Each reply since the task is one call before it; the first calls stand in for the first.
        """
        return len(replies_of(messages))


def _missing_documents(context: TurnContext, task: str) -> _Missing:
    """Return what is to be said of the files that a task names and that may not be read."""
    allowed = context.request.document_ids
    readable: list[Document] = []
    others: list[Document] = []
    for document in context.services.list_documents():
        may_be_read = allowed is None or document.id in allowed
        if document.state == "ready" and may_be_read:
            readable.append(document)
        else:
            others.append(document)
    named = named_documents(task, readable)
    phrases = phrases_in(answer_language(task))
    sentences: list[str] = []
    for name in named.missing:
        sentence = say_missing(
            name,
            readable=readable,
            others=others,
            seen_names=context.request.cited_documents,
            phrases=phrases,
        )
        sentences.append(sentence)
    return _Missing(text=" ".join(sentences), others_named=bool(named.documents))


def _first_result(request: ModelRequest[TurnContext], run: AgentRun) -> AIMessage:
    """Return what an agent's first call brought as its answer."""
    run_id = run_id_of(request.runtime)
    result = results_of(request.messages)[0]
    if result.status == "error":
        run.failure = str(result.content)
        return AIMessage("")
    answer = request.runtime.context.events.answer
    answer.take_from_registry(run_id)
    answer.write(run_id, str(result.content))
    return AIMessage(str(result.content))


def _is_answer(response: ModelResponse[Any]) -> bool:
    """Return whether the model has written an answer: no call, and no refusal."""
    reply = response.result[-1]
    if not isinstance(reply, AIMessage) or reply.tool_calls:
        return False
    return bool(reply.text.strip()) and not is_refusal(reply.text)


def _computed(messages: Sequence[AnyMessage]) -> str:
    """Return what an agent's calculations came to."""
    results: list[str] = []
    for result in results_of(messages):
        if result.name == "calculate" and result.status != "error":
            results.append(str(result.content))
    return "\n".join(results)


@dataclass(frozen=True)
class _Comparison:
    """What the check of citations finds of a statement in the passages of a run."""

    nearest: NumberedPassage
    """The passage that comes closest to it, or supports it."""
    words: str
    """Its sentence that comes closest."""
    supported: bool


def _compared(request: ModelRequest[TurnContext], statement: str) -> _Comparison | None:
    """Compare a statement with what a run has read; None if that is nothing.

    The untuned 1.5B by itself took all of 56 statements, 40 of them false, for supported.
    """
    context = request.runtime.context
    known = context.state.passages.known_to(run_id_of(request.runtime))
    if not known:
        return None
    system = ""
    if request.system_message is not None:
        system = request.system_message.text
    reading = Reading(
        system=system,
        passages=render_for_model(known),
        tools=tuple(convert_to_openai_tool(tool) for tool in request.tools),
    )
    nearest, words = closest(statement, known)
    # "Is it true that pets are not allowed?" asks, but what it states is to be checked.
    stated = statement.rstrip("?\uff1f ")
    checked = context.services.check_answer(
        "", f"{stated} [{nearest.number}]", known, reading=reading
    )
    by_number = {numbered.number: numbered for numbered in known}
    # Here the question is whether it is so: the more likely of the two is told.
    otherwise = context.services.check_answer.finds_otherwise(stated)
    for citation in checked.citations:
        if citation.supported and not otherwise:
            return _Comparison(nearest=by_number[citation.number], words=words, supported=True)
    return _Comparison(nearest=nearest, words=words, supported=False)


def _compare(request: ModelRequest[TurnContext], statement: str) -> str:
    """Return what comes of comparing a statement, as the model reads it."""
    comparison = _compared(request, statement)
    if comparison is None:
        result = "no passage was found"
    elif comparison.supported:
        result = f"the statement is supported by passage [{comparison.nearest.number}]."
    else:
        result = (
            "the statement is not supported as it stands. What comes closest is in passage "
            f"[{comparison.nearest.number}]: {comparison.words}"
        )
    return defuse_tags(f"Statement to check: {statement}\nComparison: {result}")


def _state_comparison(request: ModelRequest[TurnContext], statement: str) -> AIMessage:
    """Return what comes of comparing a statement, as the user reads it, with the passage's words.

    A model that words the result turns it round now and then.
    """
    comparison = _compared(request, statement)
    if comparison is None:
        return AIMessage(NOT_FOUND)
    phrases = phrases_in(answer_language(statement))
    if comparison.supported:
        return AIMessage(f"{phrases.as_stated} {closest_quotation(statement, comparison.nearest)}")
    known = request.runtime.context.state.passages.known_to(run_id_of(request.runtime))
    quotation = find_quotation(statement, "", known, NEAR_STATEMENT)
    if quotation is None:
        return AIMessage(NOT_FOUND)
    return AIMessage(f"{phrases.not_as_stated} {quotation}")
