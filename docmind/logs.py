"""One log file for DocMind and vLLM."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 10_000_000


def log_to(path: Path) -> None:
    """Log DocMind and vLLM to one file, which is retained when a new one begins.

    Does nothing the second time. vLLM's errors reach the terminal too.
    """
    docmind = logging.getLogger("docmind")
    vllm = logging.getLogger("vllm")
    if any(isinstance(handler, RotatingFileHandler) for handler in docmind.handlers):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    to_file = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.ERROR)
    docmind.addHandler(to_file)
    docmind.setLevel(logging.INFO)
    vllm.handlers = [to_file, to_terminal]
    vllm.propagate = False
    vllm.setLevel(logging.INFO)


@contextmanager
def calling_on_message(callbacks: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Call back when vLLM logs a message that begins with one of the keys."""

    class Watcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            for beginning, callback in callbacks.items():
                if message.startswith(beginning):
                    callback()

    watcher = Watcher()
    vllm = logging.getLogger("vllm")
    vllm.addHandler(watcher)
    try:
        yield
    finally:
        vllm.removeHandler(watcher)
