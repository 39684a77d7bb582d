"""Speculative decoding by prompt lookup, off and on, over real text: where it wins and where it does not.

Each setting runs in a process of its own (python -m benchmarks.speculation prints one JSON), on the same prompts, in
the form of the researcher's: passages first, then what to do with them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.lab import BenchEngine, ask, loaded, run, user
from docmind.settings import Settings
from docmind.storage.settings import load_settings

TASKS = {
    "quote": "Which sentences above answer this: {question} Quote them word for word.",
    "answer": "Answer from the passages above, in two or three sentences, each with its passage's number in brackets: "
    "{question}",
    "summary": "Summarize the passages above in five sentences.",
    "free": "Write a short story about a lighthouse keeper. Do not mention the passages.",
}
QUESTIONS = {
    "with": "What does the with statement do?",
    "try": "What happens when an exception is raised in a try clause?",
    "function": "When are default parameter values evaluated?",
    "class": "In which order is a class statement executed?",
}
PASSAGES, WORDS = 5, 150
"""As the app shows them on a CPU: five passages of about 220 tokens."""
ANSWER = 160


def prompt(topic: str, task: str) -> str:
    """Return the task over the first passages of one topic of the book."""
    from pydoc_data.topics import topics

    words = topics[topic].split()
    parts = [" ".join(words[i * WORDS : (i + 1) * WORDS]) for i in range(PASSAGES)]
    passages = "\n\n".join(f"[{i}] {part}" for i, part in enumerate(parts, 1))
    return f"{passages}\n\n{TASKS[task].format(question=QUESTIONS[topic])}"


def measure(settings: Settings, topics: int) -> dict[str, object]:
    """Return figures per task (median decode tokens a second; three at once, tokens a second together) and texts."""
    figures: dict[str, float] = {}
    texts: dict[str, str] = {}
    with loaded(settings) as engine:
        assert isinstance(engine, BenchEngine)
        engine.to_the_limit = False
        run(ask(engine, user("Say yes."), 4))
        for task in TASKS:
            speeds = []
            for topic in list(QUESTIONS)[:topics]:
                reply = run(ask(engine, user(prompt(topic, task)), ANSWER))[0]
                if reply.usage.completion_tokens > 8:
                    speeds.append(reply.decode_tok_s)
                texts[f"{task}.{topic}"] = reply.text
            if speeds:
                figures[task] = statistics.median(speeds)
        begin = time.perf_counter()
        replies = run(
            *(ask(engine, user(prompt(t, "answer")), ANSWER) for t in list(QUESTIONS)[:3])
        )
        figures["three_at_once"] = sum(r.usage.completion_tokens for r in replies) / (
            time.perf_counter() - begin
        )
        notes = "; ".join(engine.status().notes)
        model = engine.status().model
    return {"figures": figures, "texts": texts, "notes": notes, "model": model}


def bench_speculation(
    tokens: Sequence[int], topics: int = len(QUESTIONS)
) -> tuple[dict[str, float], str]:
    """Run each setting of DOCMIND_ENGINE__SPECULATIVE_TOKENS, the first being the one compared with.

    Returns:
        spec.decode_tok_s.TASK.K; spec.ratio.TASK.K against the first setting; spec.same_text.K: share of the answers
        that are the same as the first setting's (at temperature 0 they should be; rounding can part them).
    """
    runs = {}
    for k in tokens:
        env = os.environ | {"DOCMIND_ENGINE__SPECULATIVE_TOKENS": str(k)}
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.speculation", str(topics)],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        runs[k] = json.loads(ended.stdout.strip().splitlines()[-1])
    first = runs[tokens[0]]
    figures: dict[str, float] = {}
    for k, result in runs.items():
        for task, value in result["figures"].items():
            figures[f"spec.decode_tok_s.{task}.{k}"] = value
            if result is not first:
                figures[f"spec.ratio.{task}.{k}"] = value / first["figures"][task]
        if result is not first:
            same = [result["texts"][name] == text for name, text in first["texts"].items()]
            figures[f"spec.same_text.{k}"] = sum(same) / len(same)
    return figures, f"{first['model']}. Plan: {first['notes']}"


if __name__ == "__main__":
    result = measure(load_settings(), int(sys.argv[1]))
    sys.stdout.write("\n" + json.dumps(result) + "\n")
