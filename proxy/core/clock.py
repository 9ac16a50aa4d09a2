"""Time as a value that can be replaced: records carry wall and monotonic time, deadlines use monotonic time alone."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def utc_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds from an arbitrary start that never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    @staticmethod
    def utc_us() -> int:
        """Microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000

    monotonic_ns = staticmethod(time.monotonic_ns)
