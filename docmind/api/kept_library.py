"""The library for a program that asks now and then, and may wait long in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from docmind.api.client import Client

IDLE_S = 300.0
"""How long an app that was opened for this program is kept after its last request. Loading the
model takes a minute, and until the app is closed no page can be opened."""

OpenLibrary = Callable[[], AbstractContextManager[Client]]


class KeptLibrary:
    """Uses the app that runs; opens one where there is none, and closes it when it is idle."""

    def __init__(
        self,
        *,
        find: Callable[[], Client | None],
        open_library: OpenLibrary,
        idle_s: float = IDLE_S,
    ) -> None:
        """Begin with nothing open.

        Args:
            find: Returns a client of the running app; None if there is none.
            open_library: Opens an app.
            idle_s: How long that is kept after its last use.
        """
        self._find = find
        self._open_library = open_library
        self._idle_s = idle_s
        self._lock = threading.RLock()
        self._own = ExitStack()
        """Closes the app that was opened here."""
        self._own_client: Client | None = None
        self._users = 0
        self._last_used = 0.0

    @contextmanager
    def use(self) -> Iterator[Client]:
        """Yield a client; what it needs stays open as long as the block runs."""
        with self._lock:
            client = self._own_client or self._find()
            if client is None:
                client = self._own.enter_context(self._open_library())
                self._own_client = client
                threading.Thread(target=self._close_when_idle, daemon=True).start()
            is_own = client is self._own_client
            self._users += 1
        try:
            yield client
        finally:
            with self._lock:
                self._users -= 1
                self._last_used = time.monotonic()
            if not is_own:
                client.close()

    def close(self) -> None:
        """Close the app that was opened here, if there is one."""
        with self._lock:
            self._own_client = None
            self._own.close()

    def _close_when_idle(self) -> None:
        while True:
            time.sleep(min(1.0, self._idle_s))
            with self._lock:
                is_idle = self._users == 0 and time.monotonic() - self._last_used > self._idle_s
                if self._own_client is None or is_idle:
                    self.close()
                    return
