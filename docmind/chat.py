"""A question becomes a turn.

It runs on a background loop, whatever the pages do, and anyone may follow its events.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast
from uuid import uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, convert_to_openai_messages
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError

from docmind import wording
from docmind.agents.answer_stream import AnswerPart
from docmind.agents.assessment import Assessment, assess
from docmind.agents.mending import mend_own_text
from docmind.agents.reading import retained_passages
from docmind.agents.state import (
    CheckAnswer,
    TurnCheck,
    TurnContext,
    TurnGraph,
    TurnRequest,
    TurnServices,
    TurnState,
)
from docmind.agents.turn_events import SUPERVISOR, TurnEvents
from docmind.context.trimming import Budget
from docmind.engine.chat_model import answer_room
from docmind.engine.interface import Engine, EngineUsage, Tool
from docmind.errors import DocMindError, NothingIndexed, PromptTooLong
from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ChatEvent,
    Citation,
    ContextTrimmed,
    Replacement,
    SentenceReplaced,
    Statement,
    TurnFailed,
    TurnFinished,
    Usage,
    now,
)
from docmind.passages import NumberedPassage, Passage
from docmind.question_scope import NOTHING_CHOSEN, QuestionScope, SearchedDocuments
from docmind.settings import Settings
from docmind.storage.conversations import ConversationStore, completed_turns
from docmind.storage.documents import Document
from docmind.storage.messages import AgentEvent, StoredMessage
from docmind.turns import CompletedTurn, Turn
from docmind.verification.citations import misses_question
from docmind.verification.judge import StatementJudge
from docmind.verification.sentences import MARK
from docmind.verification.statements import CheckedAnswer, join_checked

log = logging.getLogger(__name__)

MOST_NAMED = 3
"""Documents of an earlier answer that are named where a new question is planned."""
RETAINED_FRACTION = 0.25
"""Fraction of the prompt for passages of earlier turns, if the setting leaves it open."""
RETAINED_WINDOW = 65_536
"""The window, in tokens, from which passages are then retained."""


@dataclass(frozen=True)
class TurnOutcome:
    """What a turn came to, as it is stored and told."""

    answer: str
    passages: tuple[NumberedPassage, ...]
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    replacements: tuple[Replacement, ...]
    usage: Usage
    assessment: Assessment
    agent_events: tuple[AgentEvent, ...]
    trims: tuple[ContextTrimmed, ...]
    notices: tuple[str, ...]
    stopped: bool
    error: str | None

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents that worked, in order, without the supervisor."""
        names: dict[str, None] = {}  # an ordered set
        for event in self.agent_events:
            if isinstance(event, AgentStarted) and event.agent != SUPERVISOR:
                names[event.agent] = None
        return tuple(names)


