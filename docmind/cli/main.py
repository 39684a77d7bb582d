"""`docmind`: the command line over the same services as the pages."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from docmind.errors import AlreadyRunning, DocMindError, NothingIndexed
from docmind.privacy import silence_telemetry
from docmind.retrieval.store.move import store
from docmind.settings import Settings
from docmind.storage.settings import load_settings, save_settings

cli = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Private document chat on your own machine."
)
models = typer.Typer(no_args_is_help=True, help="The models on this machine.")
cli.add_typer(models, name="model")
cli.add_typer(store, name="store")
with suppress(ModuleNotFoundError):  # part of the checkout, not of an installed package
    from benchmarks.cli import bench, evaluate, selftest

    cli.add_typer(bench, name="bench")
    cli.add_typer(evaluate, name="eval")
    cli.command()(selftest)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Terminal control characters: a document's text must not steer the terminal."""
ROOT = Path(__file__).resolve().parents[2]


@cli.command()
def run(
    port: Annotated[int | None, typer.Option(help="Port of the page; 8501 unless set.")] = None,
) -> None:
    """Fetch the models if they are missing, and open the app."""
    settings = load_settings(**({"server": {"port": port}} if port else {}))
    server = settings.server
    _check_port(server.host, server.port)
    for name in wanted_models(settings):
        fetch_model(settings, name)
    entry = ROOT / "streamlit_app.py"
    if not entry.is_file():
        raise DocMindError(f"{entry} is missing: run DocMind from its checkout.")
    out.print(
        f"Opening DocMind on [bold]http://{server.host}:{server.port}[/bold] (Ctrl+C ends it)"
    )
    os.chdir(ROOT)
    command = [sys.executable, "-m", "streamlit", "run", str(entry)]
    os.environ["DOCMIND_DATA_DIR"] = str(
        settings.data_dir
    )  # as checked here, whatever folder this was called from
    options = ["--server.address", server.host, "--server.port", str(server.port)]
    options += ["--server.maxUploadSize", str(max(1, math.ceil(settings.ingestion.max_file_mb)))]
    sys.stdout.flush()
    os.execv(sys.executable, command + options)  # noqa: S606 - Streamlit takes this process over


@cli.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders that are searched for files.")
    ],
    collection: Annotated[
        str, typer.Option(help="Put them into this collection; a new one is made.")
    ] = "",
    tag: Annotated[
        list[str] | None, typer.Option(help="Give them this tag; may be said again.")
    ] = None,
) -> None:
    """Add documents and wait until they can be asked about."""
    from docmind.ingestion.readers.formats import SUPPORTED

    files = list(find_files(paths, set(SUPPORTED)))
    with _app(load_model=False) as app:
        ids, refused = [], 0
        place = app.collections.named(collection, make=True).id if collection else None
        for path in files:
            try:
                added = app.documents.add(path)
            except DocMindError as exc:
                refused += 1
                err.print(f"[red]✗[/red] {escape(str(exc))}")
                continue
            ids.append(added.document.id)
            if place:
                app.collections.move(added.document.id, place)
            if tag:
                app.collections.tag(added.document.id, [*added.document.tags, *tag])
            if added.known:
                out.print(f"= {escape(path.name)}: already there as {escape(added.document.name)}")
        with Progress(
            TextColumn("{task.description}"), BarColumn(), console=out, transient=True
        ) as bar:
            task = bar.add_task("ingesting", total=len(ids))
            while not app.documents.wait(0.2):
                documents = [app.documents.get(i) for i in ids]
                at = next((d for d in documents if d and d.state in {"parsing", "embedding"}), None)
                done = sum(1 for d in documents if d and d.state in {"ready", "failed"})
                what = "ingesting"
                if at and at.progress:
                    progress = at.progress
                    what = f"{at.name}: {progress.stage} {progress.done}/{progress.total}"
                bar.update(task, completed=done, description=escape(what))
        for document in filter(None, (app.documents.get(i) for i in dict.fromkeys(ids))):
            if document.state == "ready":
                size = f"{document.pages} pages, " if document.pages else ""
                found = f"{size}{document.passages} chunks, {document.seconds:.1f} s"
                out.print(f"[green]✓[/green] {escape(document.name)}: {found}")
            else:
                refused += 1
                err.print(f"[red]✗[/red] {escape(document.reason)}")
    raise typer.Exit(1 if refused else 0)


@cli.command()
def ask(
    question: str,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as one JSON object.")
    ] = False,
    conversation: Annotated[str, typer.Option(help="Go on in this conversation (its id).")] = "",
    collection: Annotated[
        list[str] | None, typer.Option(help="Search this one only; may be said again.")
    ] = None,
) -> None:
    """Ask about the documents; the answer streams, its sources follow."""
    from docmind.events import (
        AgentStarted,
        AgentStep,
        TokenDelta,
        TurnFailed,
        TurnFinished,
        to_dict,
    )

    with _app() as app:
        if not any(d.state == "ready" for d in app.documents.documents()):
            raise NothingIndexed(
                "There is no document to ask about. Add some with `docmind ingest FILES`."
            )
        if conversation and app.conversations.get(conversation) is None:
            raise DocMindError(f"There is no conversation {conversation}.")
        searched = [app.collections.named(name).id for name in collection or ()]
        with err.status("loading the model"):
            app.engine.wait_ready()
        with app.conversations.begun(conversation) as asked_in:
            if searched:
                app.conversations.choose(asked_in, searched)
            turn = app.chat.ask(question, asked_in)
        live = out.is_terminal and not as_json  # elsewhere text that an agent takes back would stay
        for event in turn.stream():
            match event:
                case TurnFinished() | TurnFailed() if as_json:
                    print(json.dumps(to_dict(event), ensure_ascii=False, indent=2))
                case TokenDelta(channel="answer") if live:
                    print(_CONTROL.sub("", event.text), end="", flush=True)
                case AgentStarted() if not as_json:
                    err.print(f"[dim]→ {event.agent}: {escape(event.task)}[/dim]")
                case AgentStep() if not as_json:
                    err.print(
                        f"[dim]  {event.tool}: {escape(event.result)} ({event.duration_ms:.0f} ms)[/dim]"
                    )
                case TurnFinished():
                    if not live:
                        print(_CONTROL.sub("", event.answer))
                    _print_sources(event)
            if isinstance(event, TurnFailed):
                raise DocMindError(event.error)


