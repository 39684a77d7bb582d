"""What vLLM, the checkpoint and the card allow together.

Facts for vLLM 0.25 to 0.33, tested against their names.
"""

from __future__ import annotations

from typing import NamedTuple

from docmind.engine.plan.model_facts import ModelFacts
from docmind.hardware import Hardware

BACKENDS = ("FLASHINFER", "FLASH_ATTN", "TRITON_ATTN")
"""Attention backends on a GPU, the first that works is used."""
REMOVED = {
    "VLLM_ATTENTION_BACKEND": "DOCMIND_ENGINE__ATTENTION_BACKEND replaces it",
    "VLLM_USE_CUDNN_PREFILL": "nothing replaces it",
    "VLLM_USE_V1": "there is no other engine any more",
}
"""Variables that old guides name; every supported vLLM overlooks them without a word."""

NAMED_QUANTIZATIONS = {"fp8", "compressed-tensors"}
"""Those that vLLM is told where asked-for and checkpoint agree: it then checks that it reads the
same. Of gptq and awq it knows faster forms, which it does not take if it is told."""

FP8_CAPABILITY = (8, 9)
"""Compute capability from which a card has FP8 arithmetic."""
FIRST_CUTLASS_BLOCK_CAPABILITY = (9, 0)
"""Compute capability from which vLLM has CUTLASS kernels for FP8 weights with a scale a block."""
FLASH_ATTENTION_CAPABILITY = (8, 0)
FLASH_ATTENTION_FP8_MAJORS = {9, 10}
"""Major compute capabilities on which FlashAttention has an FP8 KV cache."""


MARLIN_SWITCH = "VLLM_TEST_FORCE_FP8_MARLIN"
"""Without it vLLM before 0.32 refuses Marlin on cards with FP8 arithmetic; later ones have dropped
it and do as they are told."""
FIRST_WITHOUT_MARLIN_SWITCH = (0, 32)


class Choice(NamedTuple):
    """What is used, and why."""

    used: str
    why: str


def choose_quantization(asked: str, model: ModelFacts) -> Choice:
    """Return how the weights are quantized: as the checkpoint is.

    vLLM could quantize plain weights while it loads them. What that costs in quality is not
    measured, and the memory that the plan computes is that of the files.
    """
    if not model.is_here:
        return Choice("the checkpoint's", "vLLM reads it from the model, which is not here yet")
    if model.quantization is None:
        return Choice("none", "the checkpoint's weights are not quantized")
    if model.quantization == asked:
        return Choice(asked, "the checkpoint is quantized so")
    return Choice(model.quantization, "the checkpoint's own quantization is used")


def choose_kv_cache_dtype(
    asked: str, model: ModelFacts, hardware: Hardware, *, backend: str
) -> Choice:
    """Return the KV cache type.

    It is another than asked for where checkpoint, card or asked-for attention `backend` refuse it.
    """
    capability = hardware.compute_capability or (0, 0)
    if asked.startswith("fp8") and capability < FP8_CAPABILITY:
        return Choice("auto", "this card has no FP8 arithmetic (compute capability below 8.9)")
    if asked != "fp8_e5m2":
        return Choice(asked, "this model and this card support it")
    # A model that is not here yet is taken for the default one, which is FP8.
    if model.is_fp8 or not model.is_here:
        return Choice(
            "fp8_e4m3", "vLLM refuses fp8_e5m2 with FP8 checkpoints; e4m3 takes the same memory"
        )
    if backend != "TRITON_ATTN":
        # On an H100 with vLLM 0.25.1 FLASHINFER failed in its plan function: queries are e4m3
        # there.
        return Choice(
            "auto",
            f"{backend} has no fp8_e5m2, and e4m3 without scales costs this checkpoint its quality"
            " (measured)",
        )
    return Choice(asked, "this model and this card support it")


def choose_attention_backend(asked: str, kv_cache_dtype: str, hardware: Hardware) -> Choice:
    """Return the first attention backend, from the asked one on, that works here.

    On some cards a backend does not work with a KV cache in FP8.
    """
    if asked not in BACKENDS:
        return Choice(asked, "as asked; vLLM knows whether it has it")
    refusals: list[str] = []
    for backend in BACKENDS[BACKENDS.index(asked) :]:
        refusal = _refusal(backend, kv_cache_dtype, hardware)
        if not refusal:
            return Choice(backend, "; ".join(refusals) or "as asked; works on this card")
        refusals.append(refusal)
    raise AssertionError("TRITON_ATTN, the last of the backends, refuses nothing")


def _refusal(backend: str, kv_cache_dtype: str, hardware: Hardware) -> str:
    """Return why a backend does not work here; empty if it does."""
    capability = hardware.compute_capability or (0, 0)
    if backend == "FLASHINFER" and not hardware.flashinfer:
        return "FlashInfer, nvcc or ninja is missing"
    if backend == "FLASH_ATTN":
        if kv_cache_dtype.startswith("fp8") and capability[0] not in FLASH_ATTENTION_FP8_MAJORS:
            return "FLASH_ATTN has no FP8 KV cache on this card"
        if capability < FLASH_ATTENTION_CAPABILITY:
            return "FLASH_ATTN needs compute capability 8.0"
    return ""


def choose_linear_backend(asked: str, model: ModelFacts, hardware: Hardware) -> Choice:
    """Return the kernels that multiply FP8 weights; `vllm` where the choice is vLLM's own.

    Other weights have no such choice.
    """
    capability = hardware.compute_capability or (0, 0)
    if model.is_here and model.quantization != "fp8":
        return Choice("vllm", "only FP8 checkpoints have a choice of kernels")
    if asked != "auto":
        return Choice(asked, "as asked")
    if capability < FP8_CAPABILITY:
        return Choice("vllm", "without FP8 arithmetic vLLM takes Marlin by itself")
    if capability < FIRST_CUTLASS_BLOCK_CAPABILITY and model.has_block_scales:
        return Choice(
            "marlin",
            "vLLM's CUTLASS kernels for FP8 in blocks begin with Hopper; on an H100 those of "
            "Triton, which it would take, write 0.40 times as fast as Marlin's (no card of this "
            "kind was measured)",
        )
    return Choice("vllm", "not measured on this kind of card")


def needs_marlin_switch(linear_backend: str, vllm_version: str) -> bool:
    """Return whether a version of vLLM takes these kernels only with MARLIN_SWITCH set."""
    if linear_backend != "marlin":
        return False
    major, minor = vllm_version.split(".")[:2]
    return (int(major), int(minor)) < FIRST_WITHOUT_MARLIN_SWITCH
