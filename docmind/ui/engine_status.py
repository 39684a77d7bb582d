"""The engine's status in words."""

from __future__ import annotations

from docmind import wording
from docmind.engine.interface import EngineStatus


def model_name(status: EngineStatus) -> str:
    """Return the model's name without its folders."""
    name = status.model.rstrip("/").rsplit("/", 1)[-1]
    return name or "no model"


def activity(status: EngineStatus) -> str:
    """Return what the engine is doing."""
    match status.state:
        case "idle":
            return "not started"
        case "failed":
            return "could not start"
        case "loading" if status.stage:
            return f"loading: {status.stage}, {wording.duration(status.elapsed_s)}"
        case "ready" if status.running:
            waiting = f", {status.waiting} waiting" if status.waiting else ""
            return f"answering {wording.count(status.running, 'request')}{waiting}"
    return status.state
