"""What the agents did, or are doing: their tasks, tool calls and texts."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from docmind import wording
from docmind.events import AgentStep
from docmind.ui.markdown import plain
from docmind.ui.turn_view import SUPERVISOR, AgentRun, TurnView

_ICONS = {
    "researcher": ":material/search:",
    "summarizer": ":material/subject:",
    "analyst": ":material/calculate:",
    "verifier": ":material/fact_check:",
}
_SIDE_BY_SIDE = 3
_TEXT_SHOWN = 280
"""Characters of an agent's own text."""


def draw_stored(view: TurnView) -> None:
    """Draw the steps behind an answer, folded into one line."""
    with st.expander(plain(_summary(view)), type="compact"):
        for run in view.runs:
            did_nothing_to_show = not run.steps and not run.error
            if run.agent == SUPERVISOR and did_nothing_to_show:
                continue
            st.markdown(f"**{plain(run.agent.capitalize())}** {plain(run.task)}")
            _draw_run(run)


def draw_live(view: TurnView) -> None:
    """Draw the agents at work: side by side when they run at the same time."""
    runs = view.agent_runs
    for first in range(0, len(runs), _SIDE_BY_SIDE):
        group = runs[first : first + _SIDE_BY_SIDE]
        columns = st.columns(len(group), gap="small")
        for column, run in zip(columns, group, strict=True):
            icon = _ICONS.get(run.agent, ":material/smart_toy:")
            task = plain(_shortened(run.task, 80))
            box = column.status(
                f"{icon} **{plain(run.agent.capitalize())}** {task}",
                state=_state(run, view.ended),
                expanded=True,
            )
            # Not `with box`: used as a context itself, a status ends as complete.
            with box.container():
                _draw_run(run)


def _summary(view: TurnView) -> str:
    names = [agent.capitalize() for agent in view.agents]
    parts = [", ".join(names) or "Supervisor"]
    tool_calls = sum(len(run.steps) for run in view.runs)
    if tool_calls:
        parts.append(wording.count(tool_calls, "tool call"))
    failed = sum(1 for run in view.runs if run.error)
    if failed:
        parts.append(f"{failed} failed")
    return " · ".join(parts)


def _state(run: AgentRun, turn_ended: bool) -> Literal["running", "complete", "error"]:
    if run.error:
        return "error"
    if run.done or turn_ended:
        return "complete"
    return "running"


def _draw_run(run: AgentRun) -> None:
    for step in run.steps:
        _draw_step(step)
    text = " ".join(run.text.split())
    if run.error:
        st.caption(f":material/error: {plain(run.error)}")
    elif run.done:
        if text:
            st.caption(plain(_shortened(text, _TEXT_SHOWN)))
    elif len(text) > _TEXT_SHOWN:
        # What is being written is followed at its end.
        st.caption(plain(f"… {text[-_TEXT_SHOWN:]}"))
    elif text:
        st.caption(plain(text))


def _draw_step(step: AgentStep) -> None:
    if step.message:
        st.caption(plain(_shortened(step.message, _TEXT_SHOWN)))
    arguments = []
    for name, value in step.arguments.items():
        arguments.append(f"{name}: {_shortened(str(value), 60)}")
    result = _shortened(step.result, 120)
    took = wording.duration(step.duration_ms / 1000)
    found = f"{', '.join(arguments)} → {result} · {took}"
    st.caption(f":material/build: **{plain(step.tool)}** {plain(found)}")


def _shortened(text: str, limit: int) -> str:
    """Return `text` in one line of at most `limit` characters."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    return f"{text[: limit - 1]}…"
