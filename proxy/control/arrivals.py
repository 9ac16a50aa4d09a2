"""What was shipped here, for those who read the store: nothing else changes an embedded one, so that they need not ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Arrivals:
    """A number of entries that grows, and a wait until it has. Not for threads."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[Callable[[], None]] = set()

    def add(self, entries: int) -> None:
        """So many more are in the store."""
        if entries:
            self.count += entries
            for wake in list(self._waiting):
                wake()

    async def beyond(self, seen: int, stop: asyncio.Event, seconds: float) -> None:
        """Wait until there are more than `seen`, `stop` is set, or `seconds` have passed."""
        if self.count > seen or stop.is_set():
            return
        more = asyncio.Event()
        waits = [asyncio.ensure_future(more.wait()), asyncio.ensure_future(stop.wait())]
        self._waiting.add(more.set)
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(more.set)
            for each in waits:
                each.cancel()
