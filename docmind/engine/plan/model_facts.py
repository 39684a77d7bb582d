"""What the plan must know of a model: its shape and its weights, read before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docmind.errors import ModelError

JsonObject = Mapping[str, Any]


@dataclass(frozen=True)
class ModelFacts:
    """One model. A model that is not here yet counts like Qwen3-4B: those are the defaults."""

    model: str
    """Directory or hub id."""
    is_here: bool = False
    """Whether its config.json was read."""
    weights_bytes: int = 0
    """Size of its files; 0 if unknown."""
    dtype: str = ""
    """The type of its numbers, as config.json has it; "" if that does not say."""
    num_hidden_layers: int = 36
    hidden_size: int = 2560
    intermediate_size: int = 9728
    num_attention_heads: int = 32
    num_key_value_heads: int = 8
    head_dim: int = 128
    vocab_size: int = 151_936
    max_position_embeddings: int | None = None
    """Its own limit of the window, in tokens."""
    quantization: str | None = None
    """How the checkpoint was quantized (vLLM's `fp8`, `compressed-tensors`); None: it was not."""
    is_fp8: bool = False
    """Whether it holds FP8 numbers, in whichever format."""
    has_block_scales: bool = True
    """Whether its FP8 weights have a scale for each block, as Qwen3's have."""

    @classmethod
    def from_config(cls, model: str, config: JsonObject, weights_bytes: int = 0) -> ModelFacts:
        """Read a config.json's content; an empty one says no more than none."""
        if not config:
            return cls(model=model, weights_bytes=weights_bytes)
        # A model that reads images too describes its language model in a part of its own.
        text: JsonObject = config.get("text_config") or config
        hidden = int(text.get("hidden_size", cls.hidden_size))
        heads = int(text.get("num_attention_heads", cls.num_attention_heads))
        quantization: JsonObject = config.get("quantization_config") or {}
        positions = text.get("max_position_embeddings")
        return cls(
            model=model,
            is_here=True,
            weights_bytes=weights_bytes,
            dtype=str(text.get("dtype") or text.get("torch_dtype") or ""),
            num_hidden_layers=int(text.get("num_hidden_layers", cls.num_hidden_layers)),
            hidden_size=hidden,
            intermediate_size=int(text.get("intermediate_size", cls.intermediate_size)),
            num_attention_heads=heads,
            num_key_value_heads=int(text.get("num_key_value_heads") or heads),
            head_dim=int(text.get("head_dim") or hidden // heads),
            vocab_size=int(text.get("vocab_size", cls.vocab_size)),
            max_position_embeddings=int(positions) if positions else None,
            quantization=quantization.get("quant_method"),
            is_fp8=_is_fp8(quantization),
            has_block_scales=bool(quantization.get("weight_block_size")),
        )


def read_model_facts(model: Path | str) -> ModelFacts:
    """Return what is known of a model's directory, or of a hub id that is not here yet.

    Raises:
        ModelError: its config.json is damaged.
    """
    if not isinstance(model, Path):
        return ModelFacts(model=model)
    try:
        config = json.loads((model / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise ModelError(
            f"{model}/config.json is damaged. Fetch the model again, or choose another."
        ) from exc
    weights_bytes = sum(file.stat().st_size for file in model.glob("*.safetensors"))
    return ModelFacts.from_config(str(model), config, weights_bytes)


def _is_fp8(quantization: JsonObject) -> bool:
    method = quantization.get("quant_method")
    if method == "fp8":
        return True
    if method != "compressed-tensors":
        return False
    # Its groups say of weights, activations and KV cache which type of number they have.
    schemes = [quantization.get("kv_cache_scheme")]
    for group in (quantization.get("config_groups") or {}).values():
        schemes += [group.get("weights"), group.get("input_activations")]
    return any(scheme and scheme.get("type") == "float" for scheme in schemes)
