"""`docmind ingest`: adds documents and waits until they can be asked about."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from docmind import wording
from docmind.cli.console import err, out
from docmind.cli.opening import open_library
from docmind.errors import DocMindError

if TYPE_CHECKING:
    from docmind.api.client import Client

LOOK_S = 0.2
"""How often it is looked how far the documents are."""
DOCUMENTS_A_SECOND = 2000
"""Of a long list the states are asked for less often."""


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

    files = list(find_files(paths, SUPPORTED))
    refused = 0
    added_ids: dict[str, None] = {}  # a file that was named twice is one document
    with open_library(load_model=False) as library:
        for path in files:
            try:
                added_ids[_add(library, path, collection, tag or [])] = None
            except DocMindError as exc:
                refused += 1
                err.print(f"[red]✗[/red] {escape(str(exc))}")
        _show_progress(library, list(added_ids))
        for document in library.states(list(added_ids), with_attached=True):
            if document["state"] == "ready":
                out.print(f"[green]✓[/green] {escape(document['name'])}: {_figures(document)}")
                for unread in document["unread"]:
                    out.print(f"  {escape(unread)}")
            else:
                refused += 1
                err.print(f"[red]✗[/red] {escape(document['reason'])}")
    raise typer.Exit(1 if refused else 0)


def find_files(paths: Iterable[Path], suffixes: Container[str]) -> Iterator[Path]:
    """Yield files; of folders, those whose lower-case suffix is among `suffixes`."""
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and file.suffix.lower() in suffixes:
                    yield file
        elif path.exists():
            yield path
        else:
            raise DocMindError(f"There is no file {path}.")


def _add(library: Client, path: Path, collection: str, tags: list[str]) -> str:
    """Queue a file; return its document's id."""
    added = library.add(path, collection=collection, tags=tags)
    document = added["document"]
    if added["known"]:
        out.print(f"= {escape(path.name)}: already there as {escape(document['name'])}")
    return str(document["id"])


def _show_progress(library: Client, document_ids: list[str]) -> None:
    """Draw a bar until every document is ready, has failed, or was deleted."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), console=out, transient=True
    ) as bar:
        task = bar.add_task("ingesting", total=len(document_ids))
        unfinished = document_ids
        while unfinished:
            time.sleep(max(LOOK_S, len(unfinished) / DOCUMENTS_A_SECOND))
            doing = "ingesting"
            waiting: list[str] = []
            for document in library.states(unfinished):
                progress = document["progress"]
                if document["state"] not in {"ready", "failed"}:
                    waiting.append(document["id"])
                if progress is not None:
                    counts = f"{progress['done']}/{progress['total']}"
                    doing = f"{document['name']}: {progress['stage']} {counts}"
            unfinished = waiting
            done = len(document_ids) - len(unfinished)
            bar.update(task, completed=done, description=escape(doing))


def _figures(document: Mapping[str, Any]) -> str:
    pages = f"{document['pages']} pages, " if document["pages"] else ""
    passages = wording.count(document["passages"], "passage")
    return f"{pages}{passages}, {document['seconds']:.1f} s"
