"""The spool's space: what may be removed, and how long the rest lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.control import retention
from proxy.control.retention import spool_usage, trim
from proxy.control.shipper import Shipper
from proxy.core.clock import SystemClock
from proxy.ledger import reader, secrets, segment_file, segments
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from tests import servers
from tests.spools import exchange, open_recorder

postgres, store_url = servers.postgres, servers.store_url

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
    assert spool_usage(tmp_path, 1 << 30, now + _DAY // 48).days_left is None  # two megabytes are there before the first record


async def test_headers_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a segment was made is remembered while it is there: every other second all of them are measured, and some gone."""
    await filled(tmp_path, monkeypatch)
    parsed: list[bytes] = []
    monkeypatch.setattr(
        retention.segments, "parse_header", lambda head, parse=segments.parse_header: parsed.append(head) or parse(head)
    )
    created: dict[Path, int] = {}
    first = retention._found(tmp_path, created)
    assert (len(parsed), set(created)) == (len(first), {each.path for each in first})
    first[0].path.unlink()
    again = retention._found(tmp_path, created)
    assert (again, len(parsed), set(created)) == (first[1:], len(first), {each.path for each in again})
