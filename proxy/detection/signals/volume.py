"""How much: prompts in all, and today's beside the client's own days before. Says nothing alone; every bulk job is large."""

from __future__ import annotations

from math import log2

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Surge over the own past, 0 to 1 (sixteen times the usual day)."""
    return (reading.surge,)


def read(shares: tuple[float, ...], sums: Sums) -> tuple[float, ...]:
    """`bulk`: 0 up to 8 prompts, 1 from 128. `surge`: mean."""
    return ramp(log2(max(1, sums.total)), 3, 7), shares[0]


SIGNAL = Signal("volume", ("bulk", "surge"), 1, gains, read)
