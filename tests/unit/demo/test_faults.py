"""What a script asks for is what stands on the wire."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import pytest
import pytest_asyncio
import zstandard

from proxy.demo.upstream import ScriptedUpstream
from tests.unit.demo.raw import chat, converse, unchunked


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    """A scripted upstream in the test's loop."""
    async with ScriptedUpstream() as one:
        yield one


@pytest.mark.parametrize(
    ("script", "ending", "answer"),
    [
        ("fault=reset at=start", "reset", "cut"),
        ("fault=reset at=head", "reset", "cut"),
        ("fault=reset after_bytes=40", "reset", "cut"),
        ("fault=close at=start", "eof", "cut"),
        ("fault=close after_bytes=40", "eof", "cut"),
        ("fault=half_close after_bytes=40", "eof", "cut"),
        ("fault=stall at=start", "open", "cut"),
        ("fault=stall after_bytes=40", "open", "cut"),
        ("fault=garbage", "eof", "cut"),
        ("then=close", "eof", "completed"),
        ("then=announce", "eof", "completed"),
        ("then=reset", "reset", "completed"),
        ("framing=close", "eof", "completed"),
        ("length_off=9", "eof", "completed"),
        ("", "open", "completed"),
    ],
)
async def test_connection_ends_as_scripted(upstream: ScriptedUpstream, script: str, ending: str, answer: str) -> None:
    """Resets, closes and silences come where the script wants them, and are remembered as cuts."""
    received, how = await converse(upstream, chat(script))
    (seen,) = await upstream.wait_seen(1)
    assert (how, seen.answer) == (ending, answer)
    head, found, body = received.partition(b"\r\n\r\n")
    if "at=start" in script:
        assert not received
    elif "at=head" in script:
        assert (head[:12], found) == (b"HTTP/1.1 200", b"")
    elif "after_bytes" in script:
        assert len(body) == seen.answered == 40
    elif "garbage" in script:
        assert not received.startswith(b"HTTP")
    else:
        assert json.loads(body)["object"] == "chat.completion"


async def test_declared_length_can_be_wrong(upstream: ScriptedUpstream) -> None:
    """`length_off` is the difference between the declared and the true length."""
    for off in (5, -5):
        received, _ = await converse(upstream, chat(f"length_off={off}"))
        head, _, body = received.partition(b"\r\n\r\n")
        assert int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) == len(body) + off


@pytest.mark.parametrize(
    ("encoding", "decode"),
    [
        ("gzip", gzip.decompress),
        ("deflate", zlib.decompress),
        ("br", brotli.decompress),
        ("zstd", zstandard.ZstdDecompressor().decompressobj().decompress),
    ],
)
async def test_codings_can_be_decoded(upstream: ScriptedUpstream, encoding: str, decode: Callable[[bytes], bytes]) -> None:
    """An encoded stream is the plain one under its content coding."""
    received, _ = await converse(upstream, chat(f"encoding={encoding}", stream=True))
    head, _, body = received.partition(b"\r\n\r\n")
    assert f"content-encoding: {encoding}".encode() in head
    assert decode(unchunked(body)).endswith(b"data: [DONE]\n\n")


async def test_bomb_is_small_on_the_wire(upstream: ScriptedUpstream) -> None:
    """A bomb of many MiB is sent as a few KiB."""
    received, _ = await converse(upstream, chat("bomb_mib=8 encoding=gzip"))
    body = received.partition(b"\r\n\r\n")[2]
    assert len(body) < 65536
    assert len(gzip.decompress(body)) == 8 * 1024 * 1024


async def test_chunks_can_be_single_bytes(upstream: ScriptedUpstream) -> None:
    """`chunk_size=1` puts each byte into a chunk of its own."""
    received, _ = await converse(upstream, chat("framing=chunked chunk_size=1"))
    body = received.partition(b"\r\n\r\n")[2]
    assert set(body.split(b"\r\n")[:-3:2]) == {b"1"}
    assert json.loads(unchunked(body))["object"] == "chat.completion"


@pytest.mark.parametrize(("fault", "last"), [("truncate", b'"finish_reason":null}]}\n\n'), ("error_event", b'"param":null}}\n\n')])
async def test_streams_end_cleanly_but_wrongly(upstream: ScriptedUpstream, fault: str, last: bytes) -> None:
    """A truncated stream and one with an error event end with a good last chunk and without the terminal event."""
    received, how = await converse(upstream, chat(f"fault={fault}", stream=True))
    content = unchunked(received.partition(b"\r\n\r\n")[2])
    assert content.endswith(last)
    assert how == "open"


async def test_endless_stream_ends_with_its_reader(upstream: ScriptedUpstream) -> None:
    """An infinite stream goes on until the client leaves, which is remembered."""
    received, _ = await converse(upstream, chat("fault=infinite delay_ms=100 chunks=3", stream=True), patience=0.08)
    assert b"chat.completion.chunk" in received
    (seen,) = await upstream.wait_seen(1)
    assert seen.answer == "client_gone"


async def test_interim_answers_come_first(upstream: ScriptedUpstream) -> None:
    """1xx answers stand before the final head."""
    received, _ = await converse(upstream, chat("interim=103,102"))
    assert [part[:4] for part in received.split(b"HTTP/1.1")[1:]] == [b" 103", b" 102", b" 200"]


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_body_have_none(upstream: ScriptedUpstream, status: int) -> None:
    """204 and 304 end with their head."""
    received, how = await converse(upstream, chat(f"status={status}"))
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert received.endswith(b"\r\n\r\n")
    assert b"content-length" not in received
    assert how == "open"


async def test_head_is_the_head_of_get(upstream: ScriptedUpstream) -> None:
    """HEAD gets the length of the body that GET would get, and no body."""
    got, _ = await converse(upstream, b"GET /v1/models HTTP/1.1\r\nhost: h\r\n\r\n")
    headed, _ = await converse(upstream, b"HEAD /v1/models HTTP/1.1\r\nhost: h\r\n\r\n")
    assert headed.endswith(b"\r\n\r\n")
    assert headed.split(b"content-length: ")[1].split(b"\r\n")[0] == str(len(got.partition(b"\r\n\r\n")[2])).encode()


async def test_headers_can_be_many_huge_and_double(upstream: ScriptedUpstream) -> None:
    """The script says how many headers, how long, and how often."""
    received, _ = await converse(upstream, chat("headers=200 header_bytes=70000 duplicates=3"))
    head = received.partition(b"\r\n\r\n")[0]
    assert head.count(b"\r\nx-scripted-duplicate: ") == 3
    assert head.count(b"\r\nx-scripted-") == 204
    assert b"h" * 70000 in head


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        ("two_lengths", b"content-length: "),
        ("length_and_chunked", b"transfer-encoding: chunked"),
        ("nul", b"a\0b"),
        ("obs_fold", b"first\r\n second"),
        ("http10", b"HTTP/1.0 200"),
        ("no_reason", b"HTTP/1.1 200\r\n"),
        ("bare_lf", b"HTTP/1.1 200 OK\ndate"),
    ],
)
async def test_heads_can_be_bent(upstream: ScriptedUpstream, bend: str, expected: bytes) -> None:
    """Each bent head has on the wire what it is named after."""
    received, _ = await converse(upstream, chat(f"head={bend}"))
    assert expected in received


async def test_bad_chunk_is_no_chunk(upstream: ScriptedUpstream) -> None:
    """`bad_chunk` puts something else where a chunk's size belongs."""
    received, how = await converse(upstream, chat("framing=chunked fault=bad_chunk"))
    assert b"zz-not-a-size" in received
    assert how == "eof"
