"""One narrow task, or answers from given context, said by the constant part: translating, classifying, extracting, RAG, support."""

from __future__ import annotations

from proxy.detection import wording
from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the prompt says a narrow task, whether it gives context."""
    return float(bool(reading.concepts & wording.NARROW)), float(bool(reading.concepts & wording.CONTEXT))


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below half of the prompts, full from nine in ten."""
    return ramp(shares[0], 0.5, 0.9), ramp(shares[1], 0.5, 0.9)


SIGNAL = Signal("narrow_task", ("narrow", "given_context"), 2, gains, read)
