"""What a signal is: sums that one observation adds to, and terms between 0 and 1 that are read off the sums.

Sums only add up and fade. So the sums of several streams, workers or accounts, added, are the sums of all their traffic together,
and a linked group is scored by the very code that scores one client.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import msgspec

from proxy.detection.reading import Reading


class Sums(msgspec.Struct, gc=False):
    """The sums of one scope. `n`: prompts, fading like the sums; `total`: prompts ever. 4 bytes a sum."""

    values: array[float]
    n: float = 0.0
    total: int = 0


Gains = Callable[[Reading], tuple[float, ...]]
Terms = Callable[[tuple[float, ...], Sums], tuple[float, ...]]


class Signal(msgspec.Struct, frozen=True):
    """One signal. `gains` gives what a reading adds, `width` numbers; `read` gets the sums, each divided by the number of prompts
    after shrinking (`SHRINK` prompts that say nothing are added), and gives a value between 0 and 1 for each of `terms`.
    """

    name: str
    terms: tuple[str, ...]
    width: int
    gains: Gains
    read: Terms


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between."""
    return 0.0 if value <= low else 1.0 if value >= high else (value - low) / (high - low)
