"""`docmind doctor`: what is installed, what the engine would run, and what is missing."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from docmind.cli.console import out
from docmind.resolution import resolve
from docmind.storage.settings import load_settings

LOOK_S = 0.3
"""How often it is looked what is still being read."""

_MARKS = {"ok": "[green]✓[/green]", "bad": "[red]✗[/red]", "info": " "}


def doctor(
    repair: Annotated[
        bool,
        typer.Option(
            help="Find where documents, files and passages disagree, mend it, and say what is done."
        ),
    ] = False,
) -> None:
    """Say what is installed, which plan the engine would run and why, and what is missing."""
    if repair:
        raise typer.Exit(int(not _repair()))
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


def _repair() -> bool:
    """Mend the library and wait until what is read again is ready; return whether all is well."""
    from docmind.cli.opening import open_library

    is_well = True
    with open_library(load_model=False) as library, out.status("comparing") as status:
        findings = library.repair()
        for finding in findings:
            mark = _MARKS["ok"]
            if not finding["is_mended"]:
                mark = _MARKS["bad"]
                is_well = False
            out.print(f"{mark} {escape(finding['what'])} {escape(finding['done'])}")
        if not findings:
            out.print(f"{_MARKS['ok']} Documents, files and passages agree.")
        while True:
            waiting = [d for d in library.documents() if d["state"] not in {"ready", "failed"}]
            if not waiting:
                return is_well
            status.update(f"reading {escape(waiting[0]['name'])} again")
            time.sleep(LOOK_S)
