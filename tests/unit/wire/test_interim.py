"""Interim answers: what of them is passed on, and how many."""

from __future__ import annotations

from proxy.wire.upstream import MAX_INTERIM_HEADS
from tests.unit.wire.test_upstream import HEAD, Call


def test_interim_heads() -> None:
    """1xx heads are passed on whole, except 100, which is for us."""
    call = Call()
    call.answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD, b"hello")
    assert call.interim == [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
    assert call.sink.body == b"hello"


def test_interim_fields() -> None:
    """What does not travel with a final head does not with an interim one."""
    call = Call()
    call.answer(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: a=1\r\nConnection: close, x-mine\r\nX-Mine: 1\r\n"
        b"x-tos-record: forged\r\nContent-Length: 5\r\nKeep-Alive: 1\r\nX-Other: 2\r\n\r\n" + HEAD,
        b"hello",
    )
    assert call.interim == [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Other: 2\r\n\r\n"]


def test_interim_without_fields() -> None:
    """A head of its status line alone is whole, too."""
    call = Call()
    call.answer(b"HTTP/1.1 102 Processing\r\nSet-Cookie: a\r\n\r\n" + HEAD, b"hello")
    assert call.interim == [b"HTTP/1.1 102 Processing\r\n\r\n"]


def test_interim_heads_are_bounded() -> None:
    """An upstream that never comes to its answer is given up; the next exchange is counted anew."""
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    call = Call()
    call.answer(hint * 4 + HEAD + b"hello")
    again = Call(call.callee)
    again.upstream.feed(hint * MAX_INTERIM_HEADS)
    assert not again.connection.head.done
    again.upstream.feed(hint)
    assert again.error().status == 502
    assert len(again.interim) == MAX_INTERIM_HEADS
