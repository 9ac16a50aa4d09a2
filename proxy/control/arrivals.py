"""What was shipped here, for those who read the store: nothing else changes an embedded one, so that they need not ask it."""

from __future__ import annotations

import asyncio

from proxy.control.waiting import first_of


class Arrivals:
    """A number of entries that grows, and a wait until it has. Not for threads."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Event] = set()

    def add(self, entries: int) -> None:
        """So many more are in the store."""
        if entries:
            self.count += entries
            for each in self._waiting:
                each.set()

    async def beyond(self, seen: int, stop: asyncio.Event, seconds: float) -> None:
        """Wait until there are more than `seen`, `stop` is set, or `seconds` have passed."""
        if self.count > seen:
            return
        more = asyncio.Event()
        self._waiting.add(more)
        try:
            await first_of(more, stop, seconds=seconds)
        finally:
            self._waiting.discard(more)
