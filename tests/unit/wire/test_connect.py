"""Connecting to upstreams, on real loopback sockets: the race, proxies, and what each failure is called."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence

import pytest

from proxy.wire import connect as connecting
from proxy.wire.connect import Address, connect, interleave
from proxy.wire.environment import Proxy
from proxy.wire.origin import Origin
from proxy.wire.tls import client_context
from tests.servers import free_port
from tests.unit.wire.loopback import Authority, ConnectProxy, Lines, echo, listening, on_uvloop, tls_for
from tests.unit.wire.reaching import DEAD, NAME, deaf, failure, left_open, open_sockets, reach, resolving_to
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One certificate authority for this file."""
    return Authority(tmp_path_factory.mktemp("authority"))


@on_uvloop
async def test_plain_connection() -> None:
    """A plain origin is reached, without Nagle's delay and with keepalive probes."""
    async with listening(echo) as port:
        lines = await reach(Origin("http", NAME, port))
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        sock = lines.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        lines.transport.abort()


@on_uvloop
async def test_real_resolver() -> None:
    """Without a resolver of its own, a name is looked up by the system."""
    async with listening(echo) as port:
        loop = asyncio.get_running_loop()
        _, lines = await connect(loop, Origin("http", "localhost", port), Lines, ssl_context=None, proxy=None, timeout=PATIENCE)
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()


@on_uvloop
async def test_ipv6_literal() -> None:
    """An origin that is an IPv6 literal is reached."""
    try:
        async with listening(echo, host="::1") as port:
            loop = asyncio.get_running_loop()
            _, lines = await connect(loop, Origin("http", "::1", port), Lines, ssl_context=None, proxy=None, timeout=PATIENCE)
            assert await lines.ask(b"six\n") == b"echo six\n"
            assert lines.transport is not None
            lines.transport.abort()
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")


@on_uvloop
async def test_dead_address_costs_one_stagger() -> None:
    """A first address that never answers delays by the stagger; the next is tried beside it."""
    async with listening(echo) as port:
        started = time.monotonic()
        with deaf(port):
            lines = await reach(Origin("http", NAME, port), resolver=resolving_to(DEAD, "127.0.0.1"))
        assert time.monotonic() - started > connecting.STAGGER * 0.9
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()


@on_uvloop
async def test_refused_address_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that refuses is followed by the next at once, without the stagger."""
    monkeypatch.setattr(connecting, "STAGGER", 3600.0)
    async with listening(echo) as port:
        lines = await reach(Origin("http", NAME, port), resolver=resolving_to("127.0.0.3", "127.0.0.4", "127.0.0.1"))
        assert lines.transport is not None
        lines.transport.abort()


@on_uvloop
async def test_losers_are_closed() -> None:
    """After the race, and after a failed one, only the winner's socket is left open."""
    async with listening(echo) as port:
        with deaf(port):
            before = open_sockets()
            lines = await reach(Origin("http", NAME, port), resolver=resolving_to(DEAD, "127.0.0.1"))
            await left_open(before + 2)  # both ends of the winner
            assert lines.transport is not None
            lines.transport.abort()
            await failure(Origin("http", NAME, port), resolver=resolving_to(DEAD), timeout=0.1)
            await left_open(before)


def test_families_take_turns() -> None:
    """Addresses are tried in the system's order, but the families alternate and none comes twice."""

    def address(family: int, number: int) -> Address:
        return (family, socket.SOCK_STREAM, 6, "", (str(number), 1))

    six = [address(socket.AF_INET6, number) for number in range(3)]
    four = [address(socket.AF_INET, number) for number in range(2)]
    assert interleave([*six, *four, six[0]]) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleave([]) == []


@on_uvloop
async def test_refused() -> None:
    """Nobody listening is a 502 that names host, port and cause."""
    port = free_port()
    error = await failure(Origin("http", NAME, port))
    assert (error.status, str(error)) == (502, f"{NAME}:{port}: connection refused")


@on_uvloop
async def test_connect_time_out() -> None:
    """An address that never answers is a 504 after the time given."""
    with deaf(0) as port:
        error = await failure(Origin("http", NAME, port), resolver=resolving_to(DEAD), timeout=0.2)
    assert (error.status, str(error)) == (504, f"{NAME}:{port}: connecting took longer than 0.2 s")


@on_uvloop
async def test_unknown_name() -> None:
    """A name that does not resolve says so."""

    async def unknown(_: str, __: int) -> Sequence[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = await failure(Origin("https", NAME, 443), resolver=unknown)
    assert (error.status, str(error)) == (502, f"{NAME}:443: the name does not resolve")
    error = await failure(Origin("https", NAME, 443), resolver=resolving_to())
    assert str(error) == f"{NAME}:443: the name has no address"


@on_uvloop
async def test_slow_name_server() -> None:
    """A name server that does not answer is a 504 that blames the look-up."""

    async def slow(_: str, __: int) -> Sequence[Address]:
        await asyncio.sleep(30)
        return []

    error = await failure(Origin("https", NAME, 443), resolver=slow, timeout=0.1)
    assert (error.status, str(error)) == (504, f"{NAME}:443: the name look-up took longer than 0.1 s")


@on_uvloop
async def test_resolves_once() -> None:
    """A name is looked up once per connection, so that a second answer cannot send us elsewhere."""
    asked: list[str] = []

    async def counting(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(asked) == 1 else DEAD, port))]

    async with listening(echo) as port:
        lines = await reach(Origin("http", NAME, port), resolver=counting)
        assert lines.transport is not None
        lines.transport.abort()
    assert asked == [NAME]


