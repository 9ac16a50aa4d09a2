"""How evaluations ask: at temperature 0, with stop sequences or a fixed seed, for few tokens. Clears a little: anyone can."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Temperature 0; stop sequences or a seed; 16 tokens at most."""
    facts = reading.seen.facts
    cold = facts.temperature is not None and facts.temperature < 0.01
    fixed = reading.seen.wishes.stops or (facts.seed is not None and cold)
    return float(cold), float(fixed), float(facts.max_tokens is not None and facts.max_tokens <= 16)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`cold`, `stops`, `short_limit`."""
    return tuple(ramp(share, 0.4, 0.9) for share in shares)


SIGNAL = Signal("measurement", ("cold", "stops", "short_limit"), 3, gains, read)
