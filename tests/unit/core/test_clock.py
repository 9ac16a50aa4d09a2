"""The machine's clocks, in the units that records use."""

from __future__ import annotations

import time

from proxy.core.clock import SystemClock


def test_units() -> None:
    """Wall time in microseconds, monotonic time in nanoseconds, which never goes back."""
    clock = SystemClock()
    assert abs(clock.utc_us() / 1e6 - time.time()) < 5
    assert abs(clock.monotonic_ns() / 1e9 - time.monotonic()) < 5
    readings = [clock.monotonic_ns() for _ in range(100)]
    assert readings == sorted(readings)
