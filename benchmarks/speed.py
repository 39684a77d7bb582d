"""`docmind bench engine` and `bench app`: speed and memory.

Of the engine by itself, and of the same engine through ChatVLLM and the graph.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import convert_to_messages

from benchmarks.lab import (
    Call,
    Recorder,
    bench_engine,
    chapters,
    loaded_bench_engine,
    loaded_engine,
)
from docmind.app import App, build_app
from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Engine, EngineStatus
from docmind.events import TokenDelta, TurnFailed
from docmind.measurement import (
    Figures,
    TimedReply,
    empty_data_folder,
    fit_text,
    run_at_once,
    run_request,
    send,
    user_message,
)
from docmind.monitor.memory import MemoryMonitor
from docmind.settings import Settings

CONTINUE = "\n\nContinue this text."
SLACK_TOKENS = 80
"""Kept free beside prompt and answers."""
AGENTS = 3
"""Requests at once."""
SHARED_TOKENS = 16_384
"""Context that these share, at most; a quarter of a smaller window."""

PLAN_TOKENS = 700
PLAN_ANSWER = 30
READER_TOKENS = 2_600
READER_ANSWER = 60
"""What a turn of `bench tokens` reads anew and writes in each call, about (1.5B, one H200)."""
TURNS = 5


def fitting_lengths(window: int, wanted: Sequence[int], answer: int) -> list[int]:
    """Return the prompt lengths that fit the window, twice `answer` tokens left free.

    In place of those that don't, the longest that does.
    """
    longest = window - 2 * answer - SLACK_TOKENS
    fitting = [length for length in wanted if length <= longest]
    if len(fitting) < len(wanted):
        fitting.append(longest)
    return fitting


def engine_figures(
    engine: Engine, memory: MemoryMonitor, *, lengths: Sequence[int], answer: int
) -> Figures:
    """Measure one loaded engine.

    Args:
        engine: ready.
        memory: begun before the engine was loaded.
        lengths: prompt lengths in tokens; those that don't fit give way to the longest that does.
        answer: tokens decoded per measurement.

    Returns:
        engine.load_s and load_s.STAGE. Per length what `length_figures` has.
        parallel_speedup.N and parallel_tok_s.N: see `parallel_figures`.
        turn_s: see `turn_figures`.
        vram_loaded_gib, vram_peak_gib, ram_loaded_gib, ram_peak_gib.
    """
    status = engine.status()
    figures = _load_figures(status)
    for kind, gib in memory.now().items():
        figures[f"engine.{kind}_loaded_gib"] = gib
    for length in fitting_lengths(status.window, lengths, answer):
        figures |= length_figures(engine, length, answer)
    figures |= parallel_figures(engine, answer)
    figures |= turn_figures(engine)
    figures["engine.ram_peak_gib"] = memory.ram_peak
    if memory.vram() is not None:
        figures["engine.vram_peak_gib"] = memory.vram_peak
    return figures


def _load_figures(status: EngineStatus) -> Figures:
    """Return the seconds of loading, all and by stage."""
    figures = {"engine.load_s": status.load_s or 0.0}
    for stage, seconds in status.stages:
        figures[f"engine.load_s.{stage.replace(' ', '_')}"] = seconds
    return figures


def _ask(engine: Engine, text: str, tokens: int) -> TimedReply:
    return run_request(send(engine, user_message(text), tokens))


def length_figures(engine: Engine, length: int, answer: int) -> Figures:
    """Measure prompts of one length, in tokens.

    Returns:
        cold_ttft_s (the first request of that length ever), ttft_s and prefill_tok_s (the second
        one, of another text), decode_tok_s, next_turn_ttft_s (the same conversation goes on) and
        next_turn_cached (the fraction of that prompt found in the prefix cache).
    """
    cold = _ask(engine, fit_text(engine, length, seed=length, suffix=CONTINUE), 2)
    text = fit_text(engine, length, seed=length + 1, suffix=CONTINUE)
    warm = _ask(engine, text, answer)
    next_turn = [
        *user_message(text),
        {"role": "assistant", "content": warm.text},
        *user_message("Go on."),
    ]
    again = run_request(send(engine, next_turn, 2)).usage
    name = f"{length // 1024}k"
    return {
        f"engine.cold_ttft_s.{name}": cold.usage.ttft_s,
        f"engine.ttft_s.{name}": warm.usage.ttft_s,
        f"engine.prefill_tok_s.{name}": warm.usage.prompt_tokens / warm.usage.ttft_s,
        f"engine.decode_tok_s.{name}": warm.decode_tok_s,
        f"engine.next_turn_ttft_s.{name}": again.ttft_s,
        f"engine.next_turn_cached.{name}": again.cached_tokens / again.prompt_tokens,
    }


def parallel_figures(engine: Engine, answer: int) -> Figures:
    """Compare AGENTS requests that share a context: one after the other, and all at once.

    Returns:
        parallel_speedup.N: the times of both divided; parallel_tok_s.N: tokens a second that all
        at once write together.
    """
    tokens = min(SHARED_TOKENS, engine.status().window // 4)
    shared = fit_text(engine, tokens, seed=7)
    tasks = [
        f"{shared}\n\nTask {number}: continue this text with place {number}."
        for number in range(2 * AGENTS)
    ]
    # What they share is in the cache for both ways.
    _ask(engine, shared, 2)

    begin = time.perf_counter()
    for task in tasks[:AGENTS]:
        _ask(engine, task, answer)
    in_turn_s = time.perf_counter() - begin

    begin = time.perf_counter()
    requests = [send(engine, user_message(task), answer) for task in tasks[AGENTS:]]
    replies = run_at_once(requests)
    at_once_s = time.perf_counter() - begin

    written = sum(reply.usage.completion_tokens for reply in replies)
    return {
        f"engine.parallel_speedup.{AGENTS}": in_turn_s / at_once_s,
        f"engine.parallel_tok_s.{AGENTS}": written / at_once_s,
    }


def turn_figures(engine: Engine) -> Figures:
    """Time turns of an average one's lengths: a plan, then AGENTS that read at once.

    It weighs reading and writing as the app does, which decides between kernels: some read faster,
    others write faster. Also with weights that say nothing.

    Returns:
        turn_s: the median of TURNS turns.
    """
    reader_tokens = min(READER_TOKENS, engine.status().window // 4)
    seconds = []
    for turn in range(TURNS):
        seed = 1_000 * (turn + 1)  # nothing of it is in the prefix cache
        plan = fit_text(engine, PLAN_TOKENS, seed=seed, suffix=CONTINUE)
        readers = []
        for agent in range(AGENTS):
            text = fit_text(engine, reader_tokens, seed=seed + agent + 1, suffix=CONTINUE)
            readers.append(send(engine, user_message(text), READER_ANSWER))
        begin = time.perf_counter()
        _ask(engine, plan, PLAN_ANSWER)
        run_at_once(readers)
        seconds.append(time.perf_counter() - begin)
    return {"engine.turn_s": statistics.median(seconds)}


@dataclass(frozen=True)
class SpeedResult:
    """Figures, and what a reader has to know to judge them."""

    figures: Figures
    notes: str


def measure_engine(
    settings: Settings, lengths: Sequence[int], answer: int, *, dummy: bool = False
) -> SpeedResult:
    """Load the engine alone and measure it; a server's, where the settings name one.

    Beyond `engine_figures`, on a GPU: vram_planned_gib, the plan's sum; vram_load_peak_gib;
    vram_closed_gib, what is still held after closing.
    """
    if settings.llm.base_url:
        return _measure_server(settings, lengths, answer)
    with MemoryMonitor() as memory:
        with loaded_bench_engine(settings, dummy=dummy) as engine:
            vram_load_peak = memory.vram_peak
            figures = engine_figures(engine, memory, lengths=lengths, answer=answer)
            status = engine.status()
            plan = engine.plan
        vram_closed = memory.vram()
    # Stages that ended after the engine was ready are there now.
    figures |= _load_figures(status)
    if vram_closed is not None and plan:
        figures["engine.vram_planned_gib"] = plan.memory_gib
        figures["engine.vram_load_peak_gib"] = vram_load_peak
        figures["engine.vram_closed_gib"] = vram_closed
    weights = "dummy weights" if dummy else "real weights"
    return SpeedResult(figures=figures, notes=_engine_notes(status, weights))


def _measure_server(settings: Settings, lengths: Sequence[int], answer: int) -> SpeedResult:
    """Measure the engine behind the settings' URL."""
    with MemoryMonitor() as memory, loaded_engine(settings) as engine:
        figures = engine_figures(engine, memory, lengths=lengths, answer=answer)
        status = engine.status()
    return SpeedResult(figures=figures, notes=_engine_notes(status, "real weights"))


