"""What a reload costs the loop of a gateway: sets of 200 expressions, with the terms that are shipped, come into force one by one.

    python -m benchmarks.micro_reload [--reloads N]

Printed are milliseconds of CPU, median and greatest of all reloads: of the whole process from the file to the set in force, of the
loop's thread for the swap of the sets (it lets go of the old one), and of the process between two turns of the loop, waiting for
the interpreter included, while a timer of half a millisecond runs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from proxy.app.judging import Judging
from proxy.core import snapshot
from proxy.core.clock import SystemClock
from proxy.gateway.snapshots import Entries, SnapshotFollower
from proxy.terms import catalog, compiling
from tests.torture import reload_sets as sets

TERMS = Path(__file__).parents[1] / "policies" / "terms"
SWITCH_SECONDS = 0.001
"""As in a gateway (`proxy.gateway.server`)."""
TICK_SECONDS = 0.0005


class Ticks:
    """How much the process computed between two turns of the loop, in seconds."""

    def __init__(self) -> None:
        self.turns: list[float] = []
        self._last = time.process_time()

    def __call__(self) -> None:
        now = time.process_time()
        self.turns.append(now - self._last)
        self._last = now
        asyncio.get_running_loop().call_later(TICK_SECONDS, self)


class Gateway:
    """The part of a gateway that follows a snapshot."""

    def __init__(self, path: Path) -> None:
        self.swaps: list[float] = []
        self._judging = Judging()
        self._judges: object = None
        self.follower = SnapshotFollower(path, SystemClock(), self._build, self._swap, sys.exit)

    def _build(self, _: int, entries: Entries) -> object:
        return self._judging(entries)

    def _swap(self, built: object) -> None:
        begun = time.thread_time()
        self._judges = built
        self.swaps.append(time.thread_time() - begun)


def publish(path: Path, number: int, terms: list[bytes]) -> None:
    """Put a set in force."""
    beside = path.with_name("beside")
    beside.write_bytes(snapshot.base(number, 0, [*sets.entries(number, "http://127.0.0.1:1"), *terms]))
    beside.replace(path)


async def measure(folder: Path, reloads: int) -> list[tuple[str, list[float]]]:
    """Seconds of each kind, one for each reload."""
    shipped = catalog.read(TERMS)
    terms = [snapshot.put("terms", row.id, row) for row in compiling.rows(shipped).values()]
    terms.append(snapshot.put("models", "models", compiling.models(shipped)))
    path = folder / "current"
    publish(path, 1, terms)
    gateway = Gateway(path)
    gateway.follower.load()
    gc.collect()
    gc.freeze()
    ticks, whole, longest = Ticks(), [], []
    ticks()
    for number in range(2, reloads + 2):
        publish(path, number, terms)
        await asyncio.sleep(0.01)
        ticks.turns.clear()
        begun = time.process_time()
        await gateway.follower.refresh(asyncio.get_running_loop())
        whole.append(time.process_time() - begun)
        await asyncio.sleep(0.01)
        longest.append(max(ticks.turns))
    return [("whole", whole), ("swap", gateway.swaps[1:]), ("longest turn", longest)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=50)
    reloads = parser.parse_args().reloads
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure(Path(folder), reloads))
    for what, seconds in found:
        print(f"{what:14}{statistics.median(seconds) * 1000:8.2f} {max(seconds) * 1000:8.2f} ms")


if __name__ == "__main__":
    main()
