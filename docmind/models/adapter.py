"""The adapter that a model is tuned with: added to its weights when they are converted.

A file of `adapters/` holds four tensors for each linear layer NAME that was tuned: NAME.a [rank,
in] and NAME.b [out, rank] in 8 bits, with a float32 scale for each direction of the rank. What is
added to the layer's weight is (b * b_scale) @ (a * a_scale). `training/` makes such files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docmind.models.fetch import sha256_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def merge(model: PreTrainedModel, adapter: Path, sha256: str) -> int:
    """Add an adapter to a model's weights; return how many layers it changed.

    Args:
        model: its weights are changed in place, computed in float32 and rounded once.
        adapter: the file.
        sha256: what the file's must be.

    Raises:
        ValueError: the file is not the one expected, or was made for another model.
    """
    from safetensors.torch import load_file

    if sha256_of(adapter) != sha256:
        raise ValueError(f"{adapter.name} is not the adapter that belongs here; reinstall DocMind")
    tensors = load_file(adapter)
    parameters = dict(model.named_parameters())
    changed = 0
    for key, tensor in tensors.items():
        if not key.endswith(".a"):
            continue
        name = key.removesuffix(".a")
        weight = parameters.get(f"{name}.weight")
        a = tensor.float() * tensors[f"{name}.a_scale"]
        b = tensors[f"{name}.b"].float() * tensors[f"{name}.b_scale"]
        if weight is None or weight.shape != (b.shape[0], a.shape[1]):
            raise ValueError(f"{adapter.name} was made for another model: it has {name}")
        weight.data = (weight.data.float() + b @ a).to(weight.dtype)
        changed += 1
    return changed
