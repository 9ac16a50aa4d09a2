"""The client's side of the wire: connections that hand complete request heads to an application, one at a time and in order.

Bounds: a head has at most `max_header_bytes`; of a body at most `READ_AHEAD` bytes wait in memory, then the socket is not read;
while a request is being answered, what a client pipelines behind it waits unparsed, at most `max_header_bytes`. Deadlines:
head, body with a minimum rate, stalled writes, idle. End of file from a client that waits for an answer means that it is gone.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from proxy.core.oneshot import Oneshot
from proxy.core.snapshot import GatewayOptions
from proxy.wire.chunked import BadChunkError, ChunkedDecoder
from proxy.wire.deadlines import NEVER, Deadlines
from proxy.wire.head import BadHeadError, RequestHead, parse_request_head

READ_AHEAD = 128 * 1024
_LINGER_BYTES = 1024 * 1024
_LINGER_SECONDS = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyError(Exception):
    """A request's body cannot be had. `status`: 400 malformed, 408 too slow, 413 too large, 0 the client is gone."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class WireStats:
    """Counters of one worker's client side."""

    __slots__ = ("bad_heads", "connections", "open_connections", "refused_connections", "requests")

    def __init__(self) -> None:
        self.connections = 0
        self.open_connections = 0
        self.refused_connections = 0
        self.bad_heads = 0
        self.requests = 0


class Request:
    """One request and the means to answer it.

    Body: `collect`, then `take`; or `piece` until it returns nothing. Answer: `write` (head and body, already framed), then
    `finish` or `abort`. `on_gone` is called at most once, when the client leaves before `finish`; `on_writable` when there is room.
    """

    __slots__ = (
        "_asked",
        "_buffered",
        "_connection",
        "_error",
        "_pieces",
        "_waiting",
        "_wanted",
        "arrived_ns",
        "body_cap",
        "complete",
        "finished",
        "gone",
        "head",
        "on_gone",
        "on_writable",
        "received",
        "writable",
    )

    def __init__(self, connection: ServerConnection, head: RequestHead, arrived_ns: int) -> None:
        self._connection = connection
        self.head = head
        self.arrived_ns = arrived_ns
        self.body_cap = READ_AHEAD
        self.received = 0
        self.complete = False
        self.finished = False
        self.gone = False
        self.writable = True
        self.on_gone: Callable[[], None] | None = None
        self.on_writable: Callable[[], None] | None = None
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._wanted = 0
        self._asked = False
        self._waiting: Oneshot[None] | None = None
        self._error: BodyError | None = None

    # --- reading

    async def collect(self, limit: int) -> bool:
        """Wait until the whole body is there, or more than `limit` bytes of it.

        Returns: whether the body is complete. Raises: BodyError.
        """
        if not self.complete or self._error is not None or self.received > self.body_cap:
            await self._want(limit + 1)
        return self.complete

    def take(self) -> bytes:
        """What has been received and not taken yet."""
        pieces = self._pieces
        if not pieces:
            return b""
        taken = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._buffered = 0
        if not self.complete:
            self._connection.resume_body()
        return taken

    async def piece(self) -> bytes:
        """The next bytes of the body, empty at its end. Raises: BodyError."""
        if not self._pieces and not self.complete:
            await self._want(1)
        return self.take()

    async def _want(self, count: int) -> None:
        length = self.head.length
        if self._error is None and (self.received > self.body_cap or (length is not None and length > self.body_cap)):
            self._error = BodyError(f"the body is larger than the {self.body_cap} bytes taken here", 413)
        while self._error is None and not self.complete and self._buffered < count:
            if self.head.expects_continue and not self._asked and not self.received:
                self._connection.send_continue()
            self._asked = True
            self._wanted = count
            self._waiting = Oneshot()
            self._connection.resume_body()
            await self._waiting
        if self._error is not None:
            raise self._error

    def body_piece(self, piece: bytes) -> None:
        """Called by the connection with received bytes."""
        self.received += len(piece)
        if self.received > self.body_cap and self._asked:
            self.body_failed(BodyError(f"the body is larger than the {self.body_cap} bytes taken here", 413))
            return
        self._pieces.append(piece)
        self._buffered += len(piece)
        if self._waiting is not None and self._buffered >= self._wanted:
            self._wake()

    def body_end(self) -> None:
        """Called by the connection when the body is complete."""
        self.complete = True
        self._wake()

    def body_failed(self, error: BodyError) -> None:
        """Called when no more of the body will come."""
        if self._error is None and not self.complete:
            self._error = error
        self._wake()

    def _wake(self) -> None:
        if (waiting := self._waiting) is not None:
            self._waiting = None
            waiting.set(None)

    @property
    def buffered(self) -> int:
        """Bytes received and not taken yet."""
        return self._buffered

    # --- answering

    @property
    def peer(self) -> str:
        """The address of the other end of the connection: a client's or a proxy's; empty for a unix socket."""
        return self._connection.peer

    @property
    def local_socket(self) -> bool:
        """Whether the client came by the unix socket, whose file permissions have authenticated it."""
        return self._connection.local_socket

    @property
    def keep_alive(self) -> bool:
        """Whether the connection can serve another request after this one."""
        return self.head.keep_alive and self.complete and not self._connection.closing

    def write(self, framed: bytes) -> None:
        """Hand bytes to the client's connection; they leave with this turn of the loop."""
        if not self.gone:
            self._connection.transport.write(framed)

    def unsent(self) -> int:
        """Bytes written that the system has not taken yet."""
        return 0 if self.gone else self._connection.transport.get_write_buffer_size()

    def finish(self, *, close: bool = False) -> None:
        """The answer is complete: serve the next request, or close if `close`, if the client asked for it or if body is left unread."""
        if not self.finished and not self.gone:
            self.finished = True
            self._connection.answered(self, close=close or not self.keep_alive)

    def abort(self) -> None:
        """Break the connection, so that a client cannot take a part of an answer for the whole."""
        self.finished = True
        if not self.gone:
            self._connection.transport.abort()

    def break_off(self, *, reset: bool) -> None:
        """Close after what was written, without an end to the answer; `reset` when a plain close would look like one."""
        self.finished = True
        if not self.gone:
            self._connection.break_off(reset=reset)

    def lost(self) -> None:
        """Called by the connection when it is gone."""
        self.gone = True
        self.body_failed(BodyError("the client is gone", 0))
        on_gone, self.on_gone, self.on_writable = self.on_gone, None, None
        if on_gone is not None and not self.finished:
            on_gone()


