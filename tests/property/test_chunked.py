"""Chunked bodies of all kinds, cut in all ways."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.chunked import LAST_CHUNK, BadChunkError, ChunkedDecoder, chunk

PIECES = st.lists(st.binary(min_size=1, max_size=60), max_size=8)
CUTS = st.lists(st.integers(0, 400), max_size=12)
GRAMMAR = st.sampled_from(
    [b"0", b"5", b"a", b"\r\n", b"\n", b"\r", b";x", b" ", b"hello", b"\r\n\r\n", b"ffffffffffff", b"\0", b"X: 1"]
)
GARBAGE = st.one_of(st.binary(max_size=200), st.lists(GRAMMAR, max_size=20).map(b"".join))


def parts(whole: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes cut at those places."""
    bounds = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    return [whole[start:end] for start, end in pairwise(bounds)]


def read(pieces: list[bytes]) -> tuple[bytes, bool, bytes] | None:
    """(body, whether it ended, what followed), None when it is refused."""
    decoder = ChunkedDecoder()
    body = b""
    rest = b""
    try:
        for piece in pieces:
            if decoder.done:
                rest += piece
                continue
            body += b"".join(decoder.feed(piece))
            rest = decoder.rest
    except BadChunkError:
        return None
    return body, decoder.done, rest


@given(PIECES, st.binary(max_size=20), CUTS)
def test_round_trip(pieces: list[bytes], behind: bytes, cuts: list[int]) -> None:
    """What is written is read, however it is cut, and what stands behind it is left alone."""
    framed = b"".join(map(chunk, pieces)) + LAST_CHUNK + behind
    assert read(parts(framed, cuts)) == (b"".join(pieces), True, behind)


@given(GARBAGE, CUTS)
def test_garbage(garbage: bytes, cuts: list[int]) -> None:
    """Any bytes are a body, a beginning, or refused; the cuts make no difference to which, nor to what was read."""
    assert read(parts(garbage, cuts)) == read([garbage])
