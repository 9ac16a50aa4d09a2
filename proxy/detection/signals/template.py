"""A template with slots: pieces that recur while the prompts differ. Nearly every program has one, so it weighs little alone."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """The fixed share of a prompt that never came before."""
    return (reading.fixed if reading.new else 0.0,)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`template`: full when half of the pieces of all prompts recur and the prompts are new."""
    return (ramp(shares[0], 0.05, 0.5),)


SIGNAL = Signal("template", ("template",), 1, gains, read)
