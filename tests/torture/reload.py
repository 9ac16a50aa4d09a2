"""Reloads under load: a thousand sets of 200 expressions come into force one after the other, one in ten of them broken, while
clients ask and upload. No request fails, and whatever is recorded was decided by the one set that its record names.

    python -m tests.torture.reload                  # 1,000 reloads
    python -m tests.torture.reload --reloads 50 --sabotage newest_rules

Faults: see `tests.torture.reload_worker`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from proxy.core import snapshot
from proxy.demo.upstream import upstream_process
from proxy.ledger.record import Intent, Line, Refusal
from tests.ledger_oracle import written
from tests.torture import reload_sets as sets
from tests.torture.carriers_load import BatchFile, upload
from tests.torture.reload_worker import FAULTS
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
BROKEN_EACH = 10
CLIENTS = 8
UPLOADED_LINES = 600
_HEAD = (
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-reload\r\ncontent-type: application/json\r\n"
)


@dataclass
class Reloaded:
    """What came of one run. `longest`: seconds that the slowest call took; `grown`: bytes by which the worker grew, from the first
    tenth of the reloads on.
    """

    wrong: list[str] = field(default_factory=list)
    taken: int = 0
    refused: int = 0
    answered: int = 0
    judged: int = 0
    lines: int = 0
    longest: float = 0.0
    grown: int = 0

    def __str__(self) -> str:
        return (
            f"{self.taken + self.refused} reloads, {self.refused} of them broken: {self.answered} answers, "
            f"{self.judged} exchanges and {self.lines} lines judged; the slowest answer took {self.longest * 1000:.0f} ms, "
            f"the worker grew by {self.grown / 2**20:.0f} MiB; {len(self.wrong)} wrong"
        )


class _Load:
    """Clients that ask on kept connections, with `n` from 1 to 9, and one that uploads without end."""

    def __init__(self, port: int, found: Reloaded) -> None:
        self.port = port
        self.over = asyncio.Event()
        self._found = found

    async def ask(self, seed: int) -> None:
        """One connection."""
        rng = random.Random(seed)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while not self.over.is_set():
                begun = time.monotonic()
                status, _ = await exchange(reader, writer, "m-1", rng.randrange(1, 10))
                self._found.longest = max(self._found.longest, time.monotonic() - begun)
                self._found.answered += 1
                if status not in (200, 403):
                    self._found.wrong.append(f"an answer with status {status}")
        except (OSError, asyncio.IncompleteReadError) as error:
            self._found.wrong.append(f"a connection broke: {error!r}")
        finally:
            writer.transport.abort()

    async def send_files(self) -> None:
        """One file after the other."""
        number = 0
        while not self.over.is_set():
            number += 1
            told = await upload(self.port, BatchFile(UPLOADED_LINES, 60, f"f{number}"))
            self._found.answered += 1
            if not told.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 403 ")):
                self._found.wrong.append(f"an upload was answered by {told[:40]!r}")


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, model: str, n: int) -> tuple[int, bytes]:
    """One call: (status, body)."""
    body = json.dumps({"model": model, "n": n, "messages": [{"role": "user", "content": "hello"}]}).encode()
    writer.write(b"%bcontent-length: %d\r\n\r\n%b" % (_HEAD, len(body), body))
    answered = await reader.readuntil(b"\r\n\r\n")
    length = int(answered.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(answered[9:12]), await reader.readexactly(length)


class _Worker(NamedTuple):
    """`complaints`: the file that it writes its complaints to."""

    port: int
    pid: int
    complaints: Path

    def resident(self) -> int:
        """What it holds of the machine's memory now, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def told(self) -> int:
        """Bytes of complaints."""
        return self.complaints.stat().st_size


