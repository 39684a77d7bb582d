"""What vLLM, the checkpoint and the card allow together; facts for vLLM 0.25 to 0.33, tested against their names."""

from __future__ import annotations

import json
from typing import Any

from docmind.hardware import Hardware

BACKENDS = ("FLASHINFER", "FLASH_ATTN", "TRITON_ATTN")
"""Attention backends on a GPU, the first that works is used."""
REMOVED = {
    "VLLM_ATTENTION_BACKEND": "DOCMIND_ENGINE__ATTENTION_BACKEND replaces it",
    "VLLM_USE_CUDNN_PREFILL": "nothing replaces it",
    "VLLM_USE_V1": "there is no other engine any more",
}
"""Variables that old guides name; every supported vLLM overlooks them without a word."""


def kv_cache_dtype(
    asked: str, backend: str, model_config: dict[str, Any], hardware: Hardware
) -> tuple[str, str]:
    """Return the KV cache type and why: another where checkpoint, card or asked-for attention backend refuse it."""
    quantization = model_config.get("quantization_config") or {}
    method = quantization.get("quant_method")
    is_fp8 = method == "fp8" or (
        method == "compressed-tensors" and '"float"' in json.dumps(quantization)
    )
    if asked.startswith("fp8") and (hardware.compute_capability or (0, 0)) < (8, 9):
        return "auto", "this card has no FP8 arithmetic (compute capability below 8.9)"
    if asked == "fp8_e5m2" and (is_fp8 or not model_config):
        return "fp8_e4m3", "vLLM refuses fp8_e5m2 with FP8 checkpoints; e4m3 takes the same memory"
    if asked == "fp8_e5m2" and backend != "TRITON_ATTN":
        # On an H100 with vLLM 0.25.1 FLASHINFER failed in its plan function: queries are e4m3 there.
        return (
            "auto",
            f"{backend} has no fp8_e5m2, and e4m3 without scales costs this checkpoint its quality (measured)",
        )
    return asked, "legal for this model and card"


def attention_backend(asked: str, kv_dtype: str, hardware: Hardware) -> tuple[str, str]:
    """Return the first attention backend, from the asked one on, that works on this card with this KV cache."""
    if asked not in BACKENDS:
        return asked, "as asked; vLLM knows whether it has it"
    capability = hardware.compute_capability or (0, 0)
    refusals = {"TRITON_ATTN": ""}
    refusals["FLASHINFER"] = "" if hardware.flashinfer else "FlashInfer, nvcc or ninja is missing"
    refusals["FLASH_ATTN"] = (
        "" if capability >= (8, 0) else "FLASH_ATTN needs compute capability 8.0"
    )
    if kv_dtype.startswith("fp8") and capability[0] not in {9, 10}:
        refusals["FLASH_ATTN"] = "FLASH_ATTN has no FP8 KV cache on this card"
    ladder = BACKENDS[BACKENDS.index(asked) :]
    used = next(b for b in ladder if not refusals[b])
    why = "; ".join(refusals[b] for b in ladder[: ladder.index(used)])
    return used, why or "as asked; works on this card"
