"""Requests are read from bytes, however they are cut, and kept as they came."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.demo.scripted.incoming import Incoming
from proxy.demo.scripted.seen import Seen

BY_LENGTH = b"POST /v1/x?a=%20b HTTP/1.1\r\nHost: h\r\nX-Two:  a \r\nx-two: b\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /c HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\ntrailer: t\r\n\r\n"


def read(*pieces: bytes) -> list[Seen]:
    """All requests in a connection's bytes."""
    incoming = Incoming()
    found: list[Seen] = []
    for piece in pieces:
        if incoming.seen is None:
            found.append(Seen(number=len(found) + 1, connection=1))
            incoming.start(found[-1])
        incoming.feed(piece)
        while incoming.complete and incoming.pending:
            found.append(Seen(number=len(found) + 1, connection=1))
            incoming.start(found[-1])
    incoming.settle()
    return found


def test_request_is_kept_as_it_came() -> None:
    """Method, target, header order, case and duplicates, body and digest are those of the wire."""
    (seen,) = read(BY_LENGTH)
    assert (seen.method, seen.target, seen.version) == (b"POST", b"/v1/x?a=%20b", b"HTTP/1.1")
    assert seen.headers == [(b"Host", b"h"), (b"X-Two", b"a"), (b"x-two", b"b"), (b"Content-Length", b"5")]
    assert (seen.body, seen.received, seen.completed, seen.malformed) == (b"hello", 5, True, "")
    assert seen.sha256.startswith("2cf24dba")
    assert (seen.header("x-TWO"), seen.values("x-two"), seen.header("y")) == (b"a", [b"a", b"b"], None)


@given(st.lists(st.integers(0, len(BY_LENGTH + CHUNKED)), max_size=12))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    """Pipelined requests are the same however their bytes are cut."""
    wire = BY_LENGTH + CHUNKED
    edges = [0, *sorted(cuts), len(wire)]
    assert read(*(wire[a:b] for a, b in itertools.pairwise(edges) if a < b)) == read(wire)
    assert [seen.body for seen in read(wire)] == [b"hello", b"hello"]


def test_incomplete_body_is_kept() -> None:
    """A request cut in its body is not completed, and keeps what came."""
    (seen,) = read(BY_LENGTH[:-2])
    assert (seen.body, seen.received, seen.completed) == (b"hel", 3, False)


@pytest.mark.parametrize(
    "wire",
    [
        b"GET  /x HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/2.0\r\n\r\n",
        b"GET /x HTTP/1.1\nhost: h\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhost : h\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhost: h\r\n folded\r\n\r\n",
        b"POST /x HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
        b"POST /x HTTP/1.1\r\ncontent-length: +1\r\n\r\na",
        b"POST /x HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n",
        b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"GET /x HTTP/1.1\r\nhost: h",
    ],
)
def test_ambiguous_bytes_are_malformed(wire: bytes) -> None:
    """Bytes that two readers could understand differently are told apart from every good request."""
    (seen,) = read(wire)
    assert seen.malformed
    assert not seen.completed
