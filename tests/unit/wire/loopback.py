"""What the wire's connection tests share: a certificate authority of their own, and small servers on loopback."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.wire.tls import server_context
from tests.waiting import PATIENCE

Args = ParamSpec("Args")


def on_uvloop(test: Callable[Args, Coroutine[Any, Any, None]]) -> Callable[Args, None]:
    """Run an async test on the loop that the product runs on; a callback's unhandled error fails the test."""

    @functools.wraps(test)
    def run(*args: Args.args, **kwargs: Args.kwargs) -> None:
        unhandled: list[dict[str, Any]] = []

        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(watched())
        assert not unhandled, unhandled

    return run


def _may(*what: str) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name in what for name in names})


_SIGNS, _SERVES = _may("key_cert_sign", "crl_sign"), _may("digital_signature")


class Authority:
    """A certificate authority that lives as long as a test session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test authority {x509.random_serial_number():x}")])
        self.path = folder / "authority.pem"
        certificate = self._sign(self._name, self._key, timedelta(days=1), authority=True)
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.environ = {"SSL_CERT_FILE": str(self.path)}

    def issue(self, *hosts: str, lives: timedelta = timedelta(days=1)) -> Path:
        """A PEM file with certificate and key for some names or addresses; a negative life is one that is over."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = self._sign(subject, key, lives, hosts=hosts)
        path = self._folder / f"{'-'.join(hosts).replace(':', '_')}{lives.days}.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        return path

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        lives: timedelta,
        *,
        hosts: tuple[str, ...] = (),
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + lives)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            # Python 3.13 asks for what RFC 5280 §4.2.1.1 says.
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(_SIGNS if authority else _SERVES, critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    conversation: Conversation, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """A server on a free loopback port, which is given; each connection has one conversation and is closed after it."""
    conversations: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await conversation(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give back each line with the server's own opinion of the connection before it."""
    while line := await reader.readline():
        writer.write(b"echo " + line)


@dataclass
class ConnectProxy:
    """A forward proxy that only knows CONNECT; `answer` replaces its own, `heads` are the requests it got."""

    answer: bytes = b""
    heads: list[bytes] = field(default_factory=list)
    targets: dict[str, int] = field(default_factory=dict)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.answer:
            writer.write(self.answer)
            await writer.drain()
            return
        target = head.split()[1].decode()
        onward_reader, onward_writer = await asyncio.open_connection(
            "127.0.0.1", self.targets.get(target) or int(target.rpartition(":")[2])
        )
        writer.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: test\r\n\r\n")
        await asyncio.gather(_pump(reader, onward_writer), _pump(onward_reader, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65536):
            sink.write(piece)
    except OSError:
        pass
    finally:
        sink.close()


class Lines(asyncio.Protocol):
    """A client's end: collects what arrives and remembers how it came to be."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.lost = asyncio.Event()
        self._arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, by the loop or by what made the tunnel."""
        assert self.transport is None
        assert isinstance(transport, asyncio.Transport | object)
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no asyncio.Transport by type

    def data_received(self, data: bytes) -> None:
        """Collect."""
        self.received += data
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember."""
        self.lost.set()

    async def ask(self, line: bytes) -> bytes:
        """Send a line, and give the answer."""
        assert self.transport is not None
        self._arrived.clear()
        self.received = b""
        self.transport.write(line)
        await asyncio.wait_for(self._arrived.wait(), PATIENCE)
        return self.received


def tls_for(certificate: Path) -> ssl.SSLContext:
    """A server's context from a combined PEM file."""
    return server_context(certificate)