class ChatService:
    """Asks questions and keeps the turns that run; one turn at a time in a conversation."""

    def __init__(
        self,
        *,
        settings: Settings,
        engine: Engine,
        graph: TurnGraph,
        model: BaseChatModel,
        conversations: ConversationStore,
        check_answer: CheckAnswer,
        list_documents: Callable[[], Sequence[Document]],
        searched_documents: Callable[[QuestionScope], SearchedDocuments],
        interrupt_idle_work: Callable[[], object] = lambda: None,
    ) -> None:
        """Begin without any turn.

        Args:
            settings: With nothing left open that decides how agents work together.
            engine: Counts tokens, and must be ready when a question is asked.
            graph: Answers a question, see `supervisor.build_supervisor`.
            model: Assesses finished answers.
            conversations: Where questions and answers are stored.
            check_answer: Checks an answer's sentences against its passages.
            list_documents: All documents, whatever their state.
            searched_documents: What is chosen → the documents and pages that it comes to.
            interrupt_idle_work: Called before a question is answered: the engine is wanted.
        """
        self._settings = settings
        self._engine = engine
        self._graph = graph
        self._model = model
        self._conversations = conversations
        self._check_answer = check_answer
        self._list_documents = list_documents
        self._searched_documents = searched_documents
        self._interrupt_idle_work = interrupt_idle_work
        self._lock = threading.Lock()
        self._active: dict[str, Turn] = {}
        """The turn that runs, or the last one, by conversation."""
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chat", daemon=True)
        self._thread.start()

    def ask(
        self,
        question: str,
        conversation_id: str,
        *,
        version_of: int | None = None,
        scope: QuestionScope | None = None,
        temperature: float | None = None,
    ) -> Turn:
        """Begin a turn and return at once.

        Args:
            question: As it was typed.
            conversation_id: The conversation that it continues.
            version_of: The id of an earlier question whose place it takes, with all that came
                before; with the same words it gets another answer. None continues at the end.
            scope: What it is asked of, and stored with; None: as the conversation has it.
            temperature: What the answer is sampled with; None: as in the settings.

        Raises:
            EngineNotReady, EngineFailed: the model is loading or could not be started.
            NothingIndexed: there is no document to answer from.
            PromptTooLong: the question alone does not fit the window.
            DocMindError: the question is empty, the conversation is gone, or its last turn still
                runs.
        """
        question = question.strip()
        if not question:
            raise DocMindError("Type a question first.")
        conversation = self._conversations.get(conversation_id)
        if conversation is None:
            raise DocMindError("This conversation was deleted. Start a new one.")
        known = version_of is None or self._conversations.version(conversation_id, version_of)
        if not known:
            raise DocMindError("The question that this one replaces is gone. Ask it anew.")
        if scope is None:
            scope = conversation.scope
        searched, budget = self._prepare(question, scope)
        turn = Turn(conversation_id, question, version_of)
        request = self._request(turn, searched, budget, temperature)
        self._start(turn, request, scope)
        return turn

    def ask_unstored(
        self,
        question: str,
        *,
        earlier: Sequence[CompletedTurn] = (),
        scope: QuestionScope = NOTHING_CHOSEN,
        temperature: float | None = None,
    ) -> Turn:
        """Begin a turn of a conversation that the caller keeps: nothing of it is stored.

        Args:
            question: As it was typed.
            earlier: What was asked and answered before, oldest first.
            scope: What it is asked of.
            temperature: What the answer is sampled with; None: as in the settings.

        Raises:
            DocMindError: as `ask`.
        """
        question = question.strip()
        if not question:
            raise DocMindError("Type a question first.")
        searched, budget = self._prepare(question, scope)
        # No conversation has this id, so what is stored at the end of a turn is left out.
        turn = Turn(uuid4().hex, question)
        request = TurnRequest(
            conversation_id=turn.conversation_id,
            turn_id=turn.id,
            question=question,
            budget=budget,
            searched=searched,
            completed_turns=list(earlier),
            temperature=temperature,
        )
        self._start(turn, request, None)
        return turn

    def stream(self, question: str, conversation_id: str) -> Iterator[ChatEvent]:
        """Ask and yield the turn's events."""
        return self.ask(question, conversation_id).stream()

    def active(self, conversation_id: str) -> Turn | None:
        """Return the turn that runs in this conversation."""
        turn = self._active.get(conversation_id)
        if turn is None or turn.done:
            return None
        return turn

    def close(self) -> None:
        """Stop all turns and the background loop."""
        with self._lock:
            self._closed = True
            running = [turn for turn in self._active.values() if not turn.done]
        for turn in running:
            turn.cancel()
        for turn in running:
            turn.wait(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # Before a turn

    def _prepare(self, question: str, scope: QuestionScope) -> tuple[SearchedDocuments, Budget]:
        """Return what a question may search and what its prompts may take.

        Raises:
            DocMindError: as `ask`.
        """
        self._engine.wait_ready(0)
        self._interrupt_idle_work()
        searched = self._searched(scope)
        budget = self._budget()
        self._check_length(question, budget)
        return searched, budget

    def _searched(self, scope: QuestionScope) -> SearchedDocuments:
        """Return the documents that a question searches.

        Raises:
            NothingIndexed: There is none.
        """
        if not any(document.state == "ready" for document in self._list_documents()):
            raise NothingIndexed(
                "No document is ready yet. Add one on the Documents page, then ask again."
            )
        searched = self._searched_documents(scope)
        if searched.ids is not None and not searched.ids:
            raise NothingIndexed(
                "None of the documents that are chosen for this question is ready. "
                "Choose others, then ask again."
            )
        return searched

    def _budget(self) -> Budget:
        """Return how much of the window the turn's prompts may use."""
        settings = self._settings
        window = self._engine.status().window
        threshold = 1.0
        low_water = 1.0
        if settings.context.enable_context_trimming:
            threshold = settings.context.context_trim_threshold
            low_water = settings.context.low_water_mark
        return Budget(
            window=window,
            reserve=answer_room(settings.llm.max_answer_tokens, window),
            threshold=threshold,
            low_water=low_water,
        )

    def _check_length(self, question: str, budget: Budget) -> None:
        """Raise PromptTooLong for a question that leaves no room for what is found."""
        longest = budget.limit // 2
        tokens = self._engine.count_tokens([{"role": "user", "content": question}])
        if tokens > longest:
            raise PromptTooLong(
                f"The question has {tokens:,} tokens; up to {longest:,} fit. "
                "Shorten it, or add the long text as a document and ask about it."
            )

    def _request(
        self,
        turn: Turn,
        searched: SearchedDocuments,
        budget: Budget,
        temperature: float | None,
    ) -> TurnRequest:
        """Return the question with all that it is answered from."""
        messages = self._conversations.messages(turn.conversation_id, before=turn.version_of)
        past_turns = completed_turns(messages)
        trims = self._conversations.trims(turn.conversation_id, before=turn.version_of)
        first_retained_turn = 0
        summary = ""
        if trims:
            first_retained_turn = min(trims[-1].first_retained_turn, len(past_turns))
            summary = trims[-1].summary
        return TurnRequest(
            conversation_id=turn.conversation_id,
            turn_id=turn.id,
            question=turn.question,
            budget=budget,
            searched=searched,
            completed_turns=past_turns,
            first_retained_turn=first_retained_turn,
            summary=summary,
            cited_documents=_cited_documents(messages),
            retained_passages=self._retained_passages(messages, budget),
            temperature=temperature,
        )

    def _retained_passages(
        self, messages: Sequence[StoredMessage], budget: Budget
    ) -> list[Passage]:
        """Return the passages of earlier turns that this turn's agents read first.

        See the setting keep_passages.
        """
        agents = self._settings.agents
        # Where others read on under an agent's numbers, they must be those of this turn alone.
        shares_numbers = agents.output_mode == "full_history" or not agents.enable_parallel_tools
        fraction = agents.keep_passages
        if shares_numbers:
            fraction = 0
        elif fraction is None:
            fraction = 0
            if budget.window >= RETAINED_WINDOW:
                fraction = RETAINED_FRACTION
        found = [message.sources for message in messages if message.role == "assistant"]
        return retained_passages(found, fraction * budget.limit)

    def _start(self, turn: Turn, request: TurnRequest, scope: QuestionScope | None) -> None:
        """Begin to answer a question, unless another one is being answered.

        It is stored with its scope; None: it is not stored.
        """
        context = self._context(turn, request)
        with self._lock:
            if self._closed:
                raise DocMindError("DocMind is closing. Start it again, then ask.")
            if self.active(turn.conversation_id):
                raise DocMindError(
                    "The last question is still being answered. Wait for it, or stop it first."
                )
            if scope is not None:
                turn.question_id = self._conversations.add_question(
                    turn.conversation_id, turn.question, turn.version_of, scope=scope
                )
            self._active[turn.conversation_id] = turn
            asyncio.run_coroutine_threadsafe(self._run(turn, context), self._loop)

    def _context(self, turn: Turn, request: TurnRequest) -> TurnContext:
        state = TurnState(first_retained_turn=request.first_retained_turn, summary=request.summary)
        events = TurnEvents(
            conversation_id=request.conversation_id,
            turn_id=request.turn_id,
            passages=state.passages,
            emit=turn.emit,
            temperature=request.temperature,
        )
        judge: StatementJudge | None = None
        if self._settings.agents.judge_statements:
            judge = StatementJudge(self._engine, events.judgements.append)
        services = TurnServices(
            count_tokens=self._count_tokens,
            check_answer=TurnCheck(self._check_answer, judge),
            list_documents=self._list_documents,
        )
        return TurnContext(request=request, state=state, services=services, events=events)

    def _count_tokens(self, messages: Sequence[AnyMessage], tools: Sequence[Tool] = ()) -> int:
        return self._engine.count_tokens(convert_to_openai_messages(messages), tools)

    # The turn, on the background loop

    async def _run(self, turn: Turn, context: TurnContext) -> None:
        """Answer, and end the turn with one stored message and one last event, come what may."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        turn.begin(lambda: self._loop.call_soon_threadsafe(task.cancel))
        calls = context.events.model_calls
        began = time.perf_counter()
        answer_call: EngineUsage | None = None
        assessment = Assessment()
        error: str | None = None
        try:
            await self._answer(context)
            if calls:  # the last one wrote the answer; the assessment is another
                answer_call = calls[-1]
            if self._settings.agents.unsupported_sentences == "mend":
                await mend_own_text(context)
            if self._settings.agents.output_mode == "structured" and context.state.results:
                answer = context.events.answer.text()
                assessment = await assess(self._model, context, answer)
        except (asyncio.CancelledError, Exception) as exc:  # noqa: BLE001  told to the user
            error = _error_message(exc, turn)
        usage = _usage(context, answer_call, began)

        def finish() -> None:
            outcome = self._outcome(turn, context, usage=usage, assessment=assessment, error=error)
            self._finish(turn, outcome)

        await _uninterrupted(finish)
        turn.end()
        with self._lock:
            if self._active.get(turn.conversation_id) is turn:
                del self._active[turn.conversation_id]

    async def _answer(self, context: TurnContext) -> None:
        """Run the graph to its end."""
        agents = self._settings.agents
        messages: list[AnyMessage] = []
        for past_turn in context.retained_turns:
            messages += [HumanMessage(past_turn.question), AIMessage(_with_documents(past_turn))]
        messages.append(HumanMessage(context.request.question))
        at_once = 1
        if agents.enable_parallel_tools:
            at_once = agents.max_parallel_calls
        config = RunnableConfig(
            recursion_limit=agents.recursion_limit,
            max_concurrency=at_once,
            callbacks=[context.events],
        )
        await self._graph.ainvoke({"messages": messages}, config, context=context)

    # After a turn, in a thread

    def _finish(self, turn: Turn, outcome: TurnOutcome) -> None:
        """Store the answer and emit the last event. Never raises."""
        error = outcome.error
        try:
            self._conversations.add_trims(outcome.trims, turn.question_id)
            self._conversations.add_answer(
                turn.conversation_id, _stored_message(outcome), turn.question_id
            )
        except Exception as exc:
            log.exception("turn %s could not be stored", turn.id)
            error = error or f"{exc} The answer is not stored: copy it before you reload."
        turn.emit(_last_event(turn, outcome, error))

    def _outcome(
        self,
        turn: Turn,
        context: TurnContext,
        *,
        usage: Usage,
        assessment: Assessment,
        error: str | None,
    ) -> TurnOutcome:
        """Return what is stored and shown of a turn that has ended, every sentence checked.

        Args:
            turn: Its followers' side: its events, and whether the user stopped it.
            context: Its agents' side: what they found and wrote.
            usage: What its model calls cost.
            assessment: The answer's assessment, empty without one.
            error: Why it failed, in words for the user; None if it ran to its end or was stopped.
        """
        state = context.state
        parts = context.events.answer.parts()
        answer = context.events.answer.text()
        # If it failed while the user stopped it, the failure is what they should know.
        stopped = turn.stopped and error is None
        if not answer and not stopped and not error:
            error = "The model wrote nothing. Ask again, or put the question differently."
        passages = state.passages.all()
        checked = _checked(context, parts, passages)
        # Stored with the answer, so that the page can show later how it came about.
        agent_events = [
            event
            for event in turn.events()
            if isinstance(event, AgentStarted | AgentStep | AgentFinished | SentenceReplaced)
        ]
        notices: list[str] = []
        for notice in [*(result.notice for result in state.results), *state.notices]:
            # If all agents failed, the error is the first one's notice: it is said once.
            if notice and notice != error:
                notices.append(notice)
        asked = [turn.question, *(part.question for part in parts)]
        if misses_question(" ".join(asked), checked):
            notices.append(wording.MISSES_QUESTION)
        return TurnOutcome(
            answer=checked.text,
            passages=passages,
            citations=checked.citations,
            statements=checked.statements,
            replacements=tuple(state.replacements),
            usage=usage,
            assessment=assessment,
            agent_events=tuple(agent_events),
            trims=tuple(state.trims),
            notices=tuple(notices),
            stopped=stopped,
            error=error,
        )


def _checked(
    context: TurnContext, parts: Sequence[AnswerPart], passages: tuple[NumberedPassage, ...]
) -> CheckedAnswer:
    """Return the answer with its sentences checked; as it is if the check breaks.

    Each part is checked with its own question: "Three months." answers one of two.
    """
    checked: list[tuple[str, CheckedAnswer]] = []
    for part in parts:
        found = CheckedAnswer(text=part.text, statements=(), citations=())
        if part.from_registry:
            found = replace(found, citations=_cited_lines(part.text))
        elif part.text and passages:
            question = part.question or context.request.question
            try:
                found = context.services.check_answer(question, part.text, passages)
            except Exception:
                log.exception("the answer was not checked")
        before = part.heading
        if checked:
            before = f"\n\n{before}"
        checked.append((before, found))
    return join_checked(checked)


def _cited_lines(text: str) -> tuple[Citation, ...]:
    """Return the marks of a list of documents: code has put them behind what it found there."""
    citations: list[Citation] = []
    for line in text.splitlines():
        for mark in MARK.finditer(line):
            sentence = MARK.sub("", line).strip("- ")
            citation = Citation(number=int(mark[1]), sentence=sentence, supported=True)
            citations.append(citation)
    return tuple(citations)


def _with_documents(turn: CompletedTurn) -> str:
    """Return an earlier answer with the documents that it is from: "that contract" is one."""
    if not turn.documents:
        return turn.answer
    return f"{turn.answer} (from {', '.join(turn.documents[:MOST_NAMED])})"


def _cited_documents(messages: Sequence[StoredMessage]) -> list[str]:
    """Return the names of the documents that a conversation's answers cite, the last ones first."""
    names: dict[str, None] = {}  # an ordered set
    for message in reversed(messages):
        for source in message.sources:
            names[source.passage.file_name] = None
    return list(names)


async def _uninterrupted(function: Callable[[], None]) -> None:
    """Run a function in a thread to its end: a late stop does not end what is being stored."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running])


def _error_message(exc: BaseException, turn: Turn) -> str | None:
    """Return what the user is told of what ended a turn; None if they stopped it."""
    match exc:
        case asyncio.CancelledError() if turn.stopped:
            return None
        case asyncio.CancelledError():
            return "The app was closed while this question was being answered."
        case GraphRecursionError():
            return "The agents needed too many steps and were ended. Ask for one thing at a time."
        case DocMindError():
            return str(exc)
        case _:
            log.error("turn %s failed", turn.id, exc_info=exc)
            return (
                f"Something unexpected went wrong ({type(exc).__name__}: {exc}). "
                "The log has the details."
            )


def _usage(context: TurnContext, answer_call: EngineUsage | None, began: float) -> Usage:
    """Return what the turn's model calls cost; its speed is that of the call that wrote the answer.

    Args:
        context: The turn.
        answer_call: The call that wrote the answer, if one did.
        began: When the turn began, as `time.perf_counter` has it.
    """
    calls = [*context.events.model_calls, *context.events.judgements]
    first_token_at = context.events.first_token_at
    ttft_s: float | None = None
    if first_token_at is not None:
        ttft_s = first_token_at - began
    tokens_per_s: float | None = None
    if answer_call is not None and answer_call.decode_s > 0:
        # The first token is no step of decoding: it comes out of the prefill.
        tokens_per_s = (answer_call.completion_tokens - 1) / answer_call.decode_s
    lengths = [call.prompt_tokens + call.completion_tokens for call in calls]
    return Usage(
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        engine_calls=len(calls),
        ttft_s=ttft_s,
        tokens_per_s=tokens_per_s,
        context_tokens=max(lengths, default=0),
        window=context.request.budget.window,
        duration_s=time.perf_counter() - began,
    )


def _stored_message(outcome: TurnOutcome) -> StoredMessage:
    return StoredMessage(
        role="assistant",
        text=outcome.answer,
        at=now(),
        sources=outcome.passages,
        citations=outcome.citations,
        statements=outcome.statements,
        usage=outcome.usage,
        steps=tuple(outcome.agent_events),
        stopped=outcome.stopped,
        error=outcome.error,
        notices=outcome.notices,
        confidence=outcome.assessment.confidence,
        open_points=outcome.assessment.open_points,
    )


def _last_event(turn: Turn, outcome: TurnOutcome, error: str | None) -> TurnFinished | TurnFailed:
    if error:
        return TurnFailed(
            conversation_id=turn.conversation_id,
            turn_id=turn.id,
            error=error,
            answer=outcome.answer,
            sources=outcome.passages,
        )
    return TurnFinished(
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        answer=outcome.answer,
        sources=outcome.passages,
        citations=outcome.citations,
        statements=outcome.statements,
        replacements=outcome.replacements,
        usage=outcome.usage,
        agents=outcome.agents,
        stopped=outcome.stopped,
        notices=outcome.notices,
        trims=outcome.trims,
        confidence=outcome.assessment.confidence,
        open_points=outcome.assessment.open_points,
    )
