"""A session in memory, with both its far ends in the test's hands."""

from __future__ import annotations

import json
from typing import Any

from proxy.ledger.record import Turn
from proxy.wire import handshake
from proxy.wire.websocket import TEXT, frame
from tests.unit.gateway.stage import KEYED, Stage
from tests.unit.wire.faked import FakeTransport

KEY = b"\x07\x11\xaa\x80"
NONCE = b"dGhlIHNhbXBsZSBub25jZQ=="
WANTED = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + NONCE)
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + handshake.accept(NONCE) + b"\r\n"
)
REALTIME = b"/openai/v1/realtime?model=gpt-realtime"
CREATE = {"type": "response.create", "event_id": "e1"}


def opening(path: bytes = REALTIME, *fields: bytes) -> bytes:
    """A client's handshake."""
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"Host: proxy.test", *WANTED, *(fields or KEYED), b"", b""])


def asks(event: Any, key: bytes = KEY) -> bytes:
    """A client's message."""
    return frame(TEXT, json.dumps(event).encode(), key)


def says(event: Any) -> bytes:
    """An upstream's."""
    return frame(TEXT, json.dumps(event).encode())


def created(name: str = "resp_1") -> bytes:
    """A response begins."""
    return says({"type": "response.created", "response": {"id": name}})


def done(name: str = "resp_1") -> bytes:
    """A response has ended."""
    usage = {"input_tokens": 7, "output_tokens": 5, "input_token_details": {"cached_tokens": 2}}
    return says({"type": "response.done", "response": {"id": name, "status": "completed", "usage": usage}})


class Talk:
    """A session that has been opened; `client` and `upstream` are the far ends."""

    def __init__(self, path: bytes = REALTIME, *fields: bytes, **options: Any) -> None:
        self.stage = Stage(**options)
        self.client: FakeTransport = self.stage.client(opening(path, *fields))
        self.stage.upstream.feed(AGREED + b"\r\n")
        self.upstream: FakeTransport = self.stage.upstream
        self.handshake = bytes(self.client.taken)
        self.client.taken.clear()
        self.upstream.taken.clear()

    @property
    def turns(self) -> list[Turn]:
        """Entries of turns."""
        return self.stage.entries("turn")

    def told(self) -> list[tuple[int, bytes]]:
        """Frames the client got, as (opcode, payload); only for short ones."""
        found, taken = [], bytes(self.client.taken)
        while taken:
            size, start = taken[1], 2
            if size == 126:
                size, start = int.from_bytes(taken[2:4], "big"), 4
            found.append((taken[0] & 0xF, taken[start : start + size]))
            taken = taken[start + size :]
        return found
