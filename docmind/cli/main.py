"""`docmind`: puts the commands together, and says DocMind's errors in one clear line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import typer
from rich.markup import escape

from docmind.cli import model
from docmind.cli.ask import ask
from docmind.cli.backup import backup, restore
from docmind.cli.console import err
from docmind.cli.doctor import doctor
from docmind.cli.extract import extract
from docmind.cli.ingest import ingest
from docmind.cli.mcp import mcp
from docmind.cli.run import run
from docmind.cli.selftest import selftest
from docmind.cli.store import store
from docmind.errors import DocMindError
from docmind.privacy import silence_telemetry

OTHER_COMMANDS = "docmind.commands"
"""Entry points of this group add commands: a name, and the Typer app behind it.

`bench` and `eval` come so from the checkout's benchmarks/.
"""


def make_cli() -> typer.Typer:
    """Return the command line with all its commands."""
    cli = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        help="Private document chat on your own machine.",
    )
    cli.add_typer(model.commands, name="model")
    cli.add_typer(store, name="store")
    _add_other_commands(cli)
    for command in (run, ingest, ask, extract, mcp, backup, restore, doctor, selftest):
        cli.command()(command)
    return cli


def _add_other_commands(cli: typer.Typer) -> None:
    for entry_point in entry_points(group=OTHER_COMMANDS):
        try:
            commands = entry_point.load()
        except ImportError as exc:
            # A checkout that was moved or removed: what is installed works without it.
            err.print(f"[yellow]! `docmind {entry_point.name}` is not there: {exc}[/yellow]")
        else:
            cli.add_typer(commands, name=entry_point.name)


cli = make_cli()


def main(command: Callable[[], None] = cli) -> None:
    """Run the command line."""
    silence_telemetry()
    try:
        command()
    except DocMindError as exc:
        err.print(f"[red]✗[/red] {escape(str(exc))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
