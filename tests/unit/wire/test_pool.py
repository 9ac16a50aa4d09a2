"""Kept-alive connections: which one is taken, which one never."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from proxy.core.errors import UpstreamError
from proxy.core.oneshot import drive
from proxy.wire import pool as pools
from proxy.wire.deadlines import Deadlines
from proxy.wire.pool import KEPT_IDLE_SECONDS, Pool, PoolStats
from proxy.wire.upstream import UpstreamConnection
from tests.unit.wire.faked import Callee, FakeLoop, FakeTransport

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Nobody:
    """A sink that forgets."""

    def answer_piece(self, piece: bytes) -> None:
        """Forget."""

    def answer_end(self) -> None:
        """Forget."""

    def answer_broken(self, reason: str) -> None:
        """Forget."""


@pytest.fixture
def callee() -> Iterator[Callee]:
    """A pool whose connections have real sockets to be asked whether their peer is still there."""
    pairs: list[tuple[socket.socket, socket.socket]] = []
    made = Callee()

    def connected(transport: FakeTransport) -> None:
        ours, theirs = socket.socketpair()
        pairs.append((ours, theirs))
        transport.socket = ours  # type: ignore[assignment]
        transport.on_write = lambda _: None

    made.on_connect = connected
    made.peers = pairs  # type: ignore[attr-defined]
    yield made
    for pair in pairs:
        for end in pair:
            end.close()


def begin(connection: UpstreamConnection) -> UpstreamConnection:
    """Take it for an exchange."""
    connection.begin(no_body=False, first_byte_seconds=900, interim=lambda _: None)
    connection.send(b"GET / HTTP/1.1\r\n\r\n", last=True)
    return connection


def complete(connection: UpstreamConnection) -> None:
    """The answer comes whole."""
    connection.data_received(EMPTY)
    connection.attach(Nobody())


def test_reused(callee: Callee) -> None:
    """A connection serves one exchange after the other."""
    first = begin(callee.acquire())
    complete(first)
    assert callee.acquire() is first
    assert (callee.stats.connected, callee.stats.reused, callee.stats.open) == (1, 1, 1)


def test_most_recent_first(callee: Callee) -> None:
    """The connection used last is used next, so that the others can grow old."""
    first, second = begin(callee.acquire()), begin(callee.acquire())
    complete(second)
    complete(first)
    assert callee.acquire() is first


def test_busy_is_not_shared(callee: Callee) -> None:
    """A connection in use is never given to another exchange."""
    assert begin(callee.acquire()) is not begin(callee.acquire())


def test_stale_is_not_used(callee: Callee) -> None:
    """A connection whose peer has closed it unheard is not used: no byte of a request is ever sent twice."""
    connection = begin(callee.acquire())
    complete(connection)
    callee.loop.pass_time(1)
    callee.peers[0][1].close()  # type: ignore[attr-defined]
    transport = callee.transports[0]
    before = bytes(transport.taken)
    fresh = callee.acquire()
    assert fresh is not connection
    assert bytes(transport.taken) == before
    assert (callee.stats.stale, callee.stats.connected) == (1, 2)


def test_closed_is_not_used(callee: Callee) -> None:
    """A connection that the loop knows to be lost is forgotten."""
    connection = begin(callee.acquire())
    complete(connection)
    callee.transports[0].end()
    assert callee.acquire() is not connection
    assert callee.stats.open == 1


def test_idle_is_closed(callee: Callee) -> None:
    """A connection that nobody uses is closed before upstreams would do it."""
    connection = begin(callee.acquire())
    complete(connection)
    callee.loop.pass_time(KEPT_IDLE_SECONDS - 1)
    assert not callee.transports[0].closing
    callee.loop.pass_time(2)
    assert callee.transports[0].lost
    assert callee.stats.open == 0
    assert not callee.deadlines.watched


def test_idle_after_a_body_in_parts(callee: Callee) -> None:
    """Nor does it matter for that how the last answer came."""
    connection = begin(callee.acquire())
    callee.transports[0].feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    connection.attach(Nobody())
    callee.transports[0].feed(b"{}")
    callee.loop.pass_time(KEPT_IDLE_SECONDS + 1)
    assert callee.transports[0].lost


def test_idle_connections_are_bounded(callee: Callee, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many are kept."""
    monkeypatch.setattr(pools, "_MAX_IDLE", 1)
    pair = [begin(callee.acquire()), begin(callee.acquire())]
    for connection in pair:
        complete(connection)
    callee.loop.run()
    assert [transport.lost for transport in callee.transports] == [False, True]


def test_connecting_fails(callee: Callee) -> None:
    """Whoever waits for a connection is told why there is none; the next may have more luck."""
    callee.fails = UpstreamError("the name is unknown")
    with pytest.raises(UpstreamError, match="unknown"):
        callee.acquire()
    callee.fails = ZeroDivisionError()
    with pytest.raises(UpstreamError, match="connecting failed: ZeroDivisionError"):
        callee.acquire()
    callee.fails = None
    begin(callee.acquire())
    assert (callee.stats.failed, callee.stats.connected) == (2, 1)


def test_close(callee: Callee) -> None:
    """Closing the pool closes what is idle; what is busy ends with its answer."""
    idle, busy = begin(callee.acquire()), begin(callee.acquire())
    complete(idle)
    callee.pool.close()
    callee.loop.run()
    assert [transport.lost for transport in callee.transports] == [True, False]
    complete(busy)
    assert not callee.transports[1].closing


def test_give_up(callee: Callee) -> None:
    """Giving up ends the exchanges that wait for a head, no others."""
    idle, waiting = begin(callee.acquire()), begin(callee.acquire())
    complete(idle)
    callee.pool.give_up("the proxy is shutting down")
    assert waiting.head.done
    assert not callee.transports[0].closing
    assert callee.pool.idle() is None
    with pytest.raises(UpstreamError, match="shutting down") as given_up:
        callee.acquire()
    assert given_up.value.status == 503


async def test_give_up_connecting() -> None:
    """So it does those that wait for a connection; one that is made afterwards is nobody's, and is closed."""
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    made: list[FakeTransport] = []

    async def connect(factory: Callable[[], asyncio.Protocol]) -> tuple[asyncio.Transport, asyncio.Protocol]:
        await called.wait()
        protocol = factory()
        made.append(FakeTransport(FakeLoop(), protocol))
        protocol.connection_made(made[0])
        return made[0], protocol

    pool = Pool(loop, connect, Deadlines(loop), PoolStats(), 900)
    told: list[BaseException] = []

    async def walk() -> None:
        await pool.open()

    drive(walk(), told.append)
    pool.give_up("the proxy is shutting down")
    assert isinstance(told[0], UpstreamError)
    assert told[0].status == 503
    called.set()
    await asyncio.gather(*pool._tasks)
    assert made[0].aborted
    assert pool.stats.open == 0
