"""Giving a model's memory back while the process lives on."""

from __future__ import annotations

import gc
from contextlib import suppress


def free_models() -> None:
    """Empty every vLLM model of this process, then run vLLM's own clean-up.

    Dropping the references is not enough: registries, hooks of compiled models and C++ caches outlive an engine
    (vLLM #21073, #54162), and a start that failed leaves all of them behind. So weights, KV caches and CUDA graphs are
    emptied, whoever still holds them. (Not buffers: the next model finds a cached rotary embedding again.) No engine
    may be in use.
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
            own = vars(thing)
            cache = own.get("kv_cache")
            caches = cache if isinstance(cache, list | tuple) else [cache]
            for tensor in (
                *own.get("_parameters", {}).values(),
                *caches,
            ):  # it may be half-built itself
                with suppress(RuntimeError, ValueError):  # the others are emptied all the same
                    if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().resizable():
                        tensor.untyped_storage().resize_(0)
    type(current_platform)._global_graph_pool = None  # its number must not be used again
    with suppress(ImportError):  # of newer versions
        from vllm.triton_utils.dispatcher import _registry

        if (
            _registry
        ):  # the CPU's kernels stay registered: a second search for them fails at numba's llvmlite
            type(current_platform).register_triton_kernel_overrides = classmethod(lambda _: None)
    torch._dynamo.reset()
    cleanup_dist_env_and_memory()
