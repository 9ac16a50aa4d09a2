"""A finite set, run again: clears evaluation suites, regression tests and load tests, which ask the same questions another day."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the prompt came long before; whether it is new."""
    return float(reading.late), float(reading.new)


def read(shares: tuple[float, ...], sums: Sums) -> tuple[float, ...]:
    """`finite_set`: late repeats, or prompts that have stopped being new at all."""
    stopped = 1.0 if sums.n >= 48 and shares[1] < 0.02 else 0.0
    return (max(ramp(shares[0], 0.1, 0.5), stopped),)


SIGNAL = Signal("finite_set", ("finite_set",), 2, gains, read)
