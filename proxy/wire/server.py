"""The client's side of the wire: connections that hand complete request heads to an application, one at a time and in order.

Bounds: a head has at most `max_header_bytes`; while a request is being answered, what a client pipelines behind it waits
unparsed, at most `max_header_bytes`. Deadlines: head, body with a minimum rate, stalled writes, idle. End of file from a client
that waits for an answer means that it is gone.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

from proxy.wire import ending
from proxy.wire.chunked import BadChunkError, ChunkedDecoder
from proxy.wire.deadlines import NEVER
from proxy.wire.head import BadHeadError, RequestHead, parse_request_head
from proxy.wire.listener import Listener
from proxy.wire.proxy_protocol import BadProxyHeaderError, read_proxy_header
from proxy.wire.request import READ_AHEAD, BodyError, Request

_EMPTY_LINES = re.compile(rb"(?:\r\n)+")
"""RFC 9112 §2.2: skipped before a request line."""
_LINGER_BYTES = 1024 * 1024
_LINGER_SECONDS = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ServerConnection:
    """One client connection: raw bytes in, Requests out, bytes out. An asyncio.Protocol in all but ancestry (cheaper compiled)."""

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
        "_stuck",
        "_unnamed",
        "closing",
        "deadline",
        "local_socket",
        "parting",
        "peer",
        "source",
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
        self._stuck = False
        self.closing = False
        self.parting = False
        self.deadline = NEVER
        self.peer = ""
        self.source = ""
        self._unnamed = False
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
        self.parting = listener.parting
        listener.deadlines.watched.add(self)
        listener.stats.open_connections += 1
        peer = transport.get_extra_info("peername")
        self.local_socket = not isinstance(peer, tuple)
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self._unnamed = listener.options.proxy_protocol and self.peer in listener.trusted
        self.transport.set_write_buffer_limits(high=64 * 1024)
        self._expect("head", listener.options.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why the client left makes no difference to the record
        """The connection is gone, by whichever side."""
        listener = self._listener
        if self.source:
            listener.sources[self.source] -= 1
            if not listener.sources[self.source]:
                del listener.sources[self.source]
        self.closing = True
        self.deadline = NEVER
        active, self._active = self._active, None
        if active is not None:
            active.lost()
        listener.left(self)

    def eof_received(self) -> bool:
        """The client will send no more: nginx and Go's server take that for leaving, and so do we (no HTTP client half-closes)."""
        return False

    def drain(self) -> None:
        """Close when idle, else after the answer in hand."""
        self.closing = True
        if self._active is None and self._lingering < 0:
            self._close()

    # --- receiving

    def data_received(self, received: bytes) -> None:
        """Bytes from the client: of a body, of a head, or ahead of their turn."""
        if self._lingering >= 0:
            self._discard(len(received))
            return
        if self._unnamed:
            received = self._name(received)
            if not received:
                return
        active = self._active
        if active is not None and not active.complete:
            received = self._body(active, received)
            if not received or self.closing:
                return
        if self._buffer:
            received = self._buffer + received
        if self._active is not None:
            self._buffer = received
            if len(received) > self._listener.options.max_header_bytes:
                self._pause()
            return
        self._head(received)

    def _name(self, received: bytes) -> bytes:
        """Read who a trusted load balancer speaks for (PROXY protocol); returns what lies behind."""
        received, self._buffer = self._buffer + received, b""
        try:
            header = read_proxy_header(received)
        except BadProxyHeaderError:
            self._listener.stats.bad_heads += 1
            self.transport.abort()
            return b""
        if header is None:
            self._buffer = received
            return b""
        self._unnamed = False
        source, end = header
        listener, cap = self._listener, self._listener.options.max_connections_per_source
        if source and cap and listener.sources[source] >= cap:
            listener.stats.refused_connections += 1
            self.transport.abort()
            return b""
        if source:
            self.source = source
            listener.sources[source] += 1
        return received[end:]

    def _head(self, received: bytes) -> None:
        options = self._listener.options
        if (empty_lines := _EMPTY_LINES.match(received)) is not None:
            received = received[empty_lines.end() :]
        end = received.find(b"\r\n\r\n")
        if end < 0 or end + 4 > options.max_header_bytes:
            if len(received) > options.max_header_bytes:
                self._refuse(431, f"the head is larger than {options.max_header_bytes} bytes")
                return
            if received and not self._buffer and self._late != "head" and not self._stuck:
                self._expect("head", options.header_seconds)
            self._buffer = received
            if received[:1] and not 0x41 <= received[0] <= 0x5A and received != b"\r":
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
        if self._stuck:  # by an earlier answer: the transport will say so no second time
            request.writable = False
        else:
            self.deadline = NEVER
        if head.chunked:
            self._chunks = ChunkedDecoder()
        elif head.length:
            self._chunks = None
            self._body_left = head.length
        else:
            request.complete = True
        if not request.complete and not self._stuck:
            self._await_body()
        if rest:
            self._buffer = rest if request.complete else self._body(request, rest)
        listener.application(request)

    def _body(self, request: Request, received: bytes) -> bytes:
        """Give the body its bytes; returns what lies behind it."""
        chunks = self._chunks
        rest = b""
        if chunks is not None:
            try:
                pieces = chunks.feed(received)
            except BadChunkError as error:
                self.closing = True
                for piece in error.pieces:
                    request.body_piece(piece)
                request.body_failed(BodyError(str(error), 400))
                return b""
            if pieces:  # joined: a body of one-byte chunks must not become a list of one-byte objects
                request.body_piece(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            ended, rest = chunks.done, chunks.rest
        else:
            if len(received) > self._body_left:
                received, rest = received[: self._body_left], received[self._body_left :]
            self._body_left -= len(received)
            request.body_piece(received)
            ended = not self._body_left
        if ended:
            if not self._stuck:
                self.deadline = NEVER
            request.body_end()
        else:
            if not self._stuck:
                options = self._listener.options
                self.deadline = self._body_since + options.body_seconds + request.received / options.body_bytes_per_second
            if request.buffered > READ_AHEAD:
                self._pause()
        return rest

    def send_continue(self) -> None:
        """Ask the client for the body it holds back (RFC 9110 §10.1.1)."""
        self.transport.write(_CONTINUE)

    def resume_body(self) -> None:
        """The body's reader has room again, also when no further request is taken."""
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            if not self._stuck:
                self._await_body()
            self.transport.resume_reading()

    def _await_body(self) -> None:
        """The time in which we did not read, or the client was busy with an answer, is not counted as the body's."""
        self._body_since = self._listener.loop.time()
        self._expect("body", self._listener.options.body_seconds)

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            if self._active is not None and not self._active.complete and not self._stuck:
                self.deadline = NEVER
            self.transport.pause_reading()

    # --- answering

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it comes: until it has caught up, that is the one deadline."""
        self._expect("write", self._listener.options.write_stall_seconds)
        self._stuck = True
        if self._active is not None:
            self._active.writable = False

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stuck = False
        active = self._active
        if active is None:
            if not self.closing:
                self._await_head()
            return
        if self._late == "write":
            self.deadline = NEVER
            if not active.complete and self._reading:
                self._await_body()
        active.writable = True
        if active.on_writable is not None:
            active.on_writable()

    def _await_head(self) -> None:
        if self._buffer:
            self._expect("head", self._listener.options.header_seconds)
        else:
            self._expect("idle", self._listener.options.idle_seconds)

    def answered(self, request: Request, *, close: bool) -> None:
        """An answer is complete; go on with what the client sent next."""
        self._active = None
        if close or self.closing or self._listener.draining:
            self.closing = True
            if request.complete:
                self._close()
            else:
                self._linger()
            return
        if not self._stuck:
            self._expect("idle", self._listener.options.idle_seconds)
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        if self._buffer:
            self._listener.loop.call_soon(self._next)

    def break_off(self, *, reset: bool) -> None:
        """End the connection in the middle of an answer; with `reset` so that no end of the connection looks like the answer's."""
        self.closing = True
        if not reset:
            self._close()
            return
        self.guard_end(guarded=True)
        # Closing ends in a reset now, after what is unsent; only TLS would say its orderly farewell before.
        if self.transport.get_write_buffer_size() and self.transport.get_extra_info("ssl_object") is None:
            self._close()
        else:
            self.transport.abort()

    def reset(self) -> None:
        """Break the connection at once, by a reset; TLS ends without its farewell."""
        self.guard_end(guarded=True)
        self.transport.abort()

    def guard_end(self, *, guarded: bool) -> None:
        """Whether the end of the connection is a reset, whoever brings it about: us, or the system after a crash of ours."""
        ending.guard(self.transport, guarded=guarded)

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let another protocol have what the client sends from now on; returns what came behind the request meanwhile."""
        early, self._buffer = self._buffer, b""
        self.transport.set_protocol(protocol)
        self.resume_body()
        return early

    def _close(self) -> None:
        """Close once everything is written, but do not wait for ever for a client that takes nothing."""
        self._expect("write", self._listener.options.write_stall_seconds)
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
            self._close()

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
            self.reset()
        else:
            self._close()
