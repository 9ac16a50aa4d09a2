"""The database is away for minutes under load: no client notices, nothing is lost. `python -m tests.torture.dbdown --minutes 10`.

A real proxy ships to a real PostgreSQL that is stopped like in a crash (or to a SQLite file that someone locks: `--database
sqlite`), under a steady load that never stops, and is given back. Green is: no client error; afterwards the store has every entry
of the spool once, byte for byte, and no other; gateway and control needed less than 50 MiB more; the backlog was gone within five
minutes. Prints one line of JSON. Exit 0 when all of it held, 1 when something did not, 2 when the run could not be made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from proxy.demo.upstream import UpstreamProcess, upstream_process
from proxy.ledger import reader
from tests.proxy_server import ProxyServer
from tests.servers import Postgres
from tests.torture.dbdown_checks import MIB, MOST_GROWTH, Compared, Memory, Needed, answers, compared, contents, kept, needed
from tests.torture.dbdown_faults import FAULTS
from tests.torture.dbdown_load import Span, Steady, faults, span
from tests.torture.dbdown_stores import Database, database

DRAIN_SECONDS = 300.0
_WARM_SECONDS = (2.0, 30.0)
_FORGET_SECONDS = 2.0


class Result(msgspec.Struct):
    """The figures, and in words what was wrong.

    `backlog_*`: durable in the spool and not in the store at the return. `drained_seconds`: from the return until the store had all
    of that and was less than a second of load behind. `contents_opened`: records whose contents were opened from the store alone.
    """

    database: str
    away_seconds: float
    rate: float
    before: Span
    away: Span
    after: Span
    backlog_entries: int
    spool_mib: float
    drained_seconds: float | None
    entries: Compared
    records: int
    contents_opened: int
    memory: dict[str, Needed]
    wrong: list[str]


class _Times(msgspec.Struct):
    """Moments of a run (monotonic)."""

    settled: float = 0.0
    left: float = 0.0
    back: float = 0.0
    over: float = 0.0


def torture(
    away_seconds: float,
    *,
    rate: float = 100.0,
    kind: str = "postgresql",
    sabotage: str | None = None,
    drain: float = DRAIN_SECONDS,
    cluster: Postgres | None = None,
) -> Result:
    """The whole run, in a database of `cluster` if there is one already. Raises: AssertionError when it could not be made."""
    home = tempfile.TemporaryDirectory(prefix="tos-proxy-dbdown-")
    with home as folder, upstream_process() as upstream, database(kind, Path(folder), cluster) as store:
        return _Run(Path(folder), upstream, store, rate, sabotage).through(kind, away_seconds, drain)


class _Run:
    """One proxy, its database, its load."""

    def __init__(self, folder: Path, upstream: UpstreamProcess, store: Database, rate: float, sabotage: str | None) -> None:
        command = ("-m", "tests.torture.dbdown_faults", sabotage, "serve") if sabotage else ("-m", "proxy.cli", "serve")
        self.server = ProxyServer(folder, upstream, configuration={"database_url": store.url}, command=command)
        self.store = store
        self.upstream = upstream
        self.rate = rate
        self.times = _Times()
        self.wrong: list[str] = []
        self.backlog = 0

    def through(self, kind: str, away_seconds: float, drain: float) -> Result:
        """Start, take the database away, give it back, wait, end, judge."""
        try:
            self.server.start()
            self.server.wait_admin()
            processes = self.server.children()
            memory = Memory(processes)
            load = Steady(int(self.server.gateway_url.rpartition(":")[2]), 1, rate=self.rate)
            load.start()
            forgetting = _every(_FORGET_SECONDS, self.upstream.clear)
            try:
                drained = self._away(away_seconds, drain)
            finally:
                load.stop()
                forgetting.set()
                memory.stop()
            if self.server.children() != processes:
                self.wrong.append("a process died")
            self._end()
        finally:
            self.server.abandon()
        return self._judged(kind, away_seconds, load, memory, drained)

    def _away(self, away_seconds: float, drain: float) -> float | None:
        """Returns how long the backlog took, None when it was not gone in time."""
        times = self.times
        warm = min(max(away_seconds / 10, _WARM_SECONDS[0]), _WARM_SECONDS[1])
        time.sleep(warm / 2)
        times.settled = time.monotonic()
        time.sleep(warm / 2)
        times.left = time.monotonic()
        self.store.leave()
        time.sleep(max(0.0, times.left + away_seconds - time.monotonic()))
        self.store.come_back()
        times.back = time.monotonic()
        target = self._durable()
        self.backlog = target - self._stored()
        drained = self._drained(target, times.back + drain)
        time.sleep(warm / 2)
        times.over = time.monotonic()
        return drained

    def _drained(self, target: int, until: float) -> float | None:
        while time.monotonic() < until:
            stored = self._stored()
            if stored >= target and self._durable() - stored <= max(2 * self.rate, 100):
                return round(time.monotonic() - self.times.back, 2)
            time.sleep(0.1)
        return None

    def _durable(self) -> int:
        """Entries in the spool."""
        return sum(reader.watermark(epoch.folder).seq for epoch in reader.epochs(self.server.data_dir / "spool"))

    def _stored(self) -> int:
        """Entries that the store says it has."""
        return int(self.store.rows("SELECT sum(seq) FROM cursors")[0][0] or 0)

    def _end(self) -> None:
        code = self.server.stop()
        if code != 0:
            self.wrong.append(f"exit code {code}: {self.server.stderr[-2000:]}")
        if "Traceback" in self.server.stderr:
            self.wrong.append(self.server.stderr[self.server.stderr.index("Traceback") :][:2000])

    def _judged(self, kind: str, away_seconds: float, load: Steady, memory: Memory, drained: float | None) -> Result:
        times, data_dir = self.times, self.server.data_dir
        spool = kept(data_dir / "spool")
        entries = compared(spool.leaves, self.store.rows("SELECT instance, epoch, seq, leaf, evidence FROM entries"))
        whole = {call.answered.record for call in load.calls if call.answered is not None and not call.fault}
        right, unopened = contents(self.store.url, data_dir, whole)
        grown = {name: needed(samples, times.settled, times.left, times.back) for name, samples in memory.samples.items()}
        wrong = self.wrong + faults(load.calls) + spool.faults + entries.wrong() + answers(whole, spool.ends) + unopened
        wrong += [f"{name} grew by {one.growth_mib} MiB" for name, one in grown.items() if one.growth_mib >= MOST_GROWTH]
        wrong += ["the backlog was not gone in time"] if drained is None else []
        size = sum(file.stat().st_size for file in (data_dir / "spool").rglob("*.seg"))
        return Result(
            database=kind,
            away_seconds=away_seconds,
            rate=self.rate,
            before=span(load.calls, 0.0, times.left),
            away=span(load.calls, times.left, times.back),
            after=span(load.calls, times.back, float("inf")),
            backlog_entries=self.backlog,
            spool_mib=round(size / MIB, 1),
            drained_seconds=drained,
            entries=entries,
            records=len(spool.ends),
            contents_opened=right,
            memory=grown,
            wrong=wrong,
        )


def _every(seconds: float, do: Callable[[], object]) -> threading.Event:
    """Do it again and again in a thread until the event is set: an upstream that remembers everything grows with the run."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            do()

    threading.Thread(target=run, name="forgetting", daemon=True).start()
    return over


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture.dbdown", description="the database is away under load; no client notices, nothing is lost"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it is away")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument(
        "--database", choices=("postgresql", "sqlite"), default="postgresql", help="one that crashes, or one locked"
    )
    parser.add_argument("--sabotage", choices=sorted(FAULTS), help="plant this fault, which must turn the run red")
    told = parser.parse_args()
    try:
        result = torture(told.minutes * 60, rate=told.rate, kind=told.database, sabotage=told.sabotage)
    except AssertionError as error:
        print(f"the torture itself failed: {error}")  # noqa: T201 - a command's output
        return 2
    print(msgspec.json.encode(result).decode())  # noqa: T201 - a command's output
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
