"""Giving a model's memory back while the process lives on."""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def free_models() -> None:
    """Empty every vLLM model of this process, then run vLLM's own clean-up.

    Dropping the references is not enough: registries, hooks of compiled models and C++ caches
    outlive an engine (vLLM #21073, #54162), and a start that failed leaves all of them behind. So
    weights, KV caches and CUDA graphs are emptied, whoever still holds them. (Not buffers: the next
    model finds a cached rotary embedding again.) No engine may be in use.
    """
    import torch._dynamo
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory
    from vllm.platforms import current_platform

    gc.unfreeze()  # vLLM hides what it has built from the collector
    gc.collect()
    if torch.cuda.is_initialized():
        with suppress(RuntimeError):  # a broken device's memory is still given back
            torch.cuda.synchronize()
    for thing in gc.get_objects():
        kind = type(thing)  # isinstance() would wake lazy proxies
        if issubclass(kind, torch.cuda.CUDAGraph):
            with suppress(RuntimeError):
                thing.reset()  # the graphs' shared pool lives as long as any of them
        elif issubclass(kind, torch.nn.Module) and kind.__module__.startswith("vllm."):
            _empty_module(thing)
    type(current_platform)._global_graph_pool = None  # its number must not be used again
    _keep_cpu_kernels_registered()
    torch._dynamo.reset()
    cleanup_dist_env_and_memory()


def _empty_module(module: torch.nn.Module) -> None:
    """Free the memory of a module's own weights and KV cache; it may be half-built itself."""
    import torch

    attributes = vars(module)
    tensors = list(attributes.get("_parameters", {}).values())
    kv_cache = attributes.get("kv_cache")
    if isinstance(kv_cache, list | tuple):
        tensors += kv_cache
    else:
        tensors.append(kv_cache)
    for tensor in tensors:
        with suppress(RuntimeError, ValueError):  # the others are emptied all the same
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().resizable():
                tensor.untyped_storage().resize_(0)


def _keep_cpu_kernels_registered() -> None:
    """Let the next engine use the CPU's kernels as they are registered.

    A second search for them fails at numba's llvmlite. Only newer versions of vLLM register
    kernels.
    """
    from vllm.platforms import current_platform

    with suppress(ImportError):
        from vllm.triton_utils.dispatcher import _registry

        if _registry:
            type(current_platform).register_triton_kernel_overrides = classmethod(_do_nothing)


def _do_nothing(_cls: type) -> None: ...
