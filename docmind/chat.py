"""A question becomes a turn: it runs on a background loop, whatever the pages do, and anyone may follow its events."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, convert_to_openai_messages
from langgraph.errors import GraphRecursionError
from langgraph.graph.state import CompiledStateGraph

from docmind.agents.assessment import Assessment, assess
from docmind.agents.reading import retained_passages
from docmind.agents.state import CUT, TurnContext, run_id
from docmind.agents.supervisor import NAME, answer_in
from docmind.context.trimming import Budget, answer_room
from docmind.engine.chat_model import METER, WRITTEN
from docmind.engine.interface import Engine, EngineUsage, Tool
from docmind.errors import DocMindError, NothingIndexed, PromptTooLong
from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ChatEvent,
    Citation,
    ContextTrimmed,
    TurnFailed,
    TurnFinished,
    Usage,
    now,
)
from docmind.passages import NumberedPassage, Passage
from docmind.settings import Settings
from docmind.storage.conversations import ConversationStore, completed_turns
from docmind.storage.messages import StoredMessage
from docmind.turns import Turn

log = logging.getLogger(__name__)

KEPT_SHARE, KEPT_WINDOW = 0.25, 65_536
"""Share of the prompt for passages of earlier turns, and the window from which they are kept."""
Cite = Callable[[str, Sequence[NumberedPassage]], tuple[str, tuple[Citation, ...]]]
"""Checks an answer's citations against its sources; returns it with wrong marks put right."""


def _sum(calls: Sequence[EngineUsage], writer: EngineUsage | None, **measured: Any) -> Usage:
    """Return what the turn's model calls cost; speed is that of the call that wrote the answer."""
    speed = (
        (writer.completion_tokens - 1) / writer.decode_s if writer and writer.decode_s > 0 else None
    )
    return Usage(
        prompt_tokens=sum(c.prompt_tokens for c in calls),
        cached_tokens=sum(c.cached_tokens for c in calls),
        completion_tokens=sum(c.completion_tokens for c in calls),
        engine_calls=len(calls),
        tokens_per_s=speed,
        context_tokens=max((c.prompt_tokens + c.completion_tokens for c in calls), default=0),
        **measured,
    )


