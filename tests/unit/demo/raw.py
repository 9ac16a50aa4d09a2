"""A client that sees bytes: what the tests of the scripted upstream use to see its faults as they are on the wire."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from proxy.demo.upstream import ScriptedUpstream

CHAT = "/v1/chat/completions"


def chat(script: str = "", *, path: str = CHAT, head: str = "", **fields: Any) -> bytes:
    """A chat request as bytes; `head` holds further header lines, each with its line end."""
    content = f"hello [[script: {script}]]"
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **fields}).encode()
    return f"POST {path} HTTP/1.1\r\nhost: h\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def converse(upstream: ScriptedUpstream, *requests: bytes, patience: float = 0.1) -> tuple[bytes, str]:
    """Send requests on one connection; gives all bytes that came and how it ended: `eof`, `reset` or `open` (silence).

    Silence is `patience` seconds; the first byte may take ten times as long.
    """
    reader, writer = await asyncio.open_connection(upstream.host, upstream.port)
    received = b""
    try:
        for request in requests:
            writer.write(request)
        while True:
            async with asyncio.timeout(patience if received else patience * 10):
                piece = await reader.read(65536)
            if not piece:
                return received, "eof"
            received += piece
    except TimeoutError:
        return received, "open"
    except ConnectionError:
        return received, "reset"
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def unchunked(body: bytes) -> bytes:
    """The content of a complete chunked body."""
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return content
        content += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
