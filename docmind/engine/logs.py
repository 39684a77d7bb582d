"""One log file for DocMind and vLLM."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path


def log_to(path: Path) -> None:
    """Log DocMind and vLLM to one file (10 MB, one old one kept); vLLM's errors reach the terminal too."""
    ours, vllm = logging.getLogger("docmind"), logging.getLogger("vllm")
    if any(isinstance(h, RotatingFileHandler) for h in ours.handlers):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    to_file = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=1, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.ERROR)
    ours.addHandler(to_file)
    vllm.handlers = [to_file, to_terminal]
    vllm.propagate = False
    for logger in (ours, vllm):
        logger.setLevel(logging.INFO)


@contextmanager
def on_message(calls: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Call when vLLM logs a message; `calls` go by how it begins."""

    def hear(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        for beginning, call in calls.items():
            if message.startswith(beginning):
                call()
        return False

    watch = logging.Handler()
    watch.addFilter(hear)
    logging.getLogger("vllm").addHandler(watch)
    try:
        yield
    finally:
        logging.getLogger("vllm").removeHandler(watch)
