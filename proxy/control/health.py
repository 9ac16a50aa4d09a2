"""The health listener: `/healthz /readyz /metrics`, HTTP/1.1 in its smallest form, for probes and scrapers.

One request a connection; whatever is not a plain GET or HEAD of these paths gets a short error and a closed connection. A
connection that says nothing for 5 seconds is closed; at most 64 are served at once, so that nobody exhausts the supervisor.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus

_HEAD_CAP = 8192
_SECONDS = 5.0
_MOST_CONNECTIONS = 64

Page = tuple[int, str, str]
"""Status, content type, text."""

PLAIN = "text/plain; charset=utf-8"


class HealthListener:
    """Serves `pages` (by path) on sockets that are already bound."""

    def __init__(self, pages: dict[str, Callable[[], Awaitable[Page]]]) -> None:
        self._pages = pages
        self._servers: list[asyncio.Server] = []
        self._open = 0

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to serve."""
        for each in sockets:
            self._servers.append(await asyncio.start_server(self._serve, sock=each, limit=_HEAD_CAP))

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _MOST_CONNECTIONS:
                async with asyncio.timeout(_SECONDS):
                    await self._exchange(reader, writer)
        except (TimeoutError, OSError, EOFError):
            pass  # a probe that went away or never spoke is no news
        finally:
            self._open -= 1
            writer.transport.abort() if self._open >= _MOST_CONNECTIONS else writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            writer.write(answer(431, PLAIN, "the head is too long\n"))
            await writer.drain()
            return
        method, target = request_line(head)
        status, kind, text = await self._page(method, target)
        allow = "allow: GET, HEAD\r\n" if status == HTTPStatus.METHOD_NOT_ALLOWED else ""
        writer.write(answer(status, kind, text, body=method != "HEAD", more=allow))
        await writer.drain()

    async def _page(self, method: str, target: str) -> Page:
        if not method:
            return 400, PLAIN, "not a request\n"
        if method not in ("GET", "HEAD"):
            return 405, PLAIN, "GET or HEAD only\n"
        page = self._pages.get(target.partition("?")[0])
        return await page() if page is not None else (404, PLAIN, f"here are {' '.join(self._pages)}\n")


def request_line(head: bytes) -> tuple[str, str]:
    """Method and target, two empty texts for anything but a request line of HTTP/1."""
    parts = head.split(b"\r\n", 1)[0].split(b" ")
    if len(parts) != 3 or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0") or not parts[0].isalpha():
        return "", ""
    return parts[0].decode("ascii", "replace"), parts[1].decode("ascii", "replace")


def answer(status: int, kind: str, text: str, *, body: bool = True, more: str = "") -> bytes:
    """An answer that ends its connection; `more` are lines of its head."""
    content = text.encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n"
        f"{more}cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + (content if body else b"")
