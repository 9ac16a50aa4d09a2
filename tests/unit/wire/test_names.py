"""Names are looked up once for all who ask at the same time; addresses are not looked up at all."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from proxy.wire.names import Names


class Counting:
    """A loop whose resolver counts, waits until it is let go, and fails when told to."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.error: OSError | None = None
        self.later: list[Any] = []
        self.create_task = self._loop.create_task

    def call_later(self, _seconds: float, call: Any, *values: Any) -> None:
        """Keep what would happen when an answer has served its time."""
        self.later.append((call, values))

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        """The resolver of the system."""
        self.asked.append(host)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("192.0.2.1", port))]


@pytest.mark.parametrize(
    ("host", "family", "where"),
    [("127.0.0.1", socket.AF_INET, ("127.0.0.1", 443)), ("2001:db8::1", socket.AF_INET6, ("2001:db8::1", 443, 0, 0))],
)
async def test_an_address_is_not_looked_up(host: str, family: int, where: tuple[Any, ...]) -> None:
    """The resolver is not asked, and what comes is what it would have said."""
    loop = Counting()
    found = await Names(loop).look_up(host, 443)  # type: ignore[arg-type]
    assert found == [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]
    assert not loop.asked


async def test_one_look_up_serves_all_who_ask_meanwhile() -> None:
    """A hundred connections to one host cost one look-up, and so do those of the second after it."""
    loop = Counting()
    names = Names(loop)  # type: ignore[arg-type]
    asking = [asyncio.create_task(names.look_up("api.example", 443)) for _ in range(100)]
    await asyncio.sleep(0)
    loop.go.set()
    found = await asyncio.gather(*asking)
    assert await names.look_up("api.example", 443) == found[0]
    assert loop.asked == ["api.example"]
    (call, values) = loop.later.pop()
    call(*values)
    await names.look_up("api.example", 443)
    assert len(loop.asked) == 2


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    """A client that leaves during the look-up does not end it."""
    loop = Counting()
    names = Names(loop)  # type: ignore[arg-type]
    first, second = (asyncio.create_task(names.look_up("api.example", 443)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    loop.go.set()
    assert len(await second) == 1


async def test_an_error_is_not_kept() -> None:
    """Whoever asks after a failure asks the resolver again."""
    loop = Counting()
    loop.go.set()
    loop.error = socket.gaierror(socket.EAI_AGAIN, "busy")
    names = Names(loop)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await names.look_up("api.example", 443)
        await asyncio.sleep(0)
    assert len(loop.asked) == 2
