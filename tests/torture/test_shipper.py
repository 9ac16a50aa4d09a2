"""The shipper under fire: whatever is killed or away, the store ends with every entry of the spool once, byte for byte.

Each proof is also run with a fault planted in the shipping code, and must then turn red.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from proxy.control.shipper import PASS_BYTES, Shipper
from proxy.ledger import reader, secrets
from proxy.ledger import store as store_module
from proxy.ledger.reader import Cursor
from proxy.ledger.record import leaf
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from tests.servers import Postgres
from tests.spools import exchange, open_recorder
from tests.waiting import PATIENCE, until

KILLS = 20
AWAY_SECONDS = 1.5

# Imports once, then forks a shipping process for every line it is sent, prints the child's number, and `gone` once it is.
_LAUNCHER = """
import asyncio, os, signal, sys
from pathlib import Path
import alembic, aiosqlite, asyncpg
from proxy.control import shipper
from proxy.ledger import secrets, store_ship
from proxy.ledger.store import Store
from proxy.ledger.store_batch import Batch
from proxy.ledger.store_keys import KeyringReader

shipper.PASS_BYTES, shipper._LEAST_SHARE = 16384, 8192

async def main(url, folder):
    folder = Path(folder)
    store = await Store.open(url)
    keyring = KeyringReader(folder, secrets.load(folder).master)
    await shipper.Shipper(store, folder, keyring, lambda *_, **__: None).run(asyncio.Event())

FAULT
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run(main(*sys.argv[1:]))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""

_PLACE_BEFORE_ROWS = """
whole = store_ship.ship

async def torn(store, batch):
    await whole(store, Batch(batch.instance, batch.epoch, batch.start, batch.end, last_at=batch.last_at))
    os.kill(os.getpid(), signal.SIGKILL)

shipper.ship = torn
"""


def spooled(data_dir: Path) -> dict[tuple[str, int, int], bytes]:
    """Leaf hash of every entry in the spool, by place."""
    found: dict[tuple[str, int, int], bytes] = {}
    for epoch in reader.epochs(data_dir / "spool"):
        cursor = Cursor()
        while True:
            portion = reader.read(epoch, cursor)
            for frame in portion.frames:
                if frame.seq:
                    found[epoch.instance, epoch.number, frame.seq] = leaf(frame.evidence)
            if portion.cursor == cursor or portion.finished:
                break
            cursor = portion.cursor
    return found


async def stored(url: str, query: str) -> list[tuple[object, ...]]:
    """Rows, read behind the store's back."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return [tuple(row) for row in connection.execute(query)]
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def missing(url: str, data_dir: Path) -> list[tuple[str, int, int]]:
    """Places of the spool whose row is not there or has another hash; fails at once for a place that is there twice."""
    rows = await stored(url, "SELECT instance, epoch, seq, leaf, evidence FROM entries")
    there = {(row[0], row[1], row[2]): row[3] for row in rows}
    assert len(there) == len(rows)
    assert all(leaf(row[4]) == row[3] for row in rows)
    return [place for place, hashed in spooled(data_dir).items() if there.get(place) != hashed]


async def shipped_whole(url: str, data_dir: Path) -> None:
    """Ship what is left with nothing in the way."""
    store = await Store.open(url)
    keyring = KeyringReader(data_dir, secrets.load(data_dir).master)
    shipper = Shipper(store, data_dir, keyring, lambda *_, **__: None)
    over = asyncio.Event()
    over.set()
    await shipper.run(over)
    await store.close()


class Killed:
    """A shipping process that is started, killed with SIGKILL and started again."""

    def __init__(self, url: str, data_dir: Path, fault: str = "") -> None:
        script = data_dir.parent / "launcher.py"
        script.write_text(_LAUNCHER.replace("FAULT", fault))
        self._launcher = subprocess.Popen(
            [sys.executable, str(script), url, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    async def once(self, seconds: float) -> None:
        """Start it, and kill it `seconds` later, unless a planted fault did so before."""
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write("go\n")
        child = int(await asyncio.to_thread(self._launcher.stdout.readline))
        gone = asyncio.create_task(asyncio.to_thread(self._launcher.stdout.readline))
        await asyncio.wait({gone}, timeout=seconds)
        if not gone.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        await gone

    def close(self) -> None:
        """End the launcher; nothing of it is left."""
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.close()
        self._launcher.wait(PATIENCE)
        self._launcher.stdout.close()


async def killed_often(url: str, data_dir: Path, kills: int, fault: str = "", latest: float = 0.2) -> int:
    """Load on a writer while the shipping process is killed and started again; gives how many exchanges were written."""
    recorder = open_recorder(data_dir)
    chance = random.Random(7)
    over = asyncio.Event()
    count = 0

    async def load() -> None:
        nonlocal count
        while not over.is_set():
            await asyncio.gather(*(exchange(recorder, os.urandom(300), os.urandom(300)) for _ in range(8)))
            count += 8
            await asyncio.sleep(0.005)

    loading = asyncio.create_task(load())
    shipping = Killed(url, data_dir, fault)
    for _ in range(kills):
        await shipping.once(chance.uniform(0.02, latest))
    shipping.close()
    over.set()
    await loading
    await recorder.close()
    return count


async def test_a_shipper_killed_at_any_instant_loses_and_doubles_nothing(store_url: str, tmp_path: Path) -> None:
    """After many kill -9 under load every entry of the spool is in the store once, with the spool's hash."""
    count = await killed_often(store_url, tmp_path / "run", KILLS)
    await shipped_whole(store_url, tmp_path / "run")
    assert await missing(store_url, tmp_path / "run") == []
    assert await stored(store_url, "SELECT count(*) FROM exchanges WHERE outcome = 'completed'") == [(count,)]
    assert await stored(store_url, "SELECT count(*) FROM incidents") == [(0,)]


