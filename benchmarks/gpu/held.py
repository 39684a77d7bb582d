"""Who still holds GPU memory after an engine was closed.

    python3 -m benchmarks.gpu.held [--dummy] [--starts 2]

Starts, asks and closes the engine that the settings ask for, several times in one process; says
what the card and torch hold before and after, and for each large tensor left the shortest chain of
references that keeps it.
"""

from __future__ import annotations

import argparse
import gc
import sys
import types
from collections import Counter, deque
from typing import TYPE_CHECKING

from benchmarks.lab import loaded_bench_engine
from docmind.hardware import GIB
from docmind.measurement import run_request, send, user_message
from docmind.monitor.memory import MemoryMonitor
from docmind.storage.settings import load_settings

if TYPE_CHECKING:
    import torch

LEAST_BYTES = 1 << 20
"""A tensor of fewer is not worth a word."""
TENSORS_SHOWN = 5
POOLS_SHOWN = 6
MOST_OBJECTS = 50_000
"""Looked at in the search for who holds a tensor."""


def main() -> None:
    """Load and close as often as asked; say what is held each time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dummy", action="store_true", help="random weights for a directory that has only a shape"
    )
    parser.add_argument("--starts", type=int, default=2)
    options = parser.parse_args()
    with MemoryMonitor() as memory:
        for start in range(1, options.starts + 1):
            with loaded_bench_engine(load_settings(), dummy=options.dummy) as engine:
                run_request(send(engine, user_message("Name a colour."), 16))
                status = engine.status()
                print(f"start {start}, loaded in {status.load_s} s: {held_memory(memory)}")
                for attempt in status.attempts:
                    print(f"  failed before: {attempt}")
            del engine
            print(f"start {start}, closed: {held_memory(memory)}")
            print_holders()


def held_memory(memory: MemoryMonitor) -> str:
    """Return what this process, the card and torch's memory pools hold."""
    import torch

    ram = f"RAM {memory.ram():.2f} GiB"
    vram = memory.vram()
    if vram is None:
        return ram
    pools: Counter[str] = Counter()
    for segment in torch.cuda.memory_snapshot():
        pools[str(segment.get("segment_pool_id"))] += segment["total_size"]
    largest = [f"pool {name} {size / GIB:.2f}" for name, size in pools.most_common(POOLS_SHOWN)]
    allocated = torch.cuda.memory_allocated() / GIB
    reserved = torch.cuda.memory_reserved() / GIB
    return (
        f"card {vram:.2f} GiB, torch allocated {allocated:.2f}, reserved {reserved:.2f} "
        f"({', '.join(largest)}); {ram}"
    )


def large_tensors() -> list[torch.Tensor]:
    """Return the tensors of at least LEAST_BYTES that are left, one a storage."""
    import torch
    from torch._subclasses import FakeTensor

    gc.collect()
    by_storage: dict[int, torch.Tensor] = {}
    for thing in gc.get_objects():
        # `isinstance` would ask the object, and some proxies answer by importing things.
        kind = type(thing)
        if not issubclass(kind, torch.Tensor) or issubclass(kind, FakeTensor):
            continue
        if _bytes(thing) >= LEAST_BYTES:
            by_storage[thing.untyped_storage().data_ptr()] = thing
    return list(by_storage.values())


def _bytes(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage().nbytes())


def print_holders() -> None:
    """Print the large tensors that are left, the largest first, each with what holds it."""
    left = large_tensors()
    total = sum(_bytes(tensor) for tensor in left)
    print(f"  {len(left)} tensors of at least 1 MiB are left, {total / GIB:.2f} GiB together")
    for tensor in sorted(left, key=_bytes, reverse=True)[:TENSORS_SHOWN]:
        mib = _bytes(tensor) / (1 << 20)
        print(f"  {mib:.0f} MiB {tuple(tensor.shape)} {tensor.dtype} {tensor.device}")
        for link in holders(tensor, ignored=left):
            print(f"      held by {link}")


def holders(thing: object, ignored: object = None) -> list[str]:
    """Return who holds a thing, from its holder on to a module or a frame.

    Where it ends before, C++ holds the last. `ignored` does not count as a holder.
    """
    module_names = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType):
            module_names[id(vars(module))] = name

    # A breadth-first search, by the objects' ids: what was found, and what each of them holds.
    objects: dict[int, object] = {id(thing): thing}
    held_by_it: dict[int, int] = {}
    queue = deque([id(thing)])
    # What this search itself keeps is no answer.
    our_own = {id(objects), id(held_by_it), id(queue), id(ignored), id(sys._getframe())}
    last = id(thing)
    while queue and len(objects) < MOST_OBJECTS:
        last = queue.popleft()
        if last in module_names or _is_foreign_frame(objects[last]):
            break
        for holder in gc.get_referrers(objects[last]):
            known = id(holder) in objects or id(holder) in our_own
            if known or _is_own_frame(holder) or type(holder).__name__.endswith("iterator"):
                continue
            objects[id(holder)] = holder
            held_by_it[id(holder)] = last
            queue.append(id(holder))

    links = []
    while last in held_by_it:
        held = held_by_it[last]
        links.append(_describe(objects[last], held, module_names.get(last, "")))
        last = held
    return links[::-1]


def _is_own_frame(thing: object) -> bool:
    return isinstance(thing, types.FrameType) and thing.f_globals is globals()


def _is_foreign_frame(thing: object) -> bool:
    return isinstance(thing, types.FrameType) and thing.f_globals is not globals()


def _describe(holder: object, held: int, module_name: str) -> str:
    """Name a holder and, for a dictionary, the key under which it holds the object `held`."""
    key = ""
    if isinstance(holder, dict):
        for name, value in list(holder.items()):
            if id(value) == held:
                key = f"[{name!r}]"
                break
    kind = type(holder)
    return f"{module_name} {kind.__module__}.{kind.__qualname__}{key}".strip()


if __name__ == "__main__":
    main()
