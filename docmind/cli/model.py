"""`docmind model`: which models there are, fetching them, choosing one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from docmind.api.address import is_listening
from docmind.api.client import connect
from docmind.cli.console import err, out
from docmind.errors import DocMindError
from docmind.models.catalog import Catalog
from docmind.resolution import resolve
from docmind.storage.settings import load_settings, save_settings

commands = typer.Typer(no_args_is_help=True, help="The models on this machine.")


@commands.command("list")
def list_models() -> None:
    """List the models that DocMind knows, and which are on this machine."""
    settings = load_settings()
    resolved = resolve(settings)
    table = Table("name", "kind", "download", "licence", "here", "what")
    table.columns[0].no_wrap = True  # to be copied
    for model in resolved.catalog.list():
        name = model.name
        if name in resolved.wanted_models:
            name = f"[bold]{name}[/bold] (in use)"
        here = "no"
        if resolved.catalog.installed(model.name):
            here = "yes"
            if not resolved.catalog.tuned(model.name):
                here = "yes, but untuned: pull it again"
        row = [name, model.kind, model.size, model.licence, here, model.what]
        table.add_row(*row)
    out.print(table)
    running = connect(settings.socket)
    if running is not None:
        with closing(running):
            engine = running.status()["engine"]
        out.print(f"The running DocMind answers with {escape(_described(engine))}.")


@commands.command()
def pull(
    names: Annotated[
        list[str], typer.Argument(help="Names from `docmind model list`, or hub ids.")
    ],
) -> None:
    """Fetch models, and convert anew those that an older DocMind has converted untuned."""
    catalog = resolve(load_settings()).catalog
    for name in names:
        fetch_model(catalog, name, renew=True)


@commands.command()
def use(name: str) -> None:
    """Fetch a model and answer with it from the next start on."""
    settings = load_settings()
    catalog = resolve(settings).catalog
    for model in catalog.list():
        if model.name == name and model.kind == "embedding":
            raise DocMindError(
                f"{name} embeds text and can't answer. "
                "DOCMIND_RETRIEVAL__EMBEDDING_MODEL chooses it."
            )
    fetch_model(catalog, name)
    save_settings(settings.data_dir, {"llm": {"model": name}})
    out.print(f"{name} answers from the next start on.")
    if is_listening(settings.socket):
        out.print("DocMind is running: end it with Ctrl+C and start it anew for that.")
    if load_settings().llm.model != name:
        err.print("[yellow]DOCMIND_LLM__MODEL is set and goes before this choice.[/yellow]")


def _described(engine: Mapping[str, Any]) -> str:
    """Return the running app's model, and where it stands unless it is ready."""
    if engine["state"] == "ready":
        return str(engine["model"])
    return f"{engine['model']} ({engine['error'] or engine['stage'] or engine['state']})"


def fetch_model(catalog: Catalog, name: str, *, renew: bool = False) -> None:
    """Fetch one model with a progress bar; says nothing if it is there.

    With `renew`, one that is there untuned is fetched and converted anew.
    """
    if Path(name).is_dir():
        return
    if catalog.installed(name) and (catalog.tuned(name) or not renew):
        return
    bar = Progress(
        TextColumn(f"{escape(name)}: {{task.description}}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        console=err,
    )
    with bar:
        task = bar.add_task("starting", total=1)

        def show(what: str, done: float, total: float) -> None:
            bar.update(task, description=what, completed=done, total=total)

        catalog.pull(name, show, renew=renew)
    err.print(f"✓ {name}")
