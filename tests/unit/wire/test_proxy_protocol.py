"""The PROXY protocol: who is named, by whom it is believed, and what is refused."""

from __future__ import annotations

import struct

import pytest

from proxy.wire.proxy_protocol import BadProxyHeaderError, TrustedPeers, read_proxy_header
from tests.unit.wire.faked import GET, Desk

V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def version_2(command: int = 0x21, family: int = 0x11, rest: bytes = bytes([203, 0, 113, 9, 192, 0, 2, 1, 0, 1, 0, 2])) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


IPV6 = bytes.fromhex("20010db8000000000000000000000001") * 2 + b"\0\1\0\2"
GOOD = {
    "version 1": (V1, "203.0.113.9"),
    "version 1, IPv6": (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "2001:db8::1"),
    "version 1, unknown": (b"PROXY UNKNOWN\r\n", ""),
    "version 2": (version_2(), "203.0.113.9"),
    "version 2, with more": (version_2(rest=bytes([203, 0, 113, 9, 192, 0, 2, 1, 0, 1, 0, 2, 4, 0, 0])), "203.0.113.9"),
    "version 2, IPv6": (version_2(family=0x21, rest=IPV6), "2001:db8::1"),
    "version 2, local": (version_2(command=0x20), ""),
    "version 2, unix": (version_2(family=0x31, rest=b"x" * 216), ""),
}


@pytest.mark.parametrize(("header", "source"), GOOD.values(), ids=GOOD)
def test_header(header: bytes, source: str) -> None:
    """The source is read, what follows is left, and every beginning asks for more."""
    assert read_proxy_header(header + GET) == (source, len(header))
    for cut in range(len(header)):
        assert read_proxy_header(header[:cut]) is None


BAD = {
    "plain HTTP": GET,
    "no address": b"PROXY TCP4 nobody 192.0.2.1 1 2\r\n",
    "not an address": b"PROXY TCP4 999.0.0.1 192.0.2.1 1 2\r\n",
    "too long": b"PROXY UNKNOWN " + b"x" * 100,
    "version 3": version_2(command=0x31),
    "no such command": version_2(command=0x22),
    "too short": version_2(rest=b"1234"),
    "huge": SIGNATURE + b"\x21\x11\xff\xff",
}


@pytest.mark.parametrize("header", BAD.values(), ids=BAD)
def test_refused(header: bytes) -> None:
    """What is no header ends the connection, since HTTP behind it could be anybody's."""
    with pytest.raises(BadProxyHeaderError):
        read_proxy_header(header)
    desk = Desk(proxy_protocol=True, trusted_proxies=("192.0.2.0/24",))
    client = desk.client()
    client.feed(header)
    assert client.aborted
    assert not desk.requests


def test_trusted_peers() -> None:
    """Networks of both families; what is no address is nobody."""
    trusted = TrustedPeers(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])
    assert trusted
    assert not TrustedPeers([])
    assert [address in trusted for address in ("10.9.9.9", "2001:db8::5", "192.0.2.7", "192.0.2.8", "", "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("cut", range(1, len(V1) + 5))
def test_named_connection(cut: int) -> None:
    """A trusted balancer names the source before the first request, however its bytes are cut."""
    desk = Desk(proxy_protocol=True, trusted_proxies=("192.0.2.0/24",))
    client = desk.client()
    client.feed((V1 + GET)[:cut])
    client.feed((V1 + GET)[cut:])
    assert (desk.requests[0].source, desk.requests[0].peer) == ("203.0.113.9", "192.0.2.7")


def test_untrusted_peer() -> None:
    """From anybody else the header is no request and names nobody."""
    desk = Desk(proxy_protocol=True, trusted_proxies=("10.0.0.0/8",))
    client = desk.client()
    client.feed(V1 + GET)
    assert client.taken.startswith(b"HTTP/1.1 400 ")
    assert not desk.requests


def test_connections_per_source() -> None:
    """An address has at most so many connections; when one is gone there is room again."""
    desk = Desk(proxy_protocol=True, trusted_proxies=("192.0.2.0/24",), max_connections_per_source=2)
    clients = [desk.client() for _ in range(3)]
    for client in clients:
        client.feed(V1)
    assert [client.aborted for client in clients] == [False, False, True]
    clients[0].end()
    again = desk.client()
    again.feed(V1 + GET)
    assert (again.aborted, len(desk.requests)) == (False, 1)
    for client in (clients[1], again):
        client.end()
    assert not desk.listener.sources
