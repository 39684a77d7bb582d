"""`docmind store move`: all passages from one mode of the store to another; compared before the old store goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from docmind.errors import StoreError
from docmind.passages import EmbeddedPassage
from docmind.retrieval.store.base import VectorStore, open_store
from docmind.storage.settings import load_settings, save_settings

store = typer.Typer(no_args_is_help=True, help="The vector store on this machine.")
BATCH = 200  # chunks per write: about 2 MB of JSON on the way to a server
SAMPLE = 50  # documents whose chunks are compared one by one
CLOSE = 1e-3  # largest difference between two numbers of a vector: the modes round differently


@store.command(name="move")
def command(
    to: Annotated[Literal["edge", "local", "server"], typer.Option(help="The mode to move to.")],
    keep: Annotated[bool, typer.Option(help="Leave the old store where it is.")] = False,
) -> None:
    """Move all vectors to another mode of the store; what an interrupted move has done is not done again."""
    from docmind.app import own
    from docmind.cli.main import fetch_model, out
    from docmind.models.catalog import Catalog
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.store.edge import shards

    settings, target = load_settings(), load_settings(store={"mode": to})
    old = settings.store.mode
    if old == to:
        raise StoreError(f"The store is in the mode {to} already.")
    fetch_model(settings, settings.retrieval.embedding_model)
    dims = Embedder(
        Path(Catalog(settings.models_dir).path(settings.retrieval.embedding_model))
    ).dims
    with (
        own(settings.data_dir),
        closing(open_store(settings, dims)) as source,
        closing(open_store(target, dims)) as new,
    ):
        with out.status("moving") as status:
            new.claim(
                Path(settings.retrieval.embedding_model).name,
                source.documents().keys(),
                stale=False,
            )
            tell = lambda done, total: status.update(f"moving document {done} of {total}")  # noqa: E731
            count = move(source, new, tell, shared=to == "server")
        new.optimize(wait=True)
    save_settings(settings.data_dir, {"store": {"mode": to}})
    if load_settings().store.mode != to:
        out.print(
            f"[yellow]DOCMIND_STORE__MODE is set and goes before this choice: set it to {to}.[/yellow]"
        )
    elif old != "server" and not keep:
        for folder in shards(settings.store_dir / old).values():
            shutil.rmtree(folder, ignore_errors=True)
    out.print(
        f"{count:,} passages are in the mode {to} now, compared with those in the mode {old}."
    )


def move(
    source: VectorStore,
    target: VectorStore,
    progress: Callable[[int, int], object],
    *,
    shared: bool = False,
) -> int:
    """Make `target` hold what `source` holds, compare them, and return the number of passages.

    Documents that are in the target with all their passages are not copied again.

    Args:
        source: It is only read.
        target: What else it holds goes (removed from the source since an earlier attempt), unless it is `shared`.
        progress: Called with (documents done, documents).
        shared: others may use the target, too.

    Raises:
        StoreError: they differ afterwards, or a shared target holds other documents.
    """
    wanted, there = source.documents(), target.documents()
    others = there.keys() - wanted.keys()
    if others and shared:
        raise StoreError(
            f"The collection on the server holds {len(others)} documents that are not in this store. Name another one "
            "with DOCMIND_STORE__COLLECTION, or remove it on the server if it is left from an earlier attempt."
        )
    for document in others:
        target.delete(document)
    for done, (document, count) in enumerate(wanted.items(), 1):
        if there.get(document) != count:
            target.delete(document)
            passages = source.embedded(document)
            for at in range(0, len(passages), BATCH):
                target.upsert(passages[at : at + BATCH])
        progress(done, len(wanted))
    if target.documents() != wanted:
        raise StoreError(
            "The new store has another number of passages than the old one, which is kept. Move again."
        )
    for document in sorted(wanted)[
        :: max(1, len(wanted) // SAMPLE)
    ]:  # they are hashes: any of them are a sample
        copies = {e.passage.id: e for e in target.embedded(document)}
        if not all(_same(e, copies[e.passage.id]) for e in source.embedded(document)):
            target.delete(document)  # so that the next attempt copies it again
            raise StoreError(
                "A passage in the new store differs from the old one, which is kept. Move again."
            )
    return sum(wanted.values())


def _same(a: EmbeddedPassage, b: EmbeddedPassage) -> bool:
    pairs = [
        *zip(a.dense, b.dense, strict=True),
        *((v, b.sparse.get(k, 0.0)) for k, v in a.sparse.items()),
    ]
    return (
        a.passage == b.passage
        and a.sparse.keys() == b.sparse.keys()
        and all(abs(x - y) < CLOSE for x, y in pairs)
    )
