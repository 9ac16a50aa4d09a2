"""What is let go of and what is never: contents, keys, evidence and segments, on both kinds of store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from proxy.control.reindex import reindex
from proxy.control.retention import Bounds, Retention
from proxy.control.shipper import Shipper
from proxy.core.clock import SystemClock
from proxy.ledger import secrets, store_content, store_exchanges, store_retention
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from proxy.ledger.store_ship import ship
from tests import servers
from tests.ledgers import NOON, Writer
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
