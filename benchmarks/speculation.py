"""`docmind bench speculation`: tokens guessed from the prompt, off and on, over real text.

Where it wins and where it does not. Each setting runs in a process of its own (python -m
benchmarks.speculation prints one JSON), on the same prompts, in the form of the researcher's:
passages first, then what to do with them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TypedDict, cast

from benchmarks.lab import loaded_bench_engine
from benchmarks.speed import SpeedResult
from docmind.engine.interface import Engine
from docmind.measurement import Figures, run_at_once, run_request, send, user_message
from docmind.settings import Settings
from docmind.storage.settings import load_settings

TASKS = {
    "quote": "Which sentences above answer this: {question} Quote them word for word.",
    "answer": "Answer from the passages above, in two or three sentences, "
    "each with its passage's number in brackets: {question}",
    "summary": "Summarize the passages above in five sentences.",
    "free": "Write a short story about a lighthouse keeper. Do not mention the passages.",
}
QUESTIONS = {
    "with": "What does the with statement do?",
    "try": "What happens when an exception is raised in a try clause?",
    "function": "When are default parameter values evaluated?",
    "class": "In which order is a class statement executed?",
}
"""A topic of Python's language reference, and a question that it answers."""

# As the app shows them on a CPU: five passages of about 220 tokens.
PASSAGES = 5
PASSAGE_WORDS = 150
ANSWER_TOKENS = 160
LEAST_ANSWER_TOKENS = 8
"""A shorter answer says nothing about speed."""


class SettingResult(TypedDict):
    """What one setting gave."""

    figures: Figures
    """Task, or `three_at_once` → decoded tokens a second."""
    texts: dict[str, str]
    """`TASK.TOPIC` → what was written."""
    notes: str
    """The decisions of the engine's plan."""
    model: str


def make_prompt(topic: str, task: str) -> str:
    """Return the task over the first passages of one topic."""
    from pydoc_data.topics import topics

    words = topics[topic].split()
    passages = []
    for number in range(1, PASSAGES + 1):
        end = number * PASSAGE_WORDS
        text = " ".join(words[end - PASSAGE_WORDS : end])
        passages.append(f"[{number}] {text}")
    instruction = TASKS[task].format(question=QUESTIONS[topic])
    return "\n\n".join([*passages, instruction])


def measure_setting(settings: Settings, topics: int) -> SettingResult:
    """Measure the number of guessed tokens that this process was given by its environment.

    Args:
        settings: with `engine.speculative_tokens` as it is to be measured.
        topics: how many of QUESTIONS each task is set on.

    Returns:
        figures.TASK: decoded tokens a second, median over the topics;
        figures.three_at_once: tokens a second that three answers write together.
    """
    figures: Figures = {}
    texts: dict[str, str] = {}
    # Answers end where the model ends them: what it is made to write beyond is no real text.
    with loaded_bench_engine(settings, ignore_eos=False) as engine:
        # The first request pays for what is done at first use only.
        run_request(send(engine, user_message("Say yes."), 4))
        for task in TASKS:
            speeds = []
            for topic in list(QUESTIONS)[:topics]:
                message = user_message(make_prompt(topic, task))
                reply = run_request(send(engine, message, ANSWER_TOKENS))
                texts[f"{task}.{topic}"] = reply.text
                if reply.usage.completion_tokens > LEAST_ANSWER_TOKENS:
                    speeds.append(reply.decode_tok_s)
            if speeds:
                figures[task] = statistics.median(speeds)
        figures["three_at_once"] = _three_at_once(engine)
        status = engine.status()
    return SettingResult(
        figures=figures, texts=texts, notes="; ".join(status.notes), model=status.model
    )


def _three_at_once(engine: Engine) -> float:
    """Return the tokens a second that three answers write together."""
    requests = []
    for topic in list(QUESTIONS)[:3]:
        message = user_message(make_prompt(topic, "answer"))
        requests.append(send(engine, message, ANSWER_TOKENS))
    begin = time.perf_counter()
    replies = run_at_once(requests)
    seconds = time.perf_counter() - begin
    return sum(reply.usage.completion_tokens for reply in replies) / seconds


def measure_speculation(tokens: Sequence[int], topics: int = len(QUESTIONS)) -> SpeedResult:
    """Measure each number of guessed tokens, against the first of them.

    Args:
        tokens: values of DOCMIND_ENGINE__SPECULATIVE_TOKENS.
        topics: how many of QUESTIONS each task is set on.

    Returns:
        spec.decode_tok_s.TASK.K; spec.ratio.TASK.K against the first setting; spec.same_text.K:
        fraction of the answers that are the same as the first setting's (at temperature 0 they
        should be; rounding can part them).
    """
    results = {guessed: _run_setting(guessed, topics) for guessed in tokens}
    first = results[tokens[0]]
    figures: Figures = {}
    for guessed, result in results.items():
        for task, speed in result["figures"].items():
            figures[f"spec.decode_tok_s.{task}.{guessed}"] = speed
            if result is not first:
                figures[f"spec.ratio.{task}.{guessed}"] = speed / first["figures"][task]
        if result is not first:
            same = [result["texts"][name] == text for name, text in first["texts"].items()]
            figures[f"spec.same_text.{guessed}"] = sum(same) / len(same)
    return SpeedResult(figures=figures, notes=f"{first['model']}. Plan: {first['notes']}")


def _run_setting(guessed: int, topics: int) -> SettingResult:
    """Measure one number of guessed tokens in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.speculation", str(topics)],
        env=os.environ | {"DOCMIND_ENGINE__SPECULATIVE_TOKENS": str(guessed)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    last_line = ended.stdout.strip().splitlines()[-1]
    return cast(SettingResult, json.loads(last_line))


if __name__ == "__main__":
    setting_result = measure_setting(load_settings(), topics=int(sys.argv[1]))
    sys.stdout.write("\n" + json.dumps(setting_result) + "\n")
