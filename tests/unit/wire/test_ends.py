"""How a connection ends on real sockets: whoever breaks an answer off, its client cannot take the end for the answer's."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from proxy.core.snapshot import GatewayOptions
from proxy.gateway.refusal import not_a_request
from proxy.wire.deadlines import Deadlines
from proxy.wire.listener import Listener
from proxy.wire.request import Request
from proxy.wire.server import ServerConnection
from proxy.wire.tls import server_context
from tests.unit.wire.faked import GET
from tests.unit.wire.loopback import Authority, on_uvloop
from tests.waiting import PATIENCE

PART = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf an ans"
LARGE = PART + b"x" * 8_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the gateway's certificate."""
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def serving(application: Callable[[Request], None], tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Listener]]:
    """A listener on a port of its own."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    listener = Listener(loop, GatewayOptions(), deadlines, lambda: 0, application, not_a_request)
    server = await loop.create_server(partial(ServerConnection, listener), "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], listener
    finally:
        server.close()
        deadlines.close()


def taken(port: int, tls: ssl.SSLContext | None = None, pause: float = 0.0) -> tuple[bytes, bool]:
    """All that a client gets, and whether it saw an orderly end."""
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with tls.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) if tls else plain as client:
        client.sendall(GET)
        time.sleep(pause)
        received = b""
        try:
            while piece := client.recv(65536):
                received += piece
        except (ConnectionResetError, ssl.SSLEOFError):
            return received, False
        return received, True


def whole(request: Request) -> None:
    """An answer that ends with its connection, and did end."""
    request.guard_end(guarded=True)
    request.write(PART)
    request.guard_end(guarded=False)
    request.finish(close=True)


def later(act: Callable[[Request], None], answer: bytes = PART) -> Callable[[Request], None]:
    """An application that begins an answer, and a moment later does something to it."""

    def application(request: Request) -> None:
        request.write(answer)
        asyncio.get_running_loop().call_later(0.1, act, request)

    return application


def stalls(request: Request) -> None:
    """The write deadline of the request's connection passes."""
    connection = request._connection
    assert isinstance(connection, ServerConnection)
    connection._expect("write", 0)
    connection.expire()


BREAKS: dict[str, Callable[[Request], None]] = {
    "abort": Request.abort,
    "break_off": lambda request: request.break_off(reset=True),
    "stalled": stalls,
}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("answer", [PART, LARGE], ids=["sent", "unsent"])
@pytest.mark.parametrize("act", BREAKS.values(), ids=BREAKS)
@on_uvloop
async def test_no_end_that_looks_whole(authority: Authority, act: Callable[[Request], None], answer: bytes, tls: bool) -> None:
    """However an answer without framing is broken off, and whatever is still unsent, its client sees an error."""
    context = server_context(authority.issue("localhost")) if tls else None
    trusting = ssl.create_default_context(cafile=str(authority.path)) if tls else None
    async with serving(later(act, answer), context) as (port, _):
        _, orderly = await asyncio.to_thread(taken, port, trusting, 0.4)
    assert not orderly


@pytest.mark.parametrize("tls", [False, True])
@on_uvloop
async def test_an_end_is_an_end(authority: Authority, tls: bool) -> None:
    """An answer that did end comes whole, with an orderly end."""
    context = server_context(authority.issue("localhost")) if tls else None
    trusting = ssl.create_default_context(cafile=str(authority.path)) if tls else None
    async with serving(whole, context) as (port, _):
        assert await asyncio.to_thread(taken, port, trusting) == (PART, True)


def test_a_crash_is_no_end() -> None:
    """A process that dies in the middle of a guarded answer leaves a reset, not an end."""
    dying = [sys.executable, "-c", "from tests.unit.wire.test_ends import die; die()"]
    with subprocess.Popen(dying, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        received, orderly = taken(int(process.stdout.readline()))
    assert (received, orderly) == (PART, False)


def die() -> None:
    """Tell a port, begin an answer on it, and be gone."""

    def application(request: Request) -> None:
        request.guard_end(guarded=True)
        request.write(PART)
        asyncio.get_running_loop().call_later(0.1, os._exit, 0)

    async def serve() -> None:
        async with serving(application) as (port, _):
            sys.stdout.write(f"{port}\n")
            sys.stdout.flush()
            await asyncio.sleep(PATIENCE)

    asyncio.run(serve())
