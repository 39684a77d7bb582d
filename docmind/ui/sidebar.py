"""The live panel at the foot of the sidebar: machine, engine, context, last answer, trims."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from docmind.engine.interface import EngineStatus
from docmind.events import ContextTrimmed, Usage
from docmind.monitor.gpu import Sample
from docmind.ui import format, state

if TYPE_CHECKING:
    from docmind.app import App

EVERY_S = 2.0
_GIB = 1 << 30
_STATES = {
    "idle": ("off", "not started"),
    "loading": ("busy", "loading"),
    "ready": ("good", "ready"),
    "failed": ("bad", "could not start"),
    "closed": ("off", "closed"),
}


def draw(app: App) -> None:
    """Draw the panel; it refreshes by itself without rerunning the page."""
    conversation = state.conversation_id(app)
    usage, trims = None, []
    if conversation:
        answers = [m for m in app.conversations.messages(conversation) if m.usage]
        usage, trims = (answers[-1].usage if answers else None), app.conversations.trims(conversation)
    with st.container(key="status-panel"):
        _live(app, conversation, usage, trims)


@st.fragment(run_every=EVERY_S)
def _live(app: App, conversation: str | None, usage: Usage | None, trims: Sequence[ContextTrimmed]) -> None:
    state.check(app)
    turn = app.chat.active(conversation) if conversation else None
    if turn is not None:
        trims = [*trims, *(e for e in turn.events() if isinstance(e, ContextTrimmed))]
    st.html(machine(app.monitor.sample()))
    st.html(engine(app.engine.status()))
    st.html(context(usage, app.engine.status().window))
    if trims:
        st.html(trim_list(trims))


def meter(label: str, value: str, share: float, own: float | None = None) -> str:
    """Return a labelled bar. `share` and `own` (the part that is this process's) are from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    inner = f'<b style="width:{min(max(own, 0.0), 1.0):.1%}"></b>' if own is not None else ""
    level = " dm-high" if share > 0.9 and own is not None else ""
    return (
        f'<div class="dm-line"><span>{escape(label)}</span><span class="dm-value">{escape(value)}</span></div>'
        f'<div class="dm-meter{level}" role="meter" aria-label="{escape(label)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share * 100:.0f}"><i style="width:{share:.1%}"></i>{inner}</div>'
    )


def machine(sample: Sample) -> str:
    """Return the machine's figures: the GPU's, or RAM and CPU in the same place."""
    memory = "GPU memory" if sample.gpus else "RAM"
    figures = f"{sample.used / _GIB:.1f} of {sample.total / _GIB:.1f} GiB"
    own = "share of DocMind not known" if sample.own is None else f"DocMind {sample.own / _GIB:.1f} GiB"
    share = sample.own / sample.total if sample.own is not None and sample.total else None
    busy = sample.utilisation
    body = meter(memory, figures, sample.used / sample.total if sample.total else 0, share)
    body += f'<div class="dm-note">{escape(own)}</div>'
    if busy is not None:
        body += meter("Utilisation" if sample.gpus else "CPU load", f"{busy:.0f} %", busy / 100)
    if sample.note:
        body += f'<div class="dm-note">{escape(sample.note)}</div>'
    return _section(sample.device, sample.name, body)


def engine(status: EngineStatus) -> str:
    """Return the engine's line: a dot, the model, what it is doing."""
    colour, words = _STATES[status.state]
    if status.state == "loading" and status.stage:
        words = f"loading: {status.stage}, {format.duration(status.elapsed_s)}"
    if status.state == "ready" and status.running:
        words = f"answering {format.count(status.running, 'request')}"
        words += f", {status.waiting} waiting" if status.waiting else ""
    model = status.model.rstrip("/").rsplit("/", 1)[-1] or "no model"
    return _section(
        "Engine",
        model,
        f'<div class="dm-note"><span class="dm-dot dm-{colour}"></span>{escape(words)}</div>',
    )


def context(usage: Usage | None, window: int) -> str:
    """Return the context meter and the speed of the last answer in this conversation."""
    window = usage.window if usage and usage.window else window
    used = usage.context_tokens if usage else 0
    if not window:
        return _section("Context", "", '<div class="dm-note">The window is known once the model is ready.</div>')
    body = meter("Tokens used", f"{used:,} of {window:,}", used / window)
    speed = []
    if usage and usage.ttft_s is not None:
        speed.append(f"{format.duration(usage.ttft_s)} to first token")
    if usage and usage.tokens_per_s:
        speed.append(f"{usage.tokens_per_s:.1f} tokens/s")
    body += f'<div class="dm-note">{escape(" · ".join(speed) or "No answer yet in this conversation")}</div>'
    return _section("Context", "", body)


def trim_list(trims: Sequence[ContextTrimmed]) -> str:
    """Return the list of cuts, the newest first."""
    rows = "".join(
        f"<li><span>{escape(format.when(t.at))}</span> {t.tokens_before:,} → {t.tokens_after:,} tokens"
        f"<br><small>{escape(t.dropped)}</small>"
        f"{f'<br><small>In its place: {escape(t.summary)}</small>' if t.summary else ''}</li>"
        for t in reversed(trims)
    )
    times = format.count(len(trims), "time")
    return f'<details class="dm-trims"><summary>Context trimmed {times}</summary><ul>{rows}</ul></details>'


def _section(label: str, name: str, body: str) -> str:
    name = escape(name)
    head = f'<span class="dm-label">{escape(label)}</span><span class="dm-name" title="{name}">{name}</span>'
    return f'<section class="dm-section"><div class="dm-head">{head}</div>{body}</section>'
