"""The system page's parts: the machine over time, the engine and its plan, storage, versions, the trim log."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind import __version__
from docmind.doctor import PACKAGES, package
from docmind.engine.plan.ladder import forget
from docmind.ui import format, sidebar, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App


@st.fragment(run_every=2.0)
def machine(app: App) -> None:
    """Draw the figures of now and the last ten minutes."""
    state.check(app)
    history = app.monitor.history() or [app.monitor.sample()]
    now = history[-1]
    st.caption(plain(now.name))
    own = "unknown" if now.own is None else format.size(now.own)
    figures: list[tuple[str, str, list[float | None]]] = [
        ("RAM used", format.memory(now.ram_used, now.ram_total), [s.ram_used for s in history]),
        ("CPU load", f"{now.cpu_percent:.0f} %", [s.cpu_percent for s in history]),
        (
            f"DocMind's share of {'GPU memory' if now.gpus else 'RAM'}",
            own,
            [s.own for s in history],
        ),
    ]
    for number, gpu in enumerate(now.gpus):
        which = f" {number}" if len(now.gpus) > 1 else ""
        over_time = [s.gpus[number] for s in history if len(s.gpus) > number]
        used, load = format.memory(gpu.used, gpu.total), gpu.utilisation
        figures.append((f"GPU{which} memory", used, [g.used for g in over_time]))
        busy = "unknown" if load is None else f"{load:.0f} %"
        figures.append((f"GPU{which} load", busy, [g.utilisation for g in over_time]))
    with st.container(horizontal=True, key="machine-figures"):
        for label, value, past in figures:
            st.metric(
                label,
                value,
                border=True,
                width=236,
                chart_data=[p or 0 for p in past],
                chart_type="area",
            )
    if now.note:
        st.warning(plain(now.note), icon=":material/warning:")


@st.fragment(run_every=2.0)
def engine(app: App) -> None:
    """Draw the engine's state and figures."""
    state.check(app)
    status = app.engine.status()
    st.caption(plain(f"{format.model(status)}{f' on {status.device}' if status.device else ''}"))
    if status.state == "failed":
        st.error(plain(status.error), icon=":material/error:")
        st.button(
            "Try again",
            key="engine-retry",
            icon=":material/refresh:",
            on_click=state.restart_app,
            args=(app,),
        )
        return
    figures = {
        "State": sidebar.engine(status),
        "Window": f"{status.window:,} tokens" if status.window else "unknown",
        "Loaded in": "" if status.load_s is None else format.duration(status.load_s),
        "Running / waiting": f"{status.running} / {status.waiting}",
        "Prefix cache hits": ""
        if status.prefix_hit_rate is None
        else f"{status.prefix_hit_rate:.0%}",
        "KV cache in use": "" if status.kv_cache_usage is None else f"{status.kv_cache_usage:.0%}",
    }
    with st.container(horizontal=True):
        for label, value in figures.items():
            if value:
                st.metric(label, value, width="content")
    if status.stages:
        times = " · ".join(f"{name} {format.duration(seconds)}" for name, seconds in status.stages)
        st.caption(plain(f"Loading: {times}"))
    if status.notice:
        st.warning(plain(status.notice), icon=":material/warning:")


def plan(app: App) -> None:
    """List the plan's decisions, and the starts that failed before it was found."""
    status = app.engine.status()
    if not status.notes:
        st.caption("The plan is made while the model loads.")
    st.markdown("\n".join(f"- {plain(note)}" for note in status.notes))
    if status.attempts:
        st.markdown("**What failed**")
        _table(
            [
                {
                    "When": format.when(a.at),
                    "Plan": a.plan,
                    "Stage": a.doing,
                    "Error": a.error,
                    "What was done": a.then,
                }
                for a in status.attempts
            ]
        )
        st.button(
            "Try the settings as they are again",
            icon=":material/refresh:",
            on_click=_start_over,
            args=(app,),
        )


def _start_over(app: App) -> None:
    forget(app.settings.data_dir)
    state.restart_app(app)


def storage(app: App) -> None:
    """Say where things are, how much there is, and the versions of what does the work."""
    settings = app.settings
    ready = [d for d in app.documents.documents() if d.state == "ready"]
    where = settings.store.url if settings.store.mode == "server" else str(settings.store_dir)
    facts = {
        "Vector store": f"Qdrant, {settings.store.mode}: {where}",
        "Passages": f"{sum(d.passages for d in ready):,} in {format.count(len(ready), 'document')}",
        "Embedding model": settings.retrieval.embedding_model,
        "Data folder": str(settings.data_dir),
    }
    st.markdown("\n".join(f"- {name}: {plain(str(fact))}" for name, fact in facts.items()))
    installed = [f"{row.what} {row.found}" for row in map(package, PACKAGES) if row.state == "ok"]
    st.caption(
        plain(
            " · ".join(
                [f"DocMind {__version__}", f"Python {platform.python_version()}", *installed]
            )
        )
    )


def trims(app: App) -> None:
    """Draw the trim log over all conversations, the newest first."""
    titles = {c.id: c.title or "New conversation" for c in app.conversations.list()}
    rows = [
        {
            "When": format.when(trim.at),
            "Conversation": titles.get(trim.conversation_id, ""),
            "Before": trim.tokens_before,
            "After": trim.tokens_after,
            "Left out": trim.dropped,
            "Why": trim.reason,
        }
        for trim in reversed(app.conversations.trims())
    ]
    if rows:
        _table(rows)
    else:
        st.caption(
            "Nothing was cut so far. When a conversation nears the window, its oldest turns are left out here."
        )


def _table(rows: list[dict[str, Any]]) -> None:
    """Draw a table; Streamlit reads text in cells as Markdown, so it is made plain."""
    shown = [
        {k: f"{v:,}" if isinstance(v, int) else plain(str(v)) for k, v in row.items()}
        for row in rows
    ]
    st.table(shown, hide_index=True, border="horizontal")