class ChatService:
    """Asks questions and keeps the turns that run; one turn at a time in a conversation."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        graph: CompiledStateGraph[Any],
        model: BaseChatModel,
        conversations: ConversationStore,
        cite: Cite,
        has_documents: Callable[[], bool],
        searched: Callable[[Sequence[int]], Sequence[str] | None] = lambda _chosen: None,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._graph = graph
        self._model = model
        self._conversations = conversations
        self._cite = cite
        self._has_documents = has_documents
        self._searched = searched
        self._lock = threading.Lock()
        self._active: dict[str, Turn] = {}
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chat", daemon=True)
        self._thread.start()

    def ask(self, question: str, conversation_id: str) -> Turn:
        """Begin a turn and return at once.

        Raises:
            EngineNotReady, EngineFailed: the model is loading or could not be started.
            NothingIndexed: there is no document to answer from.
            PromptTooLong: the question alone does not fit the window.
            DocMindError: the question is empty, the conversation is gone, or its last turn still runs.
        """
        question = question.strip()
        if not question:
            raise DocMindError("Type a question first.")
        conversation = self._conversations.get(conversation_id)
        if conversation is None:
            raise DocMindError("This conversation was deleted. Start a new one.")
        self._engine.wait_ready(0)
        if not self._has_documents():
            raise NothingIndexed(
                "No document is ready yet. Add one on the Documents page, then ask again."
            )
        document_ids = self._searched(conversation.collections)
        if document_ids is not None and not document_ids:
            raise NothingIndexed(
                "No document of the chosen collections is ready. Choose others, then ask again."
            )
        budget = self._budget()
        tokens = self._engine.count_tokens([{"role": "user", "content": question}])
        if tokens > budget.limit // 2:
            raise PromptTooLong(
                f"The question has {tokens:,} tokens; up to {budget.limit // 2:,} fit. "
                "Shorten it, or add the long text as a document and ask about it."
            )
        turn = Turn(conversation_id, question)
        messages = self._conversations.messages(conversation_id)
        past, trims = completed_turns(messages), self._conversations.trims(conversation_id)
        ids = (conversation_id, turn.id, question)
        context = TurnContext(*ids, turn.emit, budget, self._count, self._cite, document_ids, past)
        if trims:
            context.first_turn = min(trims[-1].first_kept_turn, len(past))
            context.summary = trims[-1].summary
        context.retained = self._retained(messages, budget)
        with self._lock:
            if self._closed:
                raise DocMindError("DocMind is closing. Start it again, then ask.")
            if self.active(conversation_id):
                raise DocMindError(
                    "The last question is still being answered. Wait for it, or stop it first."
                )
            self._conversations.add_question(conversation_id, question)
            self._active[conversation_id] = turn
            asyncio.run_coroutine_threadsafe(self._run(turn, context), self._loop)
        return turn

    def stream(self, question: str, conversation_id: str) -> Iterator[ChatEvent]:
        """Ask and yield the turn's events."""
        return self.ask(question, conversation_id).stream()

    def active(self, conversation_id: str) -> Turn | None:
        """Return the turn that runs in this conversation."""
        turn = self._active.get(conversation_id)
        return turn if turn is not None and not turn.done else None

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

    def _count(self, messages: Sequence[AnyMessage], tools: Sequence[Tool]) -> int:
        return self._engine.count_tokens(convert_to_openai_messages(messages), tools)

    def _budget(self) -> Budget:
        settings = self._settings
        window = self._engine.status().window
        trimming = settings.context.enable_context_trimming
        return Budget(
            window,
            answer_room(settings.llm.max_answer_tokens, window),
            settings.context.context_trim_threshold if trimming else 1.0,
            settings.context.low_water_mark if trimming else 1.0,
        )

    def _retained(self, messages: Sequence[StoredMessage], budget: Budget) -> list[Passage]:
        """Return the passages of earlier turns that this turn's agents read first; see the setting keep_passages."""
        agents = self._settings.agents
        share = agents.keep_passages
        if share is None:
            share = KEPT_SHARE if budget.window >= KEPT_WINDOW else 0
        if (
            not agents.enable_parallel_tools or agents.output_mode == "full_history"
        ):  # others read it under its numbers
            share = 0
        return retained_passages(
            (m.sources for m in messages if m.role == "assistant"), share * budget.limit
        )

    async def _run(self, turn: Turn, context: TurnContext) -> None:
        """Run the graph, and end the turn with one stored answer and one last event, whatever happens."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        turn.begin(lambda: self._loop.call_soon_threadsafe(task.cancel))
        calls: list[EngineUsage] = []  # as the engine counted them, also those that were aborted
        METER.set(calls.append)  # of this task and those it starts
        begin = time.perf_counter()
        writer: EngineUsage | None = None
        error: str | None = None
        assessment = Assessment()
        try:
            await self._follow(turn, context)
            writer = calls[-1] if calls else None
            if self._settings.agents.output_mode == "structured" and context.results:
                assessment = await assess(self._model, context, _answer(turn, context))
        except asyncio.CancelledError:
            if not turn.stopped:
                error = "The app was closed while this question was being answered."
        except GraphRecursionError:
            error = "The agents needed too many steps and were ended. Ask for one thing at a time."
        except DocMindError as exc:
            error = str(exc)
        except Exception as exc:
            log.exception("turn %s failed", turn.id)
            error = f"Something unexpected went wrong ({type(exc).__name__}: {exc}). The log has the details."
        window, end = context.budget.window, time.perf_counter()
        ttft = context.first_token - begin if context.first_token else None
        usage = _sum(calls, writer, ttft_s=ttft, window=window, duration_s=end - begin)
        finish = asyncio.ensure_future(
            asyncio.to_thread(self._finish, turn, context, error, usage, assessment)
        )
        while not finish.done():
            with suppress(
                asyncio.CancelledError
            ):  # a late stop does not end what is only being stored
                await asyncio.wait([finish])
        turn.end()
        with self._lock:
            if self._active.get(turn.conversation_id) is turn:
                del self._active[turn.conversation_id]

    async def _follow(self, turn: Turn, context: TurnContext) -> None:
        """Run the graph to its end and pass on what it writes."""

        def written(text: str) -> None:
            run = run_id()
            (context.told if run.startswith(NAME) else context.relay.write)(run, text)

        WRITTEN.set(written)
        agents = self._settings.agents
        at_once = agents.max_parallel_calls if agents.enable_parallel_tools else 1
        graph = cast("Any", self._graph)  # its overloads know no context
        seen = context.past[context.first_turn :]
        history: list[AnyMessage] = [m for q, a in seen for m in (HumanMessage(q), AIMessage(a))]
        async for update in graph.astream(
            {"messages": [*history, HumanMessage(turn.question)]},
            {"recursion_limit": agents.recursion_limit, "max_concurrency": at_once},
            context=context,
            stream_mode="updates",
        ):
            if (answer := answer_in(update)) is None:
                continue
            if cut := CUT.get(answer.response_metadata.get("finish_reason", "")):
                context.notices.append(f"The answer {cut}.")

    def _finish(
        self,
        turn: Turn,
        context: TurnContext,
        error: str | None,
        usage: Usage,
        assessment: Assessment,
    ) -> None:
        """Check citations, store the answer, and emit the last event. Never raises."""
        answer, stopped = _answer(turn, context), turn.stopped and error is None
        if not (answer or stopped or error):
            error = "The model wrote nothing. Ask again, or put the question differently."
        sources = context.sources.all()
        citations: tuple[Citation, ...] = ()
        try:
            if answer and sources:
                answer, citations = self._cite(answer, sources)
        except Exception:
            log.exception("citations were not checked")
        events = turn.events()
        steps = tuple(e for e in events if isinstance(e, AgentStarted | AgentStep | AgentFinished))
        agents = dict.fromkeys(
            e.agent for e in events if isinstance(e, AgentStarted) and e.agent != "supervisor"
        )
        trims = tuple(e for e in events if isinstance(e, ContextTrimmed))
        told = [*(r.notice for r in context.results), *context.notices]
        notices = tuple(n for n in told if n not in {"", error})
        extra: dict[str, Any] = {"notices": notices, **asdict(assessment)}
        message = StoredMessage(
            "assistant", answer, now(), sources, citations, usage, steps, stopped, error, **extra
        )
        try:
            self._conversations.add_trims(trims)
            self._conversations.add_answer(turn.conversation_id, message)
        except Exception as exc:
            log.exception("turn %s could not be stored", turn.id)
            error = error or f"{exc} The answer is not stored: copy it before you reload."
        ids = (turn.conversation_id, turn.id)
        if error:
            turn.emit(TurnFailed(*ids, error, answer, sources))
        else:
            turn.emit(
                TurnFinished(
                    *ids,
                    answer,
                    sources,
                    citations,
                    usage,
                    tuple(agents),
                    stopped,
                    trims=trims,
                    **extra,
                )
            )


def _answer(turn: Turn, context: TurnContext) -> str:
    """Return what there is of the answer: the agents' own texts, or what the supervisor wrote."""
    return context.relay.text() if context.forwarded else turn.answer()
