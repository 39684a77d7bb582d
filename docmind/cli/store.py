"""`docmind store`: the vector store on this machine."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from docmind.cli.console import out
from docmind.cli.model import fetch_model
from docmind.settings import Settings
from docmind.storage.database import Database
from docmind.storage.settings import load_settings, save_settings

store = typer.Typer(no_args_is_help=True, help="The vector store on this machine.")


@store.command(
    name="move",
    help="Move all vectors to another mode of the store; what an interrupted move has done is not "
    "done again.",
)
def move_command(
    to: Annotated[Literal["edge", "local", "server"], typer.Option(help="The mode to move to.")],
    keep: Annotated[bool, typer.Option(help="Leave the old store where it is.")] = False,
) -> None:
    """Move the vectors, and remember the new mode; the old store goes last."""
    from docmind.app import lock_data_dir
    from docmind.resolution import resolve
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.store.base import made_by
    from docmind.retrieval.store.move import copy_passages
    from docmind.retrieval.store.opening import open_store

    settings = load_settings()
    new_settings = load_settings(store={"mode": to})
    old_mode = settings.store.mode
    resolved = resolve(settings)
    model = resolved.embedding_model
    fetch_model(resolved.catalog, model)
    dims = Embedder(Path(resolved.catalog.path(model))).dims
    if old_mode == to:
        _end_interrupted_move(settings, dims, keep=keep)
        return
    maker = Path(model).name
    note = settings.store_dir / "embedding-model"
    if note.is_file() and note.read_text("utf-8") == made_by(model):
        maker = made_by(maker)  # else an older DocMind filled it, and the next start fills it anew
    with (
        lock_data_dir(settings.data_dir),
        closing(open_store(settings, dims)) as source,
        closing(open_store(new_settings, dims)) as target,
    ):
        with out.status("moving") as status:

            def show_progress(done: int, total: int) -> None:
                status.update(f"moving document {done} of {total}")

            # For a server. What an interrupted move left there was made by this model: not stale.
            target.claim(maker, source.documents().keys(), stale=False)
            count = copy_passages(source, target, show_progress, shared=to == "server")
        target.optimize(wait=True)

    save_settings(settings.data_dir, {"store": {"mode": to}})
    if load_settings().store.mode != to:
        # The environment is stronger than what was saved, so the old store is still the one in use.
        out.print(
            f"[yellow]DOCMIND_STORE__MODE is set and goes before this choice: set it to {to}."
            "[/yellow]"
        )
    elif not keep:
        _remove_other_stores(load_settings())
    out.print(
        f"{count:,} passages are in the mode {to} now, compared with those in the mode {old_mode}."
    )


def _end_interrupted_move(settings: Settings, dims: int, *, keep: bool) -> None:
    """Remove the old store that a killed move has left, if the new one has all of it."""
    from docmind.app import lock_data_dir
    from docmind.retrieval.store.opening import open_store
    from docmind.storage.documents import DocumentStore

    removed: list[str] = []
    with (
        lock_data_dir(settings.data_dir),
        closing(Database(settings.database)) as database,
        closing(open_store(settings, dims)) as store,
    ):
        stored = store.documents()
        lacking = 0
        for document in DocumentStore(database).all():
            if document.state == "ready" and stored.get(document.id, 0) != document.passages:
                lacking += 1
        if not keep and not lacking:
            removed = _remove_other_stores(settings)
    out.print(f"The store is in the mode {settings.store.mode} already.")
    for mode in removed:
        out.print(f"What was left of the mode {mode} is removed.")


def _remove_other_stores(settings: Settings) -> list[str]:
    """Remove the stores in the data folder that are not in use; return their modes."""
    from docmind.retrieval.store.edge import shards

    removed: list[str] = []
    for mode in ("edge", "local"):
        if mode == settings.store.mode:
            continue
        folders = shards(settings.store_dir / mode)
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)
        if folders:
            removed.append(mode)
    return removed
