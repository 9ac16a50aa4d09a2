"""The way back: an answer's bytes to the client as they came, read on a tee, with the end held until the outcome is durable.

What is held: with Content-Length the last byte; chunked, the last chunk; without a body, the head; a stream's terminal event, which
the dialect's reader points out; close-delimited, the end of the connection. An answer that is there whole when its head is, is
held whole: one write instead of two, and the client could not have used it sooner.

An encoded answer is kept as it came, up to a bound, and decoded for the reader once it has ended: a piece of it can stand for
hundreds of times its size, and nothing of it has to be known sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proxy.core.facts import AnswerFacts
from proxy.core.oneshot import Oneshot
from proxy.dialects.contract import AnswerReader
from proxy.dialects.whole import WholeReader
from proxy.wire.chunked import LAST_CHUNK, chunk
from proxy.wire.coding import Decoder
from proxy.wire.head import ResponseHead
from proxy.wire.request import Request
from proxy.wire.upstream import UpstreamConnection


class Tee(Protocol):
    """Where the answer's bytes are recorded."""

    on_synced: Callable[[], None] | None

    def answer(self, piece: bytes) -> int:
        """Take a piece; returns how many bytes of this answer are not durable yet."""
        ...


MOST_ENCODED = 8 * 1024 * 1024
"""Bytes of an encoded answer that are kept to be read; of a longer one the beginning is read, and it is `unread`."""


class Ending:
    """How an answer ended: `completed | upstream_error | client_gone | cut`, and why."""

    __slots__ = ("error", "outcome")

    def __init__(self, outcome: str, error: str = "") -> None:
        self.outcome = outcome
        self.error = error


COMPLETED = Ending("completed")
CLIENT_GONE = Ending("client_gone")


