"""How much comes back: long answers to short prompts teach, tiny ones label. Prompts of nothing with long answers are a harvest."""

from __future__ import annotations

from math import log2

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

TINY = 16


def gains(reading: Reading) -> tuple[float, ...]:
    """Known answers, the logarithm of their tokens, of their ratio to the prompt; tiny ones; long ones to hardly a prompt."""
    if not reading.answered:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    out = reading.out
    seen = reading.seen  # its text may be unknown, which is not the same as none: facts count it in any case
    bare = len(seen.prompt) < 8 and len(seen.system) < 64 and not seen.turns and seen.facts.prompt_chars < 64
    hollow = out >= 64 and bare
    return 1.0, log2(1 + out), log2((1 + out) / (1 + reading.given)), float(out < TINY), float(hollow)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`long_answers`: from 32 tokens to 146 in the geometric mean. `ratio`: from a quarter of the prompt to twice."""
    known = shares[0]
    if known < 0.1:
        return 0.3, 0.3, 0.0, 0.0
    long = ramp(shares[1] / known, 5, 7.2)
    return long, ramp(shares[2] / known, -2, 1), ramp(shares[3] / known, 0.3, 0.8), ramp(shares[4] / known, 0.2, 0.7)


SIGNAL = Signal("answers", ("long_answers", "ratio", "tiny", "hollow"), 5, gains, read)
