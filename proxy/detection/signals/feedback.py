"""Answers that come back as prompts of other conversations: evolving, self-play, judging own samples. Agents do it within one."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.sampling import WARM
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the last turn holds what the model wrote elsewhere; whether it is nothing else; whether what is made of that is to
    differ from time to time.
    """
    temperature = reading.seen.facts.temperature
    varied = reading.fed and temperature is not None and temperature >= WARM
    return float(reading.fed), float(reading.asked_back), float(varied)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`fed_back`: nothing below a tenth of the prompts, full from half of them. `self_asked`, `fed_warm`: the same of those."""
    return tuple(ramp(share, 0.1, 0.5) for share in shares)


SIGNAL = Signal("feedback", ("fed_back", "self_asked", "fed_warm"), 3, gains, read)