@on_uvloop
async def test_tunnel_to_tls(authority: Authority) -> None:
    """Through a proxy, TLS runs end to end inside the tunnel, and the proxy gets the credentials."""
    gate = ConnectProxy()
    async with listening(echo, tls=tls_for(authority.issue(NAME))) as port, listening(gate) as gate_port:
        proxy = Proxy("http", "127.0.0.1", gate_port, b"Basic dTpw")
        lines = await reach(Origin("https", NAME, port), tls=client_context(authority.environ), proxy=proxy)
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()
    target = f"{NAME}:{port}"
    assert gate.heads == [f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic dTpw\r\n\r\n".encode()]


@on_uvloop
async def test_tunnel_to_plain() -> None:
    """A plain origin is tunnelled to as well, so that its bytes pass the proxy untouched."""
    gate = ConnectProxy()
    async with listening(echo) as port, listening(gate) as gate_port:
        lines = await reach(Origin("http", NAME, port), proxy=Proxy("http", "127.0.0.1", gate_port))
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()


@on_uvloop
async def test_tls_in_tls(authority: Authority) -> None:
    """Through an https proxy, TLS to the origin runs inside TLS to the proxy."""
    gate = ConnectProxy()
    gate_tls = tls_for(authority.issue("gate.test"))
    async with listening(echo, tls=tls_for(authority.issue(NAME))) as port, listening(gate, tls=gate_tls) as gate_port:
        proxy = Proxy("https", "gate.test", gate_port)
        lines = await reach(Origin("https", NAME, port), tls=client_context(authority.environ), proxy=proxy)
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 502, "the proxy does not accept our credentials (407)"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 502, "the proxy refused CONNECT (403)"),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", 504, "the proxy refused CONNECT (504)"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 502, "the proxy does not speak HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n", 502, "the proxy closed the connection before it answered CONNECT"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000, 502, "the proxy's answer to CONNECT has no end"),
    ],
    ids=["407", "403", "504", "not http", "half a head", "endless head"],
)
def test_proxy_refuses(answer: bytes, status: int, reason: str) -> None:
    """What a proxy answers instead of a tunnel is named, without the credentials."""

    @on_uvloop
    async def attempt() -> None:
        before = open_sockets()
        async with listening(ConnectProxy(answer)) as gate_port:
            proxy = Proxy("http", "127.0.0.1", gate_port, b"Basic c2VjcmV0")
            error = await failure(Origin("https", NAME, 443), proxy=proxy)
            assert (error.status, str(error)) == (status, f"proxy 127.0.0.1:{gate_port} for {NAME}:443: {reason}")
        await left_open(before)

    attempt()


@on_uvloop
async def test_proxy_asks_for_credentials() -> None:
    """A proxy that wants credentials when none are configured says so in other words than one that rejects them."""
    async with listening(ConnectProxy(b"HTTP/1.1 407 No\r\n\r\n")) as gate_port:
        error = await failure(Origin("http", NAME, 80), proxy=Proxy("http", "127.0.0.1", gate_port))
        assert str(error).endswith("the proxy asks for credentials (407)")


@on_uvloop
async def test_mute_proxy() -> None:
    """A proxy that never answers CONNECT is a 504 after the time given."""

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(mute) as gate_port:
        error = await failure(Origin("http", NAME, 80), proxy=Proxy("http", "127.0.0.1", gate_port), timeout=0.1)
        assert error.status == 504
        assert str(error).endswith("the answer to CONNECT took longer than 0.1 s")


@on_uvloop
async def test_early_bytes_in_a_tunnel() -> None:
    """Bytes behind the proxy's answer, before anything was asked, could be a forged answer and are refused."""
    async with listening(ConnectProxy(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")) as gate_port:
        error = await failure(Origin("http", NAME, 80), proxy=Proxy("http", "127.0.0.1", gate_port))
        assert str(error).endswith("bytes arrived before anything was asked")


@on_uvloop
async def test_wrong_certificate_behind_proxy(authority: Authority) -> None:
    """A proxy that answers for the origin with another certificate is found out."""
    gate = ConnectProxy()
    async with listening(echo, tls=tls_for(authority.issue("other.test"))) as port, listening(gate) as gate_port:
        proxy = Proxy("http", "127.0.0.1", gate_port)
        error = await failure(Origin("https", NAME, port), tls=client_context(authority.environ), proxy=proxy)
        assert str(error) == f"{NAME}:{port} through proxy 127.0.0.1:{gate_port}: the certificate is for another host"


@on_uvloop
async def test_cancelling_leaves_nothing_open() -> None:
    """A connection that is given up in the middle leaves no socket behind."""
    with deaf(0) as port:
        before = open_sockets()
        task = asyncio.ensure_future(reach(Origin("http", NAME, port), resolver=resolving_to(DEAD)))
        await left_open(before + 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await left_open(before)
