"""SIGTERM under load: readiness goes at once, nothing that still comes is refused, no open stream is cut before its time,
everything is recorded and shipped, exit code 0.

    python -m tests.torture.drain                  # 200 streams, 50 requests a second
    python -m tests.torture.drain --sabotage cut_at_once

Faults (`tests.torture.drain_faults`): refuse_at_once, cut_at_once, silent_last_answers, leave_unshipped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from proxy.demo.upstream import UpstreamProcess, upstream_process
from tests.proxy_server import ProxyServer
from tests.torture.drain_faults import FAULTS
from tests.torture.drain_load import Load
from tests.torture.kill9_checks import wrongs
from tests.waiting import PATIENCE, until

DELAY_SECONDS = 3.0
SPARE_SECONDS = 1.5
"""The last short request leaves so long before the listener closes: what a balancer needs is `drain_delay`, and not a bit more."""
RATE = 50.0
_MOST_CHUNKS = 24
"""The scripted answer has so many words."""


@dataclass
class Drained:
    """What came of one drain. `flip` in seconds from signal to readiness gone; `took` from signal to end."""

    wrong: list[str] = field(default_factory=list)
    streams: int = 0
    short: int = 0
    after: int = 0
    flip: float = 0.0
    took: float = 0.0

    def __str__(self) -> str:
        return (
            f"1 drain: readiness gone after {self.flip * 1000:.0f} ms, {self.streams} streams whole, {self.short} short answers "
            f"({self.after} after the flip), ended after {self.took:.1f} s; {len(self.wrong)} wrong"
        )


def drain(streams: int, seconds: float, folder: Path, *, sabotage: str | None = None) -> Drained:
    """One run: `streams` that last `seconds` each, short requests beside them, SIGTERM once all streams are open."""
    command = ("-m", "tests.torture.drain_faults", sabotage, "serve") if sabotage else ("-m", "proxy.cli", "serve")
    deadlines = {"drain_delay": f"{DELAY_SECONDS}s", "drain": f"{seconds + 5}s"}
    with upstream_process() as upstream:
        server = ProxyServer(folder, upstream, command=command, configuration={"gateway": {"deadlines": deadlines}})
        try:
            server.start()
            return asyncio.run(_drain(server, upstream, streams, seconds))
        finally:
            server.abandon()


async def _drain(server: ProxyServer, upstream: UpstreamProcess, streams: int, seconds: float) -> Drained:
    found = Drained()
    load = Load(int(server.gateway_url.rpartition(":")[2]))
    over = asyncio.Event()
    chunks = min(_MOST_CHUNKS, max(2, int(seconds * 2)))
    script = f"chunks={chunks} delay_ms={seconds * 1000 / chunks:.0f}"
    clients = [asyncio.create_task(load.stream(number, script)) for number in range(streams)]
    short = asyncio.create_task(load.steadily(RATE, over))
    await until(lambda: load.begun == streams or clients[0].done())
    before = len(load.answers)
    signalled = time.monotonic()
    os.kill(server.pid, signal.SIGTERM)
    while (await asyncio.to_thread(server.get, "/readyz"))[0] == 200:  # noqa: ASYNC110 - as any probe
        await asyncio.sleep(0.005)
    found.flip = time.monotonic() - signalled
    await asyncio.sleep(max(0.0, signalled + DELAY_SECONDS - SPARE_SECONDS - time.monotonic()))
    over.set()
    await short
    found.after = sum(each.kind == "short" for each in load.answers[before:])
    await asyncio.gather(*clients)
    seen = await asyncio.to_thread(upstream.seen)
    assert server.process is not None
    code = await asyncio.to_thread(server.process.wait, PATIENCE)
    found.took = time.monotonic() - signalled
    found.wrong += [] if code == 0 else [f"exit code {code}"]
    found.wrong += load.refused
    found.wrong += [] if load.parted_at < float("inf") else ["no answer said that it was its connection's last"]
    found.wrong += [f"{load.unannounced} answers did not say that they were their connection's last"] if load.unannounced else []
    return _judged(found, load, wrongs(server.data_dir, seen, load.answers), server.stderr)


def _judged(found: Drained, load: Load, unrecorded: list[str], stderr: str) -> Drained:
    counts = Counter((each.kind, each.complete and each.status == 200 and not each.ours) for each in load.answers)
    found.streams, found.short = counts["stream", True], counts["short", True]
    found.wrong += [f"{count} of kind {kind} not whole" for (kind, whole), count in counts.items() if not whole]
    found.wrong += unrecorded
    found.wrong += [stderr[stderr.index("Traceback") :][:2000]] if "Traceback" in stderr else []
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.drain", description="SIGTERM under load loses nothing")
    parser.add_argument("--streams", type=int, default=200, help="open when the signal comes")
    parser.add_argument("--seconds", type=float, default=12.0, help="how long each stream lasts")
    parser.add_argument("--sabotage", choices=sorted(FAULTS), help="plant this fault, which must turn the run red")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tos-proxy-drain-") as folder:
        found = drain(told.streams, told.seconds, Path(folder), sabotage=told.sabotage)
    for line in found.wrong[:10]:
        print(f"  {line[:300]}")  # noqa: T201 - a command's output
    print(found)  # noqa: T201 - a command's output
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
