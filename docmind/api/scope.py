"""Which documents a request searches: names of collections and documents → ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docmind.errors import DocMindError, NothingIndexed

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document


def searched_documents(
    app: App, *, collections: Sequence[str] = (), documents: Sequence[str] = ()
) -> Sequence[str] | None:
    """Return the ids of the ready documents that are named in either way; None for all there are.

    Args:
        app: The app.
        collections: Names of collections.
        documents: Names or ids of documents.

    Raises:
        DocMindError: there is no such collection or document, or it is not ready.
        NothingIndexed: the collections have no document that is ready.
    """
    if not collections and not documents:
        is_shared = app.settings.store.mode == "server"
        return app.collections.searched((), shared=is_shared)
    found: dict[str, None] = {}  # an ordered set
    for name in documents:
        document = named_document(app, name)
        if document.state != "ready":
            raise DocMindError(
                f"'{document.name}' can't be searched ({document.state}). {document.reason}".strip()
            )
        found[document.id] = None
    if collections:
        numbers = [app.collections.named(name).id for name in collections]
        for document_id in app.collections.searched(numbers) or ():
            found[document_id] = None
    if not found:
        raise NothingIndexed(
            "No document of the chosen collections is ready. Choose others, then ask again."
        )
    return list(found)


def named_document(app: App, name: str) -> Document:
    """Return the document of this name or id; DocMindError if there is none."""
    known = app.documents.get(name)
    if known is not None:
        return known
    for document in app.documents.documents():
        if document.name.casefold() == name.strip().casefold():
            return document
    raise DocMindError(f"There is no document '{name}'.")