@contextmanager
def _worker(folder: Path, fault: str) -> Iterator[_Worker]:
    """A running worker."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **({"TOS_PROXY_NATIVE": "0"} if fault else {})}
    complaints = folder / "stderr"
    with complaints.open("w", encoding="utf-8") as stderr:
        command = [sys.executable, "-m", "tests.torture.reload_worker", str(folder), *([fault] if fault else [])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield _Worker(int(process.stdout.readline()), process.pid, complaints)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def torture(reloads: int, folder: Path, *, seed: int = 1, fault: str = "") -> Reloaded:
    """One run of so many reloads."""
    found = Reloaded()
    folder.mkdir(exist_ok=True)
    with upstream_process() as upstream:
        _publish(folder, snapshot.base(1, 0, sets.entries(1, upstream.url)))
        with _worker(folder, fault) as worker:
            asyncio.run(_run(reloads, folder, worker, upstream.url, random.Random(seed), found))
    _check(folder / "data" / "spool", found)
    return found


async def _run(reloads: int, folder: Path, worker: _Worker, upstream: str, rng: random.Random, found: Reloaded) -> None:
    load = _Load(worker.port, found)
    clients = [asyncio.create_task(load.ask(number)) for number in range(CLIENTS)]
    clients.append(asyncio.create_task(load.send_files()))
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    settled = 0
    try:
        for number in range(2, reloads + 2):
            if number % BROKEN_EACH == 0:
                told = worker.told()
                _publish(folder, rng.choice(sets.BROKEN)(number, upstream))
                async with asyncio.timeout(PATIENCE):
                    while worker.told() == told:  # noqa: ASYNC110 - a file tells nobody
                        await asyncio.sleep(0.005)
                found.refused += 1
            else:
                _publish(folder, snapshot.base(number, 0, sets.entries(number, upstream)))
                async with asyncio.timeout(PATIENCE):
                    while b"s%d/probe" % number not in (await exchange(reader, writer, sets.PROBE, 1))[1]:  # noqa: ASYNC110
                        await asyncio.sleep(0.005)
                found.taken += 1
            if number == reloads // 10:
                settled = worker.resident()
        found.grown = worker.resident() - settled
    finally:
        writer.transport.abort()
        load.over.set()
        await asyncio.gather(*clients)


def _publish(folder: Path, text: bytes) -> None:
    beside = folder / "beside"
    beside.write_bytes(text)
    beside.replace(folder / "current")


def _check(spool: Path, found: Reloaded) -> None:
    """Hold what was recorded against the set that each record names."""
    by_digest = {sets.digest(number)[:16]: number for number in range(found.taken + found.refused + 2)}
    ledger = written(spool)
    found.wrong += [f"the spool has a fault: {fault}" for fault in ledger.faults]
    in_force: dict[str, int] = {}
    entries = [entry for entry, _ in ledger.entries]
    for entry in entries:
        if isinstance(entry, Intent | Refusal):
            number = by_digest.get(entry.versions.policies, -1)
            in_force[entry.id] = number
            if number % BROKEN_EACH == 0 or number < 1:
                found.wrong.append(f"{entry.id} was decided by set {number}, which was never in force")
            elif entry.endpoint == "chat" and entry.model_requested != sets.PROBE:
                found.judged += 1
                found.wrong += _mixed(entry, number)
    for entry in entries:
        if isinstance(entry, Line) and entry.carrier in in_force:
            found.lines += 1
            found.wrong += _mixed(entry, in_force[entry.carrier])


def _mixed(entry: Intent | Line, number: int) -> list[str]:
    """What of an entry's judgement is not that of the set."""
    n = entry.facts.n or 1
    wanted = (sets.verdict(number), (sets.row(number),), sets.effect(number, n), sets.rule_names(number, n))
    told = (entry.verdict, entry.rows, entry.decision, tuple(sorted(entry.rules)))
    return [] if told == wanted else [f"{entry.id} of set {number} with n={n}: {told[:3]} {told[3][:3]} for {wanted[:3]}"]


def main() -> int:
    """Run it and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", choices=sorted(FAULTS), default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = torture(options.reloads, Path(folder), seed=options.seed, fault=options.sabotage)
    sys.stdout.write("\n".join([str(found), *found.wrong[:10], ""]))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
