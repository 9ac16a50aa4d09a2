"""How a socket is told to end."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from proxy.wire import ending


class Transport(asyncio.Transport):
    """With a real socket, perhaps below TLS."""

    def __init__(self, sock: socket.socket, *, tls: bool, closing: bool) -> None:
        super().__init__()
        self._known = {"socket": sock, "ssl_object": object() if tls else None}
        self._closing = closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Socket and TLS."""
        return self._known.get(name, default)

    def is_closing(self) -> bool:
        """Whether it closes."""
        return self._closing


def lingers(sock: socket.socket) -> tuple[int, int]:
    """The socket's option."""
    on, seconds = struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
    return bool(on), seconds


def test_a_guarded_end_is_a_reset_until_it_is_unguarded() -> None:
    """Whoever closes the socket; one that is being closed below TLS is left alone."""
    with socket.socket() as sock:
        ending.guard(Transport(sock, tls=False, closing=False), guarded=True)
        assert lingers(sock) == (True, 0)
        ending.guard(Transport(sock, tls=False, closing=True), guarded=False)
        assert lingers(sock)[0] is False
        ending.guard(Transport(sock, tls=True, closing=True), guarded=True)
        assert lingers(sock)[0] is False
