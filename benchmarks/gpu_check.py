"""Prove the engine on a GPU without weights: a model's shape with dummy weights, through DocMind's own engine and plan.

    DOCMIND_LLM__MODEL=DIRECTORY python -m benchmarks.gpu_check RESULT.json
    DOCMIND_LLM__MODEL=DIRECTORY DOCMIND_ENGINE__ATTENTION_BACKEND=FLASH_ATTN python -m benchmarks.gpu_check RESULT.json

DIRECTORY holds config.json, the tokenizer and an empty model.safetensors as large as the real one (`truncate -s`), so
that the plan counts the weights. Speed and memory are the real model's; the answers are nonsense.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pynvml

from benchmarks import measure
from benchmarks.result import result
from docmind.engine import vllm_engine
from docmind.engine.hardware import GIB
from docmind.engine.models import Catalog
from docmind.engine.plan import EnginePlan, plan_for
from docmind.engine.request import Request
from docmind.settings import Settings, load_settings

PROMPTS = (1024, 16_384, 120_000)
ANSWER_TOKENS = 256


class Vram:
    """GPU memory in use beyond what was in use at the start, in GiB, and its peak."""

    def __enter__(self) -> Vram:
        pynvml.nvmlInit()
        self._card = pynvml.nvmlDeviceGetHandleByIndex(0)
        self._base = self.peak = 0.0
        self._base = self.now()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def now(self) -> float:
        """Return what is in use now, in GiB."""
        return float(pynvml.nvmlDeviceGetMemoryInfo(self._card).used) / GIB - self._base

    def _sample(self) -> None:
        while not self._ended.wait(0.01):
            self.peak = max(self.peak, self.now())


class DummyEngine(vllm_engine.VllmEngine):
    """Generates to the end: dummy weights may write the end-of-turn token at any moment."""

    def _add(self, request: Request) -> None:
        request.params["ignore_eos"] = True
        super()._add(request)

    @property
    def plan(self) -> EnginePlan:
        """The plan that runs."""
        assert self._plan is not None
        return self._plan


def dummy_plan(settings: Settings, catalog: Catalog, lowered: Mapping[str, Any] | None = None) -> EnginePlan:
    """Return DocMind's own plan, with dummy weights."""
    plan = plan_for(settings, catalog, lowered)
    return replace(plan, args=plan.args | {"load_format": "dummy"})


def main(target: Path) -> None:
    """Load, measure twice, write the result: the first time shows what a new prompt length costs the first time."""
    settings = load_settings()
    vllm_engine.plan_for = dummy_plan  # type: ignore[attr-defined]
    with Vram() as vram:
        engine = DummyEngine(settings, Catalog(settings.models_dir))
        engine.start()
        engine.wait_ready()
        loaded, at_load = vram.now(), vram.peak
        cold = measure.engine(engine, PROMPTS, ANSWER_TOKENS)
        target.write_text(json.dumps(cold), "utf-8")  # in case the rest fails
        # other lengths are other texts: the second round finds nothing in the prefix cache
        figures = measure.engine(engine, [n + 8 for n in PROMPTS], ANSWER_TOKENS)
        figures |= {n.replace("ttft_s", "cold_ttft_s"): v for n, v in cold.items() if n.startswith("engine.ttft_s")}
        figures |= {"engine.vram_loaded_gib": loaded, "engine.vram_load_peak_gib": at_load}
        figures |= {"engine.vram_peak_gib": vram.peak, "engine.vram_planned_gib": engine.plan.memory_gib}
        figures |= {f"engine.load_s.{name.replace(' ', '_')}": s for name, s in engine.status().stages}
        notes = f"dummy weights; end-of-sequence ignored. Plan: {'; '.join(engine.status().notes)}"
        notes += "".join(f"; failed: {attempt}" for attempt in engine.status().attempts)
        engine.close()
        figures["engine.vram_closed_gib"] = vram.now()
    record = result("python -m benchmarks.gpu_check", figures, notes)
    target.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
