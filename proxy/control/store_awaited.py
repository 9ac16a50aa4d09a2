"""Answers whoever calls the admin API before its store could be opened: 503 in the API's words, so that nobody waits for an answer
that does not come. HTTP/1.1 in its smallest form: one request a connection, of which the head alone is read.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence

from proxy.control.health import PLAIN, answer, request_line
from proxy.control.waiting import first_of

_SECONDS = 5.0
_HEAD_CAP = 65536
_TOLD = "The database cannot be used yet; it is tried again, and the diagnostics of control say why. Gateways go on recording."


async def answer_until(
    opened: asyncio.Event, stop: asyncio.Event, listeners: Sequence[socket.socket], *, missed: asyncio.Event
) -> None:
    """Answer for the admin API once an attempt to open the store has `missed`, until it is `opened` or `stop` is set. Before that
    callers wait, as a start in order takes a moment.
    """
    await first_of(opened, stop, missed)
    if opened.is_set() or stop.is_set():
        return
    servers = [await asyncio.start_server(_serve, sock=each.dup(), limit=_HEAD_CAP) for each in listeners if each.fileno() >= 0]
    try:
        await first_of(opened, stop)
    finally:
        for server in servers:
            server.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            method, target = request_line(await reader.readuntil(b"\r\n\r\n"))
            path = target.partition("?")[0]
            problem = {"type": "urn:tos-proxy:problem:store-unavailable", "title": "Service Unavailable", "status": 503}
            api = path.startswith("/api/")
            text = json.dumps({**problem, "detail": _TOLD, "instance": path}) if api else f"{_TOLD}\n"
            kind = "application/problem+json" if api else PLAIN
            writer.write(answer(503, kind, text, body=method != "HEAD", more="retry-after: 5\r\n"))
            await writer.drain()
    except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        pass  # a caller that went away or never spoke is no news
    finally:
        writer.close()
