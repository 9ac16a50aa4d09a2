"""Kept-alive connections to one origin.

A connection is looked at before it is used again; when its peer has closed it, another is taken, so that no byte of a request is
ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from proxy.core.errors import UpstreamError
from proxy.core.oneshot import Oneshot
from proxy.wire.deadlines import Deadlines
from proxy.wire.upstream import UpstreamConnection

KEPT_IDLE_SECONDS = 55.0
_MAX_IDLE = 1024

Connect = Callable[[Callable[[], asyncio.Protocol]], Awaitable[tuple[asyncio.Transport, asyncio.Protocol]]]
"""Opens one connection for a protocol made by the factory. Raises: UpstreamError."""


class PoolStats:
    """Counters of one worker's upstream side, over all origins."""

    __slots__ = ("connected", "failed", "open", "reused", "stale")

    def __init__(self) -> None:
        self.connected = 0
        self.reused = 0
        self.failed = 0
        self.stale = 0
        self.open = 0


class Pool:
    """The connections of one origin with one identity (client certificate)."""

    __slots__ = ("_connect", "_connections", "_deadlines", "_given_up", "_idle", "_tasks", "first_byte_seconds", "loop", "stats")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connect: Connect,
        deadlines: Deadlines,
        stats: PoolStats,
        first_byte_seconds: float,
    ) -> None:
        self.loop = loop
        self.stats = stats
        self.first_byte_seconds = first_byte_seconds
        self._connect = connect
        self._deadlines = deadlines
        self._idle: list[UpstreamConnection] = []
        self._connections: set[UpstreamConnection] = set()
        self._tasks: dict[asyncio.Task[None], Oneshot[UpstreamConnection]] = {}
        self._given_up = ""

    def idle(self) -> UpstreamConnection | None:
        """A kept connection for one exchange, the most recently used one first; None when there is none to be trusted."""
        while self._idle and not self._given_up:
            connection = self._idle.pop()
            if connection.usable(self.loop.time()):
                self.stats.reused += 1
                return connection
            self.stats.stale += 1
            connection.transport.abort()
        return None

    async def open(self) -> UpstreamConnection:
        """A new connection for one exchange.

        Raises: UpstreamError when none could be made.
        """
        if self._given_up:
            raise UpstreamError(self._given_up, status=503)
        opened: Oneshot[UpstreamConnection] = Oneshot()
        task = self.loop.create_task(self._open(opened))
        self._tasks[task] = opened  # the loop keeps only a weak reference
        task.add_done_callback(self._tasks.pop)
        return await opened

    async def _open(self, opened: Oneshot[UpstreamConnection]) -> None:
        try:
            _, protocol = await self._connect(lambda: cast("asyncio.Protocol", UpstreamConnection(self)))
        except UpstreamError as error:
            self.stats.failed += 1
            opened.fail(error)
        except Exception as fault:  # noqa: BLE001 - whatever went wrong, an exchange waits for it
            self.stats.failed += 1
            opened.fail(UpstreamError(f"connecting failed: {type(fault).__name__}"))
        else:
            connection = cast("UpstreamConnection", protocol)
            if opened.done:  # given up meanwhile
                connection.transport.abort()
                return
            self.stats.connected += 1
            self.stats.open += 1
            self._connections.add(connection)
            self._deadlines.watched.add(connection)
            opened.set(connection)

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection whose answer is complete."""
        connection.busy = False
        if len(self._idle) >= _MAX_IDLE:
            connection.transport.close()
            return
        connection.free_since = now = self.loop.time()
        connection.deadline = now + KEPT_IDLE_SECONDS
        self._idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """Forget a connection that is gone."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._deadlines.watched.discard(connection)
            self.stats.open -= 1
            if not connection.busy and connection in self._idle:
                self._idle.remove(connection)

    def give_up(self, reason: str) -> None:
        """Let every exchange that still waits for a connection or for its answer's head wait no longer, for good."""
        self._given_up = reason
        for opened in list(self._tasks.values()):
            opened.fail(UpstreamError(reason, status=503))
        for connection in list(self._connections):
            if connection.busy and connection.answer is None:
                connection.give_up(reason)

    def close(self) -> None:
        """Close what is idle; what is busy ends with its answer."""
        for connection in self._idle:
            connection.transport.close()
        self._idle.clear()
