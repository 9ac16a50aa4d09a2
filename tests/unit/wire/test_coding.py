"""Content codings: what a client may ask for, and decoding that neither trusts nor fails."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import brotli  # type: ignore[import-untyped]  # the package ships no types
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wire.coding import MOST_RATIO, RATIO_FREE, STEP, Decoder, accepted

TEXT = (
    b'{"model": "m", "messages": [{"role": "user", "content": "'
    + bytes(random.Random(1).choices(b"abcdefgh ", k=300_000))
    + b'"}]}'
)


def raw_deflate(body: bytes) -> bytes:
    """Deflate without the zlib header, as some senders do it."""
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


def zstd(body: bytes) -> bytes:
    """One frame of many blocks, with a checksum and without a size, as a streaming sender makes it."""
    stream = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compressobj()
    return stream.compress(body) + stream.flush()


ENCODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": partial(brotli.compress, quality=4),
    b"zstd": zstd,
}


def decode(codings: bytes, encoded: bytes, *, step: int = 1 << 30, **limits: int) -> tuple[bytes, Decoder]:
    """Everything a decoder gives for a body that arrives in pieces of `step` bytes; checks the size of each piece."""
    decoder = Decoder(codings, **limits)
    decoded = []
    for start in range(0, len(encoded), step):
        for piece in decoder.feed(encoded[start : start + step]):
            assert 0 < len(piece) <= STEP
            decoded.append(piece)
    decoder.finish()
    return b"".join(decoded), decoder


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (b"gzip, deflate, br, zstd", b"gzip, deflate, br, zstd"),
        (b"gzip, compress;q=0.9, snappy", b"gzip"),
        (b"br;q=1.0, gzip;q=0.8, *;q=0.1", b"br;q=1.0, gzip;q=0.8, deflate;q=0.1, zstd;q=0.1"),
        (b"*", b"gzip, deflate, br, zstd"),
        (b"gzip, deflate, br, zstd, *", b"gzip, deflate, br, zstd"),
        (b"snappy", b"identity"),
        (b"", b"identity"),
        (b"identity", b"identity"),
        (b"gzip;q=0", b"identity"),
        (b"*;q=0", b"identity"),
        (b"gzip, *;q=0", b"gzip, identity;q=0"),
        (b"identity;q=0.5, *;q=0", b"identity;q=0.5"),
        (b"GZip ; Q=0.5 ,\tBR", b"GZip ; Q=0.5, BR"),
        (b"gzip;q=1.5, br;q=abc, zstd;level=3, deflate", b"deflate"),
        (b",, gzip,,", b"gzip"),
        (b"x-gzip", b"x-gzip"),
    ],
)
def test_accepted(asked: bytes, passed: bytes) -> None:
    """Only codings that can be decoded are asked of an upstream, with the client's order and weights."""
    assert accepted(asked) == passed


