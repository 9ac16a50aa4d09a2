"""A model API for measurements (`python -m benchmarks.mock_upstream --port N`): a canned answer of about 1 KB, or a paced stream.

In a request's body `max_tokens` is the number of chunks of a stream and `seed` the milliseconds between them. Each chunk carries
`@T<monotonic ns>.`, so that a client on the same machine knows its one-way delay. It answers as fast as Python can, and reads only
as much of HTTP as the load generator sends (a content-length or chunks, no pipelining).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from typing import cast

import uvloop

FILLING = "The quick brown fox jumps over the lazy dog. " * 12
BODY = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": FILLING}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 120, "total_tokens": 320},
    }
).encode()
JSON_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini-2024-07-18",'
    b'"choices":[{"index":0,"delta":{"content":" @T%d. token"},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini-2024-07-18",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LONG = 1024 * 1024
CHUNKS = re.compile(rb'"max_tokens": ?(\d+)')
PAUSE = re.compile(rb'"seed": ?(\d+)')


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.missing = 0
        self.transport: asyncio.Transport
        self.left = 0
        self.pause = 0.0
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once the whole request is here; of a long one nothing is kept."""
        if self.missing:
            self.missing -= len(data)
            if not self.missing:
                self.transport.write(JSON_ANSWER)
            return
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self.buffer, 0, end)
        whole = len(self.buffer) >= end + 4 + int(length[1]) if length else self.buffer.endswith(b"0\r\n\r\n")
        if not whole:
            if length and int(length[1]) > LONG:
                self.missing = end + 4 + int(length[1]) - len(self.buffer)
                self.buffer.clear()
            return
        request = bytes(self.buffer)
        self.buffer.clear()
        if b'"stream": true' in request or b'"stream":true' in request:
            self.stream(request)
        else:
            self.transport.write(JSON_ANSWER)

    def stream(self, request: bytes) -> None:
        """Begin a stream of the asked length and pace."""
        chunks, pause = CHUNKS.search(request), PAUSE.search(request)
        self.left = int(chunks[1]) if chunks else 100
        self.pause = int(pause[1]) / 1000 if pause else 0.02
        self.transport.write(STREAM_HEAD)
        self.due = asyncio.get_running_loop().time()
        self.tick()

    def tick(self) -> None:
        """Send the next chunk, or all that are left when there is no pause between them."""
        while self.left and not self.transport.is_closing():
            self.left -= 1
            self.transport.write(chunk(EVENT % time.monotonic_ns()))
            if self.pause:
                self.due += self.pause
                asyncio.get_running_loop().call_at(self.due, self.tick)
                return
        if not self.transport.is_closing():
            self.transport.write(chunk(LAST) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")


async def serve(port: int) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
