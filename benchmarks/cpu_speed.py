"""`docmind bench cpu`: one model on the same cores by several ways.

DocMind's engine on differently converted weights, and llama.cpp. Each measurement is a process of
its own, and the ways take turns (A B C, A B C). What counts is what other programs disturbed
least: the best prefill, and the tenth of the decoded tokens that came fastest (the median is given
too).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, cast

from benchmarks.speed import SpeedResult
from docmind.engine.interface import Engine
from docmind.measurement import (
    Figures,
    fit_text,
    reference_text,
    run_request,
    send,
    user_message,
)
from docmind.storage.settings import load_settings

PROMPT_TOKENS = 1024
DECODED_TOKENS = 24
REPEATS = 2
QUALITY_TOKENS = 1500
FIRST_SEED = 5
"""Of the texts: any number; each repeat has its own."""

LLAMA = """
import json, sys, time
import numpy as np
from llama_cpp import Llama
path, job = sys.argv[1], json.load(sys.stdin)
threads = job["threads"]
quality = "text_ids" in job
llm = Llama(model_path=path, n_ctx=4096, n_threads=threads, n_threads_batch=threads,
            logits_all=quality, verbose=False)
if quality:
    ids = job["text_ids"]
    llm.eval(ids)
    rows = np.array(llm.scores[: len(ids) - 1], dtype=np.float64)
    rows -= rows.max(1, keepdims=True)
    chosen = rows[np.arange(len(ids) - 1), ids[1:]] - np.log(np.exp(rows).sum(1))
    print(json.dumps({"nll": float(-chosen.mean())}))
else:
    llm.eval(job["ids"][:64])
    prefill, steps = [], []
    for i in range(job["repeats"]):
        llm.reset()
        ids = job["ids"][i:] + job["ids"][:i]
        begin = time.perf_counter()
        llm.eval(ids)
        prefill.append(len(ids) / (time.perf_counter() - begin))
        for _ in range(job["decode"]):
            begin = time.perf_counter()
            llm.eval([llm.sample(temp=0.0)])
            steps.append(time.perf_counter() - begin)
    print(json.dumps({"prefill": prefill, "steps": steps}))
"""
"""Runs in another environment's Python, which has llama-cpp-python."""


class SpeedJob(TypedDict):
    """What a process that measures speed reads from its input."""

    ids: list[int]
    """The prompt for llama.cpp; DocMind's engine takes texts of that length."""
    decode: int
    repeats: int
    threads: int


class QualityJob(TypedDict):
    """What a process that measures quality reads from its input."""

    text_ids: list[int]
    threads: int


class SpeedReport(TypedDict, total=False):
    """What it writes; empty if it failed."""

    prefill: list[float]
    """Tokens a second, one a prompt."""
    steps: list[float]
    """Seconds of each decoded token."""


class QualityReport(TypedDict, total=False):
    """What it writes; empty if it failed."""

    nll: float
    """Mean negative log-likelihood of a token."""


def measure_speed(job: SpeedJob) -> SpeedReport:
    """Measure DocMind's engine as the environment sets it."""
    from benchmarks.lab import loaded_bench_engine

    report = SpeedReport(prefill=[], steps=[])
    with loaded_bench_engine(load_settings()) as engine:
        run_request(send(engine, user_message("Say yes."), 4))
        for repeat in range(job["repeats"]):
            text = fit_text(engine, PROMPT_TOKENS, seed=FIRST_SEED + repeat)
            asyncio.run(_time_tokens(engine, text, job=job, report=report))
    return report


async def _time_tokens(engine: Engine, text: str, *, job: SpeedJob, report: SpeedReport) -> None:
    """Decode as many tokens after a text as the job asks for, and add the times to the report."""
    arrivals = []
    async for delta in engine.stream(user_message(text), max_tokens=job["decode"]):
        arrivals.append(time.perf_counter())
        if delta.usage:
            report["prefill"].append(delta.usage.prompt_tokens / delta.usage.ttft_s)
    # The last delta has the usage and no token.
    for earlier, later in itertools.pairwise(arrivals[:-1]):
        report["steps"].append(later - earlier)


def measure_quality(ids: Sequence[int]) -> QualityReport:
    """Judge a real text under the weights that the environment names."""
    from docmind.engine.plan.resolve import plan_for
    from docmind.resolution import resolve

    settings = load_settings()
    resolved = resolve(settings)
    plan = plan_for(settings, resolved.hardware, resolved.catalog.path(resolved.llm))
    # vLLM reads its variables when it is imported.
    os.environ |= plan.env
    from vllm import LLM, SamplingParams

    arguments = dict(plan.args)
    arguments.pop("speculative_config", None)
    arguments["enable_prefix_caching"] = False
    llm = LLM(model=plan.model, **arguments)
    params = SamplingParams(max_tokens=1, prompt_logprobs=0)
    output = llm.generate({"prompt_token_ids": list(ids)}, params, use_tqdm=False)[0]
    logprobs = []
    # The first token has no probability: nothing stands before it.
    for token, step in zip(ids[1:], output.prompt_logprobs[1:], strict=True):
        logprobs.append(step[token].logprob)
    return QualityReport(nll=-sum(logprobs) / len(logprobs))


