"""How a socket ends: in order, or by a reset, which nobody can take for an end of what was being sent."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

_ABORTIVE = struct.pack("ii", 1, 0)
_ORDERLY = struct.pack("ii", 0, 0)


def guard(transport: asyncio.Transport, *, guarded: bool) -> None:
    """Whether the end of the connection is a reset, whoever brings it about: us, or the system after a crash of ours."""
    if transport.is_closing() and transport.get_extra_info("ssl_object") is not None:
        return  # below TLS the socket may be gone a turn before we hear of it
    with suppress(OSError):  # macOS: the client has reset it already
        linger = _ABORTIVE if guarded else _ORDERLY
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
