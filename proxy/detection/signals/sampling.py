"""The same prompt sampled again and again at a temperature, by `n`, by a sweep of seeds or by asking anew: best-of-n, reward data.

Repeats after an error are retries, and a fixed set asked for ever is a load test: neither counts.
"""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

WARM = 0.5


def gains(reading: Reading) -> tuple[float, ...]:
    """Several answers at once; the same prompt soon after; a temperature that makes answers differ; new prompts."""
    facts = reading.seen.facts
    cold = facts.temperature is not None and facts.temperature < 0.1
    several = facts.n is not None and facts.n > 1 and (facts.temperature is None or facts.temperature >= WARM)
    warm = facts.temperature is not None and facts.temperature >= WARM
    return (
        float(several),
        float(reading.quick and not cold and not several and not reading.seen.retried),
        float(warm),
        float(reading.new),
    )


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`sampled`: a fifth of the prompts for full weight, while new prompts still come. `warm`: temperature of 0.5 or more."""
    alive = ramp(shares[3], 0.01, 0.04)
    return max(ramp(shares[0], 0.02, 0.2), ramp(shares[1], 0.1, 0.4)) * alive, ramp(shares[2], 0.15, 0.6)


SIGNAL = Signal("sampling", ("sampled", "warm"), 4, gains, read)
