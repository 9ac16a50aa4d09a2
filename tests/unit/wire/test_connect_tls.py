"""Connecting by TLS, on real loopback sockets: whose certificate is taken, and what each fault is called."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from proxy.wire import connect as connecting
from proxy.wire.origin import Origin
from proxy.wire.tls import client_context
from tests.unit.wire.loopback import Authority, echo, listening, on_uvloop, tls_for
from tests.unit.wire.reaching import NAME, failure, left_open, open_sockets, reach


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One certificate authority for this file."""
    return Authority(tmp_path_factory.mktemp("authority"))


@on_uvloop
async def test_tls(authority: Authority) -> None:
    """A TLS origin is verified for its configured name, and speaks HTTP/1.1 over TLS 1.2 or newer."""
    seen: list[object] = []

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await echo(reader, writer)

    server = tls_for(authority.issue(NAME))
    server.sni_callback = lambda _, name, __: seen.append(name)
    async with listening(conversation, tls=server) as port:
        lines = await reach(Origin("https", NAME, port), tls=client_context(authority.environ))
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        session = lines.transport.get_extra_info("ssl_object")
        assert session.selected_alpn_protocol() == "http/1.1"
        assert session.version() in ("TLSv1.2", "TLSv1.3")
        lines.transport.abort()
    assert seen == [NAME]


@on_uvloop
async def test_tls_to_an_address(authority: Authority) -> None:
    """An origin that is an IP literal is verified for that address."""
    async with listening(echo, tls=tls_for(authority.issue("127.0.0.1"))) as port:
        lines = await reach(Origin("https", "127.0.0.1", port), tls=client_context(authority.environ))
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()


@pytest.mark.parametrize(
    ("hosts", "lives", "trusted", "reason"),
    [
        ((NAME,), timedelta(days=-1), True, "the certificate has expired"),
        (("other.test",), timedelta(days=1), True, "the certificate is for another host"),
        ((NAME,), timedelta(days=1), False, "the certificate was issued by an authority that is not trusted here"),
    ],
    ids=["expired", "wrong host", "unknown authority"],
)
def test_certificate_faults(
    authority: Authority,
    hosts: tuple[str, ...],
    lives: timedelta,
    trusted: bool,
    reason: str,
    tmp_path: Path,
) -> None:
    """A certificate that must not be accepted is a 502 that says in words what is wrong with it."""
    environ = authority.environ if trusted else Authority(tmp_path).environ

    @on_uvloop
    async def attempt() -> None:
        before = open_sockets()
        async with listening(echo, tls=tls_for(authority.issue(*hosts, lives=lives))) as port:
            error = await failure(Origin("https", NAME, port), tls=client_context({**environ, "SSL_CERT_DIR": str(tmp_path)}))
            assert (error.status, str(error)) == (502, f"{NAME}:{port}: {reason}")
        await left_open(before)

    attempt()


@on_uvloop
async def test_wrong_address_fault(authority: Authority) -> None:
    """A certificate for other addresses is named as such."""
    async with listening(echo, tls=tls_for(authority.issue(NAME))) as port:
        error = await failure(Origin("https", "127.0.0.1", port), tls=client_context(authority.environ))
        assert str(error) == f"127.0.0.1:{port}: the certificate is for another IP address"


@on_uvloop
async def test_no_tls_there(authority: Authority) -> None:
    """An origin that speaks plain text where TLS was expected is told from other failures."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with listening(plain) as port:
        error = await failure(Origin("https", NAME, port), tls=client_context(authority.environ))
        assert str(error) == f"{NAME}:{port}: it does not speak TLS on this port"


@on_uvloop
async def test_hang_up_in_handshake(authority: Authority) -> None:
    """An origin that closes during the handshake is a 502."""

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(hang_up) as port:
        error = await failure(Origin("https", NAME, port), tls=client_context(authority.environ))
        assert error.status == 502
        assert str(error).startswith(f"{NAME}:{port}: ")


def test_handshake_time_out(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """An origin that accepts and then says nothing is a 504 after the handshake's own time-out."""
    monkeypatch.setattr(connecting, "HANDSHAKE_TIMEOUT", 0.1)

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    @on_uvloop
    async def attempt() -> None:
        async with listening(mute) as port:
            before = open_sockets()
            error = await failure(Origin("https", NAME, port), tls=client_context(authority.environ))
            assert (error.status, str(error)) == (504, f"{NAME}:{port}: the TLS handshake took longer than 0.1 s")
            await left_open(before)

    attempt()


@on_uvloop
async def test_client_certificate(authority: Authority) -> None:
    """An upstream that asks for a client certificate is shown the configured one."""
    shown: list[object] = []

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown.append(writer.get_extra_info("peercert"))
        await echo(reader, writer)

    server = tls_for(authority.issue(NAME))
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(authority.path)
    async with listening(conversation, tls=server) as port:
        tls = client_context(authority.environ, certificate=authority.issue("client.test"))
        lines = await reach(Origin("https", NAME, port), tls=tls)
        assert await lines.ask(b"hello\n") == b"echo hello\n"
        assert lines.transport is not None
        lines.transport.abort()
    assert "client.test" in str(shown)
