"""A turn's events folded into what the page draws; running turns and stored ones look the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ChatEvent,
    ContextTrimmed,
    SourcesFound,
    TokenDelta,
    TurnFailed,
    TurnFinished,
)
from docmind.passages import NumberedPassage


@dataclass
class AgentRun:
    """One run of one agent."""

    agent: str
    task: str
    run_id: str
    steps: list[AgentStep] = field(default_factory=list)
    text: str = ""
    done: bool = False
    error: str = ""


@dataclass
class TurnView:
    """All that a turn has shown so far."""

    runs: list[AgentRun] = field(default_factory=list)
    answer: str = ""
    sources: dict[int, NumberedPassage] = field(default_factory=dict)
    trims: list[ContextTrimmed] = field(default_factory=list)
    end: TurnFinished | TurnFailed | None = None

    @property
    def agents(self) -> list[str]:
        """Names of the agents that worked, in order, without the supervisor."""
        return list(dict.fromkeys(r.agent for r in self.runs if r.agent != "supervisor"))

    @property
    def doing(self) -> str:
        """What goes on now, in words."""
        if self.answer:
            return "Writing the answer"
        if busy := [r for r in self.runs if not r.done and r.agent != "supervisor"]:
            names = ", ".join(dict.fromkeys(r.agent for r in busy)).capitalize()
            return (
                f"{names} {'reading what was found' if all(r.steps for r in busy) else 'at work'}"
            )
        if self.agents:
            return "Putting the answer together"
        if self.runs and not self.runs[-1].steps:  # the supervisor's own
            return self.runs[-1].task
        return "Reading the question and planning"

    def step(self, event: AgentStarted | AgentStep | AgentFinished) -> None:
        """Take in one agent event, of a running turn or a stored one."""
        run = next((r for r in self.runs if r.run_id == event.run_id), None)
        if run is None:
            task = event.task if isinstance(event, AgentStarted) else ""
            run = AgentRun(agent=event.agent, task=task, run_id=event.run_id)
            self.runs.append(run)
        if isinstance(event, AgentStep):
            run.steps.append(event)
            if event.message:
                run.text = ""
        elif isinstance(event, AgentFinished):
            run.done = True
            run.text = event.text or run.text
            run.error = event.error or ""


def fold(events: Iterable[ChatEvent]) -> TurnView:
    """Return the view of a running or just ended turn."""
    view = TurnView()
    answer: list[tuple[str, str]] = []
    """(run id, text)"""
    for event in events:
        match event:
            case AgentStarted() | AgentStep() | AgentFinished():
                view.step(event)
                if isinstance(event, AgentStep) and event.message:  # the step has it now
                    answer = [(run_id, text) for run_id, text in answer if run_id != event.run_id]
            case TokenDelta(channel="answer"):
                answer.append((event.run_id, event.text))
            case TokenDelta():
                run = next((r for r in view.runs if r.run_id == event.run_id), None)
                if run is not None:
                    run.text += event.text
            case SourcesFound():
                view.sources.update((s.number, s) for s in event.sources)
            case ContextTrimmed():
                view.trims.append(event)
            case TurnFinished() | TurnFailed():
                view.end = event
                view.sources.update((s.number, s) for s in event.sources)
                answer = [("", event.answer)]
    view.answer = "".join(text for _, text in answer)
    return view
