"""Sessions over WebSockets for the kill -9 torture, beside the ordinary load: some turns and a close, or one without end."""

from __future__ import annotations

import asyncio
import json
import os
import random
from base64 import b64encode
from dataclasses import dataclass
from typing import ClassVar

from proxy.wire.websocket import TEXT, FrameReader, Message, close_frame, frame
from tests.torture.kill9_load import KINDS, Answered, Load


@dataclass
class SessionLoad(Load):
    """Half of the clients talk in sessions."""

    kinds: ClassVar[tuple[str, ...]] = (*KINDS, *("session",) * 6, *("endless_session",) * 3)

    async def _one(self, kind: str, rng: random.Random) -> None:
        if not kind.endswith("session"):
            await super()._one(kind, rng)
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.sent += 1
        try:
            writer.write(opening())
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 101 "):
                record = head.partition(b"x-tos-record: ")[2].partition(b"\r\n")[0].decode()
                closed = await self._talk(kind, rng, reader, writer)
                self.answers.append(Answered(kind, record, 101, closed, ours=False))
        except asyncio.IncompleteReadError:
            self.refused += 1
        finally:
            writer.transport.abort()

    async def _talk(self, kind: str, rng: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Some turns; whether the upstream's close frame came."""
        read = FrameReader(masked=False, message_cap=1 << 24, refuse_longer=True)
        for number in range(rng.randrange(1, 4) if kind == "session" else 1000):
            words = f"turn {number} of {self.seed}/{next(self._numbers)} [[script: chunks=4 delay_ms={rng.randrange(0, 8)}]]"
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": words + "x" * rng.randrange(0, 9000)}],
            }
            for event in ({"type": "conversation.item.create", "item": item}, {"type": "response.create"}):
                writer.write(frame(TEXT, json.dumps(event).encode(), os.urandom(4)))
            while not await _done(reader, read):
                pass
            if self._over.is_set():
                break
        writer.write(close_frame(1000, "", os.urandom(4)))
        while read.close_code is None and (piece := await reader.read(65536)):
            read.feed(piece)
        return read.close_code == 1000


async def _done(reader: asyncio.StreamReader, read: FrameReader) -> bool:
    piece = await reader.read(65536)
    if not piece or read.close_code is not None:
        raise ConnectionResetError
    return any(_ends(message) for message in read.feed(piece))


def _ends(message: Message) -> bool:
    return b'"type":"response.done"' in (message.payload or b"")


def opening() -> bytes:
    """A client's handshake."""
    key = b64encode(os.urandom(16)).decode()
    return (
        "GET /openai/v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-torture\r\n"
        f"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
    ).encode()
