"""The API as one web application over the services of one App."""

from __future__ import annotations

import logging
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from docmind.api import completions, documents, extractions, questions, status
from docmind.errors import (
    DocMindError,
    EngineError,
    FileTooLarge,
    IngestError,
    NothingIndexed,
    PromptTooLong,
    StoreError,
    UnsupportedFile,
)

if TYPE_CHECKING:
    from docmind.app import App

log = logging.getLogger(__name__)

# A class comes before those that it is derived from.
_STATUS: tuple[tuple[type[DocMindError], HTTPStatus], ...] = (
    (PromptTooLong, HTTPStatus.BAD_REQUEST),
    (EngineError, HTTPStatus.SERVICE_UNAVAILABLE),
    (FileTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnsupportedFile, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (IngestError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NothingIndexed, HTTPStatus.CONFLICT),
    (StoreError, HTTPStatus.INTERNAL_SERVER_ERROR),
    (DocMindError, HTTPStatus.BAD_REQUEST),
)


def make_api(app: App) -> FastAPI:
    """Return the web application. What it answers is said in docs/api.md and /openapi.json."""
    # FastAPI's own pages about an API fetch their scripts from another server.
    api = FastAPI(title="DocMind", version=version("docmind"), docs_url=None, redoc_url=None)
    for routes in (status, documents, questions, extractions, completions):
        api.include_router(routes.make_routes(app))

    @api.exception_handler(DocMindError)
    def tell_error(_request: Request, exc: DocMindError) -> JSONResponse:
        return error_response(exc)

    @api.exception_handler(RequestValidationError)
    def tell_wrong_request(_request: Request, exc: RequestValidationError) -> JSONResponse:
        problems: list[str] = []
        for problem in exc.errors():
            place = ".".join(str(part) for part in problem["loc"])
            problems.append(f"{place}: {problem['msg']}")
        message = f"This request can't be understood: {'; '.join(problems)}."
        return _response("DocMindError", message, HTTPStatus.UNPROCESSABLE_ENTITY)

    @api.exception_handler(Exception)
    def tell_mistake(_request: Request, exc: Exception) -> JSONResponse:
        log.error("a request of the API failed", exc_info=exc)
        message = (
            f"Something unexpected went wrong ({type(exc).__name__}). The log has the details."
        )
        return _response("DocMindError", message, HTTPStatus.INTERNAL_SERVER_ERROR)

    return api


def error_response(error: DocMindError) -> JSONResponse:
    """Return an error as all faces of the API say it; its type is the name of its class."""
    for kind, code in _STATUS:
        if isinstance(error, kind):
            return _response(type(error).__name__, str(error), code)
    raise AssertionError("every error is a DocMindError")


def _response(kind: str, message: str, code: HTTPStatus) -> JSONResponse:
    # As OpenAI's API has it, so that its clients show the message.
    error = {"message": message, "type": kind, "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=code)
