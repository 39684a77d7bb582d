"""`docmind run`: opens the app."""

from __future__ import annotations

import math
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from docmind.cli.console import out
from docmind.cli.model import fetch_model
from docmind.errors import AlreadyRunning, DocMindError
from docmind.resolution import resolve
from docmind.settings import ServerSettings, Settings
from docmind.storage.settings import load_settings

PACKAGE = Path(__file__).resolve().parents[1]


def run(
    port: Annotated[int | None, typer.Option(help="Port of the page; 8501 unless set.")] = None,
) -> None:
    """Fetch the models if they are missing, and open the app."""
    overrides = {} if port is None else {"server": {"port": port}}
    settings = load_settings(**overrides)
    _check_port(settings.server)
    resolved = resolve(settings)
    for name in resolved.wanted_models:
        fetch_model(resolved.catalog, name)
    command = _streamlit_command(settings)
    address = f"http://{settings.server.host}:{settings.server.port}"
    out.print(f"Opening DocMind on [bold]{address}[/bold] (Ctrl+C ends it)")
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - Streamlit takes this process over


def find_entry_script() -> Path:
    """Return the script that Streamlit serves.

    An installed package has it in `web/` beside the code, a checkout at its root. Streamlit reads
    the `.streamlit/config.toml` beside the script, whatever the working folder is.
    """
    for folder in (PACKAGE / "web", PACKAGE.parent):
        script = folder / "docmind_server.py"
        if script.is_file():
            return script
    raise DocMindError(f"{PACKAGE}/web/docmind_server.py is missing: install DocMind anew.")


def _streamlit_command(settings: Settings) -> list[str]:
    # Streamlit wants whole MB; ingestion checks the limit exactly.
    upload_limit_mb = max(1, math.ceil(settings.ingestion.max_file_mb))
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(find_entry_script()),
        "--server.address",
        settings.server.host,
        "--server.port",
        str(settings.server.port),
        "--server.maxUploadSize",
        str(upload_limit_mb),
    ]


def _check_port(server: ServerSettings) -> None:
    """Raise AlreadyRunning if something listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as exc:
            raise AlreadyRunning(
                f"Port {server.port} is taken. If DocMind runs already, open "
                f"http://{server.host}:{server.port}; else choose another port "
                f"with --port {server.port + 1}."
            ) from exc
