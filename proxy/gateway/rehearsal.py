"""Walks a request as far as its judgement, as the corridor would, without ledger and upstream: what would be judged, and how.

References are not resolved: what a request refers to counts as it does where no index is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, cast

from proxy.core.clock import Clock
from proxy.core.exchange import Caller, Exchange
from proxy.core.oneshot import Oneshot, drive
from proxy.gateway.carrier import Carriers, no_pause
from proxy.gateway.house import House
from proxy.gateway.judges import called
from proxy.gateway.receive import Body, understand
from proxy.ledger.record import Line
from proxy.wire.head import parse_request_head
from proxy.wire.request import Carrier as Connection
from proxy.wire.request import Request


class _Nowhere:
    """A connection that nobody is at the other end of."""

    transport = asyncio.Transport()
    peer = ""
    source = ""
    local_socket = False


class _Unwritten:
    """Takes lines and keeps none."""

    unsynced = 0

    def lines(self, _stream: Any) -> _Unwritten:
        """Where lines of an exchange would go."""
        return self

    def begin(self, _number: int) -> Any:
        """The digest of a line, without salt."""
        return hashlib.sha256()

    def write(self, _lines: Sequence[Line]) -> Oneshot[None]:
        """Done at once."""
        return _done(None)


def rehearse(head: bytes, body: bytes, house: House, clock: Clock, as_caller: Callable[[Caller], Caller]) -> Exchange:
    """The exchange with its facts, call, verdict and decision, as `house` judges it. `as_caller`: who is to be taken for
    the caller.

    Raises: Refused where the gateway would refuse before anybody judges, BadHeadError.
    """
    request = Request(cast("Connection", _Nowhere()), parse_request_head(head, house.gateway.max_headers), clock.monotonic_ns())
    request.body_piece(body)
    request.body_end()
    exchange = Exchange("", clock.utc_us(), clock.monotonic_ns(), request)
    failures: list[BaseException] = []
    drive(_walk(exchange, house, clock, as_caller), failures.append)
    for failure in failures:
        raise failure
    return exchange


async def _walk(exchange: Exchange, house: House, clock: Clock, as_caller: Callable[[Caller], Caller]) -> None:
    exchange.route = house.route(exchange)
    exchange.caller = as_caller(house.identity.recognise(exchange))
    if exchange.caller.refused is not None:
        raise exchange.caller.refused
    exchange.body = Body(exchange.request.take(), spooled=False)
    carrier = None
    if exchange.route.endpoint.carries:
        carrier = Carriers(_Unwritten(), clock, lambda work: _done(work()), no_pause).of(exchange, house)
        exchange.facts = await carrier.read()
    else:
        exchange.facts = understand(exchange)
    house.name_end_user(exchange)
    exchange.call = called(exchange)
    exchange.verdict = house.judges.terms(exchange)
    exchange.decision = house.judges.policy(exchange)
    if carrier is not None:
        carrier.judged.decide()


def _done(value: Any) -> Oneshot[Any]:
    oneshot: Oneshot[Any] = Oneshot()
    oneshot.set(value)
    return oneshot
