"""What the tests of connecting share: a resolver, a call, a port that never answers."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import pytest

from proxy.core.errors import UpstreamError
from proxy.wire.connect import Address, Resolver, connect
from proxy.wire.environment import Proxy
from proxy.wire.origin import Origin
from tests.unit.wire.loopback import Lines
from tests.waiting import PATIENCE, until

NAME = "model.test"
DEAD = "127.0.0.2"
"""Where `deaf` listens and never answers."""


def resolving_to(*hosts: str) -> Resolver:
    """A resolver that knows every name by the same addresses."""

    async def resolve(_: str, port: int) -> Sequence[Address]:
        families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host in hosts]
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host in zip(families, hosts, strict=True)]

    return resolve


async def reach(
    origin: Origin,
    *,
    tls: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
    timeout: float = PATIENCE,
    resolver: Resolver | None = None,
) -> Lines:
    """Connect, with the test's usual choices."""
    loop = asyncio.get_running_loop()
    resolver = resolver or resolving_to("127.0.0.1")
    _, lines = await connect(loop, origin, Lines, ssl_context=tls, proxy=proxy, timeout=timeout, resolver=resolver)
    return lines


async def failure(origin: Origin, **how: object) -> UpstreamError:
    """The error that connecting ends with."""
    with pytest.raises(UpstreamError) as caught:
        await reach(origin, **how)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert caught.value.sent is False
    return caught.value


def open_sockets() -> int:
    """How many sockets this process holds."""
    gc.collect()
    count = 0
    for descriptor in range(1024):
        with suppress(OSError):
            count += stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    return count


async def left_open(count: int) -> None:
    """Wait until this process holds so many sockets."""
    await asyncio.sleep(0.02)  # by then it mostly does, and looking costs a collection of garbage
    await until(lambda: open_sockets() == count)


@contextmanager
def deaf(port: int) -> Iterator[int]:
    """A port at the DEAD address whose queue is full, so that nobody who knocks gets any answer; 0 takes a free one."""
    with ExitStack() as open_until_the_end:
        listener = open_until_the_end.enter_context(socket.socket())
        listener.bind((DEAD, port))
        listener.listen(0)
        for _ in range(4):
            knocking = open_until_the_end.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
