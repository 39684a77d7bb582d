"""The API's server: a thread beside the app, on the socket and, if that is set, on a port."""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from docmind.api.access import guarded, read_or_make_token
from docmind.api.address import listen_on_port, listen_on_socket
from docmind.api.web import make_api

if TYPE_CHECKING:
    from docmind.app import App

log = logging.getLogger(__name__)

LAST_ANSWERS_S = 10
"""How long what is still being answered has when the app closes."""


class ApiServer:
    """Serves one App from its construction until `close`."""

    def __init__(self, app: App) -> None:
        """Begin to listen.

        Raises:
            ConfigError: the port that is set can't be used.
        """
        self._private_folder: tempfile.TemporaryDirectory[str] | None = None
        self._servers: list[tuple[uvicorn.Server, socket.socket]] = []
        api = make_api(app)
        port = app.settings.api.port
        if port is not None:
            on_port = guarded(api, read_or_make_token(app.settings))
            self._add(on_port, listen_on_port(port))
        self.socket = app.settings.socket
        """Where programs of this user reach it."""
        self._add(api, self._listen())
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)
        self._thread.start()

    def stop_listening(self) -> None:
        """Take no more requests; those that run go on."""
        for server, _ in self._servers:
            server.should_exit = True
        self.socket.unlink(missing_ok=True)

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the last request has been answered, or the time is over."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            for server, _ in self._servers:
                server.force_exit = True
            self._thread.join(LAST_ANSWERS_S)
        if self._private_folder is not None:
            self._private_folder.cleanup()

    def _listen(self) -> socket.socket:
        try:
            return listen_on_socket(self.socket)
        except OSError as exc:
            # Some file systems have no sockets. Then only this process finds its own.
            log.warning("no socket in the data folder, so other programs can't connect: %s", exc)
            self._private_folder = tempfile.TemporaryDirectory()
            self.socket = Path(self._private_folder.name) / self.socket.name
            return listen_on_socket(self.socket)

    def _add(self, api: ASGIApp, listening: socket.socket) -> None:
        config = uvicorn.Config(
            api, lifespan="off", log_config=None, access_log=False, server_header=False, ws="none"
        )
        self._servers.append((uvicorn.Server(config), listening))

    def _run(self) -> None:
        async def serve_all() -> None:
            serving: list[Coroutine[object, object, None]] = []
            for server, listening in self._servers:
                serving.append(server.serve(sockets=[listening]))
            await asyncio.gather(*serving)

        asyncio.run(serve_all())


def serve(app: App) -> ApiServer:
    """Serve the app to other programs until it is closed.

    Raises:
        ConfigError: the port that is set can't be used.
    """
    server = ApiServer(app)
    close_app = app.close

    def close() -> None:
        # No new questions; those that run are ended by the app and told so.
        server.stop_listening()
        try:
            close_app()
        finally:
            server.wait(LAST_ANSWERS_S)

    app.close = close
    return server