def _print_sources(event: Any) -> None:
    from docmind.ui.format import best, cost, place, verdict

    for notice in event.notices:
        err.print(f"[yellow]! {escape(notice)}[/yellow]")
    if event.confidence is not None:
        left_open = f", left open: {event.open_points}" if event.open_points else ""
        err.print(escape(f"confidence {event.confidence:.0%}{left_open}"))
    cited = best(event.citations)
    print()
    for source in event.sources:
        if mark := cited.get(source.number):
            found = f"  [yellow]({escape(verdict(mark))})[/yellow]" if verdict(mark) else ""
            out.print(f"[bold]\\[{source.number}][/bold] {escape(place(source))}{found}")
            out.print(f"    [dim]{escape(' '.join(source.passage.text.split())[:200])}[/dim]")
    err.print(f"[dim]{escape(cost(event.usage, event.agents))}[/dim]")


@cli.command()
def doctor() -> None:
    """Say what is installed, which plan the engine would run and why, and what is missing."""
    from docmind.doctor import examine

    settings = load_settings()
    failed = False
    for section, rows in examine(settings):
        table = Table(
            title=section, title_justify="left", show_header=False, box=None, padding=(0, 2)
        )
        for row in rows:
            mark = {"ok": "[green]✓[/green]", "bad": "[red]✗[/red]", "info": " "}[row.state]
            failed = failed or row.state == "bad"
            table.add_row(mark, escape(row.what), escape(row.found))
        out.print(table)
    raise typer.Exit(1 if failed else 0)


@models.command("list")
def list_models() -> None:
    """List the models that DocMind knows, and which are on this machine."""
    from docmind.models.catalog import Catalog

    settings = load_settings()
    wanted = wanted_models(settings)
    table = Table("name", "kind", "download", "licence", "here", "what")
    table.columns[0].no_wrap = True  # to be copied
    catalog = Catalog(settings.models_dir)
    for info in catalog.list():
        name = f"[bold]{info.name}[/bold] (in use)" if info.name in wanted else info.name
        here = "yes" if catalog.installed(info.name) else "no"
        table.add_row(name, info.kind, info.size, info.licence, here, info.what)
    out.print(table)


@models.command()
def pull(
    names: Annotated[
        list[str], typer.Argument(help="Names from `docmind model list`, or hub ids.")
    ],
) -> None:
    """Fetch models."""
    settings = load_settings()
    for name in names:
        fetch_model(settings, name)


@models.command()
def use(name: str) -> None:
    """Fetch a model and answer with it from the next start on."""
    from docmind.models.catalog import Catalog

    settings = load_settings()
    if any(m.name == name and m.kind == "embedding" for m in Catalog(settings.models_dir).list()):
        raise DocMindError(
            f"{name} embeds text and can't answer. DOCMIND_RETRIEVAL__EMBEDDING_MODEL chooses it."
        )
    fetch_model(settings, name)
    save_settings(settings.data_dir, {"llm": {"model": name}})
    out.print(f"{name} answers from the next start on.")
    if load_settings().llm.model != name:
        err.print("[yellow]DOCMIND_LLM__MODEL is set and goes before this choice.[/yellow]")


def wanted_models(settings: Settings) -> list[str]:
    """Return the embedding model and, unless a server answers, the language model."""
    from docmind.hardware import detect
    from docmind.models.catalog import default_llm

    names = [settings.retrieval.embedding_model]
    if not settings.llm.base_url:
        names.append(settings.llm.model or default_llm(detect()))
    return names


def fetch_model(settings: Settings, name: str) -> None:
    """Fetch one model with a progress bar; says nothing if it is there."""
    from docmind.models.catalog import Catalog

    catalog = Catalog(settings.models_dir)
    if catalog.installed(name) or Path(name).is_dir():
        return
    columns = (
        TextColumn(f"{escape(name)}: {{task.description}}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("starting", total=1)
        catalog.pull(
            name,
            lambda what, done, all: bar.update(task, description=what, completed=done, total=all),
        )
    err.print(f"✓ {name}")


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise AlreadyRunning(
                f"Port {port} is taken. If DocMind runs already, open http://{host}:{port}; else choose another port "
                f"with --port {port + 1}."
            ) from exc


def find_files(paths: list[Path], suffixes: set[str]) -> Iterator[Path]:
    """Yield files; of folders, those that a reader knows."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in suffixes
            )
        elif path.exists():
            yield path
        else:
            raise DocMindError(f"There is no file {path}.")


@contextmanager
def _app(*, load_model: bool = True) -> Iterator[Any]:
    from docmind.app import build_app

    settings = load_settings()
    for name in wanted_models(settings)[: None if load_model else 1]:
        fetch_model(settings, name)
    with closing(build_app(settings, load_model=load_model)) as app:
        yield app


def main(command: Callable[[], None] = cli) -> None:
    """Run the command line; DocMind's own errors are one clear line."""
    silence_telemetry()
    try:
        command()
    except DocMindError as exc:
        err.print(f"[red]✗[/red] {escape(str(exc))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
