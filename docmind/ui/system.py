"""The system page's parts: the machine over time, the engine and its plan, storage, versions, the trim log."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind import __version__
from docmind.doctor import PACKAGES
from docmind.engine.ladder import forget
from docmind.monitor.gpu import Sample
from docmind.ui import chat, format, state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

_GIB = 1 << 30


@st.fragment(run_every=2.0)
def machine(app: App) -> None:
    """Draw the figures of now and the last ten minutes."""
    state.check(app)
    sample = app.monitor.sample()
    busy = sample.utilisation
    st.markdown(f"**{plain(sample.name)}**")
    with st.container(horizontal=True, key="machine-figures"):
        memory = "GPU memory used" if sample.gpus else "RAM used"
        st.metric(memory, f"{sample.used / _GIB:.1f} of {sample.total / _GIB:.1f} GiB", width="content")
        own = "not known" if sample.own is None else f"{sample.own / _GIB:.1f} GiB"
        st.metric("DocMind's share", own, width="content")
        st.metric(
            "Utilisation" if sample.gpus else "CPU load",
            "unknown" if busy is None else f"{busy:.0f} %",
            width="content",
        )
        if sample.gpus:
            st.metric("CPU load", f"{sample.cpu_percent:.0f} %", width="content")
            ram = f"{sample.ram_used / _GIB:.1f} of {sample.ram_total / _GIB:.1f} GiB"
            st.metric("RAM used", ram, width="content")
    if len(sample.gpus) > 1:
        for number, gpu in enumerate(sample.gpus):
            load = "" if gpu.utilisation is None else f" · {gpu.utilisation:.0f} %"
            st.caption(plain(f"{number}: {gpu.name} · {format.size(gpu.used)} of {format.size(gpu.total)}{load}"))
    if sample.note:
        st.warning(plain(sample.note), icon=":material/warning:")
    history = app.monitor.history()
    if len(history) > 1:
        st.vega_lite_chart(_chart(history), width="stretch")
    else:
        st.caption("The chart begins in a few seconds.")


def _chart(history: list[Sample]) -> dict[str, Any]:
    """Return memory and load of the last ten minutes as a Vega-Lite chart with two lines, in percent."""
    rows = [
        {"at": sample.at * 1000, "what": what, "percent": value}
        for sample in history
        for what, value in (("Memory", 100 * sample.used / (sample.total or 1)), ("Load", sample.utilisation or 0.0))
    ]
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "interpolate": "monotone"},
        "height": 240,
        "encoding": {
            "x": {"field": "at", "type": "temporal", "title": None, "axis": {"format": "%H:%M:%S", "tickCount": 6}},
            "y": {
                "field": "percent",
                "type": "quantitative",
                "title": None,
                "axis": {"tickCount": 5, "labelExpr": "datum.label + ' %'"},
                "scale": {"domain": [0, 100]},
            },
            "color": {"field": "what", "type": "nominal", "title": None, "legend": {"orient": "top"}},
        },
    }


@st.fragment(run_every=2.0)
def engine(app: App) -> None:
    """Draw the engine's state and figures."""
    state.check(app)
    status = app.engine.status()
    model = status.model.rstrip("/").rsplit("/", 1)[-1] or "none"
    st.markdown(f"**{plain(model)}** {plain(f'on {status.device}' if status.device else '')}")
    if status.state == "failed":
        st.error(plain(status.error), icon=":material/error:")
        st.button("Try again", key="engine-retry", icon=":material/refresh:", on_click=chat.retry_engine, args=(app,))
        return
    loading = status.state == "loading" and status.stage
    words = f"loading: {status.stage}, {format.duration(status.elapsed_s)}" if loading else status.state
    with st.container(horizontal=True, key="engine-figures"):
        st.metric("State", words, width="content")
        st.metric("Window", f"{status.window:,} tokens" if status.window else "unknown", width="content")
        if status.load_s is not None:
            st.metric("Loaded in", format.duration(status.load_s), width="content")
        st.metric("Running / waiting", f"{status.running} / {status.waiting}", width="content")
        if status.prefix_hit_rate is not None:
            st.metric("Prefix cache hits", f"{status.prefix_hit_rate:.0%}", width="content")
        if status.kv_cache_usage is not None:
            st.metric("KV cache in use", f"{status.kv_cache_usage:.0%}", width="content")
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
                {"When": format.when(a.at), "Plan": a.plan, "Stage": a.doing, "Error": a.error, "What was done": a.then}
                for a in status.attempts
            ]
        )
        st.button("Try the settings as they are again", icon=":material/refresh:", on_click=_start_over, args=(app,))


def _start_over(app: App) -> None:
    forget(app.settings.data_dir)
    state.restart_app(app)


def storage(app: App) -> None:
    """Say where things are and how much there is."""
    settings = app.settings
    ready = [d for d in app.documents.documents() if d.state == "ready"]
    where = settings.store.url if settings.store.mode == "server" else str(settings.store_dir)
    facts = {
        "Vector store": f"Qdrant, {settings.store.mode}: {where}",
        "Passages": f"{sum(d.chunks or 0 for d in ready):,} in {format.count(len(ready), 'document')}",
        "Embedding model": settings.retrieval.embedding_model,
        "Data folder": str(settings.data_dir),
    }
    st.markdown("\n".join(f"- {name}: {plain(str(fact))}" for name, fact in facts.items()))


def versions() -> None:
    """List the versions of what does the work."""
    found = [f"DocMind {__version__}", f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    st.caption(plain(" · ".join(found)))


def trims(app: App) -> None:
    """Draw the trim log over all conversations, the newest first."""
    rows = [
        {
            "When": format.when(trim.at),
            "Conversation": conversation.title or "New conversation",
            "Before": trim.tokens_before,
            "After": trim.tokens_after,
            "Left out": trim.dropped,
            "Why": trim.reason,
            "at": trim.at,
        }
        for conversation in app.conversations.list()
        for trim in app.conversations.trims(conversation.id)
    ]
    if not rows:
        st.caption("Nothing was cut so far. When a conversation nears the window, its oldest turns are left out here.")
        return
    rows.sort(key=lambda row: str(row["at"]), reverse=True)
    _table([{k: v for k, v in row.items() if k != "at"} for row in rows])


def _table(rows: list[dict[str, Any]]) -> None:
    """Draw a table; Streamlit reads text in cells as Markdown, so it is made plain."""
    shown = [{k: f"{v:,}" if isinstance(v, int) else plain(str(v)) for k, v in row.items()} for row in rows]
    st.table(shown, hide_index=True, border="horizontal")