def _engine_notes(status: EngineStatus, weights: str) -> str:
    notes = f"{status.model}, {weights}, window {status.window}. Plan: {'; '.join(status.notes)}"
    for attempt in status.attempts:
        notes += f"; failed: {attempt}"
    return notes


QUESTIONS = (
    "What does the with statement do?",
    "How are default parameter values of a function evaluated?",
    "What happens when an exception is raised in a try clause?",
    "Which objects are mutable, and which are immutable?",
    "What is the difference between a list display and a generator expression?",
)
"""Answered in the chapters that `lab.chapters` returns."""
LEAST_ANSWER_TOKENS = 16
"""A shorter answer says nothing about speed."""


def measure_app(settings: Settings, turns: int = 5) -> SpeedResult:
    """Compare the decoding speed of whole turns with that of the engine alone.

    The last model call of each turn is sent again, through ChatVLLM and straight to the engine,
    which decodes the same tokens each time (temperature 0). So the ratio is the cost of ChatVLLM,
    the graph, the events and whatever else takes the interpreter from the engine's thread.

    Args:
        settings: as for the app; the models are there.
        turns: questions to ask. Those with a very short answer are not measured.

    Returns:
        app.decode_tok_s, chat_model.decode_tok_s and raw.decode_tok_s: tokens a second from the
        first to the last text, as their caller saw them arrive; app.decode_ratio and
        chat_model.decode_ratio: each against raw (medians over turns of the paired ratios);
        app.outside_engine_share: fraction of a turn in which the engine did nothing for it.
    """
    # The last call of a structured turn assesses the answer; it writes none.
    agents = settings.agents.model_copy(update={"output_mode": "last_message"})
    settings = settings.model_copy(update={"agents": agents})
    with empty_data_folder(settings) as fresh_settings:
        # Answers end as in the app: how long they are is part of a turn's time.
        recorder = Recorder(bench_engine(fresh_settings, ignore_eos=False))
        app = build_app(fresh_settings, engine=recorder)
        try:
            app.documents.add_bytes(chapters().encode(), "python-reference.txt")
            app.documents.wait()
            recorder.wait_ready()
            speeds = _decode_speeds(app, recorder, turns)
            status = recorder.status()
        finally:
            app.close()
    notes = f"{status.model}, {len(speeds.raw)} turns. Plan: {'; '.join(status.notes)}"
    return SpeedResult(figures=speeds.figures(), notes=notes)