class Listener:
    """What all connections of a worker share: the application, the bounds, the deadlines, the counters."""

    __slots__ = ("application", "clock_ns", "connections", "deadlines", "draining", "loop", "options", "refuse", "stats")

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
        self.connections: set[ServerConnection] = set()
        self.draining = False

    def drain(self) -> None:
        """No further request is taken on any connection; idle ones are closed now, busy ones after their answer."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()


class ServerConnection(asyncio.Protocol):
    """One client connection: raw bytes in, Requests to the application, bytes out."""

    __slots__ = (
        "_active",
        "_body_left",
        "_body_since",
        "_buffer",
        "_chunks",
        "_late",
        "_lingering",
        "_listener",
        "_reading",
        "closing",
        "deadline",
        "local_socket",
        "peer",
        "transport",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._active: Request | None = None
        self._buffer = b""
        self._body_left = 0
        self._body_since = 0.0
        self._chunks: ChunkedDecoder | None = None
        self._late = ""
        self._lingering = -1
        self._reading = True
        self.closing = False
        self.deadline = NEVER
        self.peer = ""
        self.local_socket = False
        self.transport: asyncio.Transport

    # --- life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        listener = self._listener
        self.transport = cast("asyncio.Transport", transport)
        listener.stats.connections += 1
        if len(listener.connections) >= listener.options.max_connections or listener.draining:
            listener.stats.refused_connections += 1
            self.transport.abort()
            return
        listener.connections.add(self)
        listener.deadlines.watched.add(self)
        listener.stats.open_connections += 1
        peer = transport.get_extra_info("peername")
        self.local_socket = not isinstance(peer, tuple)
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self.transport.set_write_buffer_limits(high=64 * 1024)
        self._expect("head", listener.options.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why the client left makes no difference to the record
        """The connection is gone, by whichever side."""
        listener = self._listener
        if self in listener.connections:
            listener.connections.discard(self)
            listener.deadlines.watched.discard(self)
            listener.stats.open_connections -= 1
        self.closing = True
        self.deadline = NEVER
        active, self._active = self._active, None
        if active is not None:
            active.lost()

    def eof_received(self) -> bool:
        """The client will send no more: nginx and Go's server take that for leaving, and so do we (no HTTP client half-closes)."""
        return False

    def drain(self) -> None:
        """Close when idle, else after the answer in hand."""
        self.closing = True
        if self._active is None and self._lingering < 0:
            self.transport.close()

    # --- receiving

    def data_received(self, received: bytes) -> None:
        """Bytes from the client: of a body, of a head, or ahead of their turn."""
        if self._lingering >= 0:
            self._discard(len(received))
            return
        active = self._active
        if active is not None and not active.complete:
            received = self._body(active, received)
            if not received or self._active is not active:
                return
        if self._buffer:
            received = self._buffer + received
        if self._active is not None:
            self._buffer = received
            if len(received) > self._listener.options.max_header_bytes:
                self._pause()
            return
        self._head(received)

    def _head(self, received: bytes) -> None:
        options = self._listener.options
        if received.startswith(b"\r\n"):  # RFC 9112 §2.2: an empty line before a request line is skipped
            received = received[2:]
        end = received.find(b"\r\n\r\n")
        if end < 0 or end + 4 > options.max_header_bytes:
            if len(received) > options.max_header_bytes:
                self._refuse(431, f"the head is larger than {options.max_header_bytes} bytes")
                return
            if received and not self._buffer and self._late != "head":
                self._expect("head", options.header_seconds)
            self._buffer = received
            if received[:1] and not 0x41 <= received[0] <= 0x7A:
                self._refuse(400, "not an HTTP request line")
            return
        self._buffer = b""
        try:
            head = parse_request_head(received if end + 4 == len(received) else received[: end + 4], options.max_headers)
        except BadHeadError as error:
            self._refuse(error.status, str(error))
            return
        self._begin(head, received[end + 4 :])

    def _begin(self, head: RequestHead, rest: bytes) -> None:
        listener = self._listener
        listener.stats.requests += 1
        self._active = request = Request(self, head, listener.clock_ns())
        self.deadline = NEVER
        if head.chunked:
            self._chunks = ChunkedDecoder()
        elif head.length:
            self._chunks = None
            self._body_left = head.length
        else:
            request.complete = True
        if not request.complete:
            self._body_since = listener.loop.time()
            self._expect("body", listener.options.body_seconds)
        if rest:
            self._buffer = rest if request.complete else self._body(request, rest)
        listener.application(request)

    def _body(self, request: Request, received: bytes) -> bytes:
        """Give the body its bytes; returns what lies behind it."""
        chunks = self._chunks
        rest = b""
        if chunks is not None:
            try:
                for piece in chunks.feed(received):
                    request.body_piece(piece)
            except BadChunkError as error:
                self.closing = True
                request.body_failed(BodyError(str(error), 400))
                return b""
            ended, rest = chunks.done, chunks.rest
        else:
            if len(received) > self._body_left:
                received, rest = received[: self._body_left], received[self._body_left :]
            self._body_left -= len(received)
            request.body_piece(received)
            ended = not self._body_left
        if ended:
            self.deadline = NEVER
            request.body_end()
        else:
            options = self._listener.options
            self.deadline = self._body_since + options.body_seconds + request.received / options.body_bytes_per_second
            if request.buffered > READ_AHEAD:
                self._pause()
        return rest

    def send_continue(self) -> None:
        """Ask the client for the body it holds back (RFC 9110 §10.1.1)."""
        self.transport.write(_CONTINUE)

    def resume_body(self) -> None:
        """The body's reader has room again."""
        if not self._reading and not self.closing:
            self._reading = True
            # The time in which we did not read is not the client's.
            self._body_since = self._listener.loop.time()
            self.transport.resume_reading()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            if self._active is not None and not self._active.complete:
                self.deadline = NEVER
            self.transport.pause_reading()

    # --- answering

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it comes."""
        self._expect("write", self._listener.options.write_stall_seconds)
        if self._active is not None:
            self._active.writable = False

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.deadline = NEVER
        active = self._active
        if active is not None:
            active.writable = True
            if active.on_writable is not None:
                active.on_writable()

    def answered(self, request: Request, *, close: bool) -> None:
        """An answer is complete; go on with what the client sent next."""
        self._active = None
        if close or self.closing or self._listener.draining:
            self.closing = True
            if request.complete:
                self.transport.close()
            else:
                self._linger()
            return
        self._expect("idle", self._listener.options.idle_seconds)
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        if self._buffer:
            self._listener.loop.call_soon(self._next)

    def break_off(self, *, reset: bool) -> None:
        """End the connection in the middle of an answer."""
        self.closing = True
        if reset and not self.transport.get_write_buffer_size():
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    def _next(self) -> None:
        if self._active is None and self._buffer and not self.closing:
            received, self._buffer = self._buffer, b""
            self._head(received)

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what is not a request, and close."""
        self._listener.stats.bad_heads += 1
        self._buffer = b""
        self.closing = True
        self.transport.write(self._listener.refuse(status, reason))
        self._linger()

    def _linger(self) -> None:
        """Take and drop what still comes for a while: closing at once would reset the connection and could destroy our answer."""
        self._lingering = 0
        self._expect("linger", _LINGER_SECONDS)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()

    def _discard(self, count: int) -> None:
        self._lingering += count
        if self._lingering > _LINGER_BYTES:
            self.transport.close()

    # --- deadlines

    def _expect(self, what: str, seconds: float) -> None:
        self._late = what
        self.deadline = self._listener.loop.time() + seconds

    def expire(self) -> None:
        """The deadline of the current state has passed."""
        late, self.deadline = self._late, NEVER
        active = self._active
        if late == "body" and active is not None:
            self.closing = True
            active.body_failed(BodyError("the body came too slowly", 408))
        elif late == "head" and self._buffer:
            self._refuse(408, "the head came too slowly")
        elif late == "write":
            self.transport.abort()
        else:
            self.transport.close()
