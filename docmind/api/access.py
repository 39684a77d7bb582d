"""Who may use the API on a port: programs of this machine that know the token.

The socket needs none of this: its file's rights say who may connect.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from docmind.errors import ConfigError
from docmind.settings import Settings

TOKEN_FILE = "api-token"  # noqa: S105 - a file's name
LOCAL_HOSTS = ("127.0.0.1", "localhost")


def read_or_make_token(settings: Settings) -> str:
    """Return the token of the settings, else the one of the data folder, made the first time.

    Raises:
        ConfigError: it can't be read or written.
    """
    if settings.api.token is not None:
        return settings.api.token.get_secret_value()
    file = settings.data_dir / TOKEN_FILE
    try:
        if not file.is_file():
            _write_privately(file, secrets.token_urlsafe(32))
        token = file.read_text("utf-8").strip()
    except OSError as exc:
        raise ConfigError(f"The API's token in {file} can't be used ({exc.strerror}).") from exc
    if not token:
        raise ConfigError(f"{file} is empty. Remove it, and DocMind makes another token.")
    return token


def _write_privately(file: Path, text: str) -> None:
    """Write a file that its owner alone may read, from its first moment on."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    part.replace(file)


def guarded(api: ASGIApp, token: str) -> ASGIApp:
    """Return the API as it is served on a port.

    Its host must be this machine's own name (a foreign name that leads here would be a page that
    tries DNS rebinding), no page of another origin may ask, and the token must be given.
    """
    return TrustedHostMiddleware(_TokenCheck(api, token), allowed_hosts=list(LOCAL_HOSTS))


class _TokenCheck:
    """Lets requests with the token through that come from no web page."""

    def __init__(self, api: ASGIApp, token: str) -> None:
        self._api = api
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refusal: JSONResponse | None = None
        if "origin" in headers:
            # No page is served here, so a browser's request comes from somebody else's.
            refusal = _refusal(403, "Web pages may not use DocMind's API.")
        elif not self._is_known(headers.get("authorization", "")):
            refusal = _refusal(
                401,
                f"Send the token in the header 'Authorization: Bearer …'. It is in {TOKEN_FILE} "
                "in the data folder, unless DOCMIND_API__TOKEN sets it.",
            )
        if refusal is None:
            await self._api(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _is_known(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        is_same = secrets.compare_digest(given.strip().encode(), self._token)
        return scheme.lower() == "bearer" and is_same


def _refusal(status: int, message: str) -> JSONResponse:
    error = {"message": message, "type": "AccessDenied", "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=status)