@dataclass
class DecodeSpeeds:
    """Tokens a second of the same answers by three ways, an entry a turn."""

    app: list[float] = field(default_factory=list)
    chat_model: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    outside_engine: list[float] = field(default_factory=list)
    """Fraction of each turn in which the engine did nothing for it."""

    def figures(self) -> Figures:
        """Return the medians, see `measure_app`."""
        return {
            "app.decode_tok_s": statistics.median(self.app),
            "chat_model.decode_tok_s": statistics.median(self.chat_model),
            "raw.decode_tok_s": statistics.median(self.raw),
            "app.decode_ratio": _median_ratio(self.app, self.raw),
            "chat_model.decode_ratio": _median_ratio(self.chat_model, self.raw),
            "app.outside_engine_share": statistics.median(self.outside_engine),
        }


def _median_ratio(speeds: Sequence[float], raw: Sequence[float]) -> float:
    return statistics.median(ours / plain for ours, plain in zip(speeds, raw, strict=True))


def _decode_speeds(app: App, recorder: Recorder, turns: int) -> DecodeSpeeds:
    """Ask the app, and send the call that wrote each answer to the engine again."""
    # The first turn pays for what is loaded late.
    list(app.chat.stream("What is a slice?", app.conversations.create().id))
    speeds = DecodeSpeeds()
    questions = (QUESTIONS * turns)[:turns]
    for question in questions:
        recorder.calls.clear()
        turn = _timed_turn(app, question)
        last_call = recorder.calls[-1]
        tokens = last_call.reply.usage.completion_tokens
        if tokens < LEAST_ANSWER_TOKENS or len(turn.arrivals) < 2:
            continue
        engine_s = 0.0
        for call in recorder.calls:
            engine_s += call.reply.usage.ttft_s + call.reply.usage.decode_s
        # Raw before and after the chat model, so that a drift of the machine's speed evens out.
        raw_before = _replay(recorder.inner, last_call)
        model_arrivals = _replay_through_chat_model(recorder.inner, last_call)
        raw_after = _replay(recorder.inner, last_call)
        speeds.outside_engine.append(max(0.0, 1 - engine_s / turn.seconds))
        speeds.app.append(_tokens_per_second(tokens, turn.arrivals))
        speeds.chat_model.append(_tokens_per_second(tokens, model_arrivals))
        speeds.raw.append(statistics.mean([raw_before.seen_tok_s, raw_after.seen_tok_s]))
    if not speeds.raw:
        raise SystemExit("no answer was long enough to measure")
    return speeds


