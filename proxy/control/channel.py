"""The line between the supervisor and a child: a socket pair, JSON objects, one a line, both ways (docs/adr/0001-process-model.md).

Up: `{"event": "ready"}`, `{"event": "stats", …}` (form: `proxy.telemetry.names`), `{"event": "stopped"}`; and from control
`{"event": "published"}`, upon which gateways are told to reload, sooner than they would have looked.
Down: `{"do": "stats"}`, `{"do": "reload"}`, `{"do": "drain", "seconds": N}`; and to gateways, before that, `{"do": "part"}`: go on
accepting and serving, and let every answer be its connection's last.
End of file means that the other side died. A child finds its end's file descriptor in `TOS_PROXY_CHANNEL`.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any, cast

VARIABLE = "TOS_PROXY_CHANNEL"
_LINE_CAP = 4 * 1024 * 1024

Receive = Callable[[dict[str, Any]], None]
Ended = Callable[[], None]


class Channel(asyncio.Protocol):
    """One end. `receive` gets each message, `ended` is called once when the other side is gone.

    Lines that are no JSON object are dropped.
    """

    def __init__(self, receive: Receive, ended: Ended) -> None:
        self._receive = receive
        self._ended = ended
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest if len(rest) <= _LINE_CAP else bytearray()
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                self._receive(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature; why it ended does not matter
        self._transport = None
        self._ended()

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message; nothing happens when the other side is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """Close this end; the other side sees the end of file."""
        if self._transport is not None:
            self._transport.close()


async def open_channel(end: socket.socket, receive: Receive, ended: Ended) -> Channel:
    """Serve one end of a socket pair on the running loop."""
    end.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(lambda: Channel(receive, ended), sock=end)
    return channel


def inherited() -> socket.socket | None:
    """The end that the supervisor left in the environment, or None when there is no supervisor. The variable is taken out, so
    that a child's own children do not hold the line open.
    """
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return None
    end = socket.socket(fileno=int(number))
    end.set_inheritable(False)
    return end
