"""What is let go of and what is never: contents, keys, evidence and segments, on both kinds of store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from proxy.control import retention
from proxy.control.reindex import reindex
from proxy.control.retention import Bounds, Retention, spool_usage, trim
from proxy.control.shipper import Shipper
from proxy.core.clock import SystemClock
from proxy.ledger import reader, secrets, segment_file, segments, store_content, store_exchanges, store_retention
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from proxy.ledger.store_ship import ship
from tests.ledgers import NOON, Writer
from tests.spools import exchange, open_recorder

_DAY = 86_400_000_000


def unnoted(*_: object, **__: object) -> None:
    """Nobody reads diagnostics here."""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


def shipper_of(store: Store, data_dir: Path) -> Shipper:
    return Shipper(store, data_dir, KeyringReader(data_dir, secrets.load(data_dir).master), unnoted)


async def count(store: Store, table: str, where: str = "1 = 1") -> int:
    async with store.read() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))).scalar() or 0)


class Later(SystemClock):
    """A clock that is `days` ahead."""

    def __init__(self, days: int) -> None:
        self._ahead = days * _DAY

    def utc_us(self) -> int:  # type: ignore[override]
        return SystemClock.utc_us() + self._ahead


async def test_contents_go_first_evidence_later(store: Store) -> None:
    """Rows before each bound go, rows after it stay, in every table; the same again changes nothing."""
    writer = Writer()
    for _ in range(3):
        writer.exchange()
        writer.at += 10 * _DAY
    await ship(store, writer.batch())
    assert await store_retention.forget_contents(store, NOON + 5 * _DAY, NOON) == (2, 0)
    assert (await count(store, "contents"), await count(store, "entries"), await count(store, "exchanges")) == (4, 6, 3)
    await store_retention.forget_evidence(store, NOON + 15 * _DAY)
    assert (await count(store, "contents"), await count(store, "entries"), await count(store, "exchanges")) == (4, 2, 1)
    await store_retention.forget_evidence(store, NOON + 15 * _DAY)
    assert await count(store, "entries") == 2


async def test_old_months_lose_their_keys_everywhere(store: Store, tmp_path: Path) -> None:
    """Past the bound content is gone from store and keyring: its exchange stays, and says `erased`."""
    recorder = open_recorder(tmp_path)
    record_id = await exchange(recorder, b"ask" * 1000, b"say" * 1000)
    await recorder.close()
    shipper = shipper_of(store, tmp_path)
    await shipper.pass_once()
    keeper = Retention(store, tmp_path, Bounds(90 * 86400, 400 * 86400, 1 << 30), shipper.place, unnoted, Later(130))
    await keeper.forget()
    assert (await count(store, "contents"), await count(store, "content_keys", "wrapped IS NOT NULL")) == (0, 0)
    master = secrets.load(tmp_path).master
    reread = KeyringReader(tmp_path, master)
    reread.refresh()
    assert reread.fresh() == []
    found = await store_exchanges.record(store, record_id)
    assert found is not None
    asked, answered = await store_content.opened(store, found, AESGCM(master))
    assert (asked.content, asked.reason, answered.reason) == (None, "erased", "erased")
    # the segments are still there: shipping them again brings no readable byte back
    await reindex(store, tmp_path, master, unnoted)
    found = await store_exchanges.record(store, record_id)
    assert found is not None
    asked, answered = await store_content.opened(store, found, AESGCM(master))
    assert (asked.content, asked.reason, answered.reason) == (None, "erased", "erased")


async def filled(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A closed epoch of several small segments and a newer one; gives the spool's size."""
    for module in (segments, segment_file):
        if hasattr(module, "SEGMENT_BYTES"):
            monkeypatch.setattr(module, "SEGMENT_BYTES", 20_000)
    for _ in range(2):
        recorder = open_recorder(data_dir)
        for _ in range(20):
            await exchange(recorder, b"a" * 2000, b"b" * 2000)
        await recorder.close()
    return spool_usage(data_dir, 1 << 30, SystemClock.utc_us()).used


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_only_shipped_segments_go(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However full the spool is, a segment that is not in the store stays; shipped ones go, oldest first, down to the bound."""
    used = await filled(tmp_path, monkeypatch)
    most = used
    shipper = shipper_of(store, tmp_path)
    assert trim(tmp_path, most, shipper.place) == 0
    while await shipper.pass_once(thorough=True):
        pass
    before = set((tmp_path / "spool").glob("*/*/*.seg"))
    assert trim(tmp_path, most, shipper.place) > 0
    left = set((tmp_path / "spool").glob("*/*/*.seg"))
    usage = spool_usage(tmp_path, most, SystemClock.utc_us())
    assert usage.used <= most * retention.TRIM_TO
    assert min(left) > max(before - left)
    # nothing more to ship, and a new shipper finds no fault with what is missing
    again = shipper_of(store, tmp_path)
    assert not await again.pass_once(thorough=True) or again.progress.entries == 0
    assert await count(store, "incidents") == 0


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_the_last_epoch_keeps_its_number(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When everything may go, folders of earlier epochs go too, the last one's stays, and the next epoch gets a new number."""
    await filled(tmp_path, monkeypatch)
    shipper = shipper_of(store, tmp_path)
    while await shipper.pass_once(thorough=True):
        pass
    trim(tmp_path, 1, shipper.place)
    assert [epoch.number for epoch in reader.epochs(tmp_path / "spool")] == [2]
    recorder = open_recorder(tmp_path)
    assert recorder.epoch == 3
    await recorder.close()


async def test_usage_tells_how_long_the_spool_lasts(tmp_path: Path) -> None:
    """Size, rate and days left come from the files alone; at 80 % the alarm is set."""
    recorder = open_recorder(tmp_path)
    await exchange(recorder, b"a" * 100_000, b"b" * 100_000)
    await recorder.close()
    now = SystemClock.utc_us()
    usage = spool_usage(tmp_path, 1 << 30, now + _DAY)
    assert usage.used > 200_000
    assert usage.days_left == pytest.approx(((1 << 30) - usage.used) / usage.used, rel=0.01)
    assert not usage.alarm
    assert spool_usage(tmp_path, int(usage.used / 0.8), now).alarm
    assert spool_usage(tmp_path / "nothing", 1 << 30, now).days_left is None


async def test_reindex_rebuilds_the_store_from_segments(store: Store, tmp_path: Path) -> None:
    """After tables were emptied or damaged, entries, projections, contents and places are as they were."""
    recorder = open_recorder(tmp_path)
    for _ in range(5):
        await exchange(recorder)
    await recorder.close()
    await shipper_of(store, tmp_path).pass_once()
    page, _ = await store_exchanges.page(store, store_exchanges.Wanted())
    async with store.write() as connection:
        await connection.execute(text("DELETE FROM entries WHERE seq > 4"))
        await connection.execute(text("UPDATE exchanges SET outcome = 'invented', principal = 'nobody'"))
        await connection.execute(text("DELETE FROM contents"))
    told: list[str] = []
    entries = await reindex(store, tmp_path, secrets.load(tmp_path).master, lambda what, _count: told.append(what))
    assert entries == await count(store, "entries") == 12
    assert (await store_exchanges.page(store, store_exchanges.Wanted()))[0] == page
    assert await count(store, "contents") == 10
    assert told == ["segments", "entries"]
