"""Mixed load for the kill -9 torture: JSON, streams, long bodies, clients that leave early; never stops for an error.

Each request has a body of its own. What a client saw is noted as `Answered`: which record the answer named, whether it came to its
framed end, and whether it was the upstream's.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

CLIENTS = 8
KINDS = ("json", "json", "json", "stream", "stream", "stream", "long", "leave", "leave_early")
_CALL_SECONDS = 6.0
_LONG = (80_000, 300_000)


@dataclass(frozen=True)
class Answered:
    """What one client saw. `complete`: head and framing say that nothing is missing. `ours`: the proxy answered by itself."""

    kind: str
    record: str
    status: int
    complete: bool
    ours: bool


@dataclass
class Load:
    """Clients in a thread of their own; between `start` and `stop` they send one request after the other."""

    port: int
    seed: int
    answers: list[Answered] = field(default_factory=list)
    sent: int = 0
    refused: int = 0
    kinds: ClassVar[tuple[str, ...]] = KINDS

    def start(self) -> None:
        """Begin."""
        self._over = threading.Event()
        self._numbers = count()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let every request under way end, then return."""
        self._over.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a client waits for ever"

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(random.Random(f"{self.seed}/{n}")) for n in range(CLIENTS)))

    async def _client(self, rng: random.Random) -> None:
        while not self._over.is_set():
            kind = rng.choice(self.kinds)
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    await self._one(kind, rng)
            except OSError:  # refused, reset, or too slow: what a kill does to clients
                self.refused += 1
                await asyncio.sleep(0.02)
            await asyncio.sleep(rng.uniform(0, 0.02))

    async def _one(self, kind: str, rng: random.Random) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            request = self._request(kind, rng)
            if kind == "leave_early":
                writer.write(request[: rng.randrange(1, len(request))])
                await writer.drain()
                await asyncio.sleep(rng.uniform(0, 0.01))
                return
            self.sent += 1
            writer.write(request)
            await writer.drain()
            received = bytearray()
            most = rng.randrange(0, 1500) if kind == "leave" else 1 << 30
            while len(received) < most and (piece := await reader.read(65536)):
                received += piece
            self.answers.append(_judged(kind, bytes(received)))
        finally:
            writer.transport.abort()

    def _request(self, kind: str, rng: random.Random) -> bytes:
        name = f"request {self.seed}/{next(self._numbers)}"
        script = f"[[script: head_delay_ms={rng.randrange(0, 40)}]]"
        if kind in ("stream", "leave"):
            script = f"[[script: chunks={rng.randrange(3, 12)} delay_ms={rng.randrange(1, 30)}]]"
        padding = "x" * rng.randrange(*_LONG) if kind == "long" else ""
        body = json.dumps(
            {
                "model": "m",
                "stream": kind in ("stream", "leave"),
                "messages": [{"role": "user", "content": f"{name} {padding} {script}"}],
            }
        ).encode()
        head = (
            "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-torture\r\n"
            f"content-type: application/json\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _judged(kind: str, received: bytes) -> Answered:
    head, found, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    status = int(lines[0].split(" ")[1]) if found else 0
    if "content-length" in fields:
        complete = len(body) == int(fields["content-length"])
    else:
        complete = fields.get("transfer-encoding") == "chunked" and body.endswith(b"\r\n0\r\n\r\n")
    return Answered(kind, fields.get("x-tos-record", ""), status, bool(found) and complete, fields.get("x-tos-source") == "proxy")
