"""Speed and memory of the engine by itself, and of the same engine through ChatVLLM and the graph."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

from benchmarks.lab import (
    BenchEngine,
    Memory,
    Recorder,
    Reply,
    ask,
    chapters,
    fit,
    fresh,
    loaded,
    run,
    user,
)
from docmind.app import App, build_app
from docmind.engine.interface import Engine
from docmind.events import TokenDelta, TurnFailed
from docmind.settings import Settings

CONTINUE = "\n\nContinue this text."
SLACK = 64
"""Tokens kept free beside prompt and answers."""


def lengths_for(window: int, wanted: Sequence[int], answer: int) -> list[int]:
    """Return the wanted prompt lengths that fit the window; in place of those that don't, the longest that does."""
    most = window - 2 * answer - SLACK - 16
    fitting = [n for n in wanted if n <= most]
    return fitting if len(fitting) == len(wanted) else [*fitting, most]


def engine_figures(
    engine: Engine, memory: Memory, lengths: Sequence[int], answer: int, agents: int = 3
) -> dict[str, float]:
    """Measure one loaded engine.

    Args:
        engine: ready.
        memory: begun before the engine was loaded.
        lengths: prompt lengths in tokens; those that don't fit give way to the longest that does.
        answer: tokens decoded per measurement.
        agents: requests at once.

    Returns:
        engine.load_s and load_s.STAGE.
        Per length: cold_ttft_s (the first request of that length ever), ttft_s and prefill_tok_s (the
        second one, of another text), decode_tok_s, next_turn_ttft_s (the same conversation goes on) and
        next_turn_cached (the share of that prompt found in the prefix cache). parallel_speedup.N: N agents that share
        a context, one after the other, divided by all at once; parallel_tok_s.N: what they write together.
        vram_loaded_gib, vram_peak_gib, ram_loaded_gib, ram_peak_gib.
    """
    figures = {"engine.load_s": engine.status().load_s or 0.0}
    figures |= {
        f"engine.load_s.{stage.replace(' ', '_')}": seconds
        for stage, seconds in engine.status().stages
    }
    figures |= {f"engine.{kind}_loaded_gib": gib for kind, gib in memory.now().items()}
    window = engine.status().window

    def one(text: str, tokens: int) -> Reply:
        return run(ask(engine, user(text), tokens))[0]

    for n in lengths_for(window, lengths, answer):
        name = f"{n // 1024}k"
        cold = one(fit(engine, n, n, lambda t: t + CONTINUE), 2)
        text = fit(engine, n, n + 1, lambda t: t + CONTINUE)
        warm = one(text, answer)
        figures |= {
            f"engine.cold_ttft_s.{name}": cold.usage.ttft_s,
            f"engine.ttft_s.{name}": warm.usage.ttft_s,
            f"engine.prefill_tok_s.{name}": warm.usage.prompt_tokens / warm.usage.ttft_s,
            f"engine.decode_tok_s.{name}": warm.decode_tok_s,
        }
        turn = [*user(text), {"role": "assistant", "content": warm.text}, *user("Go on.")]
        again = run(ask(engine, turn, 2))[0].usage
        figures[f"engine.next_turn_ttft_s.{name}"] = again.ttft_s
        figures[f"engine.next_turn_cached.{name}"] = again.cached_tokens / again.prompt_tokens

    shared = fit(engine, min(16_384, window // 4), 7)
    tasks = [f"{shared}\n\nTask {i}: continue this text with place {i}." for i in range(2 * agents)]
    one(shared, 2)  # what they share is in the cache for both ways
    begin = time.perf_counter()
    for task in tasks[:agents]:
        one(task, answer)
    in_turn = time.perf_counter() - begin
    begin = time.perf_counter()
    replies = run(*(ask(engine, user(task), answer) for task in tasks[agents:]))
    at_once = time.perf_counter() - begin
    figures[f"engine.parallel_speedup.{agents}"] = in_turn / at_once
    figures[f"engine.parallel_tok_s.{agents}"] = (
        sum(r.usage.completion_tokens for r in replies) / at_once
    )
    figures["engine.ram_peak_gib"] = memory.ram_peak
    if memory.vram() is not None:
        figures["engine.vram_peak_gib"] = memory.vram_peak
    return figures


def bench_engine(
    settings: Settings, lengths: Sequence[int], answer: int, dummy: bool = False
) -> tuple[dict[str, float], str]:
    """Load the engine alone (or use the server that the settings name) and measure it; returns figures and notes.

    Beyond `engine_figures`: load_s.STAGE; on a GPU vram_planned_gib, the plan's sum, vram_load_peak_gib, and
    vram_closed_gib, what is still held after closing.
    """
    here = not settings.llm.base_url
    with Memory() as memory:
        with loaded(settings, own=here, dummy=dummy and here) as engine:
            at_load = memory.vram_peak
            figures = engine_figures(engine, memory, lengths, answer)
            status = engine.status()
            plan = engine.plan if isinstance(engine, BenchEngine) else None
        figures |= {
            f"engine.load_s.{stage.replace(' ', '_')}": seconds for stage, seconds in status.stages
        }
        if (left := memory.vram()) is not None and plan:
            figures |= {
                "engine.vram_planned_gib": plan.memory_gib,
                "engine.vram_load_peak_gib": at_load,
            }
            figures["engine.vram_closed_gib"] = left
    weights = "dummy weights" if dummy else "real weights"
    failed = "".join(f"; failed: {attempt}" for attempt in status.attempts)
    return (
        figures,
        f"{status.model}, {weights}, window {status.window}. Plan: {'; '.join(status.notes)}{failed}",
    )


QUESTIONS = (
    "What does the with statement do?",
    "How are default parameter values of a function evaluated?",
    "What happens when an exception is raised in a try clause?",
    "Which objects are mutable, and which are immutable?",
    "What is the difference between a list display and a generator expression?",
)
"""Answered in the book that `lab.chapters` returns."""


def bench_app(settings: Settings, turns: int = 5) -> tuple[dict[str, float], str]:
    """Ask through the whole app; then send the requests that it made straight to the engine, and compare.

    The engine decodes the same tokens both times (temperature 0), so the ratio is the cost of ChatVLLM, the graph, the
    events and whatever else takes the interpreter from the engine's thread.

    Returns:
        app.decode_tok_s, chat_model.decode_tok_s and raw.decode_tok_s: tokens a second from the first to the last
        text, as their caller saw them arrive; app.decode_ratio and chat_model.decode_ratio: each against raw (medians
        over turns of the paired ratios); app.outside_engine_share: share of a turn in which the engine did nothing for
        it.
    """
    with fresh(settings) as own:
        from docmind.resolution import resolve

        recorder = Recorder(BenchEngine(resolve(own)))
        recorder.inner.to_the_limit = False  # type: ignore[attr-defined]
        app = build_app(own, engine=recorder)
        try:
            app.documents.add_bytes(chapters().encode(), "python-reference.txt")
            app.documents.wait()
            recorder.wait_ready()
            return _app_figures(app, recorder, turns)
        finally:
            app.close()


def _app_figures(app: App, recorder: Recorder, turns: int) -> tuple[dict[str, float], str]:
    from langchain_core.messages import convert_to_messages

    from docmind.engine.chat_model import ChatVLLM

    conversation = app.conversations.create().id
    list(
        app.chat.stream("What is a slice?", conversation)
    )  # the first turn pays for what is loaded late
    seen: dict[str, list[float]] = {"app": [], "chat_model": [], "raw": []}
    outside: list[float] = []
    for question in (QUESTIONS * turns)[:turns]:
        recorder.calls.clear()
        conversation = app.conversations.create().id
        begin = time.perf_counter()
        arrivals = []
        for event in app.chat.stream(question, conversation):
            if isinstance(event, TurnFailed):
                raise SystemExit(f"the app failed: {event.error}")
            if isinstance(event, TokenDelta) and event.text:
                arrivals.append((event.run_id, time.perf_counter()))
        times = [at for who, at in arrivals if who == arrivals[-1][0]]  # of the one who wrote last
        turn = time.perf_counter() - begin
        call = recorder.calls[-1]
        tokens = call.reply.usage.completion_tokens
        if tokens < 16 or len(times) < 2:
            continue
        in_engine = sum(c.reply.usage.ttft_s + c.reply.usage.decode_s for c in recorder.calls)
        outside.append(max(0.0, 1 - in_engine / turn))
        seen["app"].append((tokens - 1) / (times[-1] - times[0]))
        raw = [run(ask(recorder.inner, call.messages, **call.options))[0]]
        model = ChatVLLM(engine=recorder.inner, max_tokens=call.options["max_tokens"])
        options = {k: v for k, v in call.options.items() if k in {"constraint", "tools"} and v}
        begin = time.perf_counter()
        times = []

        async def through_model() -> None:
            async for chunk in model.astream(convert_to_messages(list(call.messages)), **options):  # noqa: B023
                if chunk.text:
                    times.append(time.perf_counter())  # noqa: B023

        asyncio.run(through_model())
        seen["chat_model"].append((tokens - 1) / (times[-1] - times[0]))
        raw.append(run(ask(recorder.inner, call.messages, **call.options))[0])
        seen["raw"].append(statistics.mean(r.seen_tok_s for r in raw))
    if not seen["raw"]:
        raise SystemExit("no answer was long enough to measure")
    figures = {f"{who}.decode_tok_s": statistics.median(values) for who, values in seen.items()}
    for who in ("app", "chat_model"):
        pairs = zip(seen[who], seen["raw"], strict=True)
        figures[f"{who}.decode_ratio"] = statistics.median(a / b for a, b in pairs)
    figures["app.outside_engine_share"] = statistics.median(outside)
    status = recorder.status()
    return figures, f"{status.model}, {len(outside)} turns. Plan: {'; '.join(status.notes)}"
