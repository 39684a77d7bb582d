"""The one way by which what happens in a turn reaches its followers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from docmind.agents.answer_stream import AnswerStream, Channel
from docmind.agents.passage_numbers import PassageNumbers
from docmind.agents.run_ids import agent_of, run_id_of_path
from docmind.context.trimming import Budget, Fitted
from docmind.engine.chat_model import ModelListener
from docmind.engine.interface import EngineUsage
from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ChatEvent,
    ContextTrimmed,
    Replacement,
    SentenceReplaced,
    SourcesFound,
    TokenDelta,
    now,
)
from docmind.passages import NumberedPassage

SUPERVISOR = "supervisor"
"""The supervisor's name among the agents."""


class TurnEvents(ModelListener):
    """Takes in what agents do and what the model writes and costs; gives out typed events.

    The model finds it among the callbacks of the run, agents and tools in their `TurnContext`. Text
    goes through the `answer`, which decides what of it is shown. Not thread-safe but for `emit`,
    which must be, and `judgements`.
    """

    def __init__(
        self,
        *,
        conversation_id: str,
        turn_id: str,
        passages: PassageNumbers,
        emit: Callable[[ChatEvent], None],
        temperature: float | None = None,
    ) -> None:
        self.temperature = temperature
        self._conversation_id = conversation_id
        self._turn_id = turn_id
        self._emit = emit
        self.answer = AnswerStream(self._text, passages.translate_marks)
        """The answer, as far as it has been written."""
        self.model_calls: list[EngineUsage] = []
        """What each model call cost, in the order in which they ended; aborted ones too."""
        self.judgements: list[EngineUsage] = []
        """What each judgement of a statement cost."""
        self.first_token_at: float | None = None
        """When the answer began, as `time.perf_counter` has it."""

    def text_written(self, namespace: str, text: str) -> None:
        """Take a piece of text from the model."""
        run_id = run_id_of_path(namespace)
        if agent_of(run_id) == SUPERVISOR:
            self.answer.write_directly(run_id, text)
        else:
            self.answer.write(run_id, text)

    def usage_counted(self, usage: EngineUsage) -> None:
        """Take what a model call cost."""
        self.model_calls.append(usage)

    def agent_started(self, *, agent: str, run_id: str, task: str) -> None:
        """Report that an agent, or the supervisor itself, begins with a task."""
        self._emit(
            AgentStarted(
                conversation_id=self._conversation_id,
                turn_id=self._turn_id,
                agent=agent,
                task=task,
                run_id=run_id,
            )
        )

    def agent_step(
        self,
        *,
        agent: str,
        run_id: str,
        tool: str,
        arguments: Mapping[str, object],
        result: str,
        began: float,
        message: str = "",
    ) -> None:
        """Report that an agent has used a tool.

        Args:
            agent: The agent's name.
            run_id: Its run.
            tool: The tool's name.
            arguments: The call's arguments.
            result: What came back, in a few words.
            began: When the call began, as `time.perf_counter` has it.
            message: What the agent wrote before the call.
        """
        if message and not self.answer.text():
            # What was shown of the answer is a part of this step now: the answer is yet to begin.
            self.first_token_at = None
        self._emit(
            AgentStep(
                conversation_id=self._conversation_id,
                turn_id=self._turn_id,
                agent=agent,
                run_id=run_id,
                tool=tool,
                arguments=dict(arguments),
                result=result,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
                message=message,
            )
        )

    def agent_finished(self, *, agent: str, run_id: str, text: str, error: str | None) -> None:
        """Report that an agent has ended."""
        self._emit(
            AgentFinished(
                conversation_id=self._conversation_id,
                turn_id=self._turn_id,
                agent=agent,
                run_id=run_id,
                text=text,
                error=error,
            )
        )

    def sentence_replaced(
        self, *, agent: str, run_id: str, replacement: Replacement, text: str
    ) -> None:
        """Report that a sentence gave way to another.

        Args:
            agent: Who had written it.
            run_id: Its run.
            replacement: The sentence, and what stands in its place.
            text: All that is shown of the run, with the change; empty if nothing is.
        """
        self._emit(
            SentenceReplaced(
                conversation_id=self._conversation_id,
                turn_id=self._turn_id,
                agent=agent,
                run_id=run_id,
                replacement=replacement,
                text=text,
            )
        )

    def passages_found(self, agent: str, passages: Sequence[NumberedPassage]) -> None:
        """Report what an agent has found, under the turn's numbers."""
        self._emit(
            SourcesFound(
                conversation_id=self._conversation_id,
                turn_id=self._turn_id,
                agent=agent,
                sources=tuple(passages),
            )
        )

    def context_trimmed(
        self,
        fitted: Fitted,
        *,
        budget: Budget,
        dropped: str,
        tokens_after: int,
        first_retained_turn: int,
        summary: str,
    ) -> ContextTrimmed:
        """Report a cut, and return the event.

        Args:
            fitted: What was cut.
            budget: The budget that made it necessary.
            dropped: What was cut, in words for the user.
            tokens_after: Length of the prompt that is put to the model.
            first_retained_turn: Index of the oldest turn that the model still sees.
            summary: What stands in place of those before.
        """
        event = ContextTrimmed(
            conversation_id=self._conversation_id,
            turn_id=self._turn_id,
            tokens_before=fitted.tokens_before,
            tokens_after=tokens_after,
            dropped=dropped,
            reason=f"over {fitted.limit:,} of {budget.window:,} tokens",
            at=now(),
            first_retained_turn=first_retained_turn,
            summary=summary,
        )
        self._emit(event)
        return event

    def _text(self, run_id: str, text: str, channel: Channel) -> None:
        """Pass on a piece of text that the answer shows."""
        if channel == "answer" and text and self.first_token_at is None:
            self.first_token_at = time.perf_counter()
        self._emit(
            TokenDelta(
                conversation_id=self._conversation_id,
                turn_id=self._turn_id,
                text=text,
                agent=agent_of(run_id),
                run_id=run_id,
                channel=channel,
            )
        )
