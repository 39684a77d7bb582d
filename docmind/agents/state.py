"""One turn: what is asked, what has come of it so far, and what serves it.

They are a `TurnRequest`, a `TurnState`, and `TurnServices` with `TurnEvents`. A `TurnContext` holds
them and reaches the supervisor's steps, every agent and every tool as LangGraph's runtime context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Any, Protocol, runtime_checkable

from langchain_core.messages import AnyMessage
from langgraph.graph.state import CompiledStateGraph

from docmind.agents.passage_numbers import PassageNumbers
from docmind.agents.plan import Plan
from docmind.agents.turn_events import TurnEvents
from docmind.context.trimming import Budget
from docmind.engine.interface import Tool
from docmind.events import ContextTrimmed, Replacement
from docmind.passages import NumberedPassage, Passage
from docmind.question_scope import EVERY_DOCUMENT, SearchedDocuments
from docmind.retrieval.store.base import Scope
from docmind.storage.documents import Document
from docmind.turns import CompletedTurn
from docmind.verification.judge import Claim, Judge, Reading, StatementJudge
from docmind.verification.statements import CheckedAnswer


@dataclass(frozen=True)
class TurnRequest:
    """A question with all that it is answered from; built once, by the chat service."""

    conversation_id: str
    turn_id: str
    question: str
    budget: Budget
    searched: SearchedDocuments = EVERY_DOCUMENT
    """What may be searched and read, and nothing else."""
    completed_turns: Sequence[CompletedTurn] = ()
    """All earlier turns, oldest first, whether the model still sees them or not."""
    first_retained_turn: int = 0
    """Index of the oldest of `completed_turns` that the model still sees; those before were cut."""
    summary: str = ""
    """The rolling summary of those that were cut."""
    cited_documents: Sequence[str] = ()
    """Names of the documents in which earlier turns found passages; some may be deleted by now."""
    retained_passages: Sequence[Passage] = ()
    """Passages that earlier turns found: they stand before those that this turn finds, see
    `reading.retained_passages`."""
    temperature: float | None = None
    """What the answer is sampled with; None: as in the settings."""

    @property
    def document_ids(self) -> Sequence[str] | None:
        """Ids of the documents that may be searched; None: all."""
        return self.searched.ids

    def scope(self, document: Document | None = None, *, table: bool | None = None) -> Scope:
        """Return where a search of this turn looks.

        Args:
            document: Only there; None: in all that may be searched.
            table: As for `Scope`.
        """
        scope = replace(Scope.of(self.searched), table=table)
        if document is not None:
            scope = replace(scope, document_ids=[document.id])
        return scope

    def readable(self, passages: Iterable[Passage]) -> list[Passage]:
        """Return those of the passages that this turn may read."""
        readable: list[Passage] = []
        for passage in passages:
            if self.searched.has_page(passage.document_id, passage.page):
                readable.append(passage)
        return readable


class Phase(Enum):
    """Where the supervisor stands; see `supervisor.SupervisorSteps`."""

    PLAN = auto()
    """The message, or what is left of it, is split into tasks."""
    COLLECT = auto()
    """Tasks have been handed out; the agents' results are awaited."""
    REPLY = auto()
    """There is nothing to look up: the supervisor replies itself."""
    ANSWER = auto()
    """All results are in: they become the answer."""


@dataclass
class AgentRun:
    """One run of one agent, while it works."""

    agent: str
    task: str
    deadline: float
    """When it must have ended, in the event loop's seconds."""
    failure: str = ""
    """Why it could not go on, in words for the user."""


@dataclass(frozen=True)
class AgentResult:
    """What one agent brought back."""

    agent: str
    task: str
    text: str
    error: str | None = None
    incomplete: str = ""
    """Why there may be more to find, if the agent was ended before it was done."""

    @property
    def notice(self) -> str:
        """What the user should know about this result; empty if all went well."""
        if self.error:
            return f"The {self.agent} did not finish “{self.task}”: {self.error}"
        if self.incomplete:
            return f"The {self.agent}'s part “{self.task}” may be incomplete: {self.incomplete}"
        return ""


