"""The second opinion itself: what it makes of bytes whose meaning is beyond dispute."""

from __future__ import annotations

import random

import pytest

from tests.hostile.building import chunked, cut, honest, last, request, smuggled, spelled
from tests.hostile.exchange import NoAnswerError, read_answer
from tests.hostile.meaning import read
from tests.hostile.paths import readings

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    ("stream", "count", "end"),
    [
        (b"", 0, "open"),
        (GET, 1, "open"),
        (b"\r\n\r\n" + GET + GET, 2, "open"),
        (GET + b"\r\n", 1, "open"),
        (GET[:-1], 0, "incomplete"),
        (GET + b"POST", 1, "incomplete"),
        (b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\nrest", 1, "closed"),
        (b"GET /a HTTP/1.0\r\n\r\nrest", 1, "closed"),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1, "open"),
        (b"GET /a HTTP/1.1\r\n\r\n", 0, "refused"),
        (b"GET /a HTTP/1.1\nHost: h\n\n" + GET, 0, "refused"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + GET, 2, "open"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", 0, "incomplete"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 0, "refused"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n" + GET, 2, "open"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 0, "refused"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", 0, "incomplete"),
        (b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 0, "refused"),
    ],
)
def test_read(stream: bytes, count: int, end: str) -> None:
    """Whole requests are counted, and what follows them is told apart."""
    meaning = read(stream)
    assert (len(meaning.asked), meaning.end) == (count, end)


def test_bodies() -> None:
    """Bodies are freed of their framing, and stay apart from what follows."""
    dice = random.Random(1)
    stream = request(b"1", fields=[b"Transfer-Encoding: chunked"], body=chunked(b"x" * 500, dice), length=False)
    stream += request(b"2", method=b"GET", body=smuggled(b"2")) + last(b"3")
    assert [asked.body for asked in read(stream).asked][:2] == [b"x" * 500, smuggled(b"2")]
    assert read(stream).end == "closed"


def test_cuts_are_inside() -> None:
    """A stream is cut only inside, and its pieces make it whole again."""
    stream = honest(b"1")
    for seed in range(200):
        places = cut(stream, random.Random(seed))
        assert list(places) == sorted({place for place in places if 0 < place < len(stream)})


def test_spelled() -> None:
    """Lists of byte strings can be written with escapes, spaces included."""
    assert spelled("a | b c\n  \\x00d\\x20 | é") == (b"a", b"b c", b"\x00d ", b"\xe9")


@pytest.mark.parametrize(
    ("path", "reading"),
    [
        (b"/a/../b", "/b"),
        (b"/a/%2e%2e/b", "/b"),
        (b"/a%252fb", "/a/b"),
        (b"//a/./b;x", "/a/b"),
        (b"/a%00/b", "/a"),
        (b"/a%5cb", "/a/b"),
    ],
)
def test_readings(path: bytes, reading: str) -> None:
    """The ways in which servers misread a path are among the readings."""
    assert reading in set(readings(path))


@pytest.mark.parametrize(
    ("received", "status", "rest"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", 200, b"HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx", 200, b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\nx", 204, b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\neverything", 200, b""),
    ],
)
def test_answers(received: bytes, status: int, rest: bytes) -> None:
    """Answers are read by their framing, and what follows is left."""
    answer, left = read_answer(received, b"GET", over=True)
    assert answer is not None
    assert (answer.status, left) == (status, rest)


@pytest.mark.parametrize(
    "received",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"{}",
        b"HTTP/1.1 200",
    ],
)
def test_broken_answers(received: bytes) -> None:
    """What ends before it is whole is no answer."""
    with pytest.raises(NoAnswerError, match=r"."):
        read_answer(received, b"GET", over=True)
