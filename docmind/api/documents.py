"""Documents over the API: adding, following, reading, searching and removing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, File, Form, Response, UploadFile

from docmind.api.scope import named_document, named_scope, search_scope
from docmind.events import Statement
from docmind.ingestion.page_images import DRAWN_SUFFIXES, draw_page
from docmind.passages import NumberedPassage, ScoredPassage
from docmind.storage.documents import Document

if TYPE_CHECKING:
    from docmind.app import App

MOST_PASSAGES = 50
"""Passages that one search returns at most."""
COMPARED = 10
"""Passages that a statement is compared with."""

# Named here because `list` means the method below inside the class.
Documents = list[dict[str, Any]]
Names = list[str]
Passages = list[NumberedPassage]


def make_routes(app: App) -> APIRouter:
    """Return the routes under `/api/documents`, and those that look into all documents."""
    faces = _Documents(app)
    routes = APIRouter(prefix="/api")
    routes.get("/documents")(faces.list)
    routes.post("/documents")(faces.add)
    routes.post("/documents/states")(faces.states)
    routes.get("/documents/{name}")(faces.get)
    routes.get("/documents/{name}/text")(faces.text)
    routes.get("/documents/{name}/pages/{number}")(faces.page)
    routes.delete("/documents/{name}")(faces.delete)
    routes.post("/search")(faces.search)
    routes.post("/verify")(faces.verify)
    return routes


class _Documents:
    """What each route does. A document is named by its name or its id."""

    def __init__(self, app: App) -> None:
        self._app = app

    def list(self) -> Documents:
        """Return all documents, the newest first."""
        return _plain(self._app.documents.documents())

    def add(
        self,
        file: Annotated[UploadFile, File()],
        name: Annotated[str, Form()] = "",
        collection: Annotated[str, Form()] = "",
        tags: Annotated[Names | None, Form()] = None,
    ) -> dict[str, Any]:
        """Queue a file; a collection that is not there is made."""
        app = self._app
        added = app.documents.add_bytes(file.file, name or file.filename or "")
        document = added.document
        if collection:
            number = app.collections.named(collection, make=True).id
            app.collections.move(document.id, number)
        if tags:
            app.collections.tag(document.id, [*document.tags, *tags])
        return {"document": asdict(document), "known": added.known}

    def states(
        self,
        ids: Annotated[Names, Body()],
        with_attached: Annotated[bool, Body()] = False,
    ) -> Documents:
        """Return those of these documents that are still there, however far they are.

        With `with_attached` each mail and archive comes before what it holds.
        """
        found: list[Document] = []
        for document_id in ids:
            document = self._app.documents.get(document_id)
            if document is not None:
                found.append(document)
                if with_attached:
                    found.extend(self._attached(document_id))
        return _plain(found)

    def _attached(self, document_id: str) -> Sequence[Document]:
        found: list[Document] = []
        for child in self._app.documents.attached_to(document_id):
            found.append(child)
            found.extend(self._attached(child.id))
        return found

    def get(self, name: str) -> dict[str, Any]:
        """Return one document."""
        return asdict(named_document(self._app, name))

    def text(self, name: str, first_page: int = 1, last_page: int | None = None) -> dict[str, Any]:
        """Return the extracted text of pages first to last; without a last one, to the end."""
        document = named_document(self._app, name)
        text = self._app.documents.text(document.id, first_page, last_page)
        return {"id": document.id, "name": document.name, "pages": document.pages, "text": text}

    def page(self, name: str, number: int) -> Response:
        """Return a page as PNG; without content where a format has no pictures of its pages."""
        document = named_document(self._app, name)
        path = self._app.documents.file_path(document.id)
        image: bytes | None = None
        if document.suffix in DRAWN_SUFFIXES:
            image = draw_page(str(path), number)
        if image is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(image, media_type="image/png")

    def delete(self, name: str) -> dict[str, str]:
        """Remove a document with its file, text and vectors."""
        document = named_document(self._app, name)
        self._app.documents.delete(document.id)
        return {"deleted": document.id}

    def search(
        self,
        query: Annotated[str, Body()],
        count: Annotated[int, Body(ge=1, le=MOST_PASSAGES)] = 5,
        collections: Annotated[Names | None, Body()] = None,
        documents: Annotated[Names | None, Body()] = None,
    ) -> Documents:
        """Return the passages that fit a question best."""
        found = []
        for result in self._search(query, count, collections, documents):
            found.append({**result.passage.to_json(), "score": result.score})
        return found

    def verify(
        self,
        claim: Annotated[str, Body(embed=True)],
        collections: Annotated[Names | None, Body()] = None,
        documents: Annotated[Names | None, Body()] = None,
    ) -> dict[str, Any]:
        """Compare a statement with the passages that are closest to it; no model is asked."""
        passages: Passages = []
        found = self._search(claim, COMPARED, collections, documents)
        for number, result in enumerate(found, start=1):
            passages.append(NumberedPassage(number=number, passage=result.passage))
        checked = self._app.check_answer("", claim, passages)
        sources = [source.to_json() for source in passages]
        return {"statements": _plain(checked.statements), "sources": sources}

    def _search(
        self, query: str, count: int, collections: Names | None, documents: Names | None
    ) -> Sequence[ScoredPassage]:
        scope = named_scope(self._app, collections=collections or (), documents=documents or ())
        return self._app.retriever.search(query, count, search_scope(self._app, scope))


def _plain(found: Sequence[Document | Statement]) -> Documents:
    """Return dataclasses as plain data."""
    return [asdict(one) for one in found]
