"""`docmind ingest`: adds documents and waits until they can be asked about."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from docmind import wording
from docmind.cli.console import err, out
from docmind.cli.opening import open_app
from docmind.errors import DocMindError

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document


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
    added_ids = []
    with open_app(load_model=False) as app:
        collection_id = None
        if collection:
            collection_id = app.collections.named(collection, make=True).id
        for path in files:
            try:
                added_ids.append(_add(app, path, collection_id, tag or []))
            except DocMindError as exc:
                refused += 1
                err.print(f"[red]✗[/red] {escape(str(exc))}")
        _show_progress(app, added_ids)
        # A file that was named twice is one document.
        for document in _with_attached(app, dict.fromkeys(added_ids)):
            if document.state == "ready":
                out.print(f"[green]✓[/green] {escape(document.name)}: {_figures(document)}")
                for unread in document.unread:
                    out.print(f"  {escape(unread)}")
            else:
                refused += 1
                err.print(f"[red]✗[/red] {escape(document.reason)}")
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


def _add(app: App, path: Path, collection_id: int | None, tags: list[str]) -> str:
    """Queue a file; return its document's id."""
    added = app.documents.add(path)
    document = added.document
    if collection_id is not None:
        app.collections.move(document.id, collection_id)
    if tags:
        app.collections.tag(document.id, [*document.tags, *tags])
    if added.known:
        out.print(f"= {escape(path.name)}: already there as {escape(document.name)}")
    return document.id


def _show_progress(app: App, document_ids: list[str]) -> None:
    """Draw a bar until every document is ready or has failed."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), console=out, transient=True
    ) as bar:
        task = bar.add_task("ingesting", total=len(document_ids))
        while not app.documents.wait(0.2):
            finished = 0
            doing = "ingesting"
            for document in _present_documents(app, document_ids):
                if document.state in {"ready", "failed"}:
                    finished += 1
                elif document.progress is not None:
                    progress = document.progress
                    counts = f"{progress.done}/{progress.total}"
                    doing = f"{document.name}: {progress.stage} {counts}"
            bar.update(task, completed=finished, description=escape(doing))


def _present_documents(app: App, document_ids: Iterable[str]) -> Iterator[Document]:
    """Yield the documents that have not been deleted meanwhile."""
    for document_id in document_ids:
        document = app.documents.get(document_id)
        if document is not None:
            yield document


def _with_attached(app: App, document_ids: Iterable[str]) -> Iterator[Document]:
    """Yield documents, each mail and archive before what it holds."""
    for document in _present_documents(app, document_ids):
        yield document
        attached = app.documents.attached_to(document.id)
        yield from _with_attached(app, [child.id for child in attached])


def _figures(document: Document) -> str:
    pages = f"{document.pages} pages, " if document.pages else ""
    passages = wording.count(document.passages, "passage")
    return f"{pages}{passages}, {document.seconds:.1f} s"
