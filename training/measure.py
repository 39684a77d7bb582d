"""Measures a model on the GPU host: scores of all held-out rows, and answers. Figures come after.

Writes OUT/NAME.npz (the chances of A, B and C for the rows of each file, in their order) and
OUT/NAME.json (what was written, perplexity, seconds). `training.report` makes figures of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from training.sources import read

if TYPE_CHECKING:
    from transformers import Qwen2ForCausalLM

    from training.tune import Prompts

TOKENS = 48_000
"""Computed at once, padding included."""
MOST_NEW = 64
"""Tokens of an answer."""
AT_ONCE = 120
"""Answers written at the same time."""


@torch.inference_mode()
def letter_chances(
    model: Qwen2ForCausalLM, prompts: Prompts, ids: Sequence[list[int]]
) -> np.ndarray:
    """Return the chances of A, B and C among these three as the first token [prompts, 3]."""
    chances = np.zeros((len(ids), 3), np.float32)
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    head = model.lm_head.weight[prompts.letters].float()
    device = head.device
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and len(ids[order[end]]) * (end + 1 - begin) <= TOKENS:
            end += 1
        places = order[begin:end]
        longest = len(ids[places[-1]])
        batch = torch.full((len(places), longest), prompts.pad)
        for row, place in enumerate(places):
            batch[row, : len(ids[place])] = torch.tensor(ids[place])
        states = model.model(input_ids=batch.to(device), use_cache=False).last_hidden_state
        last = torch.tensor([len(ids[place]) - 1 for place in places], device=device)
        logits = functional.linear(
            states[torch.arange(len(places), device=device), last].float(), head
        )
        chances[places] = logits.softmax(-1).cpu().numpy()
        begin = end
    return chances


@torch.inference_mode()
def write_answers(model: Qwen2ForCausalLM, prompts: Prompts, ids: Sequence[list[int]]) -> list[str]:
    """Return what the model writes, greedily."""
    texts = [""] * len(ids)
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    device = model.lm_head.weight.device
    for begin in range(0, len(order), AT_ONCE):
        places = order[begin : begin + AT_ONCE]
        longest = max(len(ids[place]) for place in places)
        batch = torch.full((len(places), longest), prompts.pad)
        mask = torch.zeros_like(batch)
        for row, place in enumerate(places):
            batch[row, longest - len(ids[place]) :] = torch.tensor(ids[place])
            mask[row, longest - len(ids[place]) :] = 1
        written = model.generate(
            input_ids=batch.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=prompts.most_new,
            do_sample=False,
            eos_token_id=prompts.end,
            pad_token_id=prompts.pad,
        )[:, longest:]
        for row, place in enumerate(places):
            tokens = [t for t in written[row].tolist() if t not in {prompts.end, prompts.pad}]
            texts[place] = prompts.decode(tokens)
    return texts


@torch.inference_mode()
def perplexity(model: Qwen2ForCausalLM, ids: Sequence[list[int]]) -> float:
    """Return the perplexity over these texts' tokens."""
    total = 0.0
    count = 0
    for tokens in ids:
        batch = torch.tensor([tokens], device=model.lm_head.weight.device)
        logits = model(input_ids=batch, use_cache=False).logits[0, :-1].float()
        total += float(functional.cross_entropy(logits, batch[0, 1:], reduction="sum"))
        count += len(tokens) - 1
    return float(np.exp(total / max(1, count)))


def measure(
    model: Qwen2ForCausalLM,
    prompts: Prompts,
    data: Path,
    *,
    out: Path,
    name: str,
    few: int | None = None,
) -> None:
    """Measure everything; with `few` that many rows of each."""
    begin = time.time()
    scores: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {}
    for file in ("select", "claims", "test", "relevance"):
        rows = read(data / f"{file}.jsonl.xz")[:few]
        ids = prompts.encode([prompts.text(row) for row in rows])
        scores[file] = letter_chances(model, prompts, ids).astype(np.float16)
        print(f"{name} {file}: {len(ids)} after {time.time() - begin:.0f} s", flush=True)
    answers = read(data / "answers.jsonl.xz")[:few]
    ids = prompts.encode([prompts.text(row) for row in answers])
    facts["answers"] = write_answers(model, prompts, ids)
    plans = read(data / "plans.jsonl.xz")[:few]
    ids = prompts.encode([prompts.text(row) for row in plans])
    facts["plans"] = write_answers(model, prompts, ids)
    texts = prompts.encode([row["text"] for row in read(data / "plain.jsonl.xz")[:few]])
    facts["perplexity"] = perplexity(model, [ids[:600] for ids in texts if len(ids) > 1])
    facts["seconds"] = time.time() - begin
    np.savez_compressed(out / f"{name}.npz", **scores)
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    (out / f"{name}.json").write_text(text, "utf-8")
    print(f"{name}: measured in {facts['seconds']:.0f} s", flush=True)
