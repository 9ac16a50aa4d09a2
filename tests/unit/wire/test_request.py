"""A request's body: asked for when wanted, bounded, decoded, dropped when it is refused."""

from __future__ import annotations

from proxy.wire.request import READ_AHEAD, BodyError
from tests.unit.wire.faked import CHUNKED, GET, LONG, Desk, answer, ask_for_body


def test_refused_body_is_taken_and_dropped() -> None:
    """After an early refusal what still comes is dropped for a while, so that no reset destroys the answer."""
    desk = Desk()
    client = desk.client()
    client.feed(LONG)
    answer(desk.requests[0], b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
    client.feed(b"x" * 100_000)
    assert client.eof
    assert not client.closing
    desk.loop.pass_time(3)
    assert client.lost


def test_lingering_is_bounded() -> None:
    """Not more than a mebibyte is dropped for a client that does not stop."""
    desk = Desk()
    client = desk.client()
    client.feed(LONG)
    answer(desk.requests[0])
    for _ in range(20):
        if not client.closing:
            client.feed(b"x" * 65536)
    assert client.lost


def test_read_ahead_is_bounded() -> None:
    """A body nobody asks for is read ahead up to a bound only."""
    desk = Desk()
    client = desk.client()
    client.feed(LONG)
    for _ in range(10):
        if client.reading:
            client.feed(b"x" * 65536)
    assert not client.reading
    assert desk.requests[0].buffered <= READ_AHEAD + 65536


def test_bad_chunks() -> None:
    """A malformed chunk ends the body with 400 and the connection with the answer; what follows is no request."""
    desk = Desk()
    client = desk.client()
    client.feed(CHUNKED + b"5\r\nhello\r\nXX\r\n" + GET)
    ended = ask_for_body(desk.requests[0])
    assert isinstance(ended[0], BodyError)
    assert ended[0].status == 400
    assert desk.requests[0].take() == b"hello"
    assert not desk.requests[0].keep_alive
    answer(desk.requests[0])
    client.feed(GET)
    assert len(desk.requests) == 1


def test_chunked_body() -> None:
    """A chunked body is decoded, its trailers are dropped, and the next request is found behind it."""
    desk = Desk()
    client = desk.client()
    client.feed(CHUNKED + b"5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n" + GET)
    request = desk.requests[0]
    assert (request.take(), request.complete) == (b"hello", True)
    assert b"authorization" not in request.head.values
    answer(request)
    desk.loop.run()
    assert len(desk.requests) == 2


EXPECTING = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"


def test_continue_when_wanted() -> None:
    """A client that holds its body back is asked for it once somebody wants it, not before."""
    desk = Desk()
    client = desk.client()
    client.feed(EXPECTING)
    assert not client.taken
    ask_for_body(desk.requests[0])
    assert bytes(client.taken) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_no_continue_when_refused() -> None:
    """A request refused by its head alone is never asked for its body, nor one whose body is too large."""
    desk = Desk()
    client = desk.client()
    client.feed(EXPECTING.replace(b"5", b"9"))
    desk.requests[0].body_cap = 8
    ended = ask_for_body(desk.requests[0])
    assert isinstance(ended[0], BodyError)
    assert ended[0].status == 413
    assert not client.taken


def test_no_continue_when_the_body_is_there() -> None:
    """A client that did not wait is not asked."""
    desk = Desk()
    client = desk.client()
    client.feed(EXPECTING + b"hel")
    ask_for_body(desk.requests[0])
    assert not client.taken