@dataclass
class TurnState:
    """What has come of a turn so far.

    It belongs to the chat's event loop; only `passages` may be used from threads.
    """

    first_retained_turn: int = 0
    """As in the request; grows if this turn has to cut."""
    summary: str = ""
    """As in the request; renewed if this turn has to cut."""
    phase: Phase = Phase.PLAN
    plan: Plan = field(default_factory=Plan)
    """The tasks that have been handed out."""
    expected_tasks: int = 0
    """How many will have been handed out in the end."""
    runs: dict[str, AgentRun] = field(default_factory=dict)
    """Agents that have begun, by run id."""
    results: list[AgentResult] = field(default_factory=list)
    """What agents brought back, in the order in which they ended."""
    passages: PassageNumbers = field(default_factory=PassageNumbers)
    """Every passage that was found, and its numbers."""
    trims: list[ContextTrimmed] = field(default_factory=list)
    """Every cut of this turn."""
    replacements: list[Replacement] = field(default_factory=list)
    """Sentences that no passage supported, and what stands in their place."""
    notices: list[str] = field(default_factory=list)
    """What the user should know of the answer besides what the results tell."""


@runtime_checkable  # pydantic looks at the types of what tools get
class CountTokens(Protocol):
    """The exact prompt length in tokens, by the engine's own tokenizer and template."""

    def __call__(self, messages: Sequence[AnyMessage], tools: Sequence[Tool] = ()) -> int:
        """Return the length of messages and tools."""


@runtime_checkable
class CheckAnswer(Protocol):
    """The check of an answer's sentences against passages."""

    def __call__(
        self,
        question: str,
        answer: str,
        passages: Sequence[NumberedPassage],
        /,
        *,
        judge: Judge | None = None,
    ) -> CheckedAnswer:
        """Return the answer with its marks put right, and what was found of each sentence."""


class TurnCheck:
    """The check of one turn's answers. Blocks while it compares; thread-safe.

    It keeps what it has found: an answer is checked when it is written, when it may have been
    mended, and when its turn ends, mostly the same text with the same passages.
    """

    def __init__(self, check: CheckAnswer, judge: StatementJudge | None = None) -> None:
        """Begin with nothing found.

        Args:
            check: Compares an answer with passages.
            judge: Judges what the model has read; None: nothing is judged.
        """
        self._check = check
        self._judge = judge
        self._found: dict[tuple[str, str, tuple[NumberedPassage, ...]], CheckedAnswer] = {}

    @property
    def judges(self) -> bool:
        """Whether the model judges what it has read."""
        return self._judge is not None

    def finds_otherwise(self, statement: str) -> bool:
        """Return whether a statement was judged, and rather contradicted than supported."""
        if self._judge is None:
            return False
        (judgement,) = self._judge.judge([Claim(statement)], None)
        return judgement is not None and judgement.contradicted > judgement.supported

    def __call__(
        self,
        question: str,
        answer: str,
        passages: Sequence[NumberedPassage],
        reading: Reading | None = None,
    ) -> CheckedAnswer:
        """Return the answer with its marks put right, and what was found of each sentence.

        Args:
            question: What was asked.
            answer: As the model wrote it.
            passages: Those that it was shown.
            reading: How it was shown them, where it can be asked about them again. None: of the
                judge only what it has judged before is known.
        """
        key = (question, answer, tuple(passages))
        if key not in self._found:
            if self._judge is None:
                checked = self._check(question, answer, passages)
            else:
                judge = partial(self._judge.judge, reading=reading)
                checked = self._check(question, answer, passages, judge=judge)
            self._found[key] = checked
        return self._found[key]


@dataclass(frozen=True)
class TurnServices:
    """What agents and tools need of the rest of the app."""

    count_tokens: CountTokens
    check_answer: TurnCheck
    list_documents: Callable[[], Sequence[Document]]
    """All documents, whatever their state and wherever they are."""


@dataclass(frozen=True)
class TurnContext:
    """All that one turn's supervisor, agents and tools work with."""

    request: TurnRequest
    state: TurnState
    services: TurnServices
    events: TurnEvents
    """Where all that happens is reported."""

    @property
    def cut_turns(self) -> Sequence[CompletedTurn]:
        """Earlier turns that the model no longer sees, oldest first."""
        return self.request.completed_turns[: self.state.first_retained_turn]

    @property
    def retained_turns(self) -> Sequence[CompletedTurn]:
        """Earlier turns that the model still sees, oldest first."""
        return self.request.completed_turns[self.state.first_retained_turn :]


TurnGraph = CompiledStateGraph[Any, TurnContext, Any, Any]
"""A graph that runs with a `TurnContext`."""
