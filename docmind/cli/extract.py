"""`docmind extract`: the same questions asked of many documents, into a table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from docmind import wording
from docmind.cli.console import err, out, printable
from docmind.cli.opening import open_library
from docmind.errors import DocMindError

if TYPE_CHECKING:
    from docmind.api.client import Client

LOOK_S = 0.2
"""How often it is looked how far the grid is."""
STOP_S = 10.0
"""How long a grid that is ended may take for the cells that are being read."""

Grid = dict[str, Any]
"""What the API says of a grid."""


def extract(
    question: Annotated[
        list[str], typer.Option(help="What to ask of each document; may be said again.")
    ],
    out_file: Annotated[
        Path, typer.Option("--out", help="File to write: its ending is .csv or .xlsx.")
    ],
    collection: Annotated[
        list[str] | None, typer.Option(help="Ask this one only; may be said again.")
    ] = None,
) -> None:
    """Ask the same questions of many documents; write values, citations and verdicts to a file."""
    from docmind.extraction.files import check_ending, write

    check_ending(out_file)
    with open_library() as library:
        with err.status("loading the model"):
            library.wait_for_model()
        begun = library.extract(question, collections=collection or [])
        extraction = _follow(library, begun)
        write(library.extraction_file(extraction["id"], out_file.suffix), out_file)
    _print_summary(extraction, out_file)
    if extraction["error"]:
        raise DocMindError(extraction["error"])


def _follow(library: Client, extraction: Grid) -> Grid:
    """Draw a bar until the grid is filled in, or Ctrl+C ends it; return what became of it."""
    try:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), console=out, transient=True
        ) as bar:
            task = bar.add_task("asking", total=extraction["count"])
            while not extraction["done"]:
                time.sleep(LOOK_S)
                extraction = library.extraction(extraction["id"])
                filled = extraction["filled"]
                words = f"{filled} of {wording.count(extraction['count'], 'cell')}"
                bar.update(task, completed=filled, description=words)
    except KeyboardInterrupt:  # what has been read so far is written
        return _stopped(library, extraction)
    return extraction


def _stopped(library: Client, extraction: Grid) -> Grid:
    """End a grid, and wait a while until its cells are no longer being read."""
    extraction = library.stop_extraction(extraction["id"])
    end = time.monotonic() + STOP_S
    while not extraction["done"] and time.monotonic() < end:
        time.sleep(LOOK_S)
        extraction = library.extraction(extraction["id"])
    return extraction


def _print_summary(extraction: Grid, out_file: Path) -> None:
    """Print what was found, and which values to look at."""
    out.print(
        f"{escape(str(out_file))}: {wording.count(extraction['values'], 'value')} from "
        f"{wording.count(extraction['documents'], 'document')}, "
        f"{extraction['filled']} of {wording.count(extraction['count'], 'cell')} read in "
        f"{wording.duration(extraction['elapsed_s'])}"
    )
    for cell in extraction["doubtful"]:
        what = f"{cell['document']}, {cell['question']} {cell['value']}: {cell['verdict']}"
        out.print(f"[yellow]! {escape(printable(what))}[/yellow]")
