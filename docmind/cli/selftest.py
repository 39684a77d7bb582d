"""`docmind selftest`: prove the whole system on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from docmind.cli.console import out


def selftest(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Text for the long document; else Python's manual.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(help="Length of the long prompt; else the whole window.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the result as JSON.")] = None,
) -> None:
    """Prove the whole system on this machine.

    A document that fills the window, memory, speed, a cited answer.
    """
    from docmind.cli.model import fetch_model
    from docmind.measurement import make_record, save_record
    from docmind.resolution import resolve
    from docmind.selftest import run_selftest
    from docmind.storage.settings import load_settings

    settings = load_settings()
    resolved = resolve(settings)
    for name in resolved.wanted_models:
        fetch_model(resolved.catalog, name)
    report = run_selftest(settings, files or [], tokens)

    table = Table("figure", "value")
    for name, value in report.figures.items():
        table.add_row(name, f"{value:.4g}")
    out.print(table)
    if save:
        record = make_record(
            command="docmind " + " ".join(sys.argv[1:]),
            figures=report.figures,
            notes=report.notes,
            hardware=resolved.hardware,
        )
        save_record(record, save)

    failed = False
    for check in report.checks:
        mark = "[green]✓[/green]"
        if not check.passed:
            mark = "[red]✗[/red]"
            failed = True
        out.print(f"{mark} {escape(check.what)}: {escape(check.found)}", highlight=False)
    raise typer.Exit(int(failed))
