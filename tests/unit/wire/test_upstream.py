"""The upstream's side of the wire, from bytes: heads, bodies of every framing, and all the ways an answer can go wrong."""

from __future__ import annotations

import pytest

from proxy.core.errors import UpstreamError
from proxy.wire.upstream import MAX_ANSWER_HEAD_BYTES, UpstreamConnection
from tests.unit.wire.faked import Callee, FakeTransport

ASK = b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.test\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


class Sink:
    """Takes an answer."""

    def __init__(self, connection: UpstreamConnection, *, pauses: bool = False) -> None:
        self.body = b""
        self.ended = False
        self.broken: str | None = None
        self._connection = connection
        self._pauses = pauses

    def answer_piece(self, piece: bytes) -> None:
        """Collect."""
        self.body += piece
        if self._pauses:
            self._connection.pause()

    def answer_end(self) -> None:
        """Remember."""
        assert not self.ended
        assert self.broken is None
        self.ended = True

    def answer_broken(self, reason: str) -> None:
        """Remember."""
        assert not self.ended
        assert self.broken is None
        self.broken = reason


class Call:
    """One exchange with an upstream."""

    def __init__(self, callee: Callee | None = None, *, no_body: bool = False, sent_all: bool = True) -> None:
        self.callee = callee or Callee()
        self.interim: list[bytes] = []
        self.connection = self.callee.acquire()
        self.connection.begin(no_body=no_body, first_byte_seconds=900, interim=self.interim.append)
        self.connection.send(ASK, last=sent_all)
        self.sink = Sink(self.connection)

    @property
    def upstream(self) -> FakeTransport:
        """The upstream's end."""
        transport = self.connection.transport
        assert isinstance(transport, FakeTransport)
        return transport

    def answer(self, *pieces: bytes) -> Sink:
        """Bytes of the upstream; the sink is attached as soon as there is a head."""
        for piece in pieces:
            self.upstream.feed(piece)
            if self.connection.head.done and self.connection.answer is not None and not self.sink.body:
                self.attach()
        return self.sink

    def attach(self) -> None:
        """Attach the sink unless it is."""
        if self.connection._sink is None and not self.sink.ended and self.sink.broken is None:
            self.connection.attach(self.sink)

    def error(self) -> UpstreamError:
        """What waiting for the head came to."""
        with pytest.raises(UpstreamError) as failed:
            self.connection.head.__await__().send(None)
        return failed.value

    @property
    def kept(self) -> bool:
        """Whether the connection serves the next exchange."""
        return not self.upstream.closing and self.callee.acquire() is self.connection


