"""One connection to an upstream: a request as bytes out, its answer as a head and pieces of body in.

Nothing is added to a request and nothing is kept of an answer: no cookies, no redirects, no default fields.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Protocol, cast

from proxy.core.errors import UpstreamError
from proxy.core.oneshot import Oneshot
from proxy.wire.chunked import BadChunkError, ChunkedDecoder
from proxy.wire.deadlines import NEVER
from proxy.wire.head import BadHeadError, ResponseHead, parse_response_head

MAX_ANSWER_HEAD_BYTES = 256 * 1024
MAX_ANSWER_FIELDS = 1000
MAX_INTERIM_HEADS = 8
_CONTENT_LENGTH = frozenset([b"content-length"])  # an interim answer has no body (RFC 9110 §15.2)
_WRITE_STALL_SECONDS = 60.0
_BETWEEN_BYTES_SECONDS = 900.0
_FRESH_SECONDS = 1.0
_PEER_CLOSED = getattr(select, "POLLRDHUP", select.POLLIN)  # macOS has no POLLRDHUP; an idle connection has nothing to read either


class Owner(Protocol):
    """The pool a connection belongs to."""

    loop: asyncio.AbstractEventLoop
    first_byte_seconds: float

    def give_back(self, connection: UpstreamConnection) -> None:
        """The connection's answer is complete and it can serve another."""
        ...

    def lost(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""
        ...


class AnswerSink(Protocol):
    """Takes an answer as it comes."""

    def answer_piece(self, piece: bytes) -> None:
        """Body bytes, freed of the transfer coding, one call per chunk received."""
        ...

    def answer_end(self) -> None:
        """The body is complete."""
        ...

    def answer_broken(self, reason: str) -> None:
        """The body will not become complete."""
        ...


class UpstreamConnection:
    """One connection to an upstream, which carries one exchange at a time.

    Use: `send` (once or more), await `head`, then `attach` a sink; `release` is automatic once the answer is complete.
    `switches`: the request asks for another protocol, whose bytes a 101 lets through until the connection ends.
    """

    __slots__ = (
        "_broken",
        "_buffer",
        "_chunks",
        "_drained",
        "_ended",
        "_interim",
        "_interim_heads",
        "_left",
        "_no_body",
        "_paused",
        "_pieces",
        "_poll",
        "_pool",
        "_progress",
        "_sink",
        "_until_close",
        "answer",
        "busy",
        "deadline",
        "free_since",
        "head",
        "sent_all",
        "switches",
        "transport",
    )

    def __init__(self, pool: Owner) -> None:
        self._pool = pool
        self.transport: asyncio.Transport
        self.deadline = NEVER
        self.busy = False
        self.free_since = 0.0
        self._paused = False
        self.switches = False
        self._poll: select.poll | None = None
        self._drained: Oneshot[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._buffer = b""
        self._chunks: ChunkedDecoder | None = None
        self._left = 0
        self._until_close = False
        self._no_body = False
        self._interim_heads = 0
        self._ended = False
        self._broken = ""
        self._pieces: list[bytes] = []
        self._sink: AnswerSink | None = None
        self._interim: Callable[[bytes], None] | None = None
        self.answer: ResponseHead | None = None
        self.head: Oneshot[ResponseHead] = Oneshot()
        self.sent_all = False
        self._progress = False

    # --- asking

    def begin(self, *, no_body: bool, first_byte_seconds: float, interim: Callable[[bytes], None]) -> None:
        """Take the connection for one exchange. `no_body`: a HEAD request. `interim` gets 1xx heads other than 100."""
        if self.answer is not None:
            self._reset()
        self.busy = True
        self._no_body = no_body
        self._interim = interim
        self.deadline = self._pool.loop.time() + first_byte_seconds

    def send(self, framed: bytes, *, last: bool) -> None:
        """Bytes of the request, head or body. `last`: nothing more follows."""
        self.sent_all = last
        if not self.transport.is_closing():
            self.transport.write(framed)

    async def drained(self) -> None:
        """Wait until what was sent has mostly left, or the connection is lost."""
        if self._drained is not None:
            await self._drained

    def abort(self) -> None:
        """Break the connection: nobody wants the rest of the answer."""
        self._sink = None
        if hasattr(self, "transport"):
            self.transport.abort()

    def leave(self) -> None:
        """Close once what was sent has left: nobody wants more of the answer."""
        self._sink = None
        self.transport.close()

    def give_up(self, reason: str) -> None:
        """Wait no longer for the answer's head."""
        if not self.head.done:
            self._fail(reason, status=503)

    # --- answering

    def attach(self, sink: AnswerSink) -> None:
        """Name who takes the body; what has come already is given at once."""
        self._sink = sink
        pieces, self._pieces = self._pieces, []
        for piece in pieces:
            sink.answer_piece(piece)
        if self._ended:
            self._finish()
        elif self._broken:
            self._sink = None
            sink.answer_broken(self._broken)

    def pause(self) -> None:
        """Read no more for now."""
        if not self._ended and not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()
            self.deadline = NEVER

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()
            self.deadline = self._pool.loop.time() + _BETWEEN_BYTES_SECONDS

    # --- the protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The upstream has answered our call."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, received: bytes) -> None:
        """Bytes of the answer, or of nothing we asked for."""
        if not self.busy or self._ended:
            self.transport.abort()
            return
        if self.answer is None:
            self._head_bytes(received)
        else:
            self._progress = True
            self._body(received)

    def _head_bytes(self, received: bytes) -> None:
        if self._buffer:
            received = self._buffer + received
        answer = None
        while answer is None:
            end = received.find(b"\r\n\r\n")
            if end < 0 or end > MAX_ANSWER_HEAD_BYTES:
                self._buffer = received
                if len(received) > MAX_ANSWER_HEAD_BYTES:
                    self._fail("the upstream's answer has too large a head")
                return
            raw, received = received[: end + 4], received[end + 4 :]
            try:
                answer = self._parse(raw)
            except BadHeadError as error:
                self._fail(f"the upstream's answer is not HTTP/1.1: {error}")
                return
        self._buffer = b""
        self.answer = answer
        self.deadline = self._pool.loop.time() + _BETWEEN_BYTES_SECONDS
        self._expect_body(answer)
        if received:
            self._body(received)
        self.head.set(answer)
        self._let_sender_go()  # an upstream that has answered may never take the rest of the request

    def _parse(self, raw: bytes) -> ResponseHead | None:
        """The final head, or None for an interim one, which is passed on (RFC 9110 §15.2) as far as a final one's fields are.

        Raises: BadHeadError.
        """
        answer = parse_response_head(raw, MAX_ANSWER_FIELDS)
        if answer.status >= 200:
            return answer
        if answer.status == 101:
            if self.switches:
                return answer
            raise BadHeadError("it switched protocols unasked")
        self._interim_heads += 1
        if self._interim_heads > MAX_INTERIM_HEADS:
            raise BadHeadError(f"more than {MAX_INTERIM_HEADS} interim answers came")
        if answer.status != 100 and self._interim is not None:
            self._interim(b"\r\n".join([answer.line, *answer.forwarded(_CONTENT_LENGTH), b"\r\n"]))
        return None

    def _expect_body(self, answer: ResponseHead) -> None:
        if answer.status == 101:
            self._until_close = True
        elif self._no_body or answer.status in (204, 304) or answer.length == 0:
            self._ended = True
        elif answer.chunked:
            self._chunks = ChunkedDecoder()
        elif answer.length is not None:
            self._left = answer.length
        else:
            self._until_close = True

    def _body(self, received: bytes) -> None:
        chunks = self._chunks
        if self._ended:  # bytes behind a message that has no body: this connection cannot be trusted with another exchange
            self.transport.abort()
        elif chunks is not None:
            try:
                pieces = chunks.feed(received)
            except BadChunkError as error:
                self._give(error.pieces)
                self._fail(str(error))
                return
            self._give(pieces)
            if chunks.done:
                self._ended = True
                if chunks.rest:
                    self.transport.abort()
        elif self._until_close:
            self._give([received])
        else:
            left = self._left - len(received)
            if left < 0:  # more than was announced: what is beyond is not part of this answer
                received = received[:left]
                self.transport.abort()
            self._left = max(left, 0)
            if received:
                self._give([received])
            self._ended = left <= 0
        if self._ended and self._sink is not None:
            self._finish()

    def _give(self, pieces: list[bytes]) -> None:
        sink = self._sink
        if sink is None:
            self._pieces += pieces
        else:
            for piece in pieces:
                sink.answer_piece(piece)

    def _finish(self) -> None:
        """The answer is complete and its sink has it all: the connection is free again, or closed."""
        sink, self._sink = self._sink, None
        self.resume()  # the last piece may have made the sink pause; the next exchange must be read
        self._progress = False
        self.deadline = NEVER
        answer = self.answer
        if answer is not None and answer.keep_alive and self.sent_all and not self._until_close and not self.transport.is_closing():
            self._pool.give_back(self)
        else:
            self.transport.abort()
        if sink is not None:
            sink.answer_end()

    def _fail(self, reason: str, status: int = 502) -> None:
        """No (whole) answer will come."""
        self.deadline = NEVER
        self.transport.abort()
        if not (self.head.done or self._pieces):  # a body that begins well and breaks in one read still has its head
            self.head.fail(UpstreamError(reason, status=status, sent=True))
        elif (sink := self._sink) is not None:
            self._sink = None
            sink.answer_broken(reason)
        else:
            self._broken = reason

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: that ends a body without length, and breaks anything else in hand."""
        self._pool.lost(self)
        self._let_sender_go()
        if not self.busy or self._broken or (self._ended and self._sink is None):
            return
        if self._until_close and exc is None:
            self._ended = True
            if self._sink is not None:
                self._finish()
        else:
            self._fail(
                "the upstream broke the connection" if exc else "the upstream closed the connection before the answer was complete"
            )

    def eof_received(self) -> None:
        """The upstream will send no more: the connection is closed, and `connection_lost` tells."""

    def pause_writing(self) -> None:
        """The upstream takes the request more slowly than we give it."""
        self._drained = Oneshot()
        self.deadline = self._pool.loop.time() + _WRITE_STALL_SECONDS

    def resume_writing(self) -> None:
        """There is room again."""
        self.deadline = self._pool.loop.time() + self._pool.first_byte_seconds
        self._let_sender_go()

    def _let_sender_go(self) -> None:
        if (drained := self._drained) is not None:
            self._drained = None
            drained.set(None)

    def expire(self) -> None:
        """Too slow, or kept idle for long enough."""
        if self._progress:
            self._progress = False
            self.deadline = self._pool.loop.time() + _BETWEEN_BYTES_SECONDS
        elif self.busy:
            self._fail("the upstream did not answer in time", status=504)
        else:
            self.transport.close()

    def usable(self, now: float) -> bool:
        """Whether the peer still holds its end. `now`: seconds of the loop's clock.

        The loop may not have heard of a close yet, so the kernel is asked. Not for a connection that was in use a moment ago:
        servers close what was idle for seconds, and asking gives the interpreter's lock away, which costs 30 µs under load.
        """
        if self.transport.is_closing():
            return False
        if now < self.free_since + _FRESH_SECONDS:
            return True
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.transport.get_extra_info("socket").fileno(), _PEER_CLOSED)
        return not self._poll.poll(0)
