"""Low-rank adapters beside frozen linear layers, and how they are stored in 8 bits.

Stored, an adapter is four tensors for each linear layer NAME of the model: NAME.a [rank, in] and
NAME.b [out, rank] as int8, NAME.a_scale [rank, 1] and NAME.b_scale [1, rank] as float32. The
layer's weight plus (b * b_scale) @ (a * a_scale) is the tuned one; `docmind.models.adapter` adds
it.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

TUNED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SCALE = 2.0
"""What the adapter's output is multiplied by (alpha over rank)."""


class Switch:
    """Whether the adapters take part: off, the model is the untuned one."""

    on = True


class LoraLinear(nn.Module):
    """A frozen linear layer with its adapter; the adapter begins at nothing."""

    def __init__(self, base: nn.Linear, rank: int, switch: Switch) -> None:
        super().__init__()
        self.base = base
        self._switch = switch
        device = base.weight.device
        start = torch.randn(rank, base.in_features, device=device) / math.sqrt(base.in_features)
        self.a = nn.Parameter(start)
        self.b = nn.Parameter(torch.zeros(base.out_features, rank, device=device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output plus the adapter's."""
        y = self.base(x)
        if not self._switch.on:
            return y
        low = functional.linear(x, self.a.to(x.dtype))
        return y + functional.linear(low, (self.b * SCALE).to(x.dtype))


def add_adapters(model: nn.Module, rank: int, switch: Switch) -> dict[str, LoraLinear]:
    """Put an adapter beside every linear layer that is tuned; return them by the layers' names."""
    model.requires_grad_(requires_grad=False)
    adapters: dict[str, LoraLinear] = {}
    for name, module in list(model.named_modules()):
        for child, linear in list(module.named_children()):
            if isinstance(linear, nn.Linear) and child in TUNED:
                adapter = LoraLinear(linear, rank, switch)
                setattr(module, child, adapter)
                adapters[f"{name}.{child}"] = adapter
    return adapters


def packed(adapters: dict[str, LoraLinear]) -> dict[str, torch.Tensor]:
    """Return the adapters' tensors in 8 bits, a scale for each of the rank's directions."""
    tensors: dict[str, torch.Tensor] = {}
    for name, adapter in adapters.items():
        a = adapter.a.detach().float()
        b = adapter.b.detach().float() * SCALE
        a_scale = (a.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-12)
        b_scale = (b.abs().amax(dim=0, keepdim=True) / 127).clamp(min=1e-12)
        tensors[f"{name}.a"] = (a / a_scale).round().to(torch.int8).cpu()
        tensors[f"{name}.a_scale"] = a_scale.cpu()
        tensors[f"{name}.b"] = (b / b_scale).round().to(torch.int8).cpu()
        tensors[f"{name}.b_scale"] = b_scale.cpu()
    return tensors


@torch.no_grad()
def unpack(adapters: dict[str, LoraLinear], tensors: dict[str, torch.Tensor]) -> None:
    """Let adapters begin as packed ones are."""
    for name, adapter in adapters.items():
        device = adapter.base.weight.device
        a = tensors[f"{name}.a"].float() * tensors[f"{name}.a_scale"]
        b = tensors[f"{name}.b"].float() * tensors[f"{name}.b_scale"] / SCALE
        adapter.a.copy_(a.to(device))
        adapter.b.copy_(b.to(device))


@torch.no_grad()
def merge(adapters: dict[str, LoraLinear], tensors: dict[str, torch.Tensor], sign: int = 1) -> None:
    """Add the packed adapters to the weights, as a conversion does."""
    for name, adapter in adapters.items():
        device = adapter.base.weight.device
        a = tensors[f"{name}.a"].to(device).float() * tensors[f"{name}.a_scale"].to(device)
        b = tensors[f"{name}.b"].to(device).float() * tensors[f"{name}.b_scale"].to(device)
        weight = adapter.base.weight
        weight.copy_((weight.float() + sign * (b @ a)).to(weight.dtype))
