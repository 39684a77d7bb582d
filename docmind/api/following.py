"""Events that come in a thread, for a coroutine that may be cancelled before the last one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from docmind.events import ChatEvent
from docmind.turns import Turn

_T = TypeVar("_T")


@dataclass
class _Item(Generic[_T]):
    value: _T


@dataclass
class _End:
    error: Exception | None = None


async def in_thread(iterate: Callable[[], Generator[_T]]) -> AsyncIterator[_T]:
    """Yield what a blocking generator yields, which runs in a thread.

    If the reader leaves, the generator is closed before its next item.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[_Item[_T] | _End] = asyncio.Queue()
    left = threading.Event()

    def tell(item: _Item[_T] | _End) -> None:
        # The loop is closed where its program ends while somebody reads.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(items.put_nowait, item)

    def read() -> None:
        try:
            with closing(iterate()) as generator:
                for value in generator:
                    if left.is_set():
                        return
                    tell(_Item(value))
        except Exception as exc:  # noqa: BLE001 - the reader gets it
            tell(_End(exc))
        else:
            tell(_End())

    threading.Thread(target=read, name="follower", daemon=True).start()
    try:
        while True:
            item = await items.get()
            if isinstance(item, _Item):
                yield item.value
            elif item.error is not None:
                raise item.error
            else:
                return
    finally:
        left.set()


async def follow(turn: Turn) -> AsyncIterator[ChatEvent]:
    """Yield every event of a turn; stop the turn if the follower leaves before its end."""
    try:
        async for event in in_thread(turn.stream):
            yield event
    finally:
        if not turn.done:
            turn.stop()
