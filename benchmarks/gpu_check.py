"""Prove the engine's plan on a GPU without weights: does what is used keep to what was computed, and come back?

    DOCMIND_LLM__MODEL=DIRECTORY python -m benchmarks.gpu_check RESULT.json
    DOCMIND_LLM__MODEL=DIRECTORY DOCMIND_ENGINE__ATTENTION_BACKEND=FLASH_ATTN python -m benchmarks.gpu_check RESULT.json

DIRECTORY holds config.json, the tokenizer and an empty model.safetensors as large as the real one (`truncate -s`), so
that the plan counts the weights. Speed and memory are the real model's; the answers are nonsense.

A server on two GPUs, then the same figures through it (its memory is that of the first card):

    DOCMIND_ENGINE__TENSOR_PARALLEL_SIZE=2 ./launch_vllm_fp8.sh --load-format dummy &
    DOCMIND_LLM__BASE_URL=http://127.0.0.1:8000/v1 python -m benchmarks.gpu_check RESULT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.lab import Memory, loaded
from benchmarks.result import result
from benchmarks.speed import engine_figures
from docmind.engine.lifecycle import LadderEngine
from docmind.settings import load_settings

PROMPTS = (1024, 16_384, 120_000)
ANSWER_TOKENS = 256


def main(target: Path) -> None:
    """Load, measure, close, write the result."""
    settings = load_settings()
    here = not settings.llm.base_url
    with Memory() as memory:
        with loaded(settings, own=here, dummy=here) as engine:
            at_load = memory.vram_peak
            figures = engine_figures(engine, memory, PROMPTS, ANSWER_TOKENS)
            status = engine.status()
            if isinstance(engine, LadderEngine) and engine.plan:
                figures["engine.vram_planned_gib"] = engine.plan.memory_gib
                figures["engine.vram_load_peak_gib"] = at_load
        figures["engine.vram_closed_gib"] = memory.vram() or 0.0
    notes = (
        f"dummy weights; end-of-sequence ignored where the engine is in this process. Plan: {'; '.join(status.notes)}"
    )
    notes += "".join(f"; failed: {attempt}" for attempt in status.attempts)
    record = result("python -m benchmarks.gpu_check", figures, notes)
    target.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
