"""A load generator: closed loop, open loop and streams. `python -m benchmarks.load -a HOST:PORT …` prints one JSON object.

  -p PATH -b FILE -H 'Name: value'   what is asked           -c N   connections         -d S   seconds
  -r RATE   open loop: requests a second, latency from the instant each was due (no coordinated omission)
  -w S      streams: begin the connections spread over S seconds

The same options and the same JSON as the C program that `BENCH=folder` may bring (`loadgen.c`), so that one measurement can use
either. Chunks that carry `@T<monotonic ns>.` give the one-way delay. What is in flight at the end gets 8 more seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import deque
from pathlib import Path
from typing import cast

import uvloop

MARK = re.compile(rb"@T(\d+)\.")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
GRACE_SECONDS = 8.0


class Tally:
    """What was counted, all times in µs."""

    def __init__(self) -> None:
        self.ok = self.bad = self.errors = self.reads = self.bytes = self.behind = 0
        self.first_bad = ""
        self.latency: list[float] = []
        self.first_chunk: list[float] = []
        self.one_way: list[float] = []
        self.gaps: list[float] = []

    def result(self, seconds: float, unfinished: int) -> dict[str, object]:
        """The report, in the words of `loadgen.c`."""
        found: dict[str, object] = {"ok": self.ok, "bad": self.bad, "errs": self.errors, "unfinished": unfinished, "secs": seconds}
        found |= {"rps": self.ok / seconds, "backlog_max": self.behind, "reads": self.reads, "bytes": self.bytes}
        found |= {"lat_us": quantiles(self.latency), "first_bad": self.first_bad}
        if self.one_way:
            found |= {"chunks": len(self.one_way), "chunks_s": len(self.one_way) / seconds, "ttfc_us": quantiles(self.first_chunk)}
            found |= {"oneway_us": quantiles(self.one_way), "gap_us": quantiles(self.gaps)}
        return found


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p90, p99 and the greatest; zeros when there is nothing."""
    ordered = sorted(values) or [0.0]
    at = {f"p{percent}": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 90, 99)}
    return {name: round(value, 1) for name, value in (at | {"max": ordered[-1]}).items()}


class Asking(asyncio.Protocol):
    """One connection that sends the request again and again."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.transport: asyncio.Transport | None = None
        self.busy = False
        self.due = self.last = 0.0
        self.head = bytearray()
        self.rest = b""
        self.left = 0
        self.chunked = False
        self.good = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, due: float) -> None:
        """Send the request; `due` is when it should have gone, on the loop's clock."""
        assert self.transport is not None
        self.busy, self.due, self.last = True, due, 0.0
        self.head.clear()
        self.rest = b""
        self.transport.write(self.load.request)

    def data_received(self, data: bytes) -> None:
        """Read an answer as far as it has come."""
        tally = self.load.tally
        tally.reads += 1
        tally.bytes += len(data)
        if not self.rest and self.head.find(b"\r\n\r\n") < 0:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            self.read_head(bytes(self.head[: end + 4]))
            data = bytes(self.head[end + 4 :])
            self.left -= 0 if self.chunked else len(data)
        elif not self.chunked:
            self.left -= len(data)
        if self.chunked:
            self.read_chunks(data)
        elif self.left <= 0:
            self.finished()

    def read_head(self, head: bytes) -> None:
        """Status and framing of an answer."""
        self.good = head[9:12] == b"200"
        if not self.good and not self.load.tally.first_bad:
            self.load.tally.first_bad = head[:500].decode("latin-1")
        self.chunked = CHUNKED.search(head) is not None
        length = LENGTH.search(head)
        self.left = int(length[1]) if length else 0

    def read_chunks(self, data: bytes) -> None:
        """Marks in a piece of a chunked body; the end of the body is its last chunk."""
        seen = self.rest + data
        now, tally, end = time.monotonic_ns(), self.load.tally, 0
        for mark in MARK.finditer(seen):
            end = mark.end()
            tally.one_way.append((now - int(mark[1])) / 1000)
            at = now / 1000
            if self.last:
                tally.gaps.append(at - self.last)
            else:
                tally.first_chunk.append(at - self.due * 1e6)
            self.last = at
        if seen.endswith(b"\r\n0\r\n\r\n") or seen == b"0\r\n\r\n":
            self.finished()
        else:
            self.rest = seen[max(end, len(seen) - 40) :] or b"\n"

    def finished(self) -> None:
        """Count an answer and go on."""
        self.busy = False
        if self.good:
            self.load.tally.ok += 1
            self.load.tally.latency.append((time.monotonic() - self.due) * 1e6)
        else:
            self.load.tally.bad += 1
        self.load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio.Protocol's signature
        """Count an answer that broke off; dial again while there is time."""
        if self.busy:
            self.load.tally.errors += 1
            self.busy = False
        self.load.lost(self)