FRAMED = {
    "length": (HEAD + b"hello", b"hello"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX: 1\r\n\r\n", b"hello"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
}


@pytest.mark.parametrize(("raw", "body"), FRAMED.values(), ids=FRAMED)
def test_answer(raw: bytes, body: bytes) -> None:
    """A body of each framing is given on freed of it, and the connection is kept."""
    call = Call()
    call.answer(raw)
    assert (call.sink.body, call.sink.ended, call.kept) == (body, True, True)


@pytest.mark.parametrize(("raw", "body"), FRAMED.values(), ids=FRAMED)
def test_byte_by_byte(raw: bytes, body: bytes) -> None:
    """The same when it comes in single bytes."""
    call = Call()
    call.answer(*(raw[at : at + 1] for at in range(len(raw))))
    assert (call.sink.body, call.sink.ended, call.kept) == (body, True, True)


def test_nothing_is_added() -> None:
    """The upstream sees the bytes that were sent and no other; cookies it sets never come back."""
    callee = Callee()
    first = Call(callee)
    first.answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: __cf_bm=secret\r\nContent-Length: 0\r\n\r\n")
    second = Call(callee)
    assert first.connection is second.connection
    assert bytes(second.upstream.taken) == ASK + ASK


def test_head_answer_has_no_body() -> None:
    """The answer to HEAD ends with its head, whatever length that gives."""
    call = Call(no_body=True)
    call.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    assert (call.sink.ended, call.kept) == (True, True)


def test_until_close() -> None:
    """Without length and chunks the end of the connection is the end of the answer."""
    call = Call()
    call.answer(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
    assert not call.sink.ended
    call.upstream.end()
    assert (call.sink.body, call.sink.ended) == (b"hello", True)


def test_until_close_broken() -> None:
    """A reset is no end."""
    call = Call()
    call.answer(b"HTTP/1.1 200 OK\r\n\r\nhel")
    call.upstream.lose(ConnectionResetError())
    assert call.sink.broken
    assert not call.sink.ended


def test_until_close_too_slow() -> None:
    """An answer that we gave up is not taken for complete because we closed its connection."""
    call = Call()
    call.upstream.feed(b"HTTP/1.1 200 OK\r\n\r\nhel")
    call.callee.loop.pass_time(2000)
    call.attach()
    assert call.sink.broken
    assert not call.sink.ended


CUT = {
    "length": HEAD + b"hell",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n",
}


@pytest.mark.parametrize("raw", CUT.values(), ids=CUT)
def test_cut(raw: bytes) -> None:
    """A body that ends too early is broken, and what came of it was given on."""
    call = Call()
    call.answer(raw)
    call.upstream.end()
    assert (call.sink.ended, call.sink.body[:4]) == (False, raw.rpartition(b"\r\n")[2][:4] if b"hello" not in raw else b"hell")
    assert "closed" in (call.sink.broken or "")


def test_cut_before_the_sink() -> None:
    """What breaks before somebody takes the body is told when somebody does."""
    call = Call()
    call.upstream.feed(HEAD + b"hell")
    call.upstream.lose(ConnectionResetError())
    call.attach()
    assert (call.sink.body, call.sink.ended) == (b"hell", False)
    assert call.sink.broken


def test_longer_than_announced() -> None:
    """What goes beyond the announced length is not part of the answer, and the connection is not used again."""
    call = Call()
    call.answer(HEAD + b"hel", b"loHTTP/1.1 200 OK")
    assert (call.sink.body, call.sink.ended, call.upstream.closing) == (b"hello", True, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 204 No Content\r\n\r\nbehind",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nbehind",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_not_kept(raw: bytes) -> None:
    """Bytes behind an answer, `close` and HTTP/1.0 end the connection with the answer."""
    call = Call()
    call.answer(raw)
    assert (call.sink.ended, call.upstream.closing) == (True, True)


def test_bad_chunk() -> None:
    """A malformed chunk breaks the answer, and the connection."""
    call = Call()
    call.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nXX\r\n")
    assert (call.sink.ended, call.upstream.closing) == (False, True)
    assert call.sink.broken
    assert call.sink.body == b"hello"


def test_bad_chunk_in_midstream() -> None:
    """The good chunks that one read brought before a malformed one are given on."""
    call = Call()
    call.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n1\r\n,\r\nXX\r\n")
    assert call.sink.body == b"hello,"
    assert call.sink.broken


def test_bad_from_the_start() -> None:
    """A body that is malformed from its first chunk is no answer."""
    call = Call()
    call.upstream.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nXX\r\n")
    assert call.error().status == 502


BAD_HEADS = {
    "garbage": b"SSH-2.0-OpenSSH_9.7\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a protocol switch": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "huge": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * (MAX_ANSWER_HEAD_BYTES + 1) + b"\r\n\r\n",
    "endless": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * (MAX_ANSWER_HEAD_BYTES + 1),
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1001 + b"\r\n",
}


@pytest.mark.parametrize("raw", BAD_HEADS.values(), ids=BAD_HEADS)
def test_bad_head(raw: bytes) -> None:
    """An answer that cannot be read is a 502 of which a byte may have been sent."""
    call = Call()
    call.answer(raw)
    error = call.error()
    assert (error.status, error.sent, call.upstream.closing) == (502, True, True)


def test_large_head() -> None:
    """A head of two hundred kilobytes in pieces is read."""
    call = Call()
    raw = b"HTTP/1.1 200 OK\r\n" + b"X-Large: " + b"x" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n"
    call.answer(*(raw[at : at + 60000] for at in range(0, len(raw), 60000)))
    assert call.sink.ended


@pytest.mark.parametrize("error", [None, ConnectionResetError()], ids=["closed", "reset"])
def test_no_answer(error: Exception | None) -> None:
    """A connection lost before the head is a 502."""
    call = Call()
    call.upstream.feed(b"HTTP/1.1 2")
    call.upstream.lose(error)
    assert call.error().status == 502


def test_too_slow() -> None:
    """No head in time is a 504."""
    call = Call()
    call.callee.loop.pass_time(899)
    assert not call.upstream.closing
    call.callee.loop.pass_time(2)
    assert (call.error().status, call.upstream.aborted) == (504, True)


def test_slow_but_steady() -> None:
    """A stream may last for hours while something comes now and then; silence ends it."""
    call = Call()
    call.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    call.attach()
    for _ in range(10):
        call.upstream.feed(b"1\r\nx\r\n")
        call.callee.loop.pass_time(800)
    assert call.sink.broken is None
    call.callee.loop.pass_time(2000)
    assert call.sink.broken


def test_silence_while_paused() -> None:
    """An answer that we do not read is not too slow."""
    call = Call()
    call.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    call.attach()
    call.connection.pause()
    assert not call.upstream.reading
    call.callee.loop.pass_time(5000)
    assert call.sink.broken is None
    call.connection.resume()
    assert call.upstream.reading


def test_early_answer() -> None:
    """An answer that comes before the whole request was sent is taken, and its connection not used again."""
    call = Call(sent_all=False)
    call.answer(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello")
    assert (call.sink.body, call.sink.ended, call.upstream.closing) == (b"hello", True, True)


def test_paused_by_the_last_piece() -> None:
    """A connection whose reader paused at the last piece is read again by the next exchange."""
    call = Call()
    call.sink = Sink(call.connection, pauses=True)
    call.answer(HEAD)
    call.attach()
    call.upstream.feed(b"hello")
    assert call.sink.ended
    again = Call(call.callee)
    assert again.connection is call.connection
    assert again.answer(HEAD + b"again").body == b"again"


def test_unasked_bytes() -> None:
    """An upstream that speaks while nothing was asked is cut off."""
    call = Call()
    call.answer(HEAD + b"hello")
    call.upstream.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert call.upstream.closing
    fresh = Call(call.callee)
    assert fresh.connection is not call.connection
    assert fresh.answer(HEAD + b"hello").body == b"hello"


def test_abort() -> None:
    """Whoever loses interest hears no more of the answer."""
    call = Call()
    call.answer(HEAD + b"hel")
    call.connection.abort()
    call.callee.loop.run()
    assert (call.upstream.aborted, call.sink.ended, call.sink.broken) == (True, False, None)


def test_abort_before_the_head() -> None:
    """Whoever waits for the head of an aborted call is told."""
    call = Call()
    call.connection.abort()
    call.callee.loop.run()
    assert call.error().sent


def test_slow_taker() -> None:
    """Sending waits while the upstream does not take the request, and gives up after a minute."""
    call = Call(sent_all=False)
    call.upstream.stuck = True
    call.connection.send(b"x" * 70000, last=False)
    waiting = call.connection.drained()
    waiting.send(None)
    call.callee.loop.pass_time(62)
    assert (call.error().status, call.upstream.aborted) == (504, True)
    with pytest.raises(StopIteration):
        waiting.send(None)


def test_give_up() -> None:
    """Waiting for a head can be ended from our side; an answer that has begun goes on."""
    waiting, begun = Call(), Call()
    begun.answer(HEAD + b"hel")
    waiting.connection.give_up("the proxy is shutting down")
    begun.connection.give_up("the proxy is shutting down")
    assert waiting.error().status == 503
    begun.answer(b"lo")
    assert begun.sink.ended
