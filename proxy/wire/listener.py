"""What all client connections of a worker share: the application, the bounds, the deadlines, the counters."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from proxy.core.snapshot import GatewayOptions
from proxy.wire.deadlines import Deadlines, Watched
from proxy.wire.proxy_protocol import TrustedPeers
from proxy.wire.request import Request


class WireStats:
    """Counters of one worker's client side."""

    __slots__ = ("bad_heads", "connections", "open_connections", "refused_connections", "requests")

    def __init__(self) -> None:
        self.connections = 0
        self.open_connections = 0
        self.refused_connections = 0
        self.bad_heads = 0
        self.requests = 0


class Drained(Watched, Protocol):
    """A connection as its listener knows it."""

    transport: asyncio.Transport
    parting: bool

    def drain(self) -> None:
        """Close when idle, else after the answer in hand."""
        ...

    def reset(self) -> None:
        """Break the connection at once, so that its end does not look like an answer's."""
        ...


class Listener:
    """One worker's. `sources` counts the open connections of each address that a trusted load balancer named."""

    __slots__ = (
        "application",
        "clock_ns",
        "connections",
        "deadlines",
        "draining",
        "loop",
        "options",
        "parting",
        "refuse",
        "sources",
        "stats",
        "trusted",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: GatewayOptions,
        deadlines: Deadlines,
        clock_ns: Callable[[], int],
        application: Callable[[Request], None],
        refuse: Callable[[int, str], bytes],
    ) -> None:
        """`refuse(status, reason)` makes a whole answer, with `Connection: close`, for what is not a request."""
        self.loop = loop
        self.options = options
        self.deadlines = deadlines
        self.clock_ns = clock_ns
        self.application = application
        self.refuse = refuse
        self.stats = WireStats()
        self.connections: set[Drained] = set()
        self.parting = False
        self.draining = False
        self.sources: Counter[str] = Counter()
        self.trusted = TrustedPeers(options.trusted_proxies)

    def follow(self, options: GatewayOptions) -> None:
        """Take the bounds of a new snapshot; what is bound to a socket stays as it is."""
        self.options = options
        self.trusted = TrustedPeers(options.trusted_proxies)

    def left(self, connection: Drained) -> None:
        """A connection is gone."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self.deadlines.watched.discard(connection)
        self.stats.open_connections -= 1

    def part(self) -> None:
        """Go on serving all that comes, and say with every answer from now on that it is its connection's last."""
        self.parting = True
        for connection in self.connections:
            connection.parting = True

    def drain(self) -> None:
        """No further request is taken on any connection; idle ones are closed now, busy ones after their answer."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()
