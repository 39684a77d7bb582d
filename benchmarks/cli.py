"""`docmind bench NAME` and `docmind eval NAME`: each command runs one module of this package.

A command returns flat figures; `report` prints them, compares them with an earlier result and saves them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

bench = typer.Typer(no_args_is_help=True, help="Measure this machine: speed, memory, tokens.")
evaluate = typer.Typer(no_args_is_help=True, help="Measure quality on data with known answers.")
out = Console()
err = Console(stderr=True)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Data = Annotated[Path, typer.Option(help="Folder with the data sets.")]
Limit = Annotated[int, typer.Option(help="Most questions; 0: all.")]
Save = Annotated[Path | None, typer.Option(help="Write the result as JSON.")]
Vs = Annotated[Path | None, typer.Option(help="Compare with an earlier result.")]


def report(figures: dict[str, float], notes: str, save: Path | None, vs: Path | None) -> None:
    """Print figures as a table, beside those of an earlier result if there is one, and save them."""
    from benchmarks.result import compare, result

    record = result("docmind " + " ".join(sys.argv[1:]), figures, notes)
    table = Table("figure", "value", *(["before", "ratio"] if vs else []))
    for name, value, before in compare(record["figures"], vs) if vs else [(n, v, None) for n, v in figures.items()]:
        extra = [f"{before:.4g}", f"x {value / before:.2f}"] if before else ["", ""] if vs else []
        table.add_row(name, f"{value:.4g}", *extra)
    out.print(table)
    if save:
        save.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


@contextmanager
def loaded() -> Iterator[tuple[Any, Any]]:
    """Yield the settings and their engine, ready."""
    from docmind.app import build_engine
    from docmind.cli import fetch_model, wanted_models
    from docmind.engine.models import Catalog
    from docmind.settings import load_settings

    settings = load_settings()
    for name in wanted_models(settings):
        fetch_model(settings, name)
    engine = build_engine(settings, Catalog(settings.models_dir))
    engine.start()
    try:
        with err.status("loading the model"):
            engine.wait_ready()
        yield settings, engine
    finally:
        engine.close()


@bench.command()
def engine(
    prompts: Annotated[str, typer.Option(help="Prompt lengths in tokens.")] = "1024,4096,16384,120000",
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Prefill, decode, first token, next turn, and requests at once against in turn."""
    from benchmarks import measure

    with loaded() as (_, engine):
        figures = measure.engine(engine, [int(p) for p in prompts.split(",")])
        report(figures, engine.status().model, save, vs)


@bench.command()
def tokens(data: Data = DATA, limit: Limit = 0, save: Save = None, vs: Vs = None) -> None:
    """Tokens, calls and time of parallel agents against sequential handoffs with full history."""
    from benchmarks import tokens as module

    with loaded() as (settings, engine):
        figures = module.run(settings, engine, data, limit, lambda line: err.print(line, highlight=False))
        report(figures, engine.status().model, save, vs)


@bench.command()
def tools(limit: Limit = 0, save: Save = None, vs: Vs = None) -> None:
    """Valid and right routing and tool calls, with and without a grammar."""
    from benchmarks import tools as module

    with loaded() as (settings, engine):
        figures = module.run(settings, engine, limit, lambda line: err.print(line, highlight=False, markup=False))
        report(figures, engine.status().model, save, vs)


@bench.command()
def ingest(files: list[Path], save: Save = None, vs: Vs = None) -> None:
    """Ingest files or folders into a fresh store, then search in it."""
    from benchmarks import measure
    from docmind.cli import fetch_model, find_files
    from docmind.ingestion.readers import SUPPORTED
    from docmind.settings import load_settings

    settings = load_settings()
    fetch_model(settings, settings.retrieval.embedding_model)
    figures = measure.ingest_and_search(settings, list(find_files(files, set(SUPPORTED))))
    report(figures, "", save, vs)


@bench.command()
def search(
    files: list[Path],
    edge: Annotated[int, typer.Option(help="Chunks in the mode edge; 0 leaves it out.")] = 100_000,
    local: Annotated[int, typer.Option(help="Chunks in the mode local, which is slow.")] = 5_000,
    kills: Annotated[int, typer.Option(help="How often a writing process is killed.")] = 50,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Store chunks made of text files' passages, search, reopen; and kill a writing process, looking for losses."""
    from tempfile import TemporaryDirectory

    from benchmarks.kill import kill_points
    from benchmarks.store import search as measure_search
    from docmind.cli import fetch_model, find_files
    from docmind.settings import load_settings

    settings = load_settings()
    fetch_model(settings, settings.retrieval.embedding_model)
    sizes = {mode: size for mode, size in {"edge": edge, "local": local}.items() if size}
    figures = measure_search(settings, list(find_files(files, {".md", ".txt"})), sizes, err.print) if sizes else {}
    if kills:
        with TemporaryDirectory() as folder:
            figures |= {"trust.kill_points": kills, "trust.kill_points_survived": kill_points(Path(folder), kills)}
    report(figures, "chunks are halves of real passages joined, with the mean of their embeddings", save, vs)
