"""Deadlines for many connections by one timer: each sets a number, a sweep every half second asks who is late.

A timer per connection and state change costs about 1 µs each time; deadlines of seconds do not need its precision.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Protocol

NEVER = float("inf")
SWEEP_SECONDS = 0.5
_SLICE = 2000


class Watched(Protocol):
    """A connection with a deadline, in seconds of the loop's clock."""

    deadline: float

    def expire(self) -> None:
        """The deadline has passed. May be called again if it stays in the past."""
        ...


class Deadlines:
    """The connections under watch. Sweeps in slices, so that ten thousand connections do not hold the loop for more than 1 ms."""

    __slots__ = ("_loop", "_timer", "watched")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.watched: set[Watched] = set()
        self._timer: asyncio.Handle = loop.call_later(SWEEP_SECONDS, self._begin)

    def close(self) -> None:
        """Stop sweeping."""
        self._timer.cancel()

    def _begin(self) -> None:
        self._sweep(list(self.watched), 0)

    def _sweep(self, watched: list[Watched], start: int) -> None:
        now = self._loop.time()
        for connection in islice(watched, start, start + _SLICE):
            if connection.deadline < now:
                connection.expire()
        if start + _SLICE < len(watched):
            self._timer = self._loop.call_soon(self._sweep, watched, start + _SLICE)
        else:
            self._timer = self._loop.call_later(SWEEP_SECONDS, self._begin)
