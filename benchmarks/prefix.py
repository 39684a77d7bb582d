"""`docmind bench prefix`: how much of the prompts the prefix cache serves.

Over a scripted conversation about one long document. The engine reports hits; what was not a hit
is explained by comparing each prompt with all before it, token by token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.lab import Call, Recorder, bench_engine, chapters
from benchmarks.scoring import has_fact
from benchmarks.speed import SpeedResult
from docmind.app import App, build_app
from docmind.engine.interface import Message
from docmind.engine.prompts import PromptRenderer
from docmind.events import TurnFailed, TurnFinished
from docmind.measurement import Figures, empty_data_folder
from docmind.settings import Settings

PLACES_SHOWN = 12
"""Places where prompts part from earlier ones, the most costly first."""


@dataclass(frozen=True)
class ScriptedTurn:
    """A question, and words of which a right answer has one."""

    question: str
    any_of: tuple[str, ...]


TURNS = (
    ScriptedTurn("What does the with statement do?", ("context manager",)),
    ScriptedTurn("Which methods must its context manager have?", ("__enter__", "__exit__")),
    ScriptedTurn("What happens there when an exception is raised?", ("__exit__", "suppressed")),
    ScriptedTurn("How does a try statement handle exceptions?", ("except", "handler", "handlers")),
    ScriptedTurn("What is the finally clause for?", ("cleanup",)),
    ScriptedTurn(
        "When are default parameter values evaluated?",
        ("function definition is executed", "function is defined", "left to right"),
    ),
    ScriptedTurn(
        "Why does that matter for mutable defaults?",
        ("shared", "modified", "pre-computed", "modifies"),
    ),
    ScriptedTurn("What is a generator expression?", ("parentheses", "generator object")),
    ScriptedTurn(
        "How does it differ from a list display?", ("parentheses", "square brackets", "new list")
    ),
    ScriptedTurn("What does the yield expression do?", ("generator",)),
    ScriptedTurn(
        "What is a lambda?", ("anonymous function", "anonymous functions", "function object")
    ),
    ScriptedTurn(
        "How are comparisons chained?",
        ("arbitrarily", "x < y and y <= z", "evaluated only once"),
    ),
    ScriptedTurn("What does the is operator test?", ("identity", "same object")),
    ScriptedTurn(
        "Which types are mutable?", ("lists", "list", "dictionaries", "bytearray", "sets")
    ),
    ScriptedTurn("How does slicing a sequence work?", ("range of items", "selects")),
    ScriptedTurn(
        "What is a decorator?", ("callable", "function object", "wrapped", "wrapper", "wraps")
    ),
    ScriptedTurn(
        "When is a class body executed?",
        ("execution frame", "class definition", "local namespace"),
    ),
    ScriptedTurn("What does super do?", ("base class", "parent class", "parent", "sibling")),
    ScriptedTurn("How are names resolved?", ("enclosing scope", "nearest enclosing scope")),
    ScriptedTurn(
        "What does the global statement do?",
        ("current code block", "globals", "current scope", "module"),
    ),
)


def shared_prefix_length(prompt: Sequence[int], earlier: Sequence[Sequence[int]]) -> int:
    """Return how many tokens `prompt` begins with that some earlier prompt begins with too."""
    return max((_common_length(prompt, other) for other in earlier), default=0)


def _common_length(prompt: Sequence[int], other: Sequence[int]) -> int:
    length = 0
    for mine, its in zip(prompt, other, strict=False):
        if mine != its:
            break
        length += 1
    return length


def message_at(messages: Sequence[Message], tokens: int, renderer: PromptRenderer) -> str:
    """Name the message in which token number `tokens` lies, such as `message 3 of 5 (user)`."""
    for number, message in enumerate(messages, 1):
        if len(renderer.token_ids(messages[:number])) > tokens:
            return f"message {number} of {len(messages)} ({message['role']})"
    return "the end"


@dataclass(frozen=True)
class MeasuredTurn:
    """What a turn asked of the engine."""

    calls: list[Call]
    right: bool
    """Whether the answer has one of its words."""
    hit_rate: float
    """Cached prompt tokens divided by all, as the app reports them."""


def measure_prefix(settings: Settings, turns: int = len(TURNS)) -> SpeedResult:
    """Run the conversation through the app.

    Returns:
        prefix.hit_rate.N_turns: cached prompt tokens of all turns divided by all prompt tokens, as
        the engine counted; prefix.hit_rate.turn.I; prefix.shared_rate.N_turns: the same if every
        token that an earlier prompt began with had been a hit (no whole blocks, nothing evicted);
        prefix.calls, prefix.prompt_tokens, prefix.uncached_tokens; prefix.seconds, of all calls
        together; prefix.right: fraction of the answers that have one of their words.
    """
    with empty_data_folder(settings) as fresh_settings:
        engine = bench_engine(fresh_settings, ignore_eos=False)
        recorder = Recorder(engine)
        app = build_app(fresh_settings, engine=recorder)
        try:
            app.documents.add_bytes(chapters().encode(), "python-reference.txt")
            app.documents.wait()
            recorder.wait_ready()
            measured = run_conversation(app, recorder, turns)
            status = recorder.status()
            assert engine._renderer is not None
            calls: list[Call] = []
            for turn in measured:
                calls += turn.calls
            explanation = explain(calls, engine._renderer)
        finally:
            app.close()

    prompt_tokens = sum(call.reply.usage.prompt_tokens for call in calls)
    cached_tokens = sum(call.reply.usage.cached_tokens for call in calls)
    figures: Figures = {}
    for number, turn in enumerate(measured, 1):
        figures[f"prefix.hit_rate.turn.{number}"] = turn.hit_rate
    figures[f"prefix.hit_rate.{turns}_turns"] = cached_tokens / prompt_tokens
    figures[f"prefix.shared_rate.{turns}_turns"] = explanation.shared_tokens / prompt_tokens
    figures["prefix.uncached_tokens"] = prompt_tokens - cached_tokens
    figures["prefix.right"] = sum(turn.right for turn in measured) / turns
    figures["prefix.seconds"] = sum(call.reply.seconds for call in calls)
    figures["prefix.calls"] = len(calls)
    figures["prefix.prompt_tokens"] = prompt_tokens
    notes = (
        f"{status.model}, window {status.window}. "
        f"Where prompts part from earlier ones: {explanation.places}"
    )
    return SpeedResult(figures=figures, notes=notes)


def run_conversation(app: App, recorder: Recorder, turns: int) -> list[MeasuredTurn]:
    """Ask the scripted questions in one conversation."""
    conversation_id = app.conversations.create().id
    measured = []
    script = (TURNS * turns)[:turns]
    for number, scripted in enumerate(script, 1):
        recorder.calls.clear()
        for event in app.chat.stream(scripted.question, conversation_id):
            if isinstance(event, TurnFailed):
                raise SystemExit(f"turn {number} failed: {event.error}")
            if isinstance(event, TurnFinished):
                usage = event.usage
                measured.append(
                    MeasuredTurn(
                        calls=list(recorder.calls),
                        right=has_fact(event.answer, scripted.any_of),
                        hit_rate=usage.cached_tokens / max(1, usage.prompt_tokens),
                    )
                )
    return measured


@dataclass(frozen=True)
class Explanation:
    """What prompts share with earlier ones."""

    shared_tokens: int
    places: str
    """Where they part from them, the most costly place first."""


def explain(calls: Sequence[Call], renderer: PromptRenderer) -> Explanation:
    """Compare each prompt with all before it."""
    earlier: list[list[int]] = []
    shared_tokens = 0
    lost_tokens: Counter[str] = Counter()
    for call in calls:
        ids = renderer.token_ids(call.messages, call.tools)
        shared = shared_prefix_length(ids, earlier)
        shared_tokens += shared
        kind = "agent"
        if call.constraint and call.constraint.kind == "json":
            kind = "plan"
        place = message_at(call.messages, shared, renderer)
        lost_tokens[f"{kind}, {place}"] += len(ids) - shared
        earlier.append(ids + answer_ids(call, renderer))
    places = [f"{place}: {lost} tokens" for place, lost in lost_tokens.most_common(PLACES_SHOWN)]
    return Explanation(shared_tokens=shared_tokens, places="; ".join(places))


def answer_ids(call: Call, renderer: PromptRenderer) -> list[int]:
    """Return the answer's token ids, which the engine caches like the prompt's."""
    return list(renderer._tokenizer.encode(call.reply.text, add_special_tokens=False))
