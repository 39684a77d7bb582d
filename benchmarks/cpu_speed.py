"""One model on the same cores by several ways: DocMind's engine on differently converted weights, and llama.cpp.

Each measurement is a process of its own, and the ways take turns (A B C, A B C). What counts is what other programs
disturbed least: the best prefill, and the tenth of the decoded tokens that came fastest (the median is given too).
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROMPT, DECODE, REPEATS = 1024, 24, 2
QUALITY_TOKENS = 1500

LLAMA = """
import json, sys, time
import numpy as np
from llama_cpp import Llama
path, job = sys.argv[1], json.load(sys.stdin)
threads = job["threads"]
quality = "text_ids" in job
llm = Llama(model_path=path, n_ctx=4096, n_threads=threads, n_threads_batch=threads, logits_all=quality, verbose=False)
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
        begin = time.perf_counter(); llm.eval(ids); prefill.append(len(ids) / (time.perf_counter() - begin))
        for _ in range(job["decode"]):
            begin = time.perf_counter(); llm.eval([llm.sample(temp=0.0)]); steps.append(time.perf_counter() - begin)
    print(json.dumps({"prefill": prefill, "steps": steps}))
"""
"""Runs in another environment's Python, which has llama-cpp-python."""


def engine_child(job: dict[str, Any]) -> dict[str, Any]:
    """Measure DocMind's engine as the environment sets it: prefill rates, and the seconds of each decoded token."""
    from benchmarks.lab import ask, fit, loaded, run, user
    from docmind.storage.settings import load_settings

    prefill: list[float] = []
    steps: list[float] = []

    async def go(text: str) -> None:
        times = []
        async for delta in engine.stream(user(text), max_tokens=job["decode"]):
            times.append(time.perf_counter())
            if delta.usage:
                prefill.append(delta.usage.prompt_tokens / delta.usage.ttft_s)
        steps.extend(b - a for a, b in itertools.pairwise(times[:-1]))

    with loaded(load_settings()) as engine:
        run(ask(engine, user("Say yes."), 4))
        for i in range(job["repeats"]):
            asyncio.run(go(fit(engine, PROMPT, 5 + i)))
    return {"prefill": prefill, "steps": steps}


def quality_child(ids: Sequence[int]) -> dict[str, float]:
    """Return the mean negative log-likelihood of a real text under the weights that the environment names."""
    from docmind.engine.plan.resolve import plan_for
    from docmind.resolution import resolve
    from docmind.storage.settings import load_settings

    settings = load_settings()
    resolved = resolve(settings)
    plan = plan_for(settings, resolved.hardware, resolved.catalog.path(resolved.llm))
    os.environ |= plan.env
    from vllm import LLM, SamplingParams

    args = {k: v for k, v in plan.args.items() if k != "speculative_config"} | {
        "enable_prefix_caching": False
    }
    llm = LLM(model=plan.model, **args)
    params = SamplingParams(max_tokens=1, prompt_logprobs=0)
    out = llm.generate({"prompt_token_ids": list(ids)}, params, use_tqdm=False)[0]
    found = [
        step[token].logprob for step, token in zip(out.prompt_logprobs[1:], ids[1:], strict=True)
    ]
    return {"nll": -sum(found) / len(found)}


def child(words: Sequence[str], env: dict[str, str], job: object) -> dict[str, Any]:
    """Run one process and read the JSON on its last line; nothing if it failed, which is said."""
    ended = subprocess.run(
        list(words),
        env=os.environ | env,
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode:
        print(f"failed with {ended.returncode}: {' '.join(words)[:80]} {env}", file=sys.stderr)
        return {}
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    print(env or words[-1], str(found)[:300], file=sys.stderr)
    return found


def _perplexity(name: str, found: dict[str, Any]) -> dict[str, float]:
    return {f"cpu.ppl.{name}": math.exp(found["nll"])} if found else {}


def bench_cpu(
    models: dict[str, dict[str, str]],
    ggufs: dict[str, Path],
    llama_python: Path | None,
    rounds: int = 2,
    quality: bool = True,
) -> tuple[dict[str, float], str]:
    """Compare.

    Args:
        models: name → environment (DOCMIND_LLM__MODEL and whatever else makes it different).
        ggufs: name → GGUF file for llama.cpp.
        llama_python: a Python that has llama-cpp-python.
        rounds: how often each is measured.
        quality: compute perplexities too.

    Returns:
        cpu.prefill_tok_s.NAME (best), cpu.decode_tok_s.NAME (fastest tenth), cpu.decode_median_tok_s.NAME,
        cpu.ppl.NAME (perplexity of the same real text);
        cpu.prefill_vs_llamacpp, cpu.decode_vs_llamacpp: the first model against the first GGUF.
    """
    from benchmarks.lab import book
    from docmind.engine.prompts import PromptRenderer

    first = next(iter(models.values()))["DOCMIND_LLM__MODEL"]
    text = PromptRenderer(Path(first).expanduser())._tokenizer.encode(
        book()[20_000:40_000], add_special_tokens=False
    )
    threads = len(os.sched_getaffinity(0))
    job: dict[str, Any] = {
        "ids": text[:PROMPT],
        "decode": DECODE,
        "repeats": REPEATS,
        "threads": threads,
    }
    rates: dict[str, list[dict[str, Any]]] = {}
    figures: dict[str, float] = {}
    me = [sys.executable, "-m", "benchmarks.cpu_speed"]
    for _ in range(rounds):
        for name, env in models.items():
            one_by_one = {
                "DOCMIND_ENGINE__SPECULATIVE_TOKENS": "0"
            }  # each token is timed, as llama.cpp's are
            rates.setdefault(name, []).append(child([*me, "speed"], one_by_one | env, job))
        for name, path in ggufs.items():
            rates.setdefault(name, []).append(
                child([str(llama_python), "-c", LLAMA, str(path)], {}, job)
            )
    for name, seen in rates.items():
        steps = sorted(step for s in seen for step in s.get("steps", ()))
        if steps:
            figures[f"cpu.prefill_tok_s.{name}"] = max(
                rate for s in seen for rate in s.get("prefill", ())
            )
            figures[f"cpu.decode_tok_s.{name}"] = 1 / steps[len(steps) // 10]
            figures[f"cpu.decode_median_tok_s.{name}"] = 1 / statistics.median(steps)
    if quality:
        job = {"text_ids": text[:QUALITY_TOKENS], "threads": threads}
        judged: dict[str, str] = {}
        for name, env in models.items():  # the same weights are judged once
            if judged.setdefault(env["DOCMIND_LLM__MODEL"], name) == name:
                figures |= _perplexity(name, child([*me, "quality"], env, job))
        for name, path in ggufs.items():
            figures |= _perplexity(
                name, child([str(llama_python), "-c", LLAMA, str(path)], {}, job)
            )
    for what in ("prefill", "decode"):
        ours, *theirs = (f"cpu.{what}_tok_s.{name}" for name in (next(iter(models)), *ggufs))
        if ours in figures and theirs and theirs[0] in figures:
            figures[f"cpu.{what}_vs_llamacpp"] = figures[ours] / figures[theirs[0]]
    notes = f"{threads} threads, prompt {PROMPT}, {REPEATS} times {DECODE} decoded in each of {rounds} rounds; {models}"
    return figures, notes


if __name__ == "__main__":
    given = json.load(sys.stdin)
    found = engine_child(given) if sys.argv[1] == "speed" else quality_child(given["text_ids"])
    sys.stdout.write("\n" + json.dumps(found) + "\n")
