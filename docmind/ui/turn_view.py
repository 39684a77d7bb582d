"""What the page draws of a turn, put together from its events.

A running turn and a stored answer are drawn from the same view.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    TurnFailed,
    TurnFinished,
)
from docmind.passages import NumberedPassage
from docmind.turns import streamed_answer

if TYPE_CHECKING:
    from docmind.storage.messages import StoredMessage

SUPERVISOR = "supervisor"


@dataclass
class AgentRun:
    """One run of one agent."""

    run_id: str
    agent: str
    task: str = ""
    steps: list[AgentStep] = field(default_factory=list)
    text: str = ""
    """What it wrote since its last step."""
    done: bool = False
    error: str = ""


@dataclass
class TurnView:
    """All that a turn has shown so far."""

    runs: list[AgentRun] = field(default_factory=list)
    """The supervisor's and the agents', in the order in which they began."""
    answer: str = ""
    sources: dict[int, NumberedPassage] = field(default_factory=dict)
    """By number."""
    trims: list[ContextTrimmed] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)
    """Sentences of the answer that no passage supports, and what stands in their place."""
    ended: bool = False

    @property
    def agent_runs(self) -> list[AgentRun]:
        """The runs without the supervisor's."""
        return [run for run in self.runs if run.agent != SUPERVISOR]

    @property
    def agents(self) -> list[str]:
        """Names of the agents that worked, in order."""
        return _distinct_agents(self.agent_runs)

    @property
    def activity(self) -> str:
        """What goes on now, in words."""
        if self.answer:
            return "Writing the answer"
        busy = [run for run in self.agent_runs if not run.done]
        if busy:
            names = ", ".join(_distinct_agents(busy)).capitalize()
            if all(run.steps for run in busy):
                return f"{names} reading what was found"
            return f"{names} at work"
        if self.agents:
            return "Putting the answer together"
        # The supervisor's own task, such as a summary of earlier turns.
        if self.runs and not self.runs[-1].steps:
            return self.runs[-1].task
        return "Reading the question and planning"

    def find_run(self, run_id: str) -> AgentRun | None:
        """Return the run with this id, if it has begun."""
        for run in self.runs:
            if run.run_id == run_id:
                return run
        return None

    def add_agent_event(
        self, event: AgentStarted | AgentStep | AgentFinished | SentenceReplaced
    ) -> None:
        """Take in what an agent did."""
        if isinstance(event, SentenceReplaced):
            self.replacements.append(event.replacement)
            return
        run = self.find_run(event.run_id)
        if run is None:
            run = AgentRun(run_id=event.run_id, agent=event.agent)
            self.runs.append(run)
        match event:
            case AgentStarted():
                run.task = run.task or event.task
            case AgentStep():
                run.steps.append(event)
                if event.message:
                    run.text = ""  # the step has it now
            case AgentFinished():
                run.done = True
                run.text = event.text or run.text
                run.error = event.error or ""


def view_turn(events: Iterable[ChatEvent]) -> TurnView:
    """Return the view of a turn that runs or has just ended."""
    events = list(events)
    view = TurnView(answer=streamed_answer(events))
    for event in events:
        match event:
            case AgentStarted() | AgentStep() | AgentFinished() | SentenceReplaced():
                view.add_agent_event(event)
            case TokenDelta(channel="agent"):
                run = view.find_run(event.run_id)
                if run is not None:
                    run.text += event.text
            case SourcesFound():
                _add_sources(view, event.sources)
            case ContextTrimmed():
                view.trims.append(event)
            case TurnFinished() | TurnFailed():
                _add_sources(view, event.sources)
                view.ended = True
    return view


def view_stored(message: StoredMessage) -> TurnView:
    """Return the view of a stored answer."""
    view = TurnView(answer=message.text, ended=True)
    _add_sources(view, message.sources)
    for event in message.steps:
        view.add_agent_event(event)
    return view


def _add_sources(view: TurnView, sources: Iterable[NumberedPassage]) -> None:
    for source in sources:
        view.sources[source.number] = source


def _distinct_agents(runs: Iterable[AgentRun]) -> list[str]:
    return list(dict.fromkeys(run.agent for run in runs))
