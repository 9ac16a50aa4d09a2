"""A loop and transports that exist only in memory: the wire runs from bytes, and time passes when a test says so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast

from proxy.core.oneshot import drive
from proxy.core.snapshot import GatewayOptions
from proxy.gateway.refusal import not_a_request
from proxy.wire.deadlines import Deadlines
from proxy.wire.listener import Listener
from proxy.wire.pool import Pool, PoolStats
from proxy.wire.request import Request
from proxy.wire.server import ServerConnection
from proxy.wire.upstream import UpstreamConnection

GET = b"GET /openai/v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
LONG = b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class FakeHandle:
    """What `call_soon` and `call_later` give."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        """The callback will not be called."""
        self.cancelled = True


class FakeTask:
    """A coroutine that ran to its end when it was made."""

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """It is done."""
        callback(self)


class FakeLoop:
    """The parts of an event loop that the wire uses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.on_turn: Callable[[], None] = lambda: None
        self._soon: deque[tuple[FakeHandle, Callable[..., None], tuple[Any, ...]]] = deque()
        self._later: list[tuple[float, FakeHandle, Callable[..., None], tuple[Any, ...]]] = []

    def time(self) -> float:
        """Seconds."""
        return self.now

    def call_soon(self, callback: Callable[..., None], *args: Any) -> FakeHandle:
        """Queue a callback for `run`."""
        handle = FakeHandle()
        self._soon.append((handle, callback, args))
        return handle

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> FakeHandle:
        """Queue a callback for `run` once time has passed."""
        handle = FakeHandle()
        self._later.append((self.now + delay, handle, callback, args))
        return handle

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> FakeTask:
        """Run a coroutine that never really waits."""
        try:
            coroutine.send(None)
        except StopIteration:
            return FakeTask()
        raise AssertionError("the coroutine waits")

    def run(self) -> None:
        """Call what is due until nothing is."""
        while self._soon:
            handle, callback, args = self._soon.popleft()
            if not handle.cancelled:
                callback(*args)
                self.on_turn()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and call what became due on the way."""
        until = self.now + seconds
        while due := [entry for entry in self._later if entry[0] <= until]:
            first = min(due, key=lambda entry: entry[0])
            self._later.remove(first)
            self.now = max(self.now, first[0])
            if not first[1].cancelled:
                first[2](*first[3])
                self.on_turn()
            self.run()
        self.now = until
        self.run()


class FakeSocket:
    """Remembers the options that were set."""

    def __init__(self) -> None:
        self.options: list[tuple[int, int, bytes]] = []

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        """Remember."""
        self.options.append((level, name, value))


class FakeTransport(asyncio.Transport):
    """One end of a connection. `taken` is what the peer has; with `stuck` written bytes stay in the buffer."""

    def __init__(self, loop: FakeLoop, protocol: asyncio.Protocol, peername: Any = ("192.0.2.7", 40000)) -> None:
        super().__init__()
        self._loop = loop
        self._peername = peername
        self.protocol = protocol
        self.socket = FakeSocket()
        self.taken = bytearray()
        self.buffered = bytearray()
        self.stuck = False
        self.closing = False
        self.aborted = False
        self.lost = False
        self.reading = True
        self.eof = False
        self.on_write: Callable[[bytes], None] | None = None
        self._paused_writing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Peer name and socket."""
        return {"peername": self._peername, "socket": self.socket}.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The limit is always 64 KiB here."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another takes what the peer sends."""
        self.protocol = cast("asyncio.Protocol", protocol)

    def get_write_buffer_size(self) -> int:
        """Bytes the peer has not taken."""
        return len(self.buffered)

    def write(self, data: bytes) -> None:  # type: ignore[override]
        """Give bytes to the peer, or keep them when it is stuck."""
        assert not self.eof
        if self.lost or self.aborted:
            return
        if self.on_write is not None:
            self.on_write(data)
        if not self.stuck:
            self.taken += data
            return
        self.buffered += data
        if len(self.buffered) > 65536 and not self._paused_writing:
            self._paused_writing = True
            self.protocol.pause_writing()

    def unstick(self) -> None:
        """The peer takes everything."""
        self.stuck = False
        self.taken += self.buffered
        self.buffered.clear()
        if self._paused_writing:
            self._paused_writing = False
            self.protocol.resume_writing()
        if self.closing:
            self._lose(None)

    def write_eof(self) -> None:
        """Nothing more will be written."""
        self.eof = True

    def can_write_eof(self) -> bool:
        """TCP can."""
        return True

    def is_closing(self) -> bool:
        """Whether `close` or `abort` was called."""
        return self.closing

    def is_reading(self) -> bool:
        """Whether bytes of the peer are read."""
        return self.reading

    def pause_reading(self) -> None:
        """Read no more."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self.reading = True

    def close(self) -> None:
        """Close once all is written."""
        if not self.closing:
            self.closing = True
            if not self.buffered:
                self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Close at once."""
        self.closing = self.aborted = True
        self.buffered.clear()
        self._loop.call_soon(self._lose, None)

    def lose(self, error: Exception | None = None) -> None:
        """The peer is gone: by a reset when there is an error."""
        self.closing = True
        self._lose(error)
        self._loop.run()

    def end(self) -> None:
        """The peer sends no more (FIN)."""
        if not self.protocol.eof_received():
            self.close()
        self._loop.run()

    def feed(self, data: bytes) -> None:
        """Bytes of the peer arrive."""
        assert self.reading, "nobody reads"
        if not self.closing:
            self.protocol.data_received(data)
        self._loop.run()

    def _lose(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connection_lost(error)


class Desk:
    """A listener whose application only collects the requests it is given."""

    def __init__(self, application: Callable[[Request], None] | None = None, **options: Any) -> None:
        self.loop = FakeLoop()
        self.requests: list[Request] = []
        self.deadlines = Deadlines(self.loop)  # type: ignore[arg-type]
        self.listener = Listener(
            self.loop,  # type: ignore[arg-type]
            GatewayOptions(**options),
            self.deadlines,
            lambda: int(self.loop.now * 1e9),
            application or self.requests.append,
            not_a_request,
        )

    def client(self, peername: Any = ("192.0.2.7", 40000), meanwhile: Callable[[], None] = lambda: None) -> FakeTransport:
        """A new connection, seen from its client; the loop may do something else between making and opening it."""
        protocol = ServerConnection(self.listener)
        meanwhile()
        transport = FakeTransport(self.loop, protocol, peername)
        protocol.connection_made(transport)
        self.loop.run()
        return transport


class Callee:
    """A pool whose connections end in memory; `transports` are the upstream's ends in the order of being opened."""

    def __init__(self, loop: FakeLoop | None = None, first_byte_seconds: float = 900.0) -> None:
        self.loop = loop or FakeLoop()
        self.transports: list[FakeTransport] = []
        self.fails: Exception | None = None
        self.on_connect: Callable[[FakeTransport], None] = lambda _: None
        self.stats = PoolStats()
        self.deadlines = Deadlines(self.loop)  # type: ignore[arg-type]
        self.pool = Pool(self.loop, self._connect, self.deadlines, self.stats, first_byte_seconds)  # type: ignore[arg-type]

    async def _connect(self, factory: Callable[[], asyncio.Protocol]) -> tuple[asyncio.Transport, asyncio.Protocol]:
        if self.fails is not None:
            raise self.fails
        protocol = factory()
        transport = FakeTransport(self.loop, protocol)
        protocol.connection_made(transport)
        self.transports.append(transport)
        self.on_connect(transport)
        return transport, protocol

    def acquire(self) -> UpstreamConnection:
        """A connection, at once."""
        kept = self.pool.idle()
        if kept is not None:
            return kept
        walk = self.pool.open()
        try:
            walk.send(None)
        except StopIteration as end:
            connection: UpstreamConnection = end.value
            return connection
        raise AssertionError("no connection came")


def answer(request: Request, framed: bytes = OK, *, close: bool = False) -> None:
    """Answer and finish."""
    request.write(framed)
    request.finish(close=close)


def ask_for_body(request: Request, limit: int = 65536) -> list[BaseException | None]:
    """Collect the body in a walk; what it came to appears in the list."""
    ended: list[BaseException | None] = []

    async def walk() -> None:
        await request.collect(limit)
        ended.append(None)

    drive(walk(), ended.append)
    return ended
