"""`docmind extract`: the same questions asked of many documents, into a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from docmind import wording
from docmind.cli.console import err, out, printable
from docmind.cli.opening import open_app
from docmind.errors import DocMindError
from docmind.question_scope import QuestionScope

if TYPE_CHECKING:
    from docmind.extraction.grid import Extraction


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
    with open_app() as app:
        chosen: list[int] = []
        for name in collection or []:
            chosen.append(app.collections.named(name).id)
        scope = QuestionScope(collections=tuple(chosen))
        with err.status("loading the model"):
            app.engine.wait_ready()
        extraction = app.extraction.start(question, app.collections.searched(scope).ids)
        try:
            _show_progress(extraction)
        except KeyboardInterrupt:  # what has been read so far is written
            extraction.stop()
            extraction.wait(10)
        write(extraction, out_file)
    _print_summary(extraction, out_file)
    if extraction.error:
        raise DocMindError(extraction.error)


def _show_progress(extraction: Extraction) -> None:
    """Draw a bar until the grid is filled in."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), console=out, transient=True
    ) as bar:
        task = bar.add_task("asking", total=extraction.count)
        while not extraction.wait(0.2):
            filled = extraction.filled
            words = f"{filled} of {wording.count(extraction.count, 'cell')}"
            bar.update(task, completed=filled, description=words)


def _print_summary(extraction: Extraction, out_file: Path) -> None:
    """Print what was found, and which values to look at."""
    filled = extraction.cells()
    with_value = [cell for cell in filled if cell.value]
    out.print(
        f"{escape(str(out_file))}: {wording.count(len(with_value), 'value')} from "
        f"{wording.count(len(extraction.documents), 'document')}, "
        f"{len(filled)} of {wording.count(extraction.count, 'cell')} read in "
        f"{wording.duration(extraction.elapsed_s)}"
    )
    for document in extraction.documents:
        for question in extraction.questions:
            cell = extraction.cell(document, question)
            if cell is not None and cell.is_doubtful:
                what = printable(f"{document.name}, {question} {cell.value}: {cell.verdict}")
                out.print(f"[yellow]! {escape(what)}[/yellow]")
