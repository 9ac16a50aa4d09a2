"""Clients that are slow on purpose: many connections that send, or take, as little as they can, while somebody works.

    python -m tests.hostile.slow --connections 500

Each is ended soon after its deadline, with a 408 where a request was under way; honest requests go on meanwhile as fast as before.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import uvloop

from proxy.demo.upstream import upstream_process
from tests.hostile.building import CHAT, HOST, JSON, chat_body, honest, request
from tests.hostile.faults import planted
from tests.proxy_server import proxy_server

DEADLINE = 1.0
"""Seconds of every deadline of the proxy under test."""
SLACK = 30.0
"""Seconds after which a slow connection should be gone at the latest: two sweeps, and a busy machine."""
_DEADLINES = {"header": "1s", "body": "1s", "write_stall": "1s", "idle": "1s", "drain": "5s"}
MANY = 300
"""Connections from which on a run counts as a measurement, on a machine that does nothing else."""
_TRICKLE = 0.1
_MOST_READERS = 10
"""Each needs megabytes before the system's buffers are full."""


@dataclass(frozen=True)
class Slow:
    """How a slow connection went: seconds until it was ended (infinite when it was not), and the last bytes it got."""

    kind: str
    lasted: float
    got: bytes


Kind = Callable[[int], Awaitable[bytes]]


async def _trickle(port: int, start: bytes, drops: bytes) -> bytes:
    """Send a start, then drops, one byte at a time for ever; gives what came back by the time the connection ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    answer = asyncio.ensure_future(reader.read())
    place = 0
    try:
        while not answer.done():
            if drops:
                writer.write(drops[place % len(drops) : place % len(drops) + 1])
                place += 1
            await asyncio.wait([answer], timeout=_TRICKLE)
        return await answer
    except OSError:
        return b""
    finally:
        answer.cancel()
        writer.transport.abort()


async def silent(port: int) -> bytes:
    """Connects and says nothing."""
    return await _trickle(port, b"", b"")


async def slow_head(port: int) -> bytes:
    """A head that never ends."""
    return await _trickle(port, b"GET /openai/v1/models HTTP/1.1\r\nHost: a\r\nX: ", b"a")


async def slow_body(port: int) -> bytes:
    """A long body, byte by byte."""
    return await _trickle(port, request(b"1", fields=[JSON, b"Content-Length: 100000"], body=b"{", length=False), b" ")


async def slow_chunks(port: int) -> bytes:
    """Chunks of one byte each."""
    return await _trickle(port, request(b"1", fields=[JSON, b"Transfer-Encoding: chunked"], body=b"", length=False), b"1\r\na\r\n")


async def idle(port: int) -> bytes:
    """Asks once, and stays."""
    return await _trickle(port, honest(b"1"), b"")


async def slow_reader(port: int) -> bytes:
    """Asks for megabytes, and takes none."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    asked = b"\r\n".join([b"GET /openai/v1/models HTTP/1.1", HOST, b"x-script: bomb_mib=12", b"", b""])
    await loop.sock_sendall(client, asked)
    # A reset is seen without reading, by writing: an empty line between requests means nothing.
    with client, suppress(OSError):
        while True:
            await asyncio.sleep(_TRICKLE)
            await loop.sock_sendall(client, b"\r\n")
    return b""


KINDS: tuple[Kind, ...] = (silent, slow_head, slow_body, slow_chunks, idle, slow_reader)
_TOLD = {"slow_head", "slow_body", "slow_chunks"}


async def _timed(kind: Kind, port: int, slack: float) -> Slow:
    started = time.monotonic()
    try:
        async with asyncio.timeout(DEADLINE + slack):
            got = await kind(port)
    except TimeoutError:
        return Slow(kind.__name__, float("inf"), b"")
    return Slow(kind.__name__, time.monotonic() - started, got)


async def _work(port: int, seconds: float) -> list[float]:
    """Honest requests one after the other; gives how long each took. Raises: AssertionError when one fails."""
    latencies = []
    until = time.monotonic() + seconds
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        started = time.monotonic()
        writer.write(
            b"POST %b HTTP/1.1\r\n%b\r\n%b\r\nContent-Length: %d\r\n\r\n" % (CHAT, HOST, JSON, len(chat_body(b"1")))
            + chat_body(b"1")
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        latencies.append(time.monotonic() - started)
        await asyncio.sleep(0.01)
    writer.close()
    return latencies


async def crowd(port: int, connections: int, slack: float) -> tuple[list[Slow], list[float], list[float]]:
    """So many slow connections, of all kinds; also the latencies of honest requests before and during."""
    before = await _work(port, 1.0)
    readers = min(connections // len(KINDS), _MOST_READERS if connections >= MANY else 2)
    quiet = [kind for kind in KINDS if kind is not slow_reader]
    kinds = [slow_reader] * readers + [quiet[index % len(quiet)] for index in range(connections - readers)]
    tasks = [asyncio.ensure_future(_timed(kind, port, slack)) for kind in kinds]
    during = await _work(port, DEADLINE * (1 if connections < MANY else 5))
    return list(await asyncio.gather(*tasks)), before, during


def judge(slow: Sequence[Slow], before: Sequence[float], during: Sequence[float]) -> list[str]:
    """Every finding: a connection that was not ended, or without a word, or honest requests that were kept waiting."""
    findings = []
    for one in slow:
        if one.lasted == float("inf"):
            findings.append(f"{one.kind} was never ended")
        elif one.lasted < DEADLINE * 0.9:
            findings.append(f"{one.kind} was ended after {one.lasted:.2f} s already: {one.got[:80]!r}")
        elif one.kind in _TOLD and not one.got.startswith(b"HTTP/1.1 408 "):
            findings.append(f"{one.kind} got {one.got[:80]!r} and no 408")
    # Among other tests only the median says something of us, and two seconds may be the machine's.
    percent, bound = (99, 0.5) if len(slow) >= MANY else (50, 2.0)
    late, usual = _percentile(during, percent), _percentile(before, percent)
    if late > max(2 * usual, bound):
        findings.append(f"honest requests took {late * 1e3:.0f} ms (p{percent}) instead of {usual * 1e3:.0f} ms")
    return findings


def _percentile(latencies: Sequence[float], percent: int) -> float:
    return quantiles(latencies, n=100)[percent - 1] if len(latencies) > 1 else float("inf")


def run(folder: Path, connections: int, plant: str | None = None, slack: float = SLACK) -> list[str]:
    """A proxy with short deadlines, and slow connections to it; gives all findings."""
    environ = planted(plant, folder) if plant else {}
    configuration = {"gateway": {"deadlines": _DEADLINES}}
    with upstream_process() as upstream, proxy_server(folder, upstream, configuration=configuration, environ=environ) as server:
        findings = judge(*uvloop.run(crowd(int(server.gateway_url.rpartition(":")[2]), connections, slack)))
        server.check_records = not findings
    return findings


def main(arguments: list[str]) -> int:
    """Exit code 0 without, 1 with findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.slow")
    parser.add_argument("--connections", type=int, default=500)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        findings = run(Path(folder), told.connections)
    for finding in findings[:20]:
        sys.stdout.write(f"- {finding}\n")
    sys.stdout.write(f"{told.connections} slow connections, {len(findings)} findings\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
