"""Limits counted in this process: reserved when a call is let through, settled when it is known what it used.

Anything that limits has these four: `reserve` answers at once, from what this process may spend by itself; `settle`, `release` and
`ended` are told later. Nobody is told to wait for what another worker counts: budgets of several are leased ahead.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from proxy.core.buckets import CONCURRENT, PROMPTS, Bucket, Key, Part, Reservation, Wanted
from proxy.core.decision import Grant
from proxy.core.rules import Rate
from proxy.limits import gcra
from proxy.limits.opened import BUSY_SECONDS, Opened
from proxy.limits.seen import Seen

MOST = 65_536
"""Rates that are counted at once, of limits and principals. Beyond, whoever was idle longest is forgotten and begins anew."""


class MemoryLimiter:
    """All limits of one process. Times are seconds of one clock that never goes back."""

    __slots__ = ("_arrivals", "_most", "_opened", "_seen")

    def __init__(self, most: int = MOST) -> None:
        self._arrivals: OrderedDict[Key, float] = OrderedDict()
        self._opened = Opened()
        self._seen = Seen()
        self._most = most

    def reserve(self, wanted: Wanted, now: float, prompt: int = 0, *, credit: bool = False) -> Grant:  # noqa: ARG002
        """Take so much from each bucket: from all of them, or from none. `prompt` is the keyed digest of the one prompt that is
        asked, 0 for none or several. `credit` is for those who lease.
        """
        parts: list[Part] = []
        longest = 0.0
        short: Bucket | None = None
        arrivals, counted = self._arrivals, False
        for bucket, amount in wanted:
            if bucket.kind == CONCURRENT:
                counted = True
                seconds = BUSY_SECONDS if self._opened.full(bucket) else 0.0
            elif prompt and bucket.kind == PROMPTS and self._seen.known(bucket.key, prompt, now, bucket.rate.seconds):
                continue
            else:
                parts.append((bucket, amount, 0.0))
                arrival = arrivals.get(bucket.key, 0.0)
                seconds = 0.0 if arrival <= now else gcra.wait(arrival, now, bucket.rate, amount)
            if seconds > longest:
                longest, short = seconds, bucket
        if short is not None:
            return Grant(granted=False, wait=longest, limit=short.told, message=short.message)
        for bucket, amount, _ in parts:
            self._take(bucket.key, bucket.rate, amount, now)
            if prompt and bucket.kind == PROMPTS:
                self._seen.add(bucket.key, prompt, now)
        return Grant(held=Reservation(parts, self._opened.enter(wanted) if counted else []))

    def settle(self, held: Reservation, used: Mapping[str, int], now: float) -> None:
        """A call has used so many tokens of each kind: more than was estimated is owed, less is given back."""
        for bucket, amount, _ in held.parts:
            if bucket.settles:
                self._take(bucket.key, bucket.rate, used[bucket.kind] - amount, now)
        held.parts = []

    def release(self, held: Reservation, now: float) -> None:
        """A call was not made: all that it took is given back. Its prompt stays known: asked again, it counts nothing."""
        for bucket, amount, _ in held.parts:
            if bucket.kind != PROMPTS:
                self._take(bucket.key, bucket.rate, -amount, now)
        held.parts = []
        self._opened.leave(held)

    def ended(self, held: Reservation) -> None:
        """A call is no longer open."""
        self._opened.leave(held)

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
