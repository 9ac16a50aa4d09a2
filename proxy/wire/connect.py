"""One new connection to an upstream: names resolved once, addresses raced, a forward proxy passed, TLS agreed on.

The stages are fixed and each names itself when it fails: name look-up → connect → proxy → TLS handshake. Whoever the bytes
then go to is one of the addresses that were resolved here; nothing is looked up a second time (no DNS rebinding), and what
the certificate must be for is the configured name, whatever address answered.

Runs in an ordinary asyncio Task. uvloop has no happy eyeballs of its own (it refuses `happy_eyeballs_delay`), so the race
of RFC 8305 §5 is run here, on bare sockets.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain, zip_longest
from typing import Generic, TypeVar

from proxy.core.errors import UpstreamError
from proxy.wire.environment import Proxy
from proxy.wire.names import Address, Names
from proxy.wire.origin import Origin

P = TypeVar("P", bound=asyncio.BaseProtocol)
Q = TypeVar("Q", bound=asyncio.BaseProtocol)
Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]

HANDSHAKE_TIMEOUT = 10.0
# RFC 8305 §5, "Connection Attempt Delay".
STAGGER = 0.25
_MAX_PROXY_HEAD = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?![0-9])")
# A reasoning model may be silent for minutes behind a NAT that forgets sooner: probe after 30 s, give up after four more.
# Linux and macOS name the first of them differently and have only their own.
_KEEPALIVE = tuple(
    (int(getattr(socket, option)), value)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPALIVE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
    if hasattr(socket, option)
)


async def connect(
    loop: asyncio.AbstractEventLoop,
    origin: Origin,
    protocol_factory: Callable[[], P],
    *,
    ssl_context: ssl.SSLContext | None,
    proxy: Proxy | None,
    timeout: float,
    resolver: Resolver | None = None,
    proxy_context: ssl.SSLContext | None = None,
) -> tuple[asyncio.Transport, P]:
    """Connect to an origin and give the connection to a protocol, whose `connection_made` has been called on return.

    `ssl_context` is needed for https origins, `proxy_context` for https proxies (`ssl_context` stands in for it, client
    certificate included). A `proxy` is passed by CONNECT, for http origins too, so that bytes stay untouched. `timeout`
    (seconds) bounds the whole, HANDSHAKE_TIMEOUT each TLS handshake in it. `resolver` stands in for one of its own:
    (host, port) -> addresses as `getaddrinfo` gives them.
    Errors: UpstreamError, 504 when time ran out, else 502; its one line names host and cause, never a credential. No byte
    of a request has been sent then, and every socket is closed.
    """
    attempt = _Attempt(loop, origin, protocol_factory, resolver)
    try:
        async with asyncio.timeout(timeout):
            if proxy is None:
                return await attempt.direct(ssl_context)
            return await attempt.through(proxy, ssl_context, proxy_context or ssl_context)
    except TimeoutError as error:
        raise UpstreamError(f"{attempt.subject}: {attempt.stage} took longer than {timeout:g} s", status=504) from error


class _Attempt(Generic[P]):
    """One walk through the stages; `subject` and `stage` say where it stands."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        origin: Origin,
        protocol_factory: Callable[[], P],
        resolver: Resolver | None,
    ) -> None:
        self._loop = loop
        self._origin = origin
        self._protocol_factory = protocol_factory
        self._resolver = resolver or Names(loop).look_up
        self.subject = origin.authority
        self.stage = "the name look-up"

    async def direct(self, ssl_context: ssl.SSLContext | None) -> tuple[asyncio.Transport, P]:
        addresses = await self._find(self._origin.host, self._origin.port)
        if len(addresses) == 1 and not self._origin.tls and (place := _place(addresses[0])) is not None:
            return await self._straight(addresses[0], *place)
        sock = await self._reach(addresses)
        context = _required(ssl_context) if self._origin.tls else None
        return await self._open(sock, self._protocol_factory, context, self._origin.server_name)

    async def through(
        self, proxy: Proxy, ssl_context: ssl.SSLContext | None, proxy_context: ssl.SSLContext | None
    ) -> tuple[asyncio.Transport, P]:
        self.subject = f"proxy {proxy.authority} for {self._origin.authority}"
        sock = await self._reach(await self._find(proxy.host, proxy.port))
        context = _required(proxy_context) if proxy.scheme == "https" else None
        transport, tunnel = await self._open(sock, lambda: _Tunnel(self._loop), context, proxy.host)
        try:
            self.stage = "the answer to CONNECT"
            await self._tunnel(transport, tunnel, proxy)
            self.subject = f"{self._origin.authority} through proxy {proxy.authority}"
            if self._origin.tls:
                transport = await self._encrypt(transport, tunnel, _required(ssl_context))
            return transport, self._hand_over(transport, tunnel)
        except BaseException:
            transport.abort()
            raise

    async def _find(self, host: str, port: int) -> list[Address]:
        """Where the host is, in the order in which to try."""
        self.stage = "the name look-up"
        try:
            found = await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise UpstreamError(f"{self.subject}: {_cause(error)}") from error
        self.stage = "connecting"
        return interleave(found)

    async def _reach(self, addresses: list[Address]) -> socket.socket:
        """A connected socket to one of the addresses."""
        errors: list[OSError] = []
        sock = await _race(self._loop, addresses, errors)
        if sock is None:
            raise self._unreached(addresses, errors)
        return sock

    async def _straight(self, address: Address, host: str, port: int) -> tuple[asyncio.Transport, P]:
        """With nothing to race and nothing to agree on the loop connects by itself: half the work, and the lock is never let go."""
        try:
            transport, protocol = await self._loop.create_connection(self._protocol_factory, host, port, family=address[0])
        except OSError as error:
            raise self._unreached([address], [error]) from error
        try:
            _keep_alive(transport.get_extra_info("socket"))
        except OSError as error:  # macOS, once the peer has reset the connection
            transport.abort()
            raise self._unreached([address], [error]) from error
        return transport, protocol

    def _unreached(self, addresses: list[Address], errors: list[OSError]) -> UpstreamError:
        causes = "; ".join(dict.fromkeys(map(_cause, errors))) or "the name has no address"
        timed_out = bool(errors) and all(error.errno == errno.ETIMEDOUT for error in errors)
        many = f" ({len(addresses)} addresses tried)" if len(addresses) > 1 else ""
        return UpstreamError(f"{self.subject}: {causes}{many}", status=504 if timed_out else 502)

    async def _open(
        self, sock: socket.socket, factory: Callable[[], Q], ssl_context: ssl.SSLContext | None, server_name: str
    ) -> tuple[asyncio.Transport, Q]:
        """Give a connected socket to the loop, with TLS where a context is given."""
        try:
            if ssl_context is None:
                return await self._loop.create_connection(factory, sock=sock)
            async with self._handshake():
                return await self._loop.create_connection(factory, sock=sock, ssl=ssl_context, server_hostname=server_name)
        except BaseException:
            sock.close()
            raise

    @asynccontextmanager
    async def _handshake(self) -> AsyncIterator[None]:
        self.stage = "the TLS handshake"
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT) as deadline:
                yield
        except OSError as error:
            # ETIMEDOUT from the kernel is a TimeoutError too.
            late = isinstance(error, TimeoutError)
            cause = f"{self.stage} took longer than {HANDSHAKE_TIMEOUT:g} s" if deadline.expired() else _cause(error)
            raise UpstreamError(f"{self.subject}: {cause}", status=504 if late else 502) from error

    async def _tunnel(self, transport: asyncio.Transport, tunnel: _Tunnel, proxy: Proxy) -> None:
        """Ask the proxy for a tunnel to the origin (RFC 9110 §9.3.6)."""
        target = self._origin.authority.encode("ascii")
        credentials = b"Proxy-Authorization: %s\r\n" % proxy.authorization if proxy.authorization else b""
        transport.write(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (target, target, credentials))
        status = await tunnel.answered
        if status is None:
            raise UpstreamError(f"{self.subject}: {tunnel.fault}")
        if status == 407:
            asked = "does not accept our credentials" if proxy.authorization else "asks for credentials"
            raise UpstreamError(f"{self.subject}: the proxy {asked} (407)")
        if not 200 <= status < 300:
            raise UpstreamError(f"{self.subject}: the proxy refused CONNECT ({status})", status=504 if status == 504 else 502)

    async def _encrypt(self, transport: asyncio.Transport, tunnel: _Tunnel, ssl_context: ssl.SSLContext) -> asyncio.Transport:
        self._forbid_early_bytes(tunnel)
        async with self._handshake():
            encrypted = await self._loop.start_tls(transport, tunnel, ssl_context, server_hostname=self._origin.server_name)
        if encrypted is None:
            raise UpstreamError(f"{self.subject}: the connection was closed during the TLS handshake")
        return encrypted

    def _hand_over(self, transport: asyncio.Transport, tunnel: _Tunnel) -> P:
        """Swap protocols between two loop iterations, so that no event can fall between them."""
        self._forbid_early_bytes(tunnel)
        protocol = self._protocol_factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return protocol

    def _forbid_early_bytes(self, tunnel: _Tunnel) -> None:
        # Neither a TLS nor an HTTP server speaks first, so such bytes are an answer smuggled in by someone on the way.
        if tunnel.lost:
            raise UpstreamError(f"{self.subject}: the connection was closed before it could be used")
        if tunnel.buffer:
            raise UpstreamError(f"{self.subject}: bytes arrived before anything was asked")


