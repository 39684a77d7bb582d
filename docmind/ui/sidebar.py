"""The live panel at the foot of the sidebar: machine, engine, context, last answer, trims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.engine.interface import EngineStatus
from docmind.events import ContextTrimmed, Usage
from docmind.monitor.gpu import Sample
from docmind.ui import engine_status, shared_app, uploads
from docmind.ui.markdown import plain
from docmind.ui.tab import shown_conversation

if TYPE_CHECKING:
    from docmind.app import App

BUSY_S = 2.0
"""How often the panel is drawn anew while the engine loads or answers."""
IDLE_S = 10.0
"""How often otherwise: each time costs a dozen messages to the browser."""
_DOTS = {"loading": ":orange[●]", "ready": ":green[●]", "failed": ":red[●]"}


def draw(app: App) -> None:
    """Draw the panel; it refreshes by itself without rerunning the page."""
    conversation_id = shown_conversation(app)
    usage = None
    trims = []
    if conversation_id is not None:
        usage = _last_usage(app, conversation_id)
        trims = app.conversations.trims(conversation_id)
    with st.container(key="status-panel", gap="xsmall"):
        is_loading = app.engine.status().state == "loading"
        is_answering = conversation_id is not None and app.chat.active(conversation_id) is not None
        is_busy = is_loading or is_answering
        draw_fragment = st.fragment(_draw_live, run_every=BUSY_S if is_busy else IDLE_S)
        draw_fragment(app, conversation_id, was_loading=is_loading, usage=usage, stored_trims=trims)


def _draw_live(
    app: App,
    conversation_id: str | None,
    *,
    was_loading: bool,
    usage: Usage | None,
    stored_trims: Sequence[ContextTrimmed],
) -> None:
    shared_app.redraw_after_restart(app)
    status = app.engine.status()
    if (status.state == "loading") != was_loading:
        # A fragment keeps its interval until the page is drawn anew.
        uploads.redraw()
    _draw_machine(app.monitor.sample())
    _draw_engine(status)
    _draw_context(usage, status.window)
    trims = [*stored_trims, *_running_trims(app, conversation_id)]
    if trims:
        _draw_trims(trims)


def _last_usage(app: App, conversation_id: str) -> Usage | None:
    usage = None
    for message in app.conversations.messages(conversation_id):
        usage = message.usage or usage
    return usage


def _running_trims(app: App, conversation_id: str | None) -> list[ContextTrimmed]:
    """Return the trims of the turn that runs; they are stored when it ends."""
    if conversation_id is None:
        return []
    turn = app.chat.active(conversation_id)
    if turn is None:
        return []
    return [event for event in turn.events() if isinstance(event, ContextTrimmed)]


def _draw_head(label: str, name: str, line: str = "") -> None:
    text = f"**{label}** {plain(name)}"
    if line:
        text += f"  \n{line}"
    st.caption(text)


def _draw_machine(sample: Sample) -> None:
    """Draw the machine's figures: the GPU's, or RAM and CPU in the same place."""
    own = "DocMind's share is not known"
    if sample.own is not None:
        own = f"DocMind uses {wording.size(sample.own)}"
    _draw_head(sample.device, sample.name, own)
    memory_name = "GPU memory" if sample.gpus else "RAM"
    memory = wording.memory(sample.used, sample.total)
    st.progress(_fraction(sample.used, sample.total), f"{memory_name} {memory}")
    if sample.utilisation is not None:
        load = f"{sample.device} load {sample.utilisation:.0f} %"
        st.progress(_fraction(sample.utilisation, 100), load)
    if sample.note:
        st.caption(plain(sample.note))


def _draw_engine(status: EngineStatus) -> None:
    dot = _DOTS.get(status.state, ":gray[●]")
    activity = plain(engine_status.activity(status))
    name = engine_status.model_name(status)
    if status.quantization not in {"", "none"}:
        name += f" ({status.quantization})"
    _draw_head("Engine", name, f"{dot} {activity}")


def _draw_context(usage: Usage | None, engine_window: int) -> None:
    """Draw how full the window was, and the speed of the last answer in this conversation."""
    used = 0
    window = engine_window
    speed = "No answer yet in this conversation"
    if usage is not None:
        used = usage.context_tokens
        window = usage.window or engine_window
        speed = wording.speed(usage)
    if not window:
        _draw_head("Context", "The window is known once the model is ready.")
        return
    _draw_head("Context", speed)
    st.progress(_fraction(used, window), f"Tokens used {used:,} of {window:,}")


def _draw_trims(trims: Sequence[ContextTrimmed]) -> None:
    """Draw what was cut, the newest first."""
    with st.expander(f"Context trimmed {wording.count(len(trims), 'time')}", type="compact"):
        for trim in reversed(trims):
            when = plain(wording.when(trim.at))
            figures = f"{trim.tokens_before:,} → {trim.tokens_after:,} tokens"
            text = f"{when} {figures}  \n{plain(trim.dropped)}"
            if trim.summary:
                text += f"  \nIn its place: {plain(trim.summary)}"
            st.caption(text)


def _fraction(part: float, whole: float) -> float:
    if not whole:
        return 0.0
    return min(max(part / whole, 0.0), 1.0)
