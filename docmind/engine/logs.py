"""Where vLLM's log goes."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path


def send_logs_to(path: Path) -> None:
    """Write vLLM's log to a file (10 MB at most, one old one kept); only errors reach the terminal."""
    logger = logging.getLogger("vllm")
    if any(isinstance(h, RotatingFileHandler) for h in logger.handlers):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    to_file = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=1, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.ERROR)
    logger.handlers = [to_file, to_terminal]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger("docmind").addHandler(to_file)
