"""One narrow task, answers from given context, or a task of its own, said by the constant part: translating, RAG, code review.

So is testing an assistant: whoever makes up attacks in number, has them answered and judges the answers, tests for safety.
"""

from __future__ import annotations

from proxy.detection import wording
from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the prompt says a narrow task; whether it gives context, and not to make data of; either; whether it has words of its
    own; whether it is about attacks on an assistant.
    """
    found = reading.concepts
    narrow = bool(found & wording.NARROW)
    context = bool(found & wording.CONTEXT or (found & wording.SERVICE and not found & wording.GENERATE))
    own, probes = bool(found & wording.OWN), bool(found & wording.PROBE)
    return float(narrow), float(context), float(narrow or context), float(own), float(probes)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below half of the prompts, full from nine in ten. Of several steps that are each the one or the other, `narrow`.
    `probes`: attacks are made up, answered and judged, so a fifth of the prompts will do; so for `partly_narrow`, of one step.
    """
    narrow, context, either, worded = (ramp(share, 0.5, 0.9) for share in shares[:4])
    return max(narrow, either - context), context, worded, ramp(shares[4], 0.2, 0.6), ramp(shares[0], 0.2, 0.6)


SIGNAL = Signal("narrow_task", ("narrow", "given_context", "worded", "probes", "partly_narrow"), 5, gains, read)
