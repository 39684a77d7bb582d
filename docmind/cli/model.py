"""`docmind model`: which models there are, fetching them, choosing one; and which are wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from docmind.cli.console import err, out
from docmind.errors import DocMindError
from docmind.settings import Settings, load_settings, save_settings

commands = typer.Typer(no_args_is_help=True, help="The models on this machine.")


@commands.command("list")
def list_models() -> None:
    """List the models that DocMind knows, and which are on this machine."""
    from docmind.models.catalog import Catalog

    settings = load_settings()
    wanted = wanted_models(settings)
    table = Table("name", "kind", "download", "licence", "here", "what")
    table.columns[0].no_wrap = True  # to be copied
    catalog = Catalog(settings.models_dir)
    for model in catalog.list():
        name = f"[bold]{model.name}[/bold] (in use)" if model.name in wanted else model.name
        here = "yes" if catalog.installed(model.name) else "no"
        row = [name, model.kind, model.size, model.licence, here, model.what]
        table.add_row(*row)
    out.print(table)


@commands.command()
def pull(
    names: Annotated[
        list[str], typer.Argument(help="Names from `docmind model list`, or hub ids.")
    ],
) -> None:
    """Fetch models."""
    settings = load_settings()
    for name in names:
        fetch_model(settings, name)


@commands.command()
def use(name: str) -> None:
    """Fetch a model and answer with it from the next start on."""
    from docmind.models.catalog import Catalog

    settings = load_settings()
    for model in Catalog(settings.models_dir).list():
        if model.name == name and model.kind == "embedding":
            raise DocMindError(
                f"{name} embeds text and can't answer. "
                "DOCMIND_RETRIEVAL__EMBEDDING_MODEL chooses it."
            )
    fetch_model(settings, name)
    save_settings(settings.saved_file, {"llm": {"model": name}})
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

        catalog.pull(name, show)
    err.print(f"✓ {name}")