async def test_a_place_written_before_its_rows_is_found_out(store_url: str, tmp_path: Path) -> None:
    """The same proof is red when the place is stored in a transaction of its own, ahead of the rows, and a kill falls between."""
    await killed_often(store_url, tmp_path / "run", 2, _PLACE_BEFORE_ROWS, latest=60.0)
    await shipped_whole(store_url, tmp_path / "run")
    assert await missing(store_url, tmp_path / "run") != []


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def away_under_load(
    url: str, data_dir: Path, gone: Callable[[], Awaitable[None]], back: Callable[[], Awaitable[None]]
) -> Shipper:
    """Load while the database goes and comes back; returns when everything is shipped. Checks memory on the way."""
    recorder = open_recorder(data_dir)
    store = await Store.open(url)
    shipper = Shipper(store, data_dir, KeyringReader(data_dir, secrets.load(data_dir).master), lambda *_, **__: None)
    over, over_shipping = asyncio.Event(), asyncio.Event()

    async def load() -> None:
        while not over.is_set():
            await asyncio.gather(*(exchange(recorder, os.urandom(2000), os.urandom(2000)) for _ in range(16)))

    loading = asyncio.create_task(load())
    shipping = asyncio.create_task(shipper.run(over_shipping))
    await asyncio.sleep(0.5)
    await gone()
    await asyncio.sleep(0.5)
    before = resident_bytes()
    await asyncio.sleep(AWAY_SECONDS)
    await until(lambda: shipper.progress.away and shipper.progress.lag_entries > 0)
    assert resident_bytes() - before < 8 * PASS_BYTES
    await back()
    over.set()
    await loading
    await recorder.close()
    await until(lambda: not shipper.progress.away)
    over_shipping.set()
    await shipping
    await store.close()
    return shipper


async def test_postgres_away_under_load(postgres: Postgres, tmp_path: Path) -> None:
    """A PostgreSQL that crashes and stays away costs no entry, no duplicate and no memory."""
    url = postgres.database()

    async def gone() -> None:
        await asyncio.to_thread(postgres.stop, "immediate")

    async def back() -> None:
        await asyncio.to_thread(postgres.start)

    shipper = await away_under_load(url, tmp_path, gone, back)
    assert await missing(url, tmp_path) == []
    assert (shipper.progress.forks, shipper.progress.lag_entries, shipper.progress.away) == (0, 0, "")


async def test_sqlite_locked_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite file that someone else holds locked costs no entry, no duplicate and no memory."""
    monkeypatch.setattr(store_module, "_WRITER_PRAGMAS", (*store_module._WRITER_PRAGMAS, "PRAGMA busy_timeout=100"))
    path = tmp_path / "store.sqlite"
    intruder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    async def gone() -> None:
        intruder.execute("PRAGMA busy_timeout=60000")
        await asyncio.to_thread(intruder.execute, "BEGIN IMMEDIATE")  # the loop goes on: it may be in a transaction

    async def back() -> None:
        intruder.execute("ROLLBACK")

    shipper = await away_under_load(f"sqlite:///{path}", tmp_path, gone, back)
    intruder.close()
    assert await missing(f"sqlite:///{path}", tmp_path) == []
    assert (shipper.progress.forks, shipper.progress.lag_entries, shipper.progress.away) == (0, 0, "")
