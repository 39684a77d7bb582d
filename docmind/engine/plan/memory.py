"""How much memory a model takes, computed from its configuration before anything is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from docmind.hardware import GIB

KV_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}
"""Bytes of one element of the KV cache."""
BLOCK = 128
"""Windows are whole blocks of this many tokens; a multiple of every attention backend's own block size."""
SPARE_TOKENS = 8 * BLOCK
"""KV cache beyond the window: vLLM keeps one block to itself, and each sequence leaves its last one part empty."""
RUNTIME_GIB, GRAPHS_GIB = 0.75, 0.5
"""CUDA context with loaded kernels, and the graphs of three batch sizes. Their sum was measured on an H200
(benchmarks/results/h200-qwen3-4b-fp8-dummy-flash-attn.json): the peak of 15.42 GiB less all the other parts."""
FLASHINFER_MIB = 256
"""FlashInfer's workspace, set in the plan; vLLM's own default of 394 MiB is for batches of hundreds."""
FRAGMENTS = 1.25
"""What the allocator holds for activations, against what they take: from the measured 111 KiB a token."""


@dataclass(frozen=True)
class Share:
    """One part of the memory."""

    part: str
    gib: float
    why: str


@dataclass(frozen=True)
class Needs:
    """The memory of one configuration on one card (or in RAM)."""

    fixed: tuple[Share, ...]
    """All but the KV cache; the weights first."""
    token_bytes: int
    """KV cache bytes of one token."""

    @property
    def fixed_gib(self) -> float:
        """Everything but the KV cache."""
        return sum(share.gib for share in self.fixed)

    def window(self, budget_gib: float) -> int:
        """Return the largest window in tokens that the budget holds; 0 if none."""
        tokens = int((budget_gib - self.fixed_gib) * GIB / self.token_bytes) - SPARE_TOKENS
        return max(0, tokens // BLOCK * BLOCK)

    def kv_bytes(self, tokens: int) -> int:
        """Return the KV cache's size for so many tokens, and the spare ones."""
        return (tokens + SPARE_TOKENS) * self.token_bytes

    def budget_gib(self, window: int) -> float:
        """Return the least budget that holds this window, rounded up to a tenth."""
        return math.ceil((self.fixed_gib + self.kv_bytes(window) / GIB) * 10) / 10

    def table(self, tokens: int) -> tuple[Share, ...]:
        """Return all parts with a KV cache for so many tokens."""
        why = (
            f"{tokens:,} tokens of {self.token_bytes / 1024:.0f} KiB, and {SPARE_TOKENS:,} to spare"
        )
        return (*self.fixed, Share("KV cache", self.kv_bytes(tokens) / GIB, why))


def text_config(model_config: dict[str, Any]) -> dict[str, Any]:
    """Return the language model's part of a config that may describe images too."""
    return model_config.get("text_config") or model_config


def needs(
    model_config: dict[str, Any], weights_bytes: int, args: dict[str, Any], *, gpu: bool
) -> Needs:
    """Return what a model needs on each card, or in RAM; one that is not known yet counts like Qwen3-4B.

    Args:
        args: vLLM's arguments so far: max_num_batched_tokens, max_num_seqs, kv_cache_dtype, enforce_eager and, on a
            GPU, attention_backend and tensor_parallel_size (cards that share each layer).
    """
    config, cards = text_config(model_config), args.get("tensor_parallel_size", 1)
    hidden, inner = int(config.get("hidden_size", 2560)), int(config.get("intermediate_size", 9728))
    heads = int(config.get("num_attention_heads", 32))
    kv_heads = int(config.get("num_key_value_heads") or (heads if config else 8))
    head_dim = int(config.get("head_dim") or (hidden // heads if config else 128))
    vocabulary = int(config.get("vocab_size", 151_936))
    step, sequences = args["max_num_batched_tokens"], args["max_num_seqs"]
    # Alive together at most, two bytes each: residual, input, normed input, output; gate, up, their product; q, k, v.
    a_token = 2 * (4 * hidden + (3 * inner + (heads + 2 * kv_heads) * head_dim) // cards)
    # Logits and probabilities in fp32, sorted values (4 bytes) and their indices (8).
    choice = sequences * vocabulary * 20
    weights = weights_bytes / GIB if weights_bytes else 5.0
    fixed = [
        Share(
            "weights",
            weights / cards,
            "size of the files" if weights_bytes else "not here yet: assumed",
        ),
        Share("activations", FRAGMENTS * step * a_token / GIB, f"{step:,} tokens a step"),
        Share("logits and sampler", choice / GIB, f"{sequences} sequences of {vocabulary:,} words"),
    ]
    if gpu:
        fixed.append(Share("CUDA context and kernels", RUNTIME_GIB, "measured on an H200"))
    if gpu and not args["enforce_eager"]:
        fixed.append(Share("CUDA graphs", GRAPHS_GIB, "measured on an H200"))
    if args.get("attention_backend") == "FLASHINFER":
        fixed.append(Share("FlashInfer workspace", FLASHINFER_MIB / 1024, "set by the plan"))
    element = KV_BYTES.get(args["kv_cache_dtype"], 2)
    layers = int(config.get("num_hidden_layers", 36))
    return Needs(tuple(fixed), 2 * layers * max(1, kv_heads // cards) * head_dim * element)
