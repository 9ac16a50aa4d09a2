"""Looks names up for the pool: an address needs no look-up, and one look-up serves everybody who asks in the same second.

A look-up is a thread of the system's resolver. A hundred streams that begin at once towards one host would each wait for their own,
four at a time; and a literal address would cost as much as a name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

Address = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
"""As `getaddrinfo` gives it: family, kind, protocol, canonical name, where."""

LASTING_SECONDS = 1.0
"""How long an answer serves; whoever moves a name is followed as fast as if there were no memory."""


class Names:
    """The look-ups of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._known: dict[tuple[str, int], asyncio.Task[Sequence[Address]]] = {}

    async def look_up(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of a host, in the system's order. Raises: OSError, UnicodeError."""
        literal = _literal(host, port)
        if literal is not None:
            return [literal]
        task = self._known.get((host, port))
        if task is None:
            task = self._known[host, port] = self._loop.create_task(self._ask(host, port))
            task.add_done_callback(lambda done: self._settle((host, port), done))
        return await asyncio.shield(task)  # who gives up must not end it for the others

    async def _ask(self, host: str, port: int) -> Sequence[Address]:
        return await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)

    def _settle(self, key: tuple[str, int], task: asyncio.Task[Sequence[Address]]) -> None:
        """An answer serves for a moment, an error only those who waited for it."""
        if task.cancelled() or task.exception() is not None:
            self._known.pop(key, None)
        else:
            self._loop.call_later(LASTING_SECONDS, self._known.pop, key, None)


def _literal(host: str, port: int) -> Address | None:
    """The address itself where no name is given; one with a zone is the system's business."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return None
    where = (host, port) if family == socket.AF_INET else (host, port, 0, 0)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)