class _Tunnel(asyncio.Protocol):
    """Reads the head of the proxy's answer; afterwards only notices bytes and hang-ups that must not come.

    `answered` becomes the status, or None when there is none, with the reason in `fault`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answered: asyncio.Future[int | None] = loop.create_future()
        self.buffer = b""
        self.fault = ""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.answered.done():
            return
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > _MAX_PROXY_HEAD:
                self._give_up("the proxy's answer to CONNECT has no end")
            return
        status = _STATUS_LINE.match(self.buffer)
        if status is None:
            self._give_up("the proxy does not speak HTTP/1.1")
            return
        self.buffer = self.buffer[end + 4 :]
        self.answered.set_result(int(status[1]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.lost = True
        self._give_up("the proxy closed the connection before it answered CONNECT")

    def _give_up(self, fault: str) -> None:
        if not self.answered.done():
            self.fault = fault
            self.answered.set_result(None)


def interleave(addresses: Sequence[Address]) -> list[Address]:
    """Order addresses for the race: the system's order (RFC 6724), with the families taking turns (RFC 8305 §4)."""
    unique = list(dict.fromkeys(addresses))
    first = [address for address in unique if address[0] == unique[0][0]]
    others = [address for address in unique if address[0] != unique[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, others)) if address is not None]


async def _race(loop: asyncio.AbstractEventLoop, addresses: Sequence[Address], errors: list[OSError]) -> socket.socket | None:
    """The first socket that connects, the others closed; None when none does, their errors in `errors`.

    An attempt starts as soon as the one before it failed, or STAGGER seconds after it began.
    """
    if len(addresses) == 1:  # nothing to race with, so no task either
        try:
            return await _dial(loop, addresses[0])
        except OSError as failure:
            errors.append(failure)
            return None
    waiting = list(reversed(addresses))
    running: set[asyncio.Task[socket.socket]] = set()
    try:
        while waiting or running:
            if waiting:
                running.add(loop.create_task(_dial(loop, waiting.pop())))
            ended, _ = await asyncio.wait(running, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for attempt in ended:
                running.discard(attempt)
                error = attempt.exception()
                if error is None:
                    # A second winner of the same iteration is still in `running` and is closed with the losers.
                    return attempt.result()
                if not isinstance(error, OSError):
                    raise error
                errors.append(error)
        return None
    finally:
        for attempt in running:
            attempt.add_done_callback(_close_loser)
            attempt.cancel()


def _close_loser(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _dial(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
    family, kind, proto, _, where = address
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(sock)
        await loop.sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _place(address: Address) -> tuple[str, int] | None:
    """Host and port where they say it all; an IPv6 address with a zone needs more."""
    host, port = address[4][:2]
    return (host, port) if isinstance(host, str) and isinstance(port, int) and not any(address[4][2:]) else None


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _required(ssl_context: ssl.SSLContext | None) -> ssl.SSLContext:
    if ssl_context is None:
        raise ValueError("an https origin or proxy needs an SSLContext")
    return ssl_context


# OpenSSL's X509_V_ERR_* codes (x509_vfy.h) that people meet, in words that say what is wrong with whose certificate.
_CERTIFICATE_FAULTS = {
    7: "the certificate's signature does not fit the authority it names",
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed and not trusted here",
    19: "the certificate was issued by an authority that is not trusted here",
    20: "the certificate was issued by an authority that is not trusted here",
    21: "the certificate was issued by an authority that is not trusted here",
    62: "the certificate is for another host",
    64: "the certificate is for another IP address",
}
_TLS_FAULTS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
    "HTTP_REQUEST": "it does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS version from 1.2 on",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no TLS version from 1.2 on",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refused the TLS handshake, perhaps for want of a client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our client certificate",
}
_NO_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def _cause(error: OSError | UnicodeError) -> str:
    """What went wrong, in words, on one line."""
    if isinstance(error, UnicodeError):
        return "the host is no domain name"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_FAULTS.get(error.verify_code, f"the certificate is not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return _TLS_FAULTS.get(
            error.reason or "", f"the TLS handshake failed: {(error.reason or 'closed').lower().replace('_', ' ')}"
        )
    if isinstance(error, socket.gaierror):
        return "the name does not resolve" if error.errno in _NO_NAME else "the name could not be looked up just now"
    if error.errno is not None:
        return os.strerror(error.errno).lower()
    return "the connection was closed during the handshake"