def run_child(
    command: Sequence[str], env: Mapping[str, str], job: SpeedJob | QualityJob
) -> dict[str, object]:
    """Run one process and return the JSON on its last line; nothing if it failed."""
    ended = subprocess.run(
        list(command),
        env=os.environ | dict(env),
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode:
        words = " ".join(command)
        print(f"failed with {ended.returncode}: {words[:80]} {env}", file=sys.stderr)
        return {}
    found: dict[str, object] = json.loads(ended.stdout.strip().splitlines()[-1])
    print(env or command[-1], str(found)[:300], file=sys.stderr)
    return found


@dataclass(frozen=True)
class Weights:
    """One way of converting the model, for DocMind's engine."""

    name: str
    directory: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Whatever else makes it different."""

    def environment(self) -> dict[str, str]:
        """Return the variables by which DocMind takes it."""
        return {"DOCMIND_LLM__MODEL": self.directory, **self.env}


@dataclass(frozen=True)
class LlamaCpp:
    """llama.cpp, and what it is to run."""

    python: str
    """A Python that has llama-cpp-python."""
    files: Mapping[str, Path]
    """Name → GGUF file."""

    def command(self, name: str) -> list[str]:
        """Return the command that measures one file."""
        return [self.python, "-c", LLAMA, str(self.files[name])]


def measure_cpu(
    weights: Sequence[Weights], llama: LlamaCpp, *, rounds: int = 2, quality: bool = True
) -> SpeedResult:
    """Compare ways to run one model.

    Args:
        weights: for DocMind's engine, the first being compared with llama.cpp's first file.
        llama: for llama.cpp.
        rounds: how often each is measured.
        quality: compute perplexities too.

    Returns:
        cpu.prefill_tok_s.NAME (best), cpu.decode_tok_s.NAME (fastest tenth),
        cpu.decode_median_tok_s.NAME, cpu.ppl.NAME (perplexity of the same real text);
        cpu.prefill_vs_llamacpp, cpu.decode_vs_llamacpp: the first weights against the first file.
    """
    from docmind.engine.prompts import PromptRenderer

    text = reference_text()[20_000:40_000]
    tokenizer = PromptRenderer(Path(weights[0].directory).expanduser())._tokenizer
    ids = tokenizer.encode(text, add_special_tokens=False)
    threads = len(os.sched_getaffinity(0))
    speed_job = SpeedJob(
        ids=ids[:PROMPT_TOKENS], decode=DECODED_TOKENS, repeats=REPEATS, threads=threads
    )
    figures = _speed_figures(weights, llama, speed_job, rounds=rounds)
    if quality:
        quality_job = QualityJob(text_ids=ids[:QUALITY_TOKENS], threads=threads)
        figures |= _quality_figures(weights, llama, quality_job)
    for what in ("prefill", "decode"):
        ours = figures.get(f"cpu.{what}_tok_s.{weights[0].name}")
        theirs = None
        if llama.files:
            theirs = figures.get(f"cpu.{what}_tok_s.{next(iter(llama.files))}")
        if ours is not None and theirs is not None:
            figures[f"cpu.{what}_vs_llamacpp"] = ours / theirs
    notes = (
        f"{threads} threads, prompt {PROMPT_TOKENS}, {REPEATS} times {DECODED_TOKENS} decoded "
        f"in each of {rounds} rounds; { {way.name: way.environment() for way in weights} }"
    )
    return SpeedResult(figures=figures, notes=notes)


def _this_module(mode: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.cpu_speed", mode]


def _speed_figures(
    weights: Sequence[Weights], llama: LlamaCpp, job: SpeedJob, *, rounds: int
) -> Figures:
    prefill: dict[str, list[float]] = {}
    steps: dict[str, list[float]] = {}

    def add(name: str, report: SpeedReport) -> None:
        prefill.setdefault(name, []).extend(report.get("prefill", ()))
        steps.setdefault(name, []).extend(report.get("steps", ()))

    # Each token is timed, as llama.cpp's are: none are guessed ahead.
    one_by_one = {"DOCMIND_ENGINE__SPECULATIVE_TOKENS": "0"}
    for _ in range(rounds):
        for way in weights:
            found = run_child(_this_module("speed"), one_by_one | way.environment(), job)
            add(way.name, cast(SpeedReport, found))
        for name in llama.files:
            found = run_child(llama.command(name), {}, job)
            add(name, cast(SpeedReport, found))

    figures: Figures = {}
    for name, seconds in steps.items():
        if not seconds:
            continue
        fastest_tenth = sorted(seconds)[len(seconds) // 10]
        figures[f"cpu.prefill_tok_s.{name}"] = max(prefill[name])
        figures[f"cpu.decode_tok_s.{name}"] = 1 / fastest_tenth
        figures[f"cpu.decode_median_tok_s.{name}"] = 1 / statistics.median(seconds)
    return figures


def _quality_figures(weights: Sequence[Weights], llama: LlamaCpp, job: QualityJob) -> Figures:
    reports: dict[str, QualityReport] = {}
    judged: set[str] = set()
    for way in weights:
        if way.directory in judged:  # the same weights with other settings
            continue
        judged.add(way.directory)
        found = run_child(_this_module("quality"), way.environment(), job)
        reports[way.name] = cast(QualityReport, found)
    for name in llama.files:
        reports[name] = cast(QualityReport, run_child(llama.command(name), {}, job))

    figures: Figures = {}
    for name, report in reports.items():
        if "nll" in report:
            figures[f"cpu.ppl.{name}"] = math.exp(report["nll"])
    return figures


def main(mode: str) -> None:
    """Do one job, which stands on the standard input; write the report on the last line."""
    job = json.load(sys.stdin)
    if mode == "speed":
        report: SpeedReport | QualityReport = measure_speed(job)
    else:
        report = measure_quality(job["text_ids"])
    sys.stdout.write("\n" + json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
