"""A turn's events for somebody who may hang up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

from docmind.events import ChatEvent
from docmind.turns import Turn


async def follow(turn: Turn) -> AsyncIterator[ChatEvent]:
    """Yield every event of a turn; stop the turn if the follower leaves before its end."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[ChatEvent | None] = asyncio.Queue()

    def read() -> None:
        # The loop is closed where the API was ended while somebody followed.
        with suppress(RuntimeError):
            for event in turn.stream():
                loop.call_soon_threadsafe(events.put_nowait, event)
            loop.call_soon_threadsafe(events.put_nowait, None)

    threading.Thread(target=read, name="follower", daemon=True).start()
    try:
        while True:
            event = await events.get()
            if event is None:
                return
            yield event
    finally:
        if not turn.done:
            turn.stop()
