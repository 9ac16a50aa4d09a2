"""What the scripted upstream saw: each request exactly as it arrived, also when it never became complete."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Ending = Literal["open", "completed", "cut", "client_gone"]


class Seen(msgspec.Struct):
    """One request. As JSON (control endpoint) every `bytes` is base64.

    `number` counts requests and `connection` counts connections, both from 1. `target` is the request line's, `headers` are in
    order with their case and duplicates, `body` is without chunk framing and otherwise untouched.
    """

    number: int
    connection: int
    method: bytes = b""
    target: bytes = b""
    version: bytes = b""
    headers: list[tuple[bytes, bytes]] = []
    body: bytes = b""
    said: bytes = b""
    """What the client of a session sent after its request, in frames and masked, as it came."""
    received: int = 0
    """Bytes of body received so far."""
    completed: bool = False
    """The whole request arrived."""
    malformed: str = ""
    """Why the bytes are no HTTP/1.1 request (then `body` holds them as they came); empty for every good request."""
    sha256: str = ""
    """Of the body so far, in hex; written when the request is complete or its connection is gone."""
    answer: Ending = "open"
    """`cut`: the script ended the answer; `client_gone`: the other side did."""
    status: int = 0
    """Of the answer; 0 before its head was sent."""
    answered: int = 0
    """Bytes of the answer's body handed to the socket, before chunk framing."""

    def header(self, name: str) -> bytes | None:
        """The first value of a header, whatever its case."""
        wanted = name.lower().encode()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def values(self, name: str) -> list[bytes]:
        """All values of a header, in order."""
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]

    def seal(self) -> None:
        """Note the digest of the body as it stands."""
        self.sha256 = hashlib.sha256(self.body).hexdigest()
