"""Never-ending new fills: the share of prompts that never came before, and of their pieces that nobody had written."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the prompt is new, and how much of it."""
    return float(reading.new), reading.fresh


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`novelty`: nothing below half of new prompts. `breadth`: how much of each is fresh."""
    return ramp(shares[0], 0.5, 0.95), ramp(shares[1], 0.1, 0.8)


SIGNAL = Signal("novelty", ("novelty", "breadth"), 2, gains, read)
