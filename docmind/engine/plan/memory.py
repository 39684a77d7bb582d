"""How much memory a model takes, computed from its configuration before anything is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from docmind.engine.plan.model_facts import ModelFacts
from docmind.hardware import GIB

KV_BYTES = {
    "auto": 2,
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "fp8": 1,
    "fp8_e4m3": 1,
    "fp8_e5m2": 1,
}
"""Bytes of one element of the KV cache; 2 for a type that is not listed."""
BLOCK = 128
"""Windows are whole blocks of this many tokens: a multiple of every attention backend's own."""
SPARE_TOKENS = 8 * BLOCK
"""KV cache beyond the window: vLLM keeps one block to itself, and each sequence leaves its last one
part empty."""
RUNTIME_GIB = 0.75
"""CUDA context with loaded kernels."""
GRAPHS_GIB = 0.5
"""CUDA graphs of three batch sizes. The sum of the two was measured on an H200: the peak of 15.42
GiB less all the other parts (benchmarks/results/h200-qwen3-4b-fp8-dummy-flash-attn.json)."""
FLASHINFER_MIB = 256
"""FlashInfer's workspace, set in the plan; vLLM's default of 394 MiB is for large batches."""
FRAGMENTS = 1.25
"""What the allocator holds for activations, against what they take: measured, 111 KiB a token."""
SAMPLER_BYTES = 20
"""For each word of the vocabulary: logits and probabilities in fp32 (4 bytes each), sorted values
(4 bytes) and their indices (8 bytes)."""
ASSUMED_WEIGHTS_GIB = 5.0
"""Of a model that is not here yet."""


@dataclass(frozen=True)
class MemoryPart:
    """One part of the memory."""

    name: str
    gib: float
    why: str


@dataclass(frozen=True)
class MemoryNeeds:
    """The memory of one configuration on one card (or in RAM)."""

    weights: MemoryPart
    work: tuple[MemoryPart, ...]
    """All but the weights and the KV cache."""
    token_bytes: int
    """KV cache bytes of one token."""

    @property
    def work_gib(self) -> float:
        """The sum of `work`."""
        return sum(part.gib for part in self.work)

    @property
    def fixed_gib(self) -> float:
        """Everything but the KV cache."""
        return sum(part.gib for part in (self.weights, *self.work))

    def largest_window(self, budget_gib: float) -> int:
        """Return the largest window in tokens that the budget holds; 0 if none."""
        tokens = int((budget_gib - self.fixed_gib) * GIB / self.token_bytes) - SPARE_TOKENS
        return max(0, tokens // BLOCK * BLOCK)

    def kv_cache_bytes(self, tokens: int) -> int:
        """Return the KV cache's size for so many tokens, and the spare ones."""
        return (tokens + SPARE_TOKENS) * self.token_bytes

    def budget_gib(self, window: int) -> float:
        """Return the least budget that holds this window, rounded up to a tenth."""
        return math.ceil((self.fixed_gib + self.kv_cache_bytes(window) / GIB) * 10) / 10

    def parts(self, tokens: int) -> tuple[MemoryPart, ...]:
        """Return all parts with a KV cache for so many tokens."""
        kv_cache = MemoryPart(
            name="KV cache",
            gib=self.kv_cache_bytes(tokens) / GIB,
            why=f"{tokens:,} tokens of {self.token_bytes / 1024:.0f} KiB, "
            f"and {SPARE_TOKENS:,} to spare",
        )
        return (self.weights, *self.work, kv_cache)


def memory_needs(
    model: ModelFacts,
    *,
    step_tokens: int,
    sequences: int,
    kv_cache_dtype: str,
    number_bytes: int = 2,
    cards: int = 1,
    gpu: bool,
    cuda_graphs: bool = False,
    flashinfer: bool = False,
) -> MemoryNeeds:
    """Return what a model needs on each card, or in RAM.

    Args:
        step_tokens: tokens computed per engine step.
        sequences: decoded at once.
        number_bytes: of one number of the activations.
        cards: GPUs that share each layer.
        gpu: False: in RAM, without what CUDA takes.
        cuda_graphs: decode with CUDA graphs.
        flashinfer: attention is FlashInfer's.
    """
    work = [
        MemoryPart(
            name="activations",
            gib=FRAGMENTS * step_tokens * number_bytes * _activations(model, cards) / GIB,
            why=f"{step_tokens:,} tokens a step",
        ),
        MemoryPart(
            name="logits and sampler",
            gib=sequences * model.vocab_size * SAMPLER_BYTES / GIB,
            why=f"{sequences} sequences of {model.vocab_size:,} words",
        ),
    ]
    if gpu:
        measured = "measured on an H200"
        work.append(MemoryPart(name="CUDA context and kernels", gib=RUNTIME_GIB, why=measured))
        if cuda_graphs:
            work.append(MemoryPart(name="CUDA graphs", gib=GRAPHS_GIB, why=measured))
    if flashinfer:
        workspace = MemoryPart(
            name="FlashInfer workspace", gib=FLASHINFER_MIB / 1024, why="set by the plan"
        )
        work.append(workspace)
    return MemoryNeeds(
        weights=_weights(model, cards),
        work=tuple(work),
        token_bytes=_kv_cache_bytes_per_token(model, kv_cache_dtype, cards),
    )


def _weights(model: ModelFacts, cards: int) -> MemoryPart:
    if model.weights_bytes:
        gib = model.weights_bytes / GIB / cards
        return MemoryPart(name="weights", gib=gib, why="size of the files")
    gib = ASSUMED_WEIGHTS_GIB / cards
    return MemoryPart(name="weights", gib=gib, why="not here yet: assumed")


def _activations(model: ModelFacts, cards: int) -> int:
    """Return how many numbers of one token's activations are alive together at most."""
    residual = 4 * model.hidden_size  # residual, input, normed input, output
    mlp = 3 * model.intermediate_size  # gate, up, their product
    attention_heads = model.num_attention_heads + 2 * model.num_key_value_heads  # q, k, v
    attention = attention_heads * model.head_dim
    return residual + (mlp + attention) // cards


def _kv_cache_bytes_per_token(model: ModelFacts, kv_cache_dtype: str, cards: int) -> int:
    element = KV_BYTES.get(kv_cache_dtype, 2)
    kv_heads = max(1, model.num_key_value_heads // cards)
    keys_and_values = 2 * kv_heads * model.head_dim
    return model.num_hidden_layers * keys_and_values * element
