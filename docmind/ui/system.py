"""The system page's parts: machine, engine and its plan, storage, versions, the trim log."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from docmind import __version__, wording
from docmind.doctor import PACKAGES, package
from docmind.engine.interface import EngineStatus
from docmind.engine.plan.ladder import forget_records
from docmind.monitor.gpu import Sample
from docmind.ui import engine_status, shared_app
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

REFRESH_S = 10.0


@dataclass(frozen=True)
class _Figure:
    """A figure of now with what it was over the last ten minutes."""

    label: str
    value: str
    history: Sequence[float | None]


@st.fragment(run_every=REFRESH_S)
def draw_machine(app: App) -> None:
    """Draw the machine's figures of now and the last ten minutes."""
    shared_app.redraw_after_restart(app)
    history = app.monitor.history() or [app.monitor.sample()]
    now = history[-1]
    st.caption(plain(now.name))
    with st.container(horizontal=True, key="machine-figures"):
        for figure in _machine_figures(history):
            st.metric(
                figure.label,
                figure.value,
                border=True,
                width=236,
                chart_data=[value or 0 for value in figure.history],
                chart_type="area",
            )
    if now.note:
        st.warning(plain(now.note), icon=":material/warning:")


def _machine_figures(history: Sequence[Sample]) -> list[_Figure]:
    now = history[-1]
    memory_name = "GPU memory" if now.gpus else "RAM"
    figures = [
        _Figure(
            label="RAM used",
            value=wording.memory(now.ram_used, now.ram_total),
            history=[sample.ram_used for sample in history],
        ),
        _Figure(
            label="CPU load",
            value=f"{now.cpu_percent:.0f} %",
            history=[sample.cpu_percent for sample in history],
        ),
        _Figure(
            label=f"DocMind's share of {memory_name}",
            value="unknown" if now.own is None else wording.size(now.own),
            history=[sample.own for sample in history],
        ),
    ]
    for number in range(len(now.gpus)):
        figures.extend(_gpu_figures(history, number))
    return figures


def _gpu_figures(history: Sequence[Sample], number: int) -> list[_Figure]:
    """Return the figures of one GPU.

    Args:
        number: its place among the GPUs, from 0.
    """
    now = history[-1].gpus[number]
    over_time = [sample.gpus[number] for sample in history if len(sample.gpus) > number]
    name = f"GPU {number}" if len(history[-1].gpus) > 1 else "GPU"
    load = "unknown" if now.utilisation is None else f"{now.utilisation:.0f} %"
    return [
        _Figure(
            label=f"{name} memory",
            value=wording.memory(now.used, now.total),
            history=[gpu.used for gpu in over_time],
        ),
        _Figure(
            label=f"{name} load",
            value=load,
            history=[gpu.utilisation for gpu in over_time],
        ),
    ]


@st.fragment(run_every=REFRESH_S)
def draw_engine(app: App) -> None:
    """Draw the engine's state and figures."""
    shared_app.redraw_after_restart(app)
    status = app.engine.status()
    device = f" on {status.device}" if status.device else ""
    st.caption(plain(f"{engine_status.model_name(status)}{device}"))
    if status.state == "failed":
        st.error(plain(status.error), icon=":material/error:")
        st.button(
            "Try again",
            key="engine-retry",
            icon=":material/refresh:",
            on_click=shared_app.restart_app,
            args=(app,),
        )
        return
    with st.container(horizontal=True):
        for label, value in _engine_figures(status).items():
            st.metric(label, value, width="content")
    if status.stages:
        stages = []
        for name, seconds in status.stages:
            stages.append(f"{name} {wording.duration(seconds)}")
        st.caption(plain(f"Loading: {' · '.join(stages)}"))
    if status.notice:
        st.warning(plain(status.notice), icon=":material/warning:")


def _engine_figures(status: EngineStatus) -> dict[str, str]:
    """Return what is known of the engine, by label."""
    figures = {
        "State": engine_status.activity(status),
        "Window": f"{status.window:,} tokens" if status.window else "unknown",
    }
    if status.load_s is not None:
        figures["Loaded in"] = wording.duration(status.load_s)
    figures["Running / waiting"] = f"{status.running} / {status.waiting}"
    if status.prefix_hit_rate is not None:
        figures["Prefix cache hits"] = f"{status.prefix_hit_rate:.0%}"
    if status.kv_cache_usage is not None:
        figures["KV cache in use"] = f"{status.kv_cache_usage:.0%}"
    return figures


def draw_plan(app: App) -> None:
    """List the decisions of the engine's plan, and the starts that failed before this one.

    After a failed start the engine tries a lesser plan, and stays with it at later starts: the
    button makes it try the settings as they are again.
    """
    status = app.engine.status()
    if not status.notes:
        st.caption("The plan is made while the model loads.")
    _draw_list(status.notes)
    if not status.attempts:
        return
    st.markdown("**What failed**")
    rows = []
    for attempt in status.attempts:
        row = {
            "When": wording.when(attempt.at),
            "Plan": attempt.plan,
            "Stage": attempt.stage,
            "Error": attempt.error,
            "What was done": attempt.response,
        }
        rows.append(row)
    _draw_table(rows)
    st.button(
        "Try the settings as they are again",
        icon=":material/refresh:",
        on_click=_try_settings_again,
        args=(app,),
    )


def _try_settings_again(app: App) -> None:
    forget_records(app.settings.data_dir)
    shared_app.restart_app(app)


def draw_storage(app: App) -> None:
    """Say where things are, how much there is, and the versions of what does the work."""
    settings = app.settings
    store = str(settings.store_dir)
    if settings.store.mode == "server":
        store = str(settings.store.url)
    ready = [document for document in app.documents.documents() if document.state == "ready"]
    passages = sum(document.passages for document in ready)
    _draw_list(
        [
            f"Vector store: Qdrant, {settings.store.mode}: {store}",
            f"Passages: {passages:,} in {wording.count(len(ready), 'document')}",
            f"Embedding model: {settings.retrieval.embedding_model}",
            f"Data folder: {settings.data_dir}",
        ]
    )
    versions = [f"DocMind {__version__}", f"Python {platform.python_version()}"]
    for name in PACKAGES:
        row = package(name)
        if row.state == "ok":
            versions.append(f"{row.what} {row.found}")
    st.caption(plain(" · ".join(versions)))


def draw_trims(app: App) -> None:
    """Draw the trim log over all conversations, the newest first."""
    titles = {}
    for conversation in app.conversations.list():
        titles[conversation.id] = conversation.title or "New conversation"
    rows = []
    for trim in reversed(app.conversations.trims()):
        row = {
            "When": wording.when(trim.at),
            "Conversation": titles.get(trim.conversation_id, ""),
            "Before": f"{trim.tokens_before:,}",
            "After": f"{trim.tokens_after:,}",
            "Left out": trim.dropped,
            "Why": trim.reason,
        }
        rows.append(row)
    if rows:
        _draw_table(rows)
    else:
        st.caption(
            "Nothing was cut so far. When a conversation nears the window, its oldest turns are "
            "left out here."
        )


def _draw_list(lines: Sequence[str]) -> None:
    st.markdown("\n".join(f"- {plain(line)}" for line in lines))


def _draw_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Draw a table; Streamlit reads text in cells as Markdown, so it is made plain."""
    plain_rows = []
    for row in rows:
        plain_rows.append({name: plain(value) for name, value in row.items()})
    st.table(plain_rows, hide_index=True, border="horizontal")