@given(st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_accepted_is_stable(value: bytes) -> None:
    """Whatever a client sends, the result is no empty field, and filtering it again changes nothing."""
    once = accepted(value)
    assert once
    assert accepted(once) == once


@pytest.mark.parametrize("step", [1 << 30, 1000, 1])
@pytest.mark.parametrize("coding", ENCODERS, ids=bytes.decode)
def test_each_coding(coding: bytes, step: int) -> None:
    """Each coding gives the body back, however it is cut into pieces."""
    body = TEXT if step > 1 else TEXT[:5000]
    decoded, decoder = decode(coding, ENCODERS[coding](body), step=step)
    assert (decoder.state, decoder.reason) == ("read", "")
    assert decoded == body


def test_raw_deflate() -> None:
    """Deflate without its header is read as well, also when its first byte comes alone."""
    decoded, decoder = decode(b"deflate", raw_deflate(TEXT), step=1)
    assert (decoder.state, decoded) == ("read", TEXT)


@pytest.mark.parametrize("codings", [b"gzip, br", b"GZIP , zstd", b"deflate, identity, gzip, zstd"])
def test_stacked(codings: bytes) -> None:
    """Stacked codings are taken off from the last one to the first."""
    encoded = TEXT
    for name in codings.split(b","):
        encoded = ENCODERS.get(name.strip().lower(), bytes)(encoded)
    decoded, decoder = decode(codings, encoded, step=777)
    assert (decoder.state, decoded) == ("read", TEXT)


@pytest.mark.parametrize("codings", [b"", b"identity", b" identity,"])
def test_identity(codings: bytes) -> None:
    """A body without a coding passes as it is."""
    decoder = Decoder(codings)
    assert b"".join(decoder.feed(b"plain")) == b"plain"
    decoder.finish()
    assert decoder.state == "read"


@pytest.mark.parametrize("coding", ENCODERS, ids=bytes.decode)
def test_empty_body(coding: bytes) -> None:
    """A body of no bytes at all is whole, whatever coding its head names: an answer to HEAD has none."""
    decoded, decoder = decode(coding, b"")
    assert (decoder.state, decoded) == ("read", b"")


def test_several_members_and_frames() -> None:
    """Members of gzip and frames of zstd that follow each other are all read, skippable frames aside."""
    assert decode(b"gzip", gzip.compress(b"one ") + gzip.compress(b"two"), step=5)[0] == b"one two"
    skippable = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz"
    decoded, decoder = decode(b"zstd", zstd(b"one ") + skippable + zstd(b"") + zstd(b"two"), step=1)
    assert (decoder.state, decoded) == ("read", b"one two")


@pytest.mark.parametrize("coding", ENCODERS, ids=bytes.decode)
def test_flushed_pieces_arrive(coding: bytes) -> None:
    """What a streaming sender has flushed can be read before the rest has come."""
    stream: Any
    if coding == b"br":
        stream = brotli.Compressor()
        encode, flush = stream.process, stream.flush
    elif coding == b"zstd":
        stream = zstandard.ZstdCompressor().compressobj()
        encode, flush = stream.compress, partial(stream.flush, zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    else:
        stream = zlib.compressobj(wbits=15 if coding == b"deflate" else 31)
        encode, flush = stream.compress, partial(stream.flush, zlib.Z_SYNC_FLUSH)
    decoder = Decoder(coding)
    for event in (b"data: one\n\n", b"data: two\n\n"):
        assert b"".join(decoder.feed(encode(event) + flush())) == event


@pytest.mark.parametrize("coding", ENCODERS, ids=bytes.decode)
def test_cut_off(coding: bytes) -> None:
    """A body that lacks its last byte is unread, and what was there has been given."""
    decoded, decoder = decode(coding, ENCODERS[coding](TEXT)[:-1])
    assert (decoder.state, decoder.reason) == ("unread", "the encoded body ends too early")
    assert TEXT.startswith(decoded)
    assert len(decoded) > 100_000


@pytest.mark.parametrize("coding", ENCODERS, ids=bytes.decode)
def test_trailing_bytes(coding: bytes) -> None:
    """Bytes behind the end of an encoded body could be a second body, so the whole counts as unread."""
    _, decoder = decode(coding, ENCODERS[coding](b"text") + b"trailing bytes")
    assert decoder.state == "unread"
    assert decoder.reason


@pytest.mark.parametrize("coding", ENCODERS, ids=bytes.decode)
def test_garbage(coding: bytes) -> None:
    """A body that is not in its coding is unread."""
    _, decoder = decode(coding, b"\x01not encoded at all, but long enough to notice")
    assert (decoder.state, bool(decoder.reason)) == ("unread", True)


@pytest.mark.parametrize(
    ("codings", "reason"),
    [
        (b"snappy", "the content coding 'snappy' is not known"),
        (b"gzip, aws-chunked", "the content coding 'aws-chunked' is not known"),
        (b"gzip, gzip, gzip, gzip", "more than 3 content codings are stacked"),
    ],
)
def test_refused_codings(codings: bytes, reason: str) -> None:
    """Codings that are unknown or stacked too high are unread from the start, and feeding gives nothing."""
    decoder = Decoder(codings)
    assert (decoder.state, decoder.reason) == ("unread", reason)
    assert list(decoder.feed(b"bytes")) == []
    decoder.finish()
    assert decoder.reason == reason


def bomb(coding: bytes, mebibytes: int = 200) -> bytes:
    """Zeros without end, in few bytes."""
    zeros = bytes(1 << 20)
    if coding == b"br":
        stream = brotli.Compressor(quality=3)
        pieces: list[bytes] = [stream.process(zeros) for _ in range(mebibytes)]
        return b"".join([*pieces, stream.finish()])
    if coding == b"zstd":
        frame = zstandard.ZstdCompressor().compressobj()
        return b"".join(frame.compress(zeros) for _ in range(mebibytes)) + frame.flush()
    inflate = zlib.compressobj(3, wbits=15 if coding == b"deflate" else 31)
    return b"".join(inflate.compress(zeros) for _ in range(mebibytes)) + inflate.flush()


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"], ids=bytes.decode)
def test_bombs(coding: bytes) -> None:
    """A bomb stops at the ratio."""
    encoded = bomb(coding)
    decoder = Decoder(coding)
    produced = sum(map(len, decoder.feed(encoded)))
    assert (decoder.state, decoder.reason) == ("unread", f"the body decodes to more than {MOST_RATIO} times its size")
    assert produced <= max(RATIO_FREE, MOST_RATIO * len(encoded)) + STEP


_GROWTH = """
import resource, sys
from proxy.wire.coding import Decoder
encoded = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in Decoder(sys.argv[1].encode()).feed(encoded): pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd"], ids=bytes.decode)
def test_bombs_cost_little_memory(coding: bytes) -> None:
    """A bomb, or a megabyte that decodes to a hundred, costs a process less than 16 MiB of memory."""
    dense = b"".join(random.Random(3).randbytes(11_000) + bytes(1 << 20) for _ in range(20))
    for encoded in (bomb(coding), ENCODERS[coding](dense)):
        command = [sys.executable, "-c", _GROWTH, coding.decode()]
        grown = int(subprocess.run(command, input=encoded, capture_output=True, check=True).stdout)
        assert grown * (1 if sys.platform == "darwin" else 1024) < 16 << 20


def test_nested_bomb() -> None:
    """A bomb within a bomb stops at the outer coding, before the inner one is begun."""
    encoded = gzip.compress(bomb(b"gzip", 400))
    decoder = Decoder(b"gzip, gzip")
    assert sum(map(len, decoder.feed(encoded))) <= RATIO_FREE + STEP
    assert decoder.state == "unread"


def test_bomb_that_ends_small() -> None:
    """A million empty members inside one coding are stopped, though they decode to nothing."""
    encoded = gzip.compress(gzip.compress(b"") * 1_000_000)
    decoder = Decoder(b"gzip, gzip")
    assert list(decoder.feed(encoded)) == []
    assert decoder.reason == f"the body decodes to more than {MOST_RATIO} times its size"


def test_total_cap() -> None:
    """A body may not decode to more than it is allowed to, whatever its ratio."""
    body = random.Random(2).randbytes(300_000)
    decoded, decoder = decode(b"gzip", gzip.compress(body), most_bytes=200_000)
    assert decoder.reason == "the body decodes to more than 200000 bytes"
    assert 200_000 - STEP < len(decoded) <= 200_000
    assert decode(b"gzip", gzip.compress(body), most_bytes=300_000)[1].state == "read"


@pytest.mark.parametrize(("log", "state"), [(23, "read"), (24, "unread"), (27, "unread")])
def test_zstd_window(log: int, state: str) -> None:
    """A zstd frame that asks for more memory than RFC 9659 grants is unread."""
    parameters = zstandard.ZstdCompressionParameters(window_log=log)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    encoded = stream.compress(b"text") + stream.flush()
    _, decoder = decode(b"zstd", encoded)
    assert decoder.state == state
    assert ("window" in decoder.reason) == (state == "unread")


@pytest.mark.parametrize(("log", "state"), [(10, "read"), (22, "read"), (23, "read"), (24, "unread")])
def test_brotli_window(log: int, state: str) -> None:
    """A brotli stream with the largest window is unread."""
    _, decoder = decode(b"br", brotli.compress(TEXT, quality=4, lgwin=log))
    assert decoder.state == state
    assert ("window" in decoder.reason) == (state == "unread")


def test_zstd_dictionary() -> None:
    """A zstd frame that needs a dictionary says so."""
    samples: list[bytes | bytearray | memoryview] = [TEXT[start : start + 300] for start in range(0, 60_000, 300)]
    dictionary = zstandard.train_dictionary(4096, samples)
    encoded = zstandard.ZstdCompressor(dict_data=dictionary).compress(b"text")
    assert decode(b"zstd", encoded)[1].reason == "the body needs a zstd dictionary"


def test_pieces_come_when_asked_for() -> None:
    """A large body is decoded as its pieces are taken, not before."""
    decoder = Decoder(b"gzip")
    pieces = decoder.feed(gzip.compress(bytes(900_000)))
    next(pieces)
    assert decoder.state == "open"
    assert sum(1 for _ in pieces) >= 900_000 // STEP


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_never_raises(data: st.DataObject) -> None:
    """Damaged bodies, cut anywhere, end in a state with a reason and never in an exception; whole ones are read exactly."""
    coding = data.draw(st.sampled_from(sorted(ENCODERS)))
    body = data.draw(st.binary(max_size=2000))
    encoded = bytearray(ENCODERS[coding](body))
    damage = data.draw(st.lists(st.tuples(st.integers(0, len(encoded) - 1), st.integers(0, 255)), max_size=3))
    for place, value in damage:
        encoded[place] = value
    cuts = sorted({0, len(encoded), *data.draw(st.lists(st.integers(0, len(encoded)), max_size=5))})
    decoder = Decoder(coding)
    decoded = b"".join(piece for start, end in pairwise(cuts) for piece in decoder.feed(bytes(encoded[start:end])))
    decoder.finish()
    assert decoder.state in ("read", "unread")
    assert (decoder.state == "unread") == bool(decoder.reason)
    if encoded == ENCODERS[coding](body):
        assert decoded == body
