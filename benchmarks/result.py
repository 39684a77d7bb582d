"""Figures of a benchmark: printed, compared with an earlier result, saved as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from docmind.hardware import detect
from docmind.measurement import Figures, Record, make_record, save_record

Progress = Callable[[str], None]
"""Is given a line about what has just been measured."""
out = Console()


def report(
    figures: Figures, *, notes: str, save: Path | None = None, earlier: Path | None = None
) -> None:
    """Print figures as a table and save them.

    Args:
        figures: what was measured.
        notes: what a reader has to know to judge them.
        save: write them there, as JSON.
        earlier: an earlier result, whose figures are printed beside these.
    """
    record = result_record("docmind " + " ".join(sys.argv[1:]), figures, notes)
    table = plain_table(record)
    if earlier:
        table = comparison_table(record, load_record(earlier))
    out.print(table)
    if save:
        save_record(record, save)


def result_record(command: str, figures: Figures, notes: str) -> Record:
    """Return the record of what this machine has just measured."""
    return make_record(command=command, figures=figures, notes=notes, hardware=detect())


def load_record(path: Path) -> Record:
    """Return a result that was saved."""
    record: Record = json.loads(path.read_text("utf-8"))
    return record


def plain_table(record: Record) -> Table:
    """Return the figures, a row each."""
    table = Table("figure", "value")
    for name, value in record["figures"].items():
        table.add_row(name, f"{value:.4g}")
    return table


def comparison_table(record: Record, earlier: Record) -> Table:
    """Return the figures beside those of the same name in an earlier result."""
    table = Table("figure", "value", "before", "ratio")
    for name, value in record["figures"].items():
        before = earlier["figures"].get(name)
        if before:
            table.add_row(name, f"{value:.4g}", f"{before:.4g}", f"x {value / before:.2f}")
        else:
            table.add_row(name, f"{value:.4g}", "", "")
    return table
