"""Which documents a request searches: names of collections and documents → a question's scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docmind.errors import DocMindError, NothingIndexed
from docmind.question_scope import ChosenDocument, QuestionScope
from docmind.retrieval.store.base import Scope

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document


def named_scope(
    app: App, *, collections: Sequence[str] = (), documents: Sequence[str] = ()
) -> QuestionScope:
    """Return what is named; nothing named: all documents.

    Args:
        app: The app.
        collections: Names of collections.
        documents: Names or ids of documents.

    Raises:
        DocMindError: there is no such collection or document, or it is not ready.
    """
    chosen: list[ChosenDocument] = []
    for name in documents:
        document = named_document(app, name)
        if document.state != "ready":
            raise DocMindError(
                f"'{document.name}' can't be searched ({document.state}). {document.reason}".strip()
            )
        chosen.append(ChosenDocument(id=document.id, name=document.name))
    numbers: list[int] = []
    for name in collections:
        numbers.append(app.collections.named(name).id)
    return QuestionScope(documents=tuple(chosen), collections=tuple(numbers))


def search_scope(app: App, scope: QuestionScope) -> Scope:
    """Return where the store looks for what a question is asked of.

    Raises:
        NothingIndexed: none of the documents is ready.
    """
    is_shared = app.settings.store.mode == "server"
    searched = app.collections.searched(scope, shared=is_shared)
    if searched.ids is not None and not searched.ids:
        raise NothingIndexed(
            "No document of the chosen collections is ready. Choose others, then ask again."
        )
    return Scope.of(searched)


def named_document(app: App, name: str) -> Document:
    """Return the document of this name or id; DocMindError if there is none."""
    known = app.documents.get(name)
    if known is not None:
        return known
    for document in app.documents.documents():
        if document.name.casefold() == name.strip().casefold():
            return document
    raise DocMindError(f"There is no document '{name}'.")
