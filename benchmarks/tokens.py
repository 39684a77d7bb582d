"""`docmind bench tokens`: what parallel agents save, against sequential handoffs with full history.

Both run the same engine, documents, agents and constrained plan. The baseline hands tasks out one after another, each
agent gets the whole conversation so far, the supervisor sees all that every agent read and said (langgraph-supervisor's
`full_history`; its default is the last message), and it writes each answer itself. Before each question the engine's
prefix cache is emptied, so that neither profits from the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.questions import load, score
from docmind.app import App, build_app
from docmind.engine.interface import Engine
from docmind.events import TurnFailed, TurnFinished, Usage
from docmind.settings import AgentSettings, Settings

BASELINE = {
    "enable_parallel_tools": False,
    "enable_message_forwarding": False,
    "output_mode": "full_history",
    "add_handoff_back_messages": True,
}
Progress = Callable[[str], None]


class KeptEngine:
    """An engine that outlives the apps that use it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def close(self) -> None:
        """Do nothing: the benchmark closes the engine itself."""

    def forget(self) -> None:
        """Empty the prefix cache, where the engine runs in this process."""
        commands = getattr(self._engine, "_commands", None)
        if commands is not None:
            done = threading.Event()
            commands.put(lambda: (self._engine._engine.reset_prefix_cache(), done.set()))
            done.wait(60)


def run(
    settings: Settings, engine: Engine, data: Path, limit: int, say: Progress
) -> dict[str, float]:
    """Ask every question both ways and return the figures `tokens.*` (multi-part) and `tokens.single.*`.

    Args:
        settings: For both; the baseline changes only how agents are handed their tasks.
        engine: Ready.
        data: Folder that the question file's document names are relative to.
        limit: Most questions of each form; 0: all.
        say: Told of each question's outcome.
    """
    asked = load("multipart")
    forms = {"tokens": [q for q in asked["questions"] if len(q["parts"]) > 1]}
    forms["tokens.single"] = [q for q in asked["questions"] if len(q["parts"]) == 1]
    kept = KeptEngine(engine)
    figures: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        ways = {
            "ours": settings.agents,
            "baseline": AgentSettings(**settings.agents.model_dump() | BASELINE),
        }
        apps = {
            way: _app(settings, kept, Path(folder) / way, agents) for way, agents in ways.items()
        }
        try:
            for app in apps.values():
                for name in asked["documents"]:
                    app.documents.add(data / name)
                app.documents.wait()
            for way, app in apps.items():  # what a first question pays, neither is to pay
                _ask(app, forms["tokens.single"][0], f"{way}, not counted", say)
            for form, questions in forms.items():
                rows: dict[str, list[tuple[Usage, float]]] = {way: [] for way in apps}
                for number, question in enumerate(questions[: limit or None]):
                    # in turn, each first as often as the other: the machine's mood is shared
                    for way in sorted(apps, reverse=bool(number % 2)):
                        kept.forget()
                        rows[way].append(_ask(apps[way], question, way, say))
                figures |= _figures(form, rows)
        finally:
            for app in apps.values():
                app.close()
    return figures


def _app(settings: Settings, engine: Any, folder: Path, agents: AgentSettings) -> App:
    folder.mkdir()
    (folder / "models").symlink_to(settings.models_dir)
    return build_app(
        settings.model_copy(update={"data_dir": folder, "agents": agents}), engine=engine
    )


def _ask(app: App, question: dict[str, Any], way: str, say: Progress) -> tuple[Usage, float]:
    """Return what a turn cost and the share of the facts that it found; -1 if it failed."""
    turn = app.chat.ask(question["message"], app.conversations.create().id)
    turn.wait()
    end = turn.events()[-1]
    usage = app.conversations.messages(turn.conversation_id)[-1].usage or Usage()
    quality = score(end.answer, question["parts"]) if isinstance(end, TurnFinished) else -1.0
    failed = f" FAILED: {end.error}" if isinstance(end, TurnFailed) else ""
    say(
        f"{question['id']} {way}: {usage.prompt_tokens} prompt ({usage.cached_tokens} cached), "
        f"{usage.completion_tokens} written, {usage.engine_calls} calls, {usage.duration_s:.1f} s, "
        f"found {quality:.2f}{failed}"
    )
    return usage, quality


def _figures(form: str, rows: dict[str, list[tuple[Usage, float]]]) -> dict[str, float]:
    sums: dict[str, dict[str, float]] = {}
    for way, answers in rows.items():
        usages = [usage for usage, _ in answers]
        sums[way] = {
            "prompt": sum(u.prompt_tokens for u in usages),
            "uncached": sum(u.prompt_tokens - u.cached_tokens for u in usages),
            "completion": sum(u.completion_tokens for u in usages),
            "calls": sum(u.engine_calls for u in usages),
            "wall_s": sum(u.duration_s for u in usages),
            "answer_quality": mean(max(quality, 0.0) for _, quality in answers),
            "failed": sum(quality < 0 for _, quality in answers),
        }
    ours, baseline = sums["ours"], sums["baseline"]
    figures = {
        f"{form}.{name}_{way}": value
        for way, values in sums.items()
        for name, value in values.items()
    }
    figures |= {
        f"{form}.{name}_reduction": 1 - ours[name] / baseline[name]
        for name in ("prompt", "uncached", "completion")
    }
    return figures | {f"{form}.wall_ratio": ours["wall_s"] / baseline["wall_s"]}
