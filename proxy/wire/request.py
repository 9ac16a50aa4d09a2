"""One request as the application sees it: its head, its body as it comes, and the means to answer.

At most `READ_AHEAD` bytes of a body wait in memory; then the connection is not read until somebody takes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from proxy.core.oneshot import Oneshot
from proxy.wire.head import RequestHead
from proxy.wire.upgraded import ClientSink, Upgraded

READ_AHEAD = 128 * 1024


class BodyError(Exception):
    """A request's body cannot be had. `status`: 400 malformed, 408 too slow, 413 too large, 0 the client is gone."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Carrier(Protocol):
    """The connection a request came by."""

    transport: asyncio.Transport
    closing: bool
    parting: bool
    peer: str
    source: str
    local_socket: bool

    def send_continue(self) -> None:
        """Ask the client for the body it holds back."""
        ...

    def resume_body(self) -> None:
        """The body's reader has room again."""
        ...

    def answered(self, request: Request, *, close: bool) -> None:
        """The answer is complete."""
        ...

    def break_off(self, *, reset: bool) -> None:
        """End the connection in the middle of an answer."""
        ...

    def reset(self) -> None:
        """Break the connection at once, so that its end does not look like an answer's."""
        ...

    def guard_end(self, *, guarded: bool) -> None:
        """Whether the end of the connection is a reset, whoever brings it about."""
        ...

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        ...

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        ...

    def resume_writing(self) -> None:
        """The client has caught up."""
        ...

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let another protocol have what the client sends from now on; returns what came behind the request meanwhile."""
        ...


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
        "_write",
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

    def __init__(self, connection: Carrier, head: RequestHead, arrived_ns: int) -> None:
        self._connection = connection
        self._write = connection.transport.write
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
        if not self.complete and self._error is None:
            self._connection.resume_body()
        return taken

    async def piece(self, least: int = 1) -> bytes:
        """The next bytes of the body, at least `least` of them or all that are left, empty at its end. Raises: BodyError."""
        if self._buffered < least and not self.complete:
            await self._want(least)
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
    def source(self) -> str:
        """The address that a trusted load balancer gave for this connection by the PROXY protocol, or empty."""
        return self._connection.source

    @property
    def local_socket(self) -> bool:
        """Whether the client came by the unix socket, whose file permissions have authenticated it."""
        return self._connection.local_socket

    @property
    def keep_alive(self) -> bool:
        """Whether the connection can serve another request after this one."""
        connection = self._connection
        return self.head.keep_alive and self.complete and not (connection.closing or connection.parting)

    def write(self, framed: bytes) -> None:
        """Hand bytes to the client's connection; they leave with this turn of the loop."""
        if not self.gone:
            self._write(framed)

    def unsent(self) -> int:
        """Bytes written that the system has not taken yet."""
        return 0 if self.gone else self._connection.transport.get_write_buffer_size()

    def finish(self, *, close: bool = False) -> None:
        """The answer is complete: serve the next request, or close when `close`, the client or an unread body ask for it."""
        if not self.finished and not self.gone:
            self.finished = True
            self._connection.answered(self, close=close or not (self.head.keep_alive and self.complete))

    def abort(self) -> None:
        """Reset the connection, so that a client cannot take a part of an answer for the whole."""
        self.finished = True
        if not self.gone:
            self._connection.reset()

    def guard_end(self, *, guarded: bool) -> None:
        """While guarded, the connection's end cannot be taken for the answer's: even the system resets it when we die."""
        if not self.gone:
            self._connection.guard_end(guarded=guarded)

    def break_off(self, *, reset: bool) -> None:
        """Close after what was written, without an end to the answer; `reset` when a plain close would look like one."""
        self.finished = True
        if not self.gone:
            self._connection.break_off(reset=reset)

    def upgrade(self, switching: bytes, loop: asyncio.AbstractEventLoop, sink: ClientSink) -> Upgraded:
        """Answer with `switching`, a whole 101, and let `sink` have all that follows; the answer goes on until `finish`."""
        self.write(switching)
        upgraded = Upgraded(self._connection, loop, sink)
        if not self.gone:
            upgraded.early = self._connection.hand_over(upgraded)
        return upgraded

    def lost(self) -> None:
        """Called by the connection when it is gone."""
        self.gone = True
        self.body_failed(BodyError("the client is gone", 0))
        on_gone, self.on_gone, self.on_writable = self.on_gone, None, None
        if on_gone is not None and not self.finished:
            on_gone()
