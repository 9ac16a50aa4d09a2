"""When: no gap that a person would leave, and a move to another model in mid-work. Every server is automated: next to nothing."""

from __future__ import annotations

from math import log2

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Gaps of a person (15 s to an hour), pivots to another model, and the logarithm of the gap."""
    gap = reading.gap
    return float(15 <= gap <= 3600), float(reading.pivot), log2(1 + max(0.0, gap))


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`hurried`: hardly a gap that a person would leave. `pivot`: rare moves, not a mix of models."""
    return 1 - ramp(shares[0], 0.02, 0.4), ramp(shares[1], 0.0, 0.01) * (1 - ramp(shares[1], 0.01, 0.03))


SIGNAL = Signal("timing", ("hurried", "pivot"), 3, gains, read)
