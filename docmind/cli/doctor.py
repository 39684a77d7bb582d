"""`docmind doctor`: what is installed, what the engine would run, and what is missing."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from docmind.cli.console import out
from docmind.resolution import resolve
from docmind.storage.settings import load_settings

_MARKS = {"ok": "[green]✓[/green]", "bad": "[red]✗[/red]", "info": " "}


def doctor() -> None:
    """Say what is installed, which plan the engine would run and why, and what is missing."""
    from docmind.doctor import examine

    something_is_missing = False
    for section, rows in examine(resolve(load_settings())):
        table = Table(
            title=section, title_justify="left", show_header=False, box=None, padding=(0, 2)
        )
        for row in rows:
            table.add_row(_MARKS[row.state], escape(row.what), escape(row.found))
            if row.state == "bad":
                something_is_missing = True
        out.print(table)
    raise typer.Exit(1 if something_is_missing else 0)
