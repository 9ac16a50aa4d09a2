"""The opening handshake of a WebSocket, both sides of it (RFC 6455 §4). Pure.

The client's key goes upstream as it came, so that the upstream's proof (`Sec-WebSocket-Accept`) is the client's to check, and ours
as well. Extensions are not passed on: what passes has to be readable.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha1

from proxy.wire.head import RequestHead, ResponseHead

EXTENSIONS = b"sec-websocket-extensions"
PROTOCOLS = b"sec-websocket-protocol"
VERSION = b"13"
UPGRADE_LINES = (b"Upgrade: websocket", b"Connection: Upgrade")

_KEY_PROTOCOL = b"openai-insecure-api-key."
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class HandshakeError(Exception):
    """A handshake that cannot be carried on. `status`: 400 or 426 for a client's; an upstream's has none that matters."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def asked(head: RequestHead) -> bool:
    """Whether a request that names `Upgrade` asks for a WebSocket."""
    return b"websocket" in _list(head.values.get(b"upgrade", b"").lower())


def check_request(head: RequestHead) -> None:
    """Raises: HandshakeError when it is no opening handshake of RFC 6455 §4.2.1."""
    values = head.values
    if head.method != "GET" or head.minor != 1 or head.length or head.chunked:
        raise HandshakeError("a WebSocket begins with a GET of HTTP/1.1 without a body")
    if b"upgrade" not in _list(values.get(b"connection", b"").lower()):
        raise HandshakeError("Connection does not name Upgrade")
    if values.get(b"sec-websocket-version") != VERSION:
        raise HandshakeError("only version 13 of the WebSocket protocol is carried", 426)
    try:
        key = b64decode(values.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 16:
        raise HandshakeError("Sec-WebSocket-Key is not 16 bytes in base64")


def check_answer(asked_for: RequestHead, answer: ResponseHead) -> None:
    """Raises: HandshakeError when a 101 does not agree to what was asked for (RFC 6455 §4.1)."""
    values = answer.values
    if values.get(b"upgrade", b"").lower() != b"websocket" or b"upgrade" not in _list(values.get(b"connection", b"").lower()):
        raise HandshakeError("it switched to another protocol")
    if values.get(b"sec-websocket-accept") != accept(asked_for.values.get(b"sec-websocket-key", b"")):
        raise HandshakeError("its Sec-WebSocket-Accept is wrong")
    if values.get(EXTENSIONS):
        raise HandshakeError("it uses extensions that nobody offered")
    chosen = values.get(PROTOCOLS)
    if chosen is not None and chosen not in _list(asked_for.values.get(PROTOCOLS, b"")):
        raise HandshakeError("it chose a sub-protocol that nobody offered")
    if answer.chunked or answer.length:
        raise HandshakeError("it announces a body")


def accept(key: bytes) -> bytes:
    """The proof for a client's key (RFC 6455 §4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def protocol_key(protocols: bytes) -> bytes:
    """The key that a browser hides among its sub-protocols, since it can set no header; empty when there is none."""
    for protocol in _list(protocols):
        if protocol.startswith(_KEY_PROTOCOL):
            return protocol[len(_KEY_PROTOCOL) :]
    return b""


def protocols_without_key(protocols: bytes) -> bytes:
    """The sub-protocols less the key's, for when another key takes its place."""
    return b", ".join(protocol for protocol in _list(protocols) if not protocol.startswith(_KEY_PROTOCOL))


def _list(value: bytes) -> list[bytes]:
    return [part for one in value.split(b",") if (part := one.strip(b" \t"))]
