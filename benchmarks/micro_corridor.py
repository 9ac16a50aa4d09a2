"""CPU of one exchange through wire, gateway and dialects, without sockets, disk or threads: what the corridor itself costs.

    python benchmarks/micro_corridor.py [--profile]

Bytes go into a server connection, come out of an upstream connection, are answered at once, and come back; the ledger says
"durable" at once. Prints µs per exchange, best of several rounds. Loop, system calls, sealing and group commit are measured
elsewhere (`micro_spool.py`, `compare.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import socket
import time
from typing import Any

from proxy.app.judging import Judging
from proxy.core.clock import SystemClock
from proxy.core.oneshot import Oneshot
from proxy.core.snapshot import GatewayOptions, LedgerOptions, UpstreamOptions
from proxy.gateway.corridor import Corridor
from proxy.gateway.house import House
from proxy.gateway.identity import Identity
from proxy.gateway.refusal import not_a_request
from proxy.gateway.routes import Routes, Upstream
from proxy.ledger.record import Position
from proxy.wire.deadlines import Deadlines
from proxy.wire.listener import Listener
from proxy.wire.pool import Pool, PoolStats
from proxy.wire.server import ServerConnection

BODY = json.dumps(
    {
        "model": "gpt-4o-mini",
        "messages": [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "word " * 170}],
        "temperature": 0.7,
        "max_tokens": 128,
    }
).encode()
REQUEST = (
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer sk-abcdefghijklmnop\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY
ANSWER_BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "gpt-4o-mini",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "lazy dog " * 70, "refusal": None}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 120, "total_tokens": 220},
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_1\r\nContent-Length: %d\r\n\r\n" % len(ANSWER_BODY)
) + ANSWER_BODY


_PAIR = socket.socketpair()


class Wire(asyncio.Transport):
    """A transport that keeps nothing, and may answer."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "socket": _PAIR[0]})
        self.answering: asyncio.Protocol | None = None
        self.written = 0

    def write(self, data: Any) -> None:
        self.written += len(data)
        if self.answering is not None:
            self.answering.data_received(ANSWER)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def is_closing(self) -> bool:
        return False


def _no_aside(_work: Any) -> Oneshot[Any]:
    raise AssertionError("nothing here is long")


class InstantStream:
    """A record that is durable at once."""

    on_synced = None

    def intent(self, *_: Any) -> Oneshot[Position]:
        return _DURABLE

    outcome = refusal = intent

    def answer(self, _piece: bytes) -> int:
        return 0


class InstantLedger:
    """Gives such records."""

    def stream(self, _record_id: str, _principal: str, _content: str) -> Any:
        return InstantStream()


_DURABLE: Oneshot[Position] = Oneshot()
_DURABLE.set(Position("i", 1, 1))


async def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--profile", action="store_true")
    arguments.add_argument("--count", type=int, default=0, help="walk so many exchanges and end: for counting instructions")
    options = arguments.parse_args()
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)

    async def connect(factory: Any) -> Any:
        transport, protocol = Wire(), factory()
        transport.answering = protocol
        protocol.connection_made(transport)
        return transport, protocol

    pool = Pool(loop, connect, deadlines, PoolStats(), 900.0)
    upstream = Upstream(UpstreamOptions(name="openai", dialect="openai", base_url="http://127.0.0.1:1"), pool, None)
    gateway = GatewayOptions()
    identity = Identity(b"k" * 32, gateway, {}, {}, set())
    house = House(1, gateway, LedgerOptions(), Routes({"openai": upstream}, None), identity, Judging()({}))
    corridor = Corridor(house, InstantLedger(), SystemClock(), _no_aside, lambda error, _: print(repr(error)))
    listener = Listener(loop, gateway, deadlines, time.monotonic_ns, corridor.enter, not_a_request)
    client = Wire()
    connection = ServerConnection(listener)
    connection.connection_made(client)
    connection.data_received(REQUEST)
    await asyncio.sleep(0.05)
    if options.count:
        for _ in range(options.count):
            connection.data_received(REQUEST)
        return
    if options.profile:
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(5000):
            connection.data_received(REQUEST)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return
    best = 1e9
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(1000):
            connection.data_received(REQUEST)
        best = min(best, (time.perf_counter() - start) / 1000)
    assert client.written > 15000 * len(ANSWER_BODY)
    assert corridor.stats.ends["completed"] == 15001
    print(f"corridor without ledger: {best * 1e6:.1f} µs per exchange (best of 15 x 1000)")


asyncio.run(main())
