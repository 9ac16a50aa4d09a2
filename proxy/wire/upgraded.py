"""A client's connection once it speaks another protocol than HTTP: bytes to whoever carries the session, and no meaning in them.

What the connection was before stays in charge of what both share: the counters, the stalled writes, the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

LINGER_SECONDS = 2.0
"""How long a client may take to close after it was told that the session is over."""


class ClientSink(Protocol):
    """Takes what the client sends."""

    def client_bytes(self, received: bytes) -> None:
        """Bytes, as they were read."""
        ...


class Former(Protocol):
    """The HTTP side of the connection, as far as it goes on."""

    transport: asyncio.Transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        ...

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        ...

    def resume_writing(self) -> None:
        """The client has caught up."""
        ...


class Upgraded(asyncio.Protocol):
    """The client's side of one session. `early`: what it sent before it could know that the protocol is another one."""

    __slots__ = ("_former", "_loop", "_paused", "_sink", "_timer", "early")

    def __init__(self, former: Former, loop: asyncio.AbstractEventLoop, sink: ClientSink) -> None:
        self._former = former
        self._loop = loop
        self._sink: ClientSink | None = sink
        self.early = b""
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    def data_received(self, received: bytes) -> None:
        """Bytes from the client."""
        if self._sink is not None:
            self._sink.client_bytes(received)

    def eof_received(self) -> bool:
        """The client will send no more, which no WebSocket client says before it leaves."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whichever side."""
        self._sink = None
        if self._timer is not None:
            self._timer.cancel()
        self._former.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes its answers more slowly than they come."""
        self._former.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._former.resume_writing()

    def pause(self) -> None:
        """Read no more for now."""
        transport = self._former.transport
        if not self._paused and not transport.is_closing():
            self._paused = True
            transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self._former.transport.is_closing():
            self._paused = False
            self._former.transport.resume_reading()

    def farewell(self, close: Callable[[], None]) -> None:
        """Call `close` unless the client has gone, or the sink has seen it agree, before that."""
        self.resume()
        self._timer = self._loop.call_later(LINGER_SECONDS, close)
