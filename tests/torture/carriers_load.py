"""Load for carriers: batch files of any size, made as they are sent, and streams that know how late each of their chunks is.

`python -m tests.torture.carriers_load PORT LINES CHARS PURPOSE` uploads one from a process of its own and prints the answer's first
line: who measures delays cannot make a file at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

BOUNDARY = b"carriers"
_FIELD = b'--%b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n%b\r\n'
_FILE = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="batch.jsonl"\r\n\r\n' % BOUNDARY
_END = b"\r\n--%b--\r\n" % BOUNDARY
_STAMP = re.compile(rb"@T(\d+)\.")
_READ = 64 * 1024


@dataclass(frozen=True)
class BatchFile:
    """A form with a file of `lines` queries of about `chars` characters each. `file_first`: the purpose stands behind the file."""

    lines: int
    chars: int
    name: str = "a"
    file_first: bool = False
    purpose: str = "batch"

    def line(self, number: int) -> bytes:
        """One query, another each time."""
        text = f"question {self.name}/{number} " + "lorem ipsum " * (self.chars // 12)
        body = {"model": f"m-{number % 3}", "max_tokens": 10, "messages": [{"role": "user", "content": text}]}
        return (
            json.dumps({"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}).encode() + b"\n"
        )

    def pieces(self) -> Iterator[bytes]:
        """The body."""
        field_ = _FIELD % (BOUNDARY, self.purpose.encode())
        yield _FILE if self.file_first else field_ + _FILE
        for number in range(self.lines):
            yield self.line(number)
        yield (b"\r\n" + field_ + _END[2:]) if self.file_first else _END

    def head(self, size: int) -> bytes:
        """The request's head; the body has `size` bytes."""
        return (
            b"POST /openai/v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-carriers\r\nconnection: close\r\n"
            b"content-type: multipart/form-data; boundary=%b\r\ncontent-length: %d\r\n\r\n" % (BOUNDARY, size)
        )

    def measured(self) -> tuple[int, str]:
        """Length and SHA-256 of the body."""
        digest, size = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            size += len(piece)
        return size, digest.hexdigest()


async def upload(port: int, file: BatchFile, *, stop_at: int | None = None) -> bytes:
    """Send the file as fast as it is taken and give the whole answer; with `stop_at` leave after that many bytes."""
    size, _ = file.measured()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(file.head(size))
        sent, batch = 0, bytearray()
        for piece in file.pieces():
            batch += piece
            if len(batch) >= _READ:
                writer.write(bytes(batch))
                sent += len(batch)
                batch.clear()
                await writer.drain()
                if stop_at is not None and sent >= stop_at:
                    return b""
        writer.write(bytes(batch))
        await writer.drain()
        received = bytearray()
        while piece := await reader.read(_READ):
            received += piece
        return bytes(received)
    finally:
        writer.transport.abort()


@dataclass(frozen=True)
class MessageBatch(BatchFile):
    """The same queries as Anthropic takes them, in one JSON body."""

    def line(self, number: int) -> bytes:
        """One entry."""
        text = f"question {self.name}/{number} " + "lorem ipsum " * (self.chars // 12)
        body = {"model": f"m-{number % 3}", "max_tokens": 10, "messages": [{"role": "user", "content": text}]}
        return json.dumps({"custom_id": f"c{number}", "params": body}).encode()

    def pieces(self) -> Iterator[bytes]:
        """The body."""
        yield b'{"requests": ['
        for number in range(self.lines):
            yield (b", " if number else b"") + self.line(number)
        yield b"]}"

    def head(self, size: int) -> bytes:
        """The request's head."""
        return (
            b"POST /anthropic/v1/messages/batches HTTP/1.1\r\nhost: localhost\r\nx-api-key: sk-carriers\r\nconnection: close\r\n"
            b"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % size
        )


@dataclass(frozen=True)
class GeminiFile(BatchFile):
    """The same queries as Gemini takes them in a file, which may have 2 GiB."""

    def line(self, number: int) -> bytes:
        """One query."""
        text = f"question {self.name}/{number} " + "lorem ipsum " * (self.chars // 12)
        asked = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        return json.dumps({"key": f"c{number}", "request": asked}).encode() + b"\n"

    def pieces(self) -> Iterator[bytes]:
        """The body."""
        for number in range(self.lines):
            yield self.line(number)

    def head(self, size: int) -> bytes:
        """The request's head."""
        return (
            b"POST /gemini/upload/v1beta/files HTTP/1.1\r\nhost: localhost\r\nx-goog-api-key: carriers\r\nconnection: close\r\n"
            b"content-type: application/jsonl\r\ncontent-length: %d\r\n\r\n" % size
        )


def file_for(lines: int, chars: int, purpose: str) -> BatchFile:
    """A file for OpenAI's purpose, or for `gemini`."""
    return GeminiFile(lines, chars) if purpose == "gemini" else BatchFile(lines, chars, purpose=purpose)


@dataclass
class Streams:
    """Streams through a gateway, one after the other on each of `width` connections; `delays` in microseconds, chunk by chunk.

    The upstream stamps each chunk with the machine's monotonic clock (`benchmarks.mock_upstream`); the scripted one does not.
    """

    port: int
    width: int
    chunks: int = 40
    pause_ms: int = 250
    delays: list[int] = field(default_factory=list)

    async def run(self, over: asyncio.Event) -> None:
        """Until `over` is set."""
        await asyncio.gather(*(self._client(number, over) for number in range(self.width)))

    async def _client(self, number: int, over: asyncio.Event) -> None:
        await asyncio.sleep(self.pause_ms / 1000 * number / self.width)
        while not over.is_set():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            body = b'{"model":"m","stream":true,"max_tokens":%d,"seed":%d,"messages":[{"role":"user","content":"%b"}]}' % (
                self.chunks, self.pause_ms, b"%d [[script: chunks=%d delay_ms=%d]]" % (number, self.chunks, self.pause_ms),
            )  # fmt: skip
            head = (
                b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-streams\r\n"
                b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            )
            writer.write(head % len(body) + body)
            while not over.is_set() and (piece := await reader.read(_READ)):
                now = time.monotonic_ns()
                self.delays += [(now - int(stamp)) // 1000 for stamp in _STAMP.findall(piece)]
            writer.transport.abort()


def percentile(values: list[int], share: float) -> float:
    """The value below which `share` of them are, in milliseconds for microseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000 if ordered else 0.0


if __name__ == "__main__":
    answer = asyncio.run(upload(int(sys.argv[1]), file_for(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
    print(answer.partition(b"\r\n")[0].decode())  # noqa: T201 - a command's output
