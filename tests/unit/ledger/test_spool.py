"""Frames from the loop to the thread and back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import Oneshot, drive
from proxy.ledger import segments
from proxy.ledger.batch import Batch
from proxy.ledger.committer import Committer
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk
from proxy.ledger.spool import BURST, LARGE, MOST_SECONDS, PACE_SECONDS, Spool
from tests.torture.fault_disk import FaultDisk, StuckDisk
from tests.torture.ledger_load import clock, filled
from tests.waiting import PATIENCE, until


def spool_in(data_dir: Path, disk: Disk | None = None) -> Spool:
    """A spool that says nothing by itself."""
    disk = disk or Disk()
    keys = ContentKeys(data_dir, "i-0", bytes(32), clock, disk)
    spool = Spool(Committer(disk, data_dir, "i-0", keys, clock), keys, asyncio.get_running_loop())
    spool.start()
    return spool


def append(spool: Spool) -> Oneshot[Any]:
    """One entry; filled with its number when durable."""
    oneshot: Oneshot[Any] = Oneshot()
    seq = spool.seq + 1
    spool.append(segments.MARK, 0, seq, 0, b"{}", b"").waiting.append((oneshot, seq))
    return oneshot


async def ended(spool: Spool) -> None:
    """Let the thread go."""
    done = asyncio.get_running_loop().create_future()
    spool.finish(lambda: spool._loop.call_soon_threadsafe(done.set_result, None))
    await done


async def test_what_is_appended_in_one_step_is_one_commit(tmp_path: Path) -> None:
    """A hundred entries, one sync."""
    spool = spool_in(tmp_path)
    before = spool._committer.commits
    slots = [append(spool) for _ in range(100)]
    assert [await filled(slot) for slot in slots] == list(range(1, 101))
    assert spool._committer.commits - before == 1
    await ended(spool)


async def test_what_comes_during_a_commit_goes_with_the_next(tmp_path: Path) -> None:
    """However much it is."""
    disk = StuckDisk()
    spool = spool_in(tmp_path, disk)
    before = spool._committer.commits
    disk.stick()
    first = append(spool)
    await until(disk.holds.is_set)
    slots = [append(spool) for _ in range(50)]
    await asyncio.sleep(0.02)
    assert not first.done
    disk.free()
    await filled(slots[-1])
    assert first.done
    assert spool._committer.commits - before == 2
    await ended(spool)


async def test_a_busy_spool_lets_small_batches_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the allowance is used up, what comes one by one shares the next commit; a large batch waits for nothing."""
    monkeypatch.setattr("proxy.ledger.spool.PACE_SECONDS", 30.0)
    spool = spool_in(tmp_path)
    for _ in range(int(BURST) + 1):
        if not spool._allowed() >= 1.0:
            break
        await filled(append(spool))
    before = spool._committer.commits
    slots = []
    for _ in range(LARGE - 1):
        slots.append(append(spool))
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    assert not any(slot.done for slot in slots)
    slots.append(append(spool))
    await filled(slots[-1])
    assert all(slot.done for slot in slots)
    assert spool._committer.commits - before == 1
    await ended(spool)


async def test_who_finds_company_waits_longer_and_who_is_alone_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are shared double up to their bound; one that nobody shared makes the next the shortest again."""
    spool = spool_in(tmp_path)
    monkeypatch.setattr(spool, "_allowed", lambda: 0.0)  # however long a sync takes here
    paces = []
    for company in (2, 2, 2, 2, 1):
        slots = [append(spool) for _ in range(company)]
        await filled(slots[-1])
        paces.append(spool._pace)
    assert paces == [2 * PACE_SECONDS, MOST_SECONDS, MOST_SECONDS, MOST_SECONDS, PACE_SECONDS]
    await ended(spool)


async def test_nothing_is_acknowledged_before_it_is_synced(tmp_path: Path) -> None:
    """A disk that holds the sync holds the slot."""
    disk = StuckDisk()
    spool = spool_in(tmp_path, disk)
    disk.stick()
    slot = append(spool)
    await until(disk.holds.is_set)
    await asyncio.sleep(0.02)
    assert not slot.done
    disk.free()
    assert await filled(slot) == 1
    await ended(spool)


async def test_when_an_epoch_ends_everything_of_it_fails(tmp_path: Path) -> None:
    """What was under way and what was appended since; then the spool is down, and comes up by itself."""
    disk = FaultDisk()
    spool = spool_in(tmp_path, disk)
    seen: list[str] = []
    spool.on_down = lambda _: seen.append("down")
    up = asyncio.Event()
    spool.on_up = up.set
    disk.fall_ill("EIO")
    first = append(spool)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = append(spool)
    for slot in (first, second):
        with pytest.raises(LedgerUnavailableError, match="EIO"):
            await filled(slot)
    assert (seen, bool(spool.down)) == (["down"], True)
    disk.heal()
    await asyncio.wait_for(up.wait(), PATIENCE)
    assert (spool.epoch, spool.seq, await filled(append(spool))) == (2, 0, 1)
    await ended(spool)


async def test_settled_calls_come_before_slots(tmp_path: Path) -> None:
    """Whoever waits for an intent may ask at once for the pieces before it."""
    spool = spool_in(tmp_path)
    order: list[str] = []

    def settled(_: Batch, __: LedgerUnavailableError | None) -> None:
        order.append("settled")

    slot = append(spool)
    spool.settled(settled)

    async def wait() -> None:
        await slot
        order.append("slot")

    drive(wait(), order.append)  # type: ignore[arg-type] # an error would be seen in the list
    await until(lambda: len(order) == 2)
    assert order == ["settled", "slot"]
    await ended(spool)
