"""Which calls their clients gave up and may ask again: what an SDK repeats because its own time was over counts once.

A call that failed gives back what it took, so asking it again counts anew. Whoever hangs up has asked, and gives nothing back; but
SDKs hang up when their time is over, and say so when they ask again (`x-stainless-retry-count`). Such a header is believed about a
call of the same principal with the same bytes, which was hung up on lately, and as often as SDKs do by default: what it can save
its sender is that one count.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict

from proxy.core.exchange import Exchange
from proxy.gateway.receive import Body
from proxy.wire.request import Request

HEADER = b"x-stainless-retry-count"
TIMES = 2
SECONDS = 120.0
MOST = 8192
_KEY = os.urandom(16)

Call = tuple[str, bytes]


class Retries:
    """Calls by principal and keyed digest of their bytes, the oldest forgotten first."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: OrderedDict[Call, tuple[int, float]] = OrderedDict()

    def given_up(self, exchange: Exchange, now: float) -> None:
        """Its client has left, and may ask again."""
        call = _call(exchange)
        if call is None:
            return
        times, _ = self._left.pop(call, (TIMES, now))
        self._left[call] = (times, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)

    def repeats(self, exchange: Exchange, now: float) -> bool:
        """Whether this asks again what was counted."""
        request: Request | None = exchange.request
        if not self._left or request is None or request.head.values.get(HEADER, b"0") == b"0":
            return False
        call = _call(exchange)
        if call is None or call not in self._left:
            return False
        times, since = self._left[call]
        return times > 0 and now - since <= SECONDS

    def asked_again(self, exchange: Exchange) -> None:
        """It was let through without being counted."""
        call = _call(exchange)
        if call is not None and call in self._left:
            times, since = self._left[call]
            self._left[call] = (times - 1, since)


def _call(exchange: Exchange) -> Call | None:
    """None for what carries lines or is too long to be in memory, and so is counted each time."""
    body: Body | None = exchange.body
    if body is None or not body.whole or body.spooled or exchange.facts.lines or exchange.route.endpoint.carries:
        return None
    return exchange.caller.principal.name, hashlib.blake2b(body.whole, digest_size=16, key=_KEY).digest()
