"""The chunked coding: strict, incremental, the same however it is cut."""

from __future__ import annotations

import pytest

from proxy.wire.chunked import LAST_CHUNK, BadChunkError, ChunkedDecoder, chunk

BODY = b"5\r\nhello\r\n1;name=value\r\n,\r\nA \r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"


def decoded(*pieces: bytes) -> tuple[bytes, bool, bytes]:
    """Body, whether it ended, what followed."""
    decoder = ChunkedDecoder()
    body = b"".join(part for piece in pieces for part in decoder.feed(piece))
    return body, decoder.done, decoder.rest


def test_whole() -> None:
    """Chunks are joined; extensions and trailers are dropped."""
    assert decoded(BODY) == (b"hello,0123456789", True, b"")


def test_byte_by_byte() -> None:
    """Cut into single bytes it is the same body."""
    assert decoded(*(BODY[at : at + 1] for at in range(len(BODY)))) == (b"hello,0123456789", True, b"")


@pytest.mark.parametrize("cut", range(1, len(BODY)))
def test_two_parts(cut: int) -> None:
    """Cut in two anywhere it is the same body, and what follows is found."""
    assert decoded(BODY[:cut], BODY[cut:] + b"GET /") == (b"hello,0123456789", True, b"GET /")


def test_bytes_leave_as_they_come() -> None:
    """A part of a chunk is given on at once."""
    decoder = ChunkedDecoder()
    assert decoder.feed(b"ff\r\nabc") == [b"abc"]
    assert decoder.feed(b"def") == [b"def"]


BAD = {
    "no size": b"\r\nhello\r\n",
    "no number": b"xyz\r\n",
    "signed": b"+5\r\nhello\r\n",
    "negative": b"-5\r\nhello\r\n",
    "prefixed": b"0x5\r\nhello\r\n",
    "underscored": b"1_0\r\n",
    "leading space": b" 5\r\nhello\r\n",
    "only an extension": b";a=b\r\n",
    "bare LF": b"5\nhello\r\n",
    "too long a size": b"0000000000005\r\nhello\r\n",
    "longer than said": b"5\r\nhello!\r\n",
    "shorter than said": b"5\r\nhell\r\n0\r\n\r\n",
    "chunk ended by LF": b"5\r\nhello\n0\r\n\r\n",
    "endless extension": b"5;" + b"x" * 300,
    "endless trailer line": b"0\r\nX: " + b"x" * 300,
    "endless trailers": b"0\r\n" + b"X-Trailer: 123456789\r\n" * 400,
    "trailer ended by LF": b"0\r\nX: 1\n\r\n",
    "end by LF": b"0\r\n\n",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_refused(body: bytes) -> None:
    """What is no chunked body is refused, whole or byte by byte."""
    with pytest.raises(BadChunkError):
        decoded(body)
    with pytest.raises(BadChunkError):
        decoded(*(body[at : at + 1] for at in range(len(body))))


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_good_pieces_before_bad_ones(body: bytes) -> None:
    """What stood before the malformed chunk is given, once, and nothing that comes after it is read."""
    decoder = ChunkedDecoder()
    with pytest.raises(BadChunkError) as bad:
        decoder.feed(b"5\r\nhello\r\n1\r\n,\r\n" + body)
    assert b"".join(bad.value.pieces).startswith(b"hello,")
    for _ in range(2):
        with pytest.raises(BadChunkError) as again:
            decoder.feed(b"5\r\nhello\r\n")
        assert again.value.pieces == []


def test_encoding() -> None:
    """One chunk as we write it; the last one ends the body."""
    assert chunk(b"x" * 17) + LAST_CHUNK == b"11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"
