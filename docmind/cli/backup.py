"""`docmind backup` and `docmind restore`: all that is remembered as one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from docmind.api.client import connect
from docmind.cli.console import err, out
from docmind.cli.opening import open_library
from docmind.errors import AlreadyRunning, ConfigError
from docmind.storage.settings import load_settings
from docmind.wording import count, size


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.")],
) -> None:
    """Write documents, passages, conversations and settings to one file, also while the app runs.

    Models are left out: they are fetched again. Saved keys are in it, so only you may read it.
    """
    if file.is_dir():
        raise ConfigError(f"{file} is a folder. Name a file in it.")
    with open_library(load_model=False) as library, err.status("writing the backup"):
        manifest = library.save_backup(file.absolute())
    written = size(file.stat().st_size)
    out.print(
        f"[green]✓[/green] {escape(str(file))}: {count(manifest.documents, 'document')}, "
        f"{written}, read again and compared"
    )
    for name in manifest.damaged:
        err.print(
            f"[yellow]! The original of {escape(name)} is not what was added: the disk has "
            "damaged it. Add the document again, then make another backup.[/yellow]"
        )


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    replace: Annotated[
        bool, typer.Option(help="The data folder may hold something; it is kept beside.")
    ] = False,
) -> None:
    """Bring a backup back into the data folder; one that was interrupted goes on."""
    from docmind.app import lock_data_dir
    from docmind.backup.restoring import restore_files, restore_passages
    from docmind.retrieval.store.base import made_by

    data_dir = load_settings().data_dir
    if connect(load_settings().socket) is not None:
        raise AlreadyRunning(f"DocMind is running in {data_dir}. Close it, then restore.")
    with lock_data_dir(data_dir), out.status("restoring") as status:

        def show(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done} of {total}")

        kept = restore_files(file, data_dir, replace=replace, progress=show)
        # The settings have been restored, too.
        settings = load_settings()
        maker = made_by(settings.retrieval.embedding_model)
        documents, passages = restore_passages(settings, maker=maker, progress=show)
    out.print(
        f"[green]✓[/green] restored: {count(documents, 'document')} with "
        f"{count(passages, 'passage')}; others are read anew at the next start"
    )
    if kept is not None:
        out.print(f"What was there before is kept in {escape(str(kept))}.")