class Load:
    """One run. The loop's clock must be the monotonic one, in seconds."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.host, _, port = options.address.partition(":")
        self.port = int(port)
        body = Path(options.body).read_bytes()
        lines = [f"POST {options.path} HTTP/1.1", f"Host: {options.address}", "User-Agent: load", "Content-Type: application/json"]
        lines += [*options.header, f"Content-Length: {len(body)}", "", ""]
        self.request = "\r\n".join(lines).encode() + body
        self.tally = Tally()
        self.idle: deque[Asking] = deque()
        self.waiting: deque[float] = deque()
        self.connections: list[Asking] = []
        self.redials: set[asyncio.Task[None]] = set()
        self.ends = 0.0

    def free(self, connection: Asking) -> None:
        """A connection has nothing to do: give it the next request that is due."""
        now = time.monotonic()
        if self.options.rate:
            if self.waiting:
                connection.ask(self.waiting.popleft())
            else:
                self.idle.append(connection)
        elif now < self.ends:
            connection.ask(now)

    def lost(self, connection: Asking) -> None:
        """Replace a lost connection."""
        if time.monotonic() < self.ends and self.tally.errors < 10_000:
            self.connections.remove(connection)
            if connection in self.idle:
                self.idle.remove(connection)
            task = asyncio.get_running_loop().create_task(self.dial())
            self.redials.add(task)
            task.add_done_callback(self.redials.discard)

    async def dial(self) -> None:
        """One more connection, at work at once."""
        try:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: Asking(self), self.host, self.port)
        except OSError:
            self.tally.errors += 1
            return
        self.connections.append(connection)
        self.free(connection)

    async def spread(self) -> None:
        """Open the connections, evenly over the ramp."""
        for number in range(self.options.connections):
            await self.dial()
            if self.options.ramp:
                await asyncio.sleep(
                    max(0.0, self.begins + self.options.ramp * (number + 1) / self.options.connections - time.monotonic())
                )

    async def schedule(self) -> None:
        """Let each request of an open loop fall due at its instant."""
        due = time.monotonic()
        while due < self.ends:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self.idle:
                self.idle.popleft().ask(due)
            else:
                self.waiting.append(due)
                self.tally.behind = max(self.tally.behind, len(self.waiting))
            due += 1 / self.options.rate

    async def run(self) -> dict[str, object]:
        """The whole run and its result."""
        self.begins = time.monotonic()
        self.ends = self.begins + self.options.seconds
        await self.spread()
        if self.options.rate:
            await self.schedule()
        await asyncio.sleep(max(0.0, self.ends - time.monotonic()))
        while time.monotonic() < self.ends + GRACE_SECONDS and any(each.busy for each in self.connections):  # noqa: ASYNC110 - polled once a run
            await asyncio.sleep(0.005)
        unfinished = sum(connection.busy for connection in self.connections)
        return self.tally.result(time.monotonic() - self.begins, unfinished)


def main() -> None:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-a", dest="address", required=True)
    parser.add_argument("-p", dest="path", default="/v1/chat/completions")
    parser.add_argument("-b", dest="body", required=True)
    parser.add_argument("-H", dest="header", action="append", default=[])
    parser.add_argument("-c", dest="connections", type=int, default=16)
    parser.add_argument("-d", dest="seconds", type=float, default=3.0)
    parser.add_argument("-r", dest="rate", type=float, default=0.0)
    parser.add_argument("-w", dest="ramp", type=float, default=0.0)
    print(json.dumps(uvloop.run(Load(parser.parse_args()).run())))


if __name__ == "__main__":
    main()
