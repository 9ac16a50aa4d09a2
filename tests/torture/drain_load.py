"""Load for the drain torture: long streams, and short requests at a steady rate over kept-alive connections, as a pool uses them.

The short ones go on after the proxy was told to end, for as long as it says that it accepts. Each answer is noted as `Answered`.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from tests.torture.kill9_load import Answered, _judged

CALL_SECONDS = 30.0
STREAM_SECONDS = 120.0
_PATHS = {
    "openai": "/openai/v1/chat/completions",
    "responses": "/openai/v1/responses",
    "anthropic": "/anthropic/v1/messages",
    "gemini": "/gemini/v1beta/models/m-1:streamGenerateContent?alt=sse",
}
DIALECTS = tuple(_PATHS)


def request(name: str, script: str, *, dialect: str = "openai", stream: bool = False) -> bytes:
    """One request on a connection that may serve another."""
    text = f"{name} [[script: {script}]]"
    if dialect == "gemini":
        told: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    elif dialect == "responses":
        told = {"model": "m-1", "stream": stream, "input": text}
    else:
        told = {"model": "m-1", "stream": stream, "max_tokens": 99, "messages": [{"role": "user", "content": text}]}
    body = json.dumps(told).encode()
    head = (
        f"POST {_PATHS[dialect]} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-drain\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Load:
    """What clients do and see. `refused`: short requests without an answer. `parted_at`: when an answer first said that it was its
    connection's last; `unannounced`: answers to what was asked after that and did not say so.
    """

    port: int
    answers: list[Answered] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unannounced: int = 0
    parted_at: float = float("inf")
    begun: int = 0
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def stream(self, number: int, script: str) -> None:
        """One long stream, to its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request(f"stream {number}", script, stream=True).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))
            received = await reader.read(1)
            self.begun += 1
            async with asyncio.timeout(STREAM_SECONDS):
                received += await reader.read()
        except OSError as error:
            self.refused.append(f"stream {number}: {error!r}")
            return
        finally:
            writer.transport.abort()
        self.answers.append(_judged("stream", received))

    async def steadily(self, rate: float, over: asyncio.Event) -> None:
        """Short requests, so many a second, until `over`; then wait for those under way."""
        began, tasks = time.monotonic(), list[asyncio.Task[None]]()
        while not over.is_set():
            tasks.append(asyncio.create_task(self._short(len(tasks))))
            await asyncio.sleep(max(0.0, began + len(tasks) / rate - time.monotonic()))
        await asyncio.gather(*tasks)
        for _, writer in self._idle:
            writer.transport.abort()

    async def _short(self, number: int) -> None:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._exchange(f"short {number}")
        except (OSError, EOFError) as error:
            self.refused.append(f"short {number}: {error!r}")

    async def _exchange(self, name: str) -> None:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self.port)
        sent_at, kept = time.monotonic(), False
        try:
            writer.write(request(name, "words=4"))
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
            kept = fields.get(b"connection") != b"close"
        finally:
            if not kept:
                writer.transport.abort()
        self.answers.append(_judged("short", head + body))
        if self.answers[-1].status != 200:
            self.refused.append(f"{name}: {head.split(b' ')[1].decode()}")
        if not kept:
            self.parted_at = min(self.parted_at, time.monotonic())
        else:
            self.unannounced += sent_at > self.parted_at
            self._idle.append((reader, writer))
