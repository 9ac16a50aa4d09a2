"""What a relay in Python on uvloop costs at the least: `python -m benchmarks.floor [--bench FOLDER] [--rounds 3]`.

The barest relay there is (bytes from a client to a kept upstream connection and back; nothing is read, checked or recorded) beside
nginx, on the cases `1k` and `sse1000` of the comparison. What tos-proxy costs beyond it is spent on what it does.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import cast

import uvloop

from benchmarks import bodies, cases
from benchmarks.process import require_linux
from benchmarks.subjects import Nginx, Subject
from benchmarks.tools import Tools

LAST_CHUNK = b"\r\n0\r\n\r\n"


class Relay(Subject):
    """The relay below as a process."""

    name = "relay"

    def __init__(self, folder: Path, upstream: int) -> None:
        super().__init__(folder)
        self.upstream = upstream

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Ours, told where to listen and whom to ask."""
        root = str(Path(__file__).resolve().parent.parent)
        return [sys.executable, "-m", "benchmarks.floor", "--relay", str(self.port), str(self.upstream)], {"PYTHONPATH": root}


class Upward(asyncio.Protocol):
    """A connection to the upstream, one client's at a time."""

    def __init__(self, idle: list[Upward]) -> None:
        self.idle = idle
        self.transport: asyncio.Transport
        self.client: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """On to the client; whoever had all of an answer gives the connection back."""
        if self.client is not None:
            self.client.write(data)
            if data.endswith(LAST_CHUNK) or b"\r\nContent-Length: " in data[:200]:
                self.client = None
                self.idle.append(self)


class Downward(asyncio.Protocol):
    """A client's connection, whose requests come whole."""

    def __init__(self, idle: list[Upward], upstream: int) -> None:
        self.idle, self.upstream = idle, upstream
        self.transport: asyncio.Transport
        self.dialing: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Up, by a kept connection or a new one."""
        if self.idle:
            self.send(self.idle.pop(), data)
        else:
            task = asyncio.get_running_loop().create_task(self.dial(data))
            self.dialing.add(task)
            task.add_done_callback(self.dialing.discard)

    async def dial(self, data: bytes) -> None:
        """A new connection."""
        _, up = await asyncio.get_running_loop().create_connection(lambda: Upward(self.idle), "127.0.0.1", self.upstream)
        self.send(up, data)

    def send(self, up: Upward, data: bytes) -> None:
        """Ask, and have the answer come here."""
        up.client = self.transport
        up.transport.write(data)


async def relay(port: int, upstream: int) -> None:
    """Serve until ended."""
    idle: list[Upward] = []
    server = await asyncio.get_running_loop().create_server(lambda: Downward(idle, upstream), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def measure(bench: Path | None, rounds: int, folder: Path) -> list[dict[str, float]]:
    """The figures of each round."""
    made = bodies.write(folder / "bodies")
    tools = Tools(folder / "tools", bench)
    both = Nginx(folder / "nginx", tools.port), Relay(folder / "relay", tools.port)
    running = cases.Bench(tools, *both, made, folder, 2.0)
    try:
        for subject in both:
            subject.start(made["chat_1k"].read_bytes())
        return [cases.ALL["1k"](running) | cases.ALL["sse1000"](running) for _ in range(rounds)]
    finally:
        running.stop()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=__doc__)
    parser.add_argument("--bench", type=Path, help="folder with loadgen.c and mock_upstream.c")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--relay", type=int, nargs=2, metavar=("PORT", "UPSTREAM"), help="be the relay")
    chosen = parser.parse_args()
    if chosen.relay:
        uvloop.run(relay(*chosen.relay))
        return
    require_linux()
    with tempfile.TemporaryDirectory(prefix="tos-proxy-floor-") as folder:
        found = measure(chosen.bench, chosen.rounds, Path(folder))
    for name in found[0]:
        values = [each[name] for each in found]
        sys.stdout.write(f"{name}: {median(values):.2f} ({min(values):.2f}-{max(values):.2f})\n")


if __name__ == "__main__":
    main()
