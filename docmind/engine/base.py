"""What every engine does alike: start in the background, say where it stands, refuse until it serves."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from docmind.engine.interface import EngineStatus
from docmind.errors import DocMindError, EngineFailed, EngineNotReady


class BaseEngine:
    """The state of one engine. `_run` of the subclass loads it, in a thread of its own."""

    def __init__(self, model: str | None, device: str = "") -> None:
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._status = EngineStatus(state="idle", model=model or "", window=0, device=device)

    def start(self) -> None:
        """Begin loading in the background; returns at once. Calling it again does nothing."""
        with self._lock:
            if self._thread is not None or self._closing:
                return
            self._update(state="loading", stage="starting")
            self._thread = threading.Thread(target=self._run, name="docmind-engine", daemon=True)
            self._thread.start()

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Block until the engine serves.

        Raises:
            EngineNotReady: still loading after `timeout_s` seconds.
            EngineFailed: it could not start; the message says why and what to do.
        """
        self._settled.wait(timeout_s)
        self._check()

    def status(self) -> EngineStatus:
        """Return where the engine stands; never blocks."""
        return self._status

    def close(self) -> None:
        """Serve no more. Calling it again does nothing."""
        with self._lock:
            self._closing = True
        self._update(state="closed", stage="", running=0, waiting=0)
        self._settled.set()

    def _run(self) -> None:
        raise NotImplementedError

    def _update(self, **changes: Any) -> None:
        self._status = replace(self._status, **changes)

    def _fail(self, error: DocMindError) -> None:
        self._update(state="failed", stage="", error=str(error), running=0, waiting=0)
        self._settled.set()

    def _check(self) -> None:
        status = self._status
        if status.state == "failed":
            raise EngineFailed(status.error)
        if self._closing:
            raise EngineFailed("The engine was closed. Restart DocMind.")
        if status.state != "ready":
            stage = f" ({status.stage})" if status.stage else ""
            raise EngineNotReady(f"The model is still loading{stage}. Try again in a moment.")
