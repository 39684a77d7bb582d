"""Who still holds GPU memory after an engine was closed: python3 -m benchmarks.gpu.held [--dummy] [--starts 2]

Starts, asks and closes the engine that the settings ask for, several times in one process; says what the card and
torch hold before and after, and for each large tensor left the shortest chain of references that keeps it.
"""

from __future__ import annotations

import argparse
import gc
import sys
import types
from collections import Counter, deque
from typing import Any

from benchmarks.lab import Memory, ask, loaded, run, user
from docmind.hardware import GIB
from docmind.storage.settings import load_settings

LEAST = 1 << 20
"""Bytes of a tensor worth a word."""


def main() -> None:
    """Load and close as often as asked; say what is held each time."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--dummy", action="store_true", help="random weights for a directory that has only a shape"
    )
    options.add_argument("--starts", type=int, default=2)
    chosen = options.parse_args()
    with Memory() as memory:
        for start in range(1, chosen.starts + 1):
            with loaded(load_settings(), dummy=chosen.dummy) as engine:
                run(ask(engine, user("Name a colour."), 16))
                print(f"start {start}, loaded in {engine.status().load_s} s: {_held(memory)}")
                for attempt in engine.status().attempts:
                    print(f"  failed before: {attempt}")
            del engine
            print(f"start {start}, closed: {_held(memory)}")
            _explain()


def _held(memory: Memory) -> str:
    import torch

    known = f"RAM {memory.ram():.2f} GiB"
    if (vram := memory.vram()) is None:
        return known
    allocated, reserved = torch.cuda.memory_allocated() / GIB, torch.cuda.memory_reserved() / GIB
    pools: Counter[str] = Counter()
    for segment in torch.cuda.memory_snapshot():
        pools[str(segment.get("segment_pool_id"))] += segment["total_size"]
    parts = ", ".join(f"pool {name} {size / GIB:.2f}" for name, size in pools.most_common(6))
    return f"card {vram:.2f} GiB, torch allocated {allocated:.2f}, reserved {reserved:.2f} ({parts}); {known}"


def _explain() -> None:
    """Print the large tensors that are left, the largest first, each with what holds it."""
    import torch
    from torch._subclasses import FakeTensor

    gc.collect()
    kinds = (
        t
        for t in gc.get_objects()
        if issubclass(type(t), torch.Tensor) and not issubclass(type(t), FakeTensor)
    )
    left = {
        t.untyped_storage().data_ptr(): t for t in kinds if t.untyped_storage().nbytes() >= LEAST
    }
    total = sum(t.untyped_storage().nbytes() for t in left.values())
    print(f"  {len(left)} tensors of at least 1 MiB are left, {total / GIB:.2f} GiB together")
    for tensor in sorted(left.values(), key=lambda t: -t.untyped_storage().nbytes())[:5]:
        size = tensor.untyped_storage().nbytes() / (1 << 20)
        print(f"  {size:.0f} MiB {tuple(tensor.shape)} {tensor.dtype} {tensor.device}")
        for link in chain(tensor, ignore=left):
            print(f"      held by {link}")


def chain(thing: Any, ignore: Any = None, most: int = 50_000) -> list[str]:
    """Return who holds a thing, from its holder on to a module or a frame; where it ends before, C++ holds the last."""
    modules = {
        id(vars(m)): name
        for name, m in list(sys.modules.items())
        if isinstance(m, types.ModuleType)
    }
    objects, behind, queue = {id(thing): thing}, {id(thing): 0}, deque([id(thing)])
    own = {id(objects), id(behind), id(queue), id(ignore), id(sys._getframe())}
    last = id(thing)
    while queue and len(objects) < most:
        last = queue.popleft()
        if last in modules or (
            isinstance(objects[last], types.FrameType) and objects[last].f_globals is not globals()
        ):
            break
        for holder in gc.get_referrers(objects[last]):
            at = id(holder)
            ours = isinstance(holder, types.FrameType) and holder.f_globals is globals()
            if at in objects or at in own or ours or type(holder).__name__.endswith("iterator"):
                continue
            objects[at], behind[at] = holder, last
            queue.append(at)
    links = []
    while behind[last]:
        held, last_one = behind[last], objects[last]
        key = ""
        if isinstance(last_one, dict):
            key = next(
                (f"[{name!r}]" for name, value in list(last_one.items()) if id(value) == held), ""
            )
        links.append(
            f"{modules.get(last, '')} {type(last_one).__module__}.{type(last_one).__qualname__}{key}".strip()
        )
        last = held
    return links[::-1]


if __name__ == "__main__":
    main()