@dataclass(frozen=True)
class TimedTurn:
    """When a turn's text arrived."""

    seconds: float
    """From the question to the end."""
    arrivals: list[float]
    """Times (`time.perf_counter`) of the pieces of text by the agent that wrote last."""


def _timed_turn(app: App, question: str) -> TimedTurn:
    conversation_id = app.conversations.create().id
    begin = time.perf_counter()
    arrivals: dict[str, list[float]] = {}
    last_writer = ""
    for event in app.chat.stream(question, conversation_id):
        if isinstance(event, TurnFailed):
            raise SystemExit(f"the app failed: {event.error}")
        if isinstance(event, TokenDelta) and event.text:
            last_writer = event.run_id
            arrivals.setdefault(last_writer, []).append(time.perf_counter())
    seconds = time.perf_counter() - begin
    return TimedTurn(seconds=seconds, arrivals=arrivals.get(last_writer, []))


def _tokens_per_second(tokens: int, arrivals: Sequence[float]) -> float:
    return (tokens - 1) / (arrivals[-1] - arrivals[0])


def _replay(engine: Engine, call: Call) -> TimedReply:
    """Send a recorded request straight to the engine."""
    return run_request(
        send(
            engine,
            call.messages,
            call.max_tokens,
            tools=call.tools,
            constraint=call.constraint,
            temperature=call.temperature,
            stop=call.stop,
        )
    )


def _replay_through_chat_model(engine: Engine, call: Call) -> list[float]:
    """Send a recorded request through ChatVLLM; return when the pieces of text arrived."""
    model = ChatVLLM(engine=engine, max_tokens=call.max_tokens)
    options: dict[str, Any] = {}
    if call.constraint:
        options["constraint"] = call.constraint
    if call.tools:
        options["tools"] = list(call.tools)
    messages = convert_to_messages(list(call.messages))
    arrivals = []

    async def drain() -> None:
        async for chunk in model.astream(messages, **options):
            if not chunk.text:
                continue
            arrivals.append(time.perf_counter())

    asyncio.run(drain())
    return arrivals
