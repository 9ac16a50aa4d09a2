"""The PROXY protocol, versions 1 and 2: who is at the other end, told by a load balancer before the first byte of HTTP. Pure.

Specification: haproxy.org/download/2.9/doc/proxy-protocol.txt. Read only from trusted peers, since anybody can write it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_HEAD = struct.Struct("!12sBBH")
_V1 = re.compile(rb"PROXY (?:UNKNOWN[^\r\n]*|TCP[46] ([0-9A-Fa-f:.]+) [0-9A-Fa-f:.]+ [0-9]{1,5} [0-9]{1,5})\r\n")
_V1_LONGEST = 107
_V2_LONGEST = 4096
_ADDRESS_BYTES = {1: (4, IPv4Address), 2: (16, IPv6Address)}


class TrustedPeers:
    """The networks of `trusted_proxies`: whoever connects from there may say on whose behalf."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ip_network(text, strict=False) for text in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


class BadProxyHeaderError(Exception):
    """The connection does not begin with a PROXY header."""


def read_proxy_header(received: bytes) -> tuple[str, int] | None:
    """Read the header a connection begins with.

    Returns: (source address, empty when the balancer speaks for itself; length of the header), or None while more bytes are needed.
    Raises: BadProxyHeaderError.
    """
    if _V2_SIGNATURE.startswith(received[:12]):
        return _read_v2(received)
    if b"PROXY ".startswith(received[:6]):
        return _read_v1(received)
    raise BadProxyHeaderError("no PROXY header")


def _read_v1(received: bytes) -> tuple[str, int] | None:
    end = received.find(b"\r\n", 0, _V1_LONGEST)
    if end < 0:
        if len(received) >= _V1_LONGEST:
            raise BadProxyHeaderError("the PROXY line is too long")
        return None
    line = _V1.fullmatch(received[: end + 2])
    if line is None:
        raise BadProxyHeaderError("the PROXY line is malformed")
    if line[1] is None:
        return "", end + 2
    try:
        return str(ip_address(line[1].decode("ascii"))), end + 2
    except ValueError as error:
        raise BadProxyHeaderError("the PROXY line has no address") from error


def _read_v2(received: bytes) -> tuple[str, int] | None:
    if len(received) < _V2_HEAD.size:
        return None
    _, version_command, family, length = _V2_HEAD.unpack_from(received)
    if version_command not in (0x20, 0x21) or length > _V2_LONGEST:
        raise BadProxyHeaderError("the PROXY header has an unknown version, command or length")
    end = _V2_HEAD.size + length
    if len(received) < end:
        return None
    kind = _ADDRESS_BYTES.get(family >> 4)
    if version_command == 0x20 or kind is None:  # LOCAL, or a family without IP addresses
        return "", end
    size, address = kind
    if length < 2 * size + 4:
        raise BadProxyHeaderError("the PROXY header is shorter than its addresses")
    return str(address(received[_V2_HEAD.size : _V2_HEAD.size + size])), end
