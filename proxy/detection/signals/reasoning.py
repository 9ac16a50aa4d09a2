"""Reasoning coerced out: the whole of it to be written down, a beginning of it put into the model's mouth, its language chosen.

`Step by step` alone is what evaluations say too; a model that thinks because it was switched on says nothing at all.
"""

from __future__ import annotations

from proxy.detection import wording
from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Coercion (words or a prefilled thought), mere steps, a language for the reasoning."""
    found, seen = reading.concepts, reading.seen
    prefilled = seen.prefilled and "think" in seen.previous.lower()
    return (
        float(bool(found & wording.COERCE) or prefilled),
        float(bool(found & wording.STEPS)),
        float(bool(found & wording.LANGUAGE)),
    )


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below half of the prompts, full from nine in ten."""
    return tuple(ramp(share, 0.5, 0.9) for share in shares)


SIGNAL = Signal("reasoning", ("coerced", "steps", "thought_language"), 3, gains, read)
