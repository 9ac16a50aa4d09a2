"""What must hold after the database was away: the store equals the spool, and nobody needed more memory for it."""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import TosProxyError
from proxy.ledger import reader, secrets, store_content, store_exchanges
from proxy.ledger.reader import EpochAt, Fault
from proxy.ledger.record import Intent, Outcome, decode, leaf
from proxy.ledger.segments import ENTRIES
from proxy.ledger.store import Store
from tests.ledger_oracle import frames
from tests.waiting import PATIENCE

MIB = 1024 * 1024
MOST_GROWTH = 50.0
"""MiB that a process may need more than before."""

_EVERY_SECONDS = 0.25
_SAMPLE = 200
_SHOWN = 3

Place = tuple[str, int, int]


class Kept(msgspec.Struct):
    """What the spool holds: leaf hash by place, how each record ended (None: it has not), and what the reader complained of."""

    leaves: dict[Place, bytes] = {}
    ends: dict[str, str | None] = {}
    faults: list[str] = []


def kept(spool: Path) -> Kept:
    """Read a whole spool, whatever its size; contents are not held."""
    found = Kept()
    for epoch in reader.epochs(spool):
        faults: list[tuple[EpochAt, Fault]] = []
        for frame in frames(epoch, faults):
            if frame.kind in ENTRIES:
                found.leaves[epoch.instance, epoch.number, frame.seq] = leaf(frame.evidence)
                entry = decode(frame.evidence)
                if isinstance(entry, Outcome):
                    found.ends[entry.id] = entry.outcome
                elif isinstance(entry, Intent):
                    found.ends.setdefault(entry.id, None)
        found.faults += [f"{fault}" for _, fault in faults]
    return found


class Compared(msgspec.Struct):
    """Numbers of entries; `foreign` are only in the store, `altered` have other bytes there or a hash that is not theirs."""

    spooled: int
    stored: int
    lost: int
    duplicates: int
    foreign: int
    altered: int

    def wrong(self) -> list[str]:
        """What should be none and is some."""
        counts = {"lost": self.lost, "duplicates": self.duplicates, "foreign": self.foreign, "altered": self.altered}
        return [f"{count} entries {what}" for what, count in counts.items() if count]


def compared(leaves: Mapping[Place, bytes], rows: Iterable[tuple[Any, ...]]) -> Compared:
    """Hold rows (instance, epoch, seq, leaf, evidence) of the store against the spool."""
    places: Counter[Place] = Counter()
    altered = 0
    for instance, epoch, seq, hashed, evidence in rows:
        place = (instance, epoch, seq)
        places[place] += 1
        altered += leaf(evidence) != hashed or leaves.get(place, hashed) != hashed
    duplicates = places.total() - len(places)
    lost, foreign = len(leaves.keys() - places.keys()), len(places.keys() - leaves.keys())
    return Compared(len(leaves), places.total(), lost, duplicates, foreign, altered)


def answers(answered: Iterable[str], ends: Mapping[str, str | None]) -> list[str]:
    """Records whose client has the whole answer are completed, every other one has some end."""
    wrong = [
        f"{name}: whole at its client, {ends.get(name, 'nothing')} in the ledger"
        for name in answered
        if ends.get(name) != "completed"
    ]
    wrong += [f"{name}: no outcome in the end" for name, end in ends.items() if end is None]
    return [f"{len(wrong)} records: {'; '.join(wrong[:_SHOWN])}"] if wrong else []


async def opened(url: str, data_dir: Path, records: Iterable[str]) -> tuple[int, list[str]]:
    """Open contents of some records from the store alone; how many were right, and which were not."""
    names = sorted(records)
    chosen = random.Random(1).sample(names, min(_SAMPLE, len(names)))
    master = AESGCM(secrets.load(data_dir).master)
    store = await Store.open(url)
    wrong = []
    try:
        for name in chosen:
            evidence = await store_exchanges.record(store, name)
            parts = await store_content.opened(store, evidence, master) if evidence is not None else ()
            if not parts or not all(part.opens for part in parts):
                wrong.append(f"{name}: its contents do not open: {[part.reason or part.opens for part in parts]}")
    finally:
        await store.close()
    return len(chosen) - len(wrong), wrong[:_SHOWN]


def contents(url: str, data_dir: Path, records: Iterable[str]) -> tuple[int, list[str]]:
    """The same, for those who have no event loop."""
    try:
        return asyncio.run(opened(url, data_dir, records))
    except TosProxyError as error:
        return 0, [str(error)]


class Needed(msgspec.Struct):
    """Memory of one process: before (median), the most since, and its slope while the database was away."""

    before_mib: float
    growth_mib: float
    slope_mib_per_minute: float


Samples = list[tuple[float, float]]
"""Times (monotonic) and MiB."""


def needed(samples: Samples, settled: float, left: float, back: float) -> Needed:
    """`settled` to `left`: what is usual; `left` to `back`: away. The most is looked for until the last sample."""
    before = statistics.median(size for at, size in samples if settled <= at < left)
    after = [(at, size) for at, size in samples if at >= left]
    away = [(at / 60, size) for at, size in after if at < back]
    slope = statistics.linear_regression(*zip(*away, strict=True)).slope
    return Needed(round(before, 1), round(max(size for _, size in after) - before, 1), round(slope, 2))


class Memory:
    """Looks at the resident memory of processes four times a second, in a thread, until `stop`."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self.samples: dict[str, Samples] = {name: [] for name in processes}
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(PATIENCE)

    def _look(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            for name, pid in self._processes.items():
                if (size := _resident(pid)) is not None:
                    self.samples[name].append((time.monotonic(), size))


def _resident(pid: int) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), None)
