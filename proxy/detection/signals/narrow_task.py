"""One narrow task, answers from given context, or a task of its own, said by the constant part: translating, RAG, code review."""

from __future__ import annotations

from proxy.detection import wording
from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the prompt says a narrow task; whether it gives context, and not to make data of; either; whether it has words of its
    own.
    """
    found = reading.concepts
    narrow = bool(found & wording.NARROW)
    context = bool(found & wording.CONTEXT or (found & wording.SERVICE and not found & wording.GENERATE))
    return float(narrow), float(context), float(narrow or context), float(bool(found & wording.OWN))


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below half of the prompts, full from nine in ten. Of several steps that are each the one or the other, `narrow`."""
    narrow, context, either, worded = (ramp(share, 0.5, 0.9) for share in shares)
    return max(narrow, either - context), context, worded


SIGNAL = Signal("narrow_task", ("narrow", "given_context", "worded"), 4, gains, read)
