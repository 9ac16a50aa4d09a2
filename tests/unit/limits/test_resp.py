"""The protocol of Redis, and how its places are written."""

from __future__ import annotations

from asyncio import IncompleteReadError, StreamReader

import pytest

from proxy.limits.resp import Place, Reply, RespError, ServerError, reply, request


async def read(raw: bytes) -> Reply:
    """The first reply in these bytes."""
    reader = StreamReader()
    reader.feed_data(raw)
    reader.feed_eof()
    return await reply(reader)


def test_commands_are_framed_by_length() -> None:
    """So that a name may hold anything."""
    assert request("GET", b"a\r\n", 7) == b"*3\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n$1\r\n7\r\n"


async def test_replies() -> None:
    """Of each kind; errors by their first word."""
    raw = b"*5\r\n:-3\r\n$2\r\n\r\n\r\n$-1\r\n+OK\r\n*-1\r\n"
    assert await read(raw) == [-3, b"\r\n", None, b"OK", None]
    with pytest.raises(ServerError) as refused:
        await read(b"-NOSCRIPT No matching script\r\n")
    assert refused.value.code == "NOSCRIPT"
    for wrong in (b"HTTP/1.1 400\r\n", b":x\r\n", b"$99999999999\r\n"):
        with pytest.raises(RespError):
            await read(wrong)
    for torn in (b"$5\r\nab", b"*2\r\n:1\r\n", b":1"):
        with pytest.raises(IncompleteReadError):
            await read(torn)


def test_places() -> None:
    """Over TCP, TLS and a socket, with and without a password and a database."""
    assert Place.of("redis://h") == Place("h")
    assert Place.of("rediss://u:p%40@h:7/3") == Place("h", 7, tls=True, user="u", password="p@", database=3)
    assert Place.of("redis://:p@[::1]:7") == Place("::1", 7, password="p")
    assert Place.of("unix:///run/redis.sock?db=2") == Place(path="/run/redis.sock", database=2)


@pytest.mark.parametrize("url", ["http://h", "redis://", "redis://h/secret", "unix:", "redis://h:x", "redis://:secret@h/x"])
def test_what_is_no_place(url: str) -> None:
    """Is told without what it says, which may be a password."""
    with pytest.raises(ValueError, match=r"should|Port|port") as wrong:
        Place.of(url)
    assert "secret" not in str(wrong.value)
