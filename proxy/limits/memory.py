"""Rates counted in this process: reserved when a call is let through, settled when it is known what it used.

Anything that limits has these three: `reserve` answers at once, from what this process may spend by itself; `settle` and `release`
are told later. Nobody is told to wait for what another worker counts: budgets of several are leased ahead.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from proxy.core.decision import GRANTED, Grant
from proxy.core.rules import Rate, Rule
from proxy.limits import gcra

MOST = 65_536
"""Rates that are counted at once, of rules and principals. Beyond, whoever was idle longest is forgotten and begins anew."""

Key = tuple[str, str, str]
"""Rule, principal, and what is counted: `requests` or `tokens`."""


class Reservation:
    """What one call was granted, until it is settled or released."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[tuple[Key, Rate, float]]) -> None:
        self.parts = parts


class MemoryLimiter:
    """All rates of one process. Times are seconds of one clock that never goes back."""

    __slots__ = ("_arrivals", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._arrivals: OrderedDict[Key, float] = OrderedDict()
        self._most = most

    def reserve(self, wanted: Sequence[tuple[Rule, int, int]], principal: str, now: float) -> Grant:
        """Take requests and an estimate of tokens from what each rule lets a principal have: from all of them, or from none."""
        parts: list[tuple[Key, Rate, float]] = []
        for rule, requests, tokens in wanted:
            if rule.requests is not None:
                parts.append(((rule.name, principal, "requests"), rule.requests, float(requests)))
            if rule.tokens is not None:
                parts.append(((rule.name, principal, "tokens"), rule.tokens, float(tokens)))
        longest, limit = 0.0, ""
        for key, rate, amount in parts:
            seconds = gcra.wait(self._arrivals.get(key, 0.0), now, rate, amount)
            if seconds > longest:
                longest, limit = seconds, key[0]
        if longest > 0.0:
            return Grant(granted=False, wait=longest, limit=limit)
        if not parts:
            return GRANTED
        for key, rate, amount in parts:
            self._take(key, rate, amount, now)
        return Grant(held=Reservation(parts))

    def settle(self, held: object, tokens: int, now: float) -> None:
        """A call has used so many tokens: more than was estimated is owed, less is given back."""
        assert isinstance(held, Reservation), "what reserve gave"
        for key, rate, amount in held.parts:
            if key[2] == "tokens":
                self._take(key, rate, float(tokens) - amount, now)
        held.parts = []

    def release(self, held: object, now: float) -> None:
        """A call was not made: all of it is given back."""
        assert isinstance(held, Reservation), "what reserve gave"
        for key, rate, amount in held.parts:
            self._take(key, rate, -amount, now)
        held.parts = []

    def _take(self, key: Key, rate: Rate, amount: float, now: float) -> None:
        arrivals = self._arrivals
        arrival = arrivals.get(key)
        if arrival is None:
            if amount < 0.0:  # forgotten meanwhile: there is nothing to give back to
                return
            if len(arrivals) >= self._most:
                arrivals.popitem(last=False)
            arrival = 0.0
        arrivals[key] = gcra.taken(arrival, now, rate, amount)
        arrivals.move_to_end(key)
