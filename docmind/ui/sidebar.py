"""The live panel at the foot of the sidebar: machine, engine, context, last answer, trims."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.events import ContextTrimmed, Usage
from docmind.monitor.gpu import Sample
from docmind.ui import engine_status, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

EVERY_S = 2.0
_DOTS = {"loading": ":orange[●]", "ready": ":green[●]", "failed": ":red[●]"}


def draw(app: App) -> None:
    """Draw the panel; it refreshes by itself without rerunning the page."""
    conversation = state.conversation_id(app)
    usage, trims = None, []
    if conversation:
        answers = [m for m in app.conversations.messages(conversation) if m.usage]
        usage, trims = (
            (answers[-1].usage if answers else None),
            app.conversations.trims(conversation),
        )
    with st.container(key="status-panel", gap="xsmall"):
        _live(app, conversation, usage, trims)


@st.fragment(run_every=EVERY_S)
def _live(
    app: App, conversation: str | None, usage: Usage | None, trims: list[ContextTrimmed]
) -> None:
    state.check(app)
    turn = app.chat.active(conversation) if conversation else None
    if turn is not None:
        trims = [*trims, *(e for e in turn.events() if isinstance(e, ContextTrimmed))]
    status = app.engine.status()
    _machine(app.monitor.sample())
    _head(
        "Engine",
        engine_status.model_name(status),
        f"{_DOTS.get(status.state, ':gray[●]')} {plain(engine_status.activity(status))}",
    )
    _context(usage, status.window)
    if trims:
        with st.expander(f"Context trimmed {wording.count(len(trims), 'time')}", type="compact"):
            for trim in reversed(trims):
                instead = f"  \nIn its place: {plain(trim.summary)}" if trim.summary else ""
                figures = f"{trim.tokens_before:,} → {trim.tokens_after:,} tokens"
                st.caption(
                    f"{plain(wording.when(trim.at))} {figures}  \n{plain(trim.dropped)}{instead}"
                )


def _head(label: str, name: str, line: str = "") -> None:
    st.caption(f"**{label}** {plain(name)}" + (f"  \n{line}" if line else ""))


def _machine(sample: Sample) -> None:
    """Draw the machine's figures: the GPU's, or RAM and CPU in the same place."""
    own = (
        "DocMind's share is not known"
        if sample.own is None
        else f"DocMind uses {wording.size(sample.own)}"
    )
    _head(sample.device, sample.name, own)
    memory = f"{'GPU memory' if sample.gpus else 'RAM'} {wording.memory(sample.used, sample.total)}"
    st.progress(_share(sample.used, sample.total), memory)
    if sample.utilisation is not None:
        load = f"{'GPU' if sample.gpus else 'CPU'} load {sample.utilisation:.0f} %"
        st.progress(_share(sample.utilisation, 100), load)
    if sample.note:
        st.caption(plain(sample.note))


def _context(usage: Usage | None, window: int) -> None:
    """Draw the context meter and the speed of the last answer in this conversation."""
    used, window = (usage.context_tokens, usage.window or window) if usage else (0, window)
    if window:
        _head("Context", wording.speed(usage) if usage else "No answer yet in this conversation")
        st.progress(_share(used, window), f"Tokens used {used:,} of {window:,}")
    else:
        _head("Context", "The window is known once the model is ready.")


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole else 0.0
