"""Answers that come back as prompts of other conversations: evolving, self-play, judging own samples. Agents do it within one."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the last turn holds what the model wrote elsewhere."""
    return (float(reading.fed),)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below a tenth of the prompts, full from half of them."""
    return (ramp(shares[0], 0.1, 0.5),)


SIGNAL = Signal("feedback", ("fed_back",), 1, gains, read)
