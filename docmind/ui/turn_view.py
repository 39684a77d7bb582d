"""A turn's events folded into what the page draws; running turns and stored ones look the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
    to_dict,
)
from docmind.passages import NumberedPassage
from docmind.turns import streamed_answer


@dataclass
class AgentRun:
    """One run of one agent."""

    agent: str
    task: str
    run_id: str
    steps: list[Mapping[str, Any]] = field(default_factory=list)
    """Each with tool, arguments, result, duration_ms."""
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

    def step(self, event: Mapping[str, Any]) -> None:
        """Take in one agent event as `to_dict` writes it."""
        run = next((r for r in self.runs if r.run_id == event["run_id"]), None)
        if run is None:
            run = AgentRun(event["agent"], event.get("task", ""), event["run_id"])
            self.runs.append(run)
        if event["event"] == "AgentStep":
            run.steps.append(event)
            run.text = "" if event.get("message") else run.text
        elif event["event"] == "AgentFinished":
            run.done, run.text, run.error = True, event["text"] or run.text, event["error"] or ""


def fold(events: Iterable[ChatEvent]) -> TurnView:
    """Return the view of a running or just ended turn."""
    events = list(events)
    view = TurnView()
    view.answer = streamed_answer(events)
    for event in events:
        match event:
            case AgentStarted() | AgentStep() | AgentFinished():
                view.step(to_dict(event))
            case TokenDelta(channel="agent"):
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
    return view
