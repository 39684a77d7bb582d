"""`docmind bench tokens`: what parallel agents save, against sequential handoffs with full history.

Both run the same engine, documents, agents and constrained plan. The baseline hands tasks out one
after another, each agent gets the whole conversation so far, the supervisor sees all that every
agent read and said (langgraph-supervisor's `full_history`; its default is the last message), and
it writes each answer itself. Before each question the engine's prefix cache is emptied, so that
neither profits from the other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.lab import ForwardingEngine
from benchmarks.questions import MultipartQuestion, load_multipart
from benchmarks.result import Progress
from benchmarks.scoring import fact_score
from docmind.app import App, build_app
from docmind.engine.interface import Engine
from docmind.engine.vllm_engine import VllmEngine
from docmind.events import TurnFailed, TurnFinished, Usage
from docmind.measurement import Figures, empty_data_folder
from docmind.settings import AgentSettings, Settings

OURS = "ours"
BASELINE = "baseline"
BASELINE_SETTINGS = {
    "enable_parallel_tools": False,
    "enable_message_forwarding": False,
    "output_mode": "full_history",
    "add_handoff_back_messages": True,
}
RESET_TIMEOUT_S = 60


class KeptEngine(ForwardingEngine):
    """An engine that outlives the apps that use it."""

    def close(self) -> None:
        """Do nothing: who made the other engine closes it."""

    def forget(self) -> None:
        """Empty the prefix cache, where the engine runs in this process."""
        engine = self.inner
        if not isinstance(engine, VllmEngine):
            return
        done = threading.Event()

        def reset() -> None:
            engine._engine.reset_prefix_cache()
            done.set()

        # Only the engine's own thread may touch it.
        engine._commands.put(reset)
        done.wait(RESET_TIMEOUT_S)


@dataclass(frozen=True)
class Answer:
    """What a turn cost, and what it found."""

    usage: Usage
    quality: float
    """Fraction of the gold facts, 0 to 1; 0 if it failed."""
    failed: bool


def measure_tokens(
    settings: Settings, engine: Engine, data: Path, *, limit: int, progress: Progress
) -> Figures:
    """Ask every question both ways.

    Args:
        settings: for both; the baseline changes only how agents are handed their tasks.
        engine: ready.
        data: folder that the question file's document names are relative to.
        limit: most questions of each form; 0: all.
        progress: is given a line for each question's outcome.

    Returns:
        The figures `tokens.*` of messages with several parts, and `tokens.single.*`.
    """
    asked = load_multipart()
    forms: dict[str, list[MultipartQuestion]] = {"tokens": [], "tokens.single": []}
    for question in asked["questions"]:
        if len(question["parts"]) > 1:
            forms["tokens"].append(question)
        else:
            forms["tokens.single"].append(question)

    kept = KeptEngine(engine)
    figures: Figures = {}
    with both_apps(settings, kept) as apps:
        for app in apps.values():
            for name in asked["documents"]:
                app.documents.add(data / name)
            app.documents.wait()
        # What a first question pays, neither is to pay.
        for way, app in apps.items():
            _ask(app, forms["tokens.single"][0], way=f"{way}, not counted", progress=progress)

        for form, questions in forms.items():
            answers: dict[str, list[Answer]] = {way: [] for way in apps}
            for number, question in enumerate(questions[: limit or None]):
                # Each is first as often as the other: the machine's mood is shared.
                ways = sorted(apps, reverse=bool(number % 2))
                for way in ways:
                    kept.forget()
                    answer = _ask(apps[way], question, way=way, progress=progress)
                    answers[way].append(answer)
            figures |= _form_figures(form, answers)
    return figures


@contextmanager
def both_apps(settings: Settings, engine: Engine) -> Iterator[dict[str, App]]:
    """Yield the app as it is and the baseline, each with a data folder of its own."""
    baseline = AgentSettings(**settings.agents.model_dump() | BASELINE_SETTINGS)
    agents_of_way = {OURS: settings.agents, BASELINE: baseline}
    with ExitStack() as stack:
        apps = {}
        for way, agents in agents_of_way.items():
            fresh_settings = stack.enter_context(empty_data_folder(settings))
            app = build_app(fresh_settings.model_copy(update={"agents": agents}), engine=engine)
            stack.callback(app.close)
            apps[way] = app
        yield apps


def _ask(app: App, question: MultipartQuestion, *, way: str, progress: Progress) -> Answer:
    """Ask one question in a new conversation."""
    turn = app.chat.ask(question["message"], app.conversations.create().id)
    turn.wait()
    end = turn.events()[-1]
    usage = app.conversations.messages(turn.conversation_id)[-1].usage or Usage()
    quality = 0.0
    failure = ""
    if isinstance(end, TurnFinished):
        quality = fact_score(end.answer, question["parts"])
    if isinstance(end, TurnFailed):
        failure = f" FAILED: {end.error}"
    progress(
        f"{question['id']} {way}: {usage.prompt_tokens} prompt ({usage.cached_tokens} cached), "
        f"{usage.completion_tokens} written, {usage.engine_calls} calls, "
        f"{usage.duration_s:.1f} s, found {quality:.2f}{failure}"
    )
    return Answer(usage=usage, quality=quality, failed=not isinstance(end, TurnFinished))


def _form_figures(form: str, answers: dict[str, list[Answer]]) -> Figures:
    """Return the sums of both ways, and ours against the baseline."""
    ours = _sums(answers[OURS])
    baseline = _sums(answers[BASELINE])
    figures: Figures = {}
    for way, sums in ((OURS, ours), (BASELINE, baseline)):
        for name, value in sums.items():
            figures[f"{form}.{name}_{way}"] = value
    for name in ("prompt", "uncached", "completion"):
        figures[f"{form}.{name}_reduction"] = 1 - ours[name] / baseline[name]
    figures[f"{form}.wall_ratio"] = ours["wall_s"] / baseline["wall_s"]
    return figures


def _sums(answers: Sequence[Answer]) -> Figures:
    usages = [answer.usage for answer in answers]
    return {
        "prompt": sum(usage.prompt_tokens for usage in usages),
        "uncached": sum(usage.prompt_tokens - usage.cached_tokens for usage in usages),
        "completion": sum(usage.completion_tokens for usage in usages),
        "calls": sum(usage.engine_calls for usage in usages),
        "wall_s": sum(usage.duration_s for usage in usages),
        "answer_quality": mean(answer.quality for answer in answers),
        "failed": sum(answer.failed for answer in answers),
    }
