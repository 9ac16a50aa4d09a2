"""Hostile frames on real sockets: no traceback, no byte upstream that is not the client's own and recorded, and always an end."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode

from proxy.wire.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, FrameError, FrameReader, close_frame, frame
from tests.proxy_server import ProxyServer
from tests.waiting import PATIENCE

SESSIONS = 120


def opening(number: int) -> bytes:
    """A handshake that can be told from others."""
    key = b64encode(number.to_bytes(16, "big")).decode()
    return (
        f"GET /openai/v1/realtime?model=m&number={number} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-hostile\r\n"
        f"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
    ).encode()


def some_frame(dice: random.Random) -> bytes:
    """One frame, mostly a good one."""
    key = bytes(dice.randrange(256) for _ in range(4))
    event = b'{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[]}}'
    whole = dice.choice(
        [
            frame(TEXT, event, key),
            frame(TEXT, b'{"type":"response.create"}', key),
            frame(BINARY, dice.randbytes(dice.randrange(200)), key),
            frame(PING, b"?", key),
            frame(TEXT, event, key)[:1].replace(b"\x81", b"\x01") + frame(TEXT, event, key)[1:],
            frame(CONTINUATION, b" ", key),
            frame(CLOSE, b"\x03", key),
            close_frame(1000, "", key),
            frame(TEXT, event),
            frame(TEXT, b"\xff\xfe", key),
            frame(TEXT, b'{"type":1,"type":2}', key),
            b"\x82\xff" + (1 << dice.randrange(17, 64)).to_bytes(8, "big", signed=False)[:8] + key,
            b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        ]
    )
    if dice.random() < 0.15:
        at = dice.randrange(len(whole))
        whole = whole[:at] + bytes((whole[at] ^ 1 << dice.randrange(8),)) + whole[at + 1 :]
    return whole


def ends(sent: bytes) -> bool:
    """Whether these bytes end a session by themselves: by a close frame, or by being none; a frame may also wait for its rest."""
    read = FrameReader(masked=True, message_cap=1 << 24, refuse_longer=True)
    try:
        read.feed(sent)
    except FrameError:
        return True
    return read.close_code is not None


async def one(port: int, number: int) -> tuple[int, bytes, str]:
    """One session; (its number, all bytes sent in it, what is wrong with how it was answered)."""
    dice = random.Random(f"frames {number}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = b"".join(some_frame(dice) for _ in range(dice.randrange(1, 12)))
    try:
        async with asyncio.timeout(PATIENCE):
            early = dice.random() < 0.2  # before the handshake is answered, which no client may do
            writer.write(opening(number) + (sent if early else b""))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                return number, b"", f"{number}: {head[:40]!r}"
            size = dice.choice([1, 3, 100, 100_000])
            for start in range(0, 0 if early else len(sent), size):
                writer.write(sent[start : start + size])
                await asyncio.sleep(0)
            writer.write(close_frame(1000, "", b"mask"))
            if not ends(sent + close_frame(1000, "", b"mask")):
                return number, sent, ""
            read = FrameReader(masked=False, message_cap=1 << 24, refuse_longer=True)
            while piece := await reader.read(65536):
                read.feed(piece)
    except (ConnectionError, asyncio.IncompleteReadError):
        return number, sent, ""
    except (TimeoutError, FrameError) as error:
        return number, sent, f"{number}: {error!r}"
    finally:
        writer.transport.abort()
    return number, sent, ""


def test_hostile_frames(proxy_server: ProxyServer) -> None:
    """Every session ends in time and its client is told nothing but frames; what went upstream is held against the ledger."""
    port = int(proxy_server.gateway_url.rpartition(":")[2])

    async def all_of_them() -> list[tuple[int, bytes, str]]:
        found: list[tuple[int, bytes, str]] = []
        for first in range(0, SESSIONS, 20):
            found += await asyncio.gather(*(one(port, number) for number in range(first, first + 20)))
        return found

    found = asyncio.run(all_of_them())
    assert [wrong for _, _, wrong in found if wrong] == []
    said = {int(seen.target.rpartition(b"=")[2]): seen for seen in proxy_server.upstream.seen()}  # type: ignore[operator]
    assert len(said) == SESSIONS
    assert not [seen.malformed for seen in said.values() if seen.malformed]