class Relay:
    """One answer on its way. `ended` is filled with an Ending; then `release` or one of the breaks must be called."""

    __slots__ = (
        "_connection",
        "_decoder",
        "_encoded",
        "_framing",
        "_held",
        "_keep_alive",
        "_length",
        "_limit",
        "_out",
        "_paused",
        "_reader",
        "_tee",
        "answered_ns",
        "delivered",
        "ended",
        "head_sent",
        "received",
        "request",
        "status",
    )

    def __init__(  # noqa: PLR0913 - the places an answer passes, each once
        self,
        request: Request,
        answer: ResponseHead,
        connection: UpstreamConnection,
        reader: AnswerReader,
        decoder: Decoder | None,
        tee: Tee,
        *,
        record_id: str,
        answered_ns: int,
        unsynced_limit: int,
    ) -> None:
        self.request = request
        self._connection = connection
        self._reader = reader
        self._decoder = decoder
        if decoder is not None:
            self._encoded = bytearray()
        self._tee = tee
        self._limit = unsynced_limit
        self._held = b""
        self._paused = False
        self.received = 0
        self.delivered = 0
        self.answered_ns = answered_ns
        self.head_sent = False
        self.status = answer.status
        self.ended: Oneshot[Ending] = Oneshot()
        self._length = answer.length
        bodiless = request.head.method == "HEAD" or answer.status in (204, 304)
        if bodiless or answer.length is not None:
            self._framing = "length"
        else:
            self._framing = "chunked" if answer.chunked and request.head.minor == 1 else "close"
        self._keep_alive = self._framing != "close" and request.keep_alive
        lines = [answer.line, *answer.forwarded(), b"x-tos-record: " + record_id.encode()]
        if self._framing == "chunked":
            lines.append(b"Transfer-Encoding: chunked")
        if not self._keep_alive:
            lines.append(b"Connection: close")
        elif request.head.minor == 0:
            lines.append(b"Connection: keep-alive")
        self._out = [b"\r\n".join(lines) + b"\r\n\r\n"]

    def start(self, *, cancel: bool) -> None:
        """Take the answer from its connection from now on. Without `cancel` it is read to its end even when the client leaves."""
        self.request.on_gone = self._client_gone if cancel else self._go_on
        self.request.on_writable = self._go_on
        if self.request.gone and cancel:
            self._client_gone()
            return
        if self._framing == "close":
            self.request.guard_end(guarded=True)
        self._connection.attach(self)
        if not self.ended.done:
            self._flush()

    # --- from upstream

    def answer_piece(self, piece: bytes) -> None:
        """Body bytes: to the reader, on but for what is held, and to the record, which writes them with its next tick."""
        self.received += len(piece)
        if self._decoder is None:
            hold = self._reader.feed(piece)
        else:  # what is encoded cannot be cut at an event; its end is held by the framing
            if self.received <= MOST_ENCODED:
                self._encoded += piece
            hold = 0
        if self.received == self._length and not hold:
            hold = 1
        if self.request.gone:  # the rest is read for the record alone
            self._held = b""
        elif not (hold or self._held) and self.head_sent:
            self.delivered += len(piece)
            self.request.write(chunk(piece) if self._framing == "chunked" else piece)
        else:
            self._hold(self._held + piece, hold)
        unsynced = self._tee.answer(piece)
        if unsynced > self._limit or not (self.request.writable or self.request.gone):
            self._pause()

    def _hold(self, pending: bytes, hold: int) -> None:
        """Keep the last `hold` bytes, let the others leave: at once, or with the head."""
        leaving, self._held = (pending[:-hold], pending[-hold:]) if hold else (pending, b"")
        if leaving:
            self.delivered += len(leaving)
            self._out.append(chunk(leaving) if self._framing == "chunked" else leaving)
            if self.head_sent:
                self._flush()

    def answer_end(self) -> None:
        """The answer is complete."""
        self._let_go()
        self.ended.set(CLIENT_GONE if self.request.gone else COMPLETED)

    def answer_broken(self, reason: str) -> None:
        """The upstream broke off."""
        self._let_go()
        self.ended.set(Ending("upstream_error", reason))

    # --- to the client

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and not self.request.gone:
            self.head_sent = True
            self.request.write(out[0] if len(out) == 1 else b"".join(out))

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._tee.on_synced = self._go_on
            self._connection.pause()

    def _go_on(self) -> None:
        if self._paused and (self.request.writable or self.request.gone):
            self._paused = False
            self._tee.on_synced = None
            self._connection.resume()

    def _client_gone(self) -> None:
        self._connection.abort()
        self._let_go()
        self.ended.set(CLIENT_GONE)

    def cut(self, reason: str) -> None:
        """End the answer from our side, unless it has ended: its connection may serve another exchange by now."""
        if self.ended.done:
            return
        self._connection.abort()
        self._let_go()
        self.ended.set(Ending("cut", reason))

    # --- the end

    def release(self) -> None:
        """The outcome is durable: let the end go."""
        if self._framing == "close":
            self.request.guard_end(guarded=False)
        held, self._held = self._held, b""
        if held:
            self.delivered += len(held)
            self._out.append(chunk(held) if self._framing == "chunked" else held)
        if self._framing == "chunked":
            self._out.append(LAST_CHUNK)
        self._flush()
        self.request.finish(close=not self._keep_alive)

    def _let_go(self) -> None:
        """Nobody calls back any more; without this every exchange would leave a cycle for the garbage collector."""
        self.request.on_gone = self.request.on_writable = self._tee.on_synced = None

    def break_off(self) -> None:
        """The upstream broke its answer off: so do we, after what came of it, without an end that would look whole."""
        held, self._held = self._held, b""
        if held:
            self.delivered += len(held)
            self._out.append(chunk(held) if self._framing == "chunked" else held)
        self._flush()
        # Node takes a body without its last chunk for whole when the answer said that the connection would be closed.
        self.request.break_off(reset=not self._keep_alive)

    def end_with_error(self, code: str, message: str, record_id: str) -> None:
        """End a stream with an error event of ours in place of what is held; anything else is broken off."""
        self._held = b""
        event = self._reader.error_event(503, code, message, record_id) if self._decoder is None else b""
        if self._framing == "chunked" and event:
            self._out += [chunk(event), LAST_CHUNK]
            self._flush()
            self.request.finish(close=True)
        else:
            self.request.abort()

    def facts(self) -> AnswerFacts:
        """What the reader understood; `unread` also when something could not be decoded. To be asked once the answer has ended."""
        decoder = self._decoder
        if decoder is None:
            return self._reader.facts()
        for plain in decoder.feed(bytes(self._encoded)):
            self._reader.feed(plain)
        decoder.finish()
        facts = self._reader.facts()
        if decoder.state != "read" or len(self._encoded) < self.received:
            facts.unread = True
        return facts

    @property
    def document(self) -> bytes:
        """Of an answer that is one JSON document, as it came: its bytes; else nothing."""
        return self._reader.document if type(self._reader) is WholeReader and self._decoder is None else b""

    @property
    def encoded(self) -> bool:
        """Whether there is something to decode before it can be read."""
        return self._decoder is not None

    @property
    def releasing(self) -> int:
        """Bytes that `release` or `break_off` will hand over."""
        return len(self._held)
