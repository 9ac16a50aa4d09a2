"""Which programs speak like this: those that make data for a model, or others, by all words of the constant part (`lexicon`)."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """How far the words lean to making data, and how far to anything else."""
    return max(0.0, reading.leaning), max(0.0, -reading.leaning)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below a mean of 0.15, full from 0.6."""
    return tuple(ramp(share, 0.15, 0.6) for share in shares)


SIGNAL = Signal("leaning", ("data_words", "other_words"), 2, gains, read)
