"""How the running app is, and the models that it knows."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

if TYPE_CHECKING:
    from docmind.app import App


def make_routes(app: App) -> APIRouter:
    """Return the routes under `/api/status` and `/api/engine`."""
    routes = APIRouter(prefix="/api")

    def describe() -> dict[str, Any]:
        engine = app.engine.status()
        return {
            "version": version("docmind"),
            "data_dir": str(app.settings.data_dir),
            "engine": {
                "state": engine.state,
                "stage": engine.stage,
                "model": engine.model,
                "window": engine.window,
                "error": engine.error,
            },
        }

    @routes.get("/status")
    def status() -> dict[str, Any]:
        """Return the version, and where the language model stands."""
        return describe()

    @routes.post("/engine")
    def start_engine() -> dict[str, Any]:
        """Begin to load the language model, unless it is loaded or loading."""
        app.engine.start()
        return describe()

    @routes.get("/collections")
    def collections() -> list[dict[str, Any]]:
        """Return all collections."""
        found = []
        for collection in app.collections.all():
            found.append(asdict(collection))
        return found

    @routes.post("/repair")
    def repair() -> list[dict[str, Any]]:
        """Find what disagrees, mend it, and return what was found and done."""
        found = []
        for finding in app.documents.repair():
            found.append(asdict(finding))
        return found

    @routes.get("/backup")
    def backup() -> StreamingResponse:
        """Return a backup, see docs/backup.md."""
        return StreamingResponse(app.backups.archive(), media_type="application/zip")

    return routes
