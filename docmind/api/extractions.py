"""Grids over the API: the same questions of many documents, followed, ended and taken as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Response

from docmind.api.scope import named_scope
from docmind.errors import DocMindError
from docmind.extraction.files import MEDIA_TYPES, as_file
from docmind.extraction.grid import Extraction

if TYPE_CHECKING:
    from docmind.app import App


def make_routes(app: App) -> APIRouter:
    """Return the routes under `/api/extractions`."""
    routes = APIRouter(prefix="/api/extractions")

    def named(extraction_id: str) -> Extraction:
        latest = app.extraction.latest()
        if latest is None or latest.id != extraction_id:
            raise DocMindError(
                f"There is no grid {extraction_id} any more: the last one is kept. Begin it again."
            )
        return latest

    @routes.post("")
    def start(
        questions: Annotated[list[str], Body()],
        collections: Annotated[list[str] | None, Body()] = None,
    ) -> dict[str, Any]:
        """Begin to fill in a grid; the page shows it as well. One at a time is filled in."""
        scope = named_scope(app, collections=collections or ())
        extraction = app.extraction.start(questions, app.collections.searched(scope).ids)
        return _describe(extraction)

    @routes.get("/{extraction_id}")
    def get(extraction_id: str) -> dict[str, Any]:
        """Return how far a grid is, and what of it is doubtful."""
        return _describe(named(extraction_id))

    @routes.post("/{extraction_id}/stop")
    def stop(extraction_id: str) -> dict[str, Any]:
        """End a grid; what has been filled in stays."""
        extraction = named(extraction_id)
        extraction.stop()
        return _describe(extraction)

    @routes.get("/{extraction_id}/file")
    def file(extraction_id: str, suffix: str = ".csv") -> Response:
        """Return a grid as far as it is filled in, as `.csv` or `.xlsx`."""
        content = as_file(named(extraction_id), suffix)
        return Response(content, media_type=MEDIA_TYPES[suffix.lower()])

    return routes


def _describe(extraction: Extraction) -> dict[str, Any]:
    """Return what is to be said of a grid beside its cells."""
    values = 0
    doubtful: list[dict[str, str]] = []
    for document in extraction.documents:
        for question in extraction.questions:
            cell = extraction.cell(document, question)
            if cell is None:
                continue
            if cell.value:
                values += 1
            if cell.is_doubtful:
                found = {"document": document.name, "question": question}
                doubtful.append({**found, "value": cell.value, "verdict": cell.verdict})
    return {
        "id": extraction.id,
        "documents": len(extraction.documents),
        "count": extraction.count,
        "filled": extraction.filled,
        "values": values,
        "doubtful": doubtful,
        "done": extraction.done,
        "stopped": extraction.stopped,
        "error": extraction.error,
        "elapsed_s": extraction.elapsed_s,
    }
