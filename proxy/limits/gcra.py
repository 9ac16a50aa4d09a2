"""The generic cell rate algorithm: one number for each thing that is limited, and no timers.

The number is the theoretical arrival time (ITU-T I.371 annex A): the moment at which everything taken so far would have been
allowed at an even pace. What is taken moves it on; a whole period's worth may be taken at once.
"""

from __future__ import annotations

from proxy.core.rules import Rate

_ROUNDING = 1e-9
"""Sums of fractions may pass the period by so much of it."""


def wait(arrival: float, now: float, rate: Rate, amount: float) -> float:
    """Seconds until `amount` may be taken, 0.0 when that is now. More than the rate's whole count asks for all of it, no more."""
    ahead = max(arrival - now, 0.0) + min(amount, float(rate.count)) * rate.seconds / rate.count
    excess = ahead - rate.seconds
    return excess if excess > rate.seconds * _ROUNDING else 0.0


def taken(arrival: float, now: float, rate: Rate, amount: float) -> float:
    """The arrival time after `amount` was taken; a negative amount gives back, never more than was taken."""
    return max(arrival, now) + amount * rate.seconds / rate.count
