"""How much of the prompts the prefix cache serves, over a scripted conversation about one long document.

The engine reports hits; what was not a hit is explained by comparing each prompt with all before it, token by token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.lab import BenchEngine, Call, Recorder, chapters, fresh
from benchmarks.questions import has
from docmind.app import build_app
from docmind.engine.interface import Message
from docmind.engine.prompts import PromptRenderer
from docmind.events import TurnFailed, TurnFinished
from docmind.resolution import resolve
from docmind.settings import Settings

TURNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What does the with statement do?", ("context manager",)),
    ("Which methods must its context manager have?", ("__enter__", "__exit__")),
    ("What happens there when an exception is raised?", ("__exit__", "suppressed")),
    ("How does a try statement handle exceptions?", ("except", "handler", "handlers")),
    ("What is the finally clause for?", ("cleanup",)),
    (
        "When are default parameter values evaluated?",
        ("function definition is executed", "function is defined", "left to right"),
    ),
    (
        "Why does that matter for mutable defaults?",
        ("shared", "modified", "pre-computed", "modifies"),
    ),
    ("What is a generator expression?", ("parentheses", "generator object")),
    ("How does it differ from a list display?", ("parentheses", "square brackets", "new list")),
    ("What does the yield expression do?", ("generator",)),
    ("What is a lambda?", ("anonymous function", "anonymous functions", "function object")),
    ("How are comparisons chained?", ("arbitrarily", "x < y and y <= z", "evaluated only once")),
    ("What does the is operator test?", ("identity", "same object")),
    ("Which types are mutable?", ("lists", "list", "dictionaries", "bytearray", "sets")),
    ("How does slicing a sequence work?", ("range of items", "selects")),
    ("What is a decorator?", ("callable", "function object", "wrapped", "wrapper", "wraps")),
    ("When is a class body executed?", ("execution frame", "class definition", "local namespace")),
    ("What does super do?", ("base class", "parent class", "parent", "sibling")),
    ("How are names resolved?", ("enclosing scope", "nearest enclosing scope")),
    (
        "What does the global statement do?",
        ("current code block", "globals", "current scope", "module"),
    ),
)
"""What is asked, in order, and words of which a right answer has one."""


def divergence(prompt: Sequence[int], earlier: Sequence[Sequence[int]]) -> int:
    """Return how many tokens `prompt` begins with that some earlier prompt begins with too."""
    best = 0
    for other in earlier:
        n = best
        if list(prompt[:n]) != list(other[:n]):
            continue
        while n < min(len(prompt), len(other)) and prompt[n] == other[n]:
            n += 1
        best = max(best, n)
    return best


def where(messages: Sequence[Message], tokens: int, renderer: PromptRenderer) -> str:
    """Name the message in which token number `tokens` of the prompt lies, such as `3 of 5 (user)`."""
    for i in range(1, len(messages) + 1):
        if len(renderer.ids(messages[:i])) > tokens:
            return f"message {i} of {len(messages)} ({messages[i - 1]['role']})"
    return "the end"


def bench_prefix(settings: Settings, turns: int = len(TURNS)) -> tuple[dict[str, float], str]:
    """Run the conversation through the app.

    Returns:
        prefix.hit_rate.N_turns: cached prompt tokens of all turns divided by all prompt tokens, as the engine counted;
        prefix.hit_rate.turn.I; prefix.shared_rate.N_turns: the same if every token that an earlier prompt began with
        had been a hit (no whole blocks, nothing evicted); prefix.calls, prefix.prompt_tokens, prefix.uncached_tokens;
        prefix.seconds, of all calls together; prefix.right: share of the answers that have one of their words.
    """
    with fresh(settings) as own:
        engine = BenchEngine(resolve(own))
        engine.to_the_limit = False
        recorder = Recorder(engine)
        app = build_app(own, engine=recorder)
        try:
            app.documents.add_bytes(chapters().encode(), "python-reference.txt")
            app.documents.wait()
            recorder.wait_ready()
            conversation = app.conversations.create().id
            figures: dict[str, float] = {}
            per_turn: list[list[Call]] = []
            right = 0
            for i, (question, gold) in enumerate((TURNS * turns)[:turns], 1):
                recorder.calls.clear()
                for event in app.chat.stream(question, conversation):
                    if isinstance(event, TurnFailed):
                        raise SystemExit(f"turn {i} failed: {event.error}")
                    if isinstance(event, TurnFinished):
                        usage = event.usage
                        right += has(event.answer, list(gold))
                per_turn.append(list(recorder.calls))
                figures[f"prefix.hit_rate.turn.{i}"] = usage.cached_tokens / max(
                    1, usage.prompt_tokens
                )
            status = recorder.status()
            assert engine._renderer is not None
            explained = explain(per_turn, engine._renderer)
        finally:
            app.close()
    calls = [c for turn in per_turn for c in turn]
    prompt = sum(c.reply.usage.prompt_tokens for c in calls)
    figures |= {
        f"prefix.hit_rate.{turns}_turns": sum(c.reply.usage.cached_tokens for c in calls) / prompt,
        f"prefix.shared_rate.{turns}_turns": explained[0] / prompt,
        "prefix.uncached_tokens": prompt - sum(c.reply.usage.cached_tokens for c in calls),
        "prefix.right": right / turns,
        "prefix.seconds": sum(c.reply.seconds for c in calls),
        "prefix.calls": len(calls),
        "prefix.prompt_tokens": prompt,
    }
    return (
        figures,
        f"{status.model}, window {status.window}. Where prompts part from earlier ones: {explained[1]}",
    )


def explain(per_turn: Sequence[Sequence[Call]], renderer: PromptRenderer) -> tuple[int, str]:
    """Return the tokens shared with earlier prompts, and where prompts part from them, most costly place first."""
    earlier: list[list[int]] = []
    shared, lost = 0, Counter[str]()
    for turn in per_turn:
        for call in turn:
            tools = call.options.get("tools") or ()
            ids = renderer.ids(call.messages, tools)
            same = divergence(ids, earlier)
            shared += same
            constraint = call.options.get("constraint")
            kind = "plan" if constraint and constraint.kind == "json" else "agent"
            lost[f"{kind}, {where(call.messages, same, renderer)}"] += len(ids) - same
            earlier.append(ids + renderer_answer(call, renderer))
    return shared, "; ".join(f"{place}: {tokens} tokens" for place, tokens in lost.most_common(12))


def renderer_answer(call: Call, renderer: PromptRenderer) -> list[int]:
    """Return the answer's token ids, which the engine caches like the prompt's."""
    return list(renderer._tokenizer.encode(call.reply.text, add_special_tokens=False))
