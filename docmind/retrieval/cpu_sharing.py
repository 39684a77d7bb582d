"""How embedding and reranking share the CPU with the engine and with each other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

THREADS = max(1, (os.cpu_count() or 1) // 4)
"""OpenMP threads of one call. More of them wait for each other as soon as the engine decodes beside
them: on two busy cores two threads embedded 4 to 24 passages/s, one embedded 72."""


class BatchQueue:
    """Lets one thread at a time compute; those that somebody waits for go before the ingestion."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urgent: set[int] = set()
        """Ids of the threads that somebody waits for."""

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Put the calling thread before the others until the block ends."""
        thread = threading.get_ident()
        self._urgent.add(thread)
        try:
            yield
        finally:
            self._urgent.discard(thread)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the calling thread's turn; it lasts until the block ends."""
        # A plain lock would go back to the ingestion that just released it.
        while self._urgent and threading.get_ident() not in self._urgent:
            time.sleep(0.002)
        with self._lock:
            yield
