"""What the shipper does between spool and store beyond the ordinary."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from sqlalchemy import text

from proxy.control import shipper as shipper_module
from proxy.control.shipper import Shipper
from proxy.ledger import reader, secrets
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreUnavailableError
from proxy.ledger.store_keys import KeyringReader
from tests.spools import exchange, open_recorder
from tests.waiting import PATIENCE


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    await opened.close()


def shipper_of(store: Store, data_dir: Path, notes: list[str] | None = None) -> Shipper:
    keyring = KeyringReader(data_dir, secrets.load(data_dir).master)
    return Shipper(store, data_dir, keyring, lambda event, **_: notes.append(event) if notes is not None else None)


async def incidents(store: Store) -> list[str]:
    async with store.read() as connection:
        return [row[0] for row in await connection.execute(text("SELECT kind FROM incidents ORDER BY kind"))]


async def drained(shipper: Shipper) -> None:
    over = asyncio.Event()
    over.set()
    await shipper.run(over)


async def test_a_restored_folder_is_held_against_the_store(store: Store, tmp_path: Path) -> None:
    """When a data folder is replaced by an older copy of itself and goes on, its new entries are found to contradict the store."""
    data_dir = tmp_path / "data"
    recorder = open_recorder(data_dir)
    await exchange(recorder)
    await recorder.close()
    shutil.copytree(data_dir, tmp_path / "backup")
    recorder = open_recorder(data_dir)
    for _ in range(4):
        await exchange(recorder, b"before")
    await recorder.close()
    await drained(shipper_of(store, data_dir))
    shutil.rmtree(data_dir)
    shutil.copytree(tmp_path / "backup", data_dir)
    recorder = open_recorder(data_dir)
    await exchange(recorder, b"after")
    await recorder.close()
    await drained(shipper_of(store, data_dir))
    assert await incidents(store) == ["fork", "fork", "fork", "fork", "rewound"]


async def test_damage_in_a_segment_is_an_incident(store: Store, tmp_path: Path) -> None:
    """Synced bytes that were changed cost the entries they held, and nothing else, and are reported."""
    recorder = open_recorder(tmp_path)
    for _ in range(6):
        await exchange(recorder)
    await recorder.close()
    segment = next((tmp_path / "spool").glob("*/*/*.seg"))
    content = bytearray(segment.read_bytes())
    content[len(content.rstrip(b"\0")) // 2] ^= 0xFF
    segment.write_bytes(content)
    notes: list[str] = []
    shipper = shipper_of(store, tmp_path, notes)
    await drained(shipper)
    assert await incidents(store) == ["damaged"]
    assert notes == ["the spool has an incident"]
    assert shipper.progress.entries == 13


async def test_changed_content_is_kept_and_reported(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content that does not open under its key is shipped as it is, with an incident."""
    monkeypatch.setattr("proxy.ledger.store_batch.SMALL_BYTES", 0)
    recorder = open_recorder(tmp_path)
    await exchange(recorder)
    await recorder.close()
    keyring = KeyringReader(tmp_path, bytes(32))
    other = KeyringReader(tmp_path, secrets.load(tmp_path).master)
    shipper = Shipper(store, tmp_path, keyring, lambda *_, **__: None)
    monkeypatch.setattr(shipper._resealer, "_cipher_of", lambda _name: other.cipher(next(iter(other._rows))) and _wrong())
    other.refresh()
    await drained(shipper)
    assert await incidents(store) == ["unsealable", "unsealable"]
    async with store.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM contents WHERE coding = 0"))).scalar() == 2


def _wrong() -> object:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(bytes(32))


async def test_nothing_is_read_while_the_database_is_away(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch in hand is tried again as it is; the spool is read on only once it is written."""
    recorder = open_recorder(tmp_path)
    await exchange(recorder)
    shipper = shipper_of(store, tmp_path)
    whole = shipper_module.ship
    tries = 0

    async def away(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise StoreUnavailableError("away")

    monkeypatch.setattr(shipper_module, "ship", away)
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await shipper.pass_once()
        await exchange(recorder)
    held = list(shipper._held)
    assert (tries, len(held), len(held[0].batch.entries)) == (3, 1, 3)
    monkeypatch.setattr(shipper_module, "ship", whole)
    await drained(shipper)
    assert (shipper.progress.entries, shipper.progress.lag_entries) == (9, 0)
    await recorder.close()


async def test_lag_is_what_is_durable_and_not_stored(store: Store, tmp_path: Path) -> None:
    """Lag counts entries that the writer made durable and falls to nothing once they are shipped."""
    recorder = open_recorder(tmp_path)
    shipper = shipper_of(store, tmp_path)
    await shipper.pass_once()
    for _ in range(5):
        await exchange(recorder)
    shipper._held = await asyncio.to_thread(shipper._read, thorough=True)
    shipper._is_away("for the test")
    assert (shipper.progress.lag_entries, shipper.progress.lag_seconds > 0) == (10, True)
    await shipper.pass_once()
    assert (shipper.progress.lag_entries, shipper.progress.lag_seconds, shipper.progress.away) == (0, 0.0, "")
    await recorder.close()


async def test_a_new_record_ends_the_wait_of_an_idle_shipper(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a writer made durable is shipped before it is time to look at everything again, and so comes the end."""
    monkeypatch.setattr(shipper_module, "_LOOK_SECONDS", 3600.0)
    recorder = open_recorder(tmp_path)
    shipper, stop = shipper_of(store, tmp_path), asyncio.Event()
    await shipper.pass_once()
    running = asyncio.create_task(shipper.run(stop))
    for _ in range(2):
        before = shipper.progress.entries
        await exchange(recorder)
        async with asyncio.timeout(PATIENCE):
            while shipper.progress.entries == before:  # noqa: ASYNC110 - the shipper says nothing
                await asyncio.sleep(0.01)
    stop.set()
    async with asyncio.timeout(PATIENCE):
        await running
    assert (shipper.progress.lag_entries, shipper.progress.complete) == (0, True)
    await recorder.close()


async def test_a_new_epoch_ends_the_wait_of_an_idle_shipper(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that begins is seen by its folder, before it is time to look at everything again."""
    monkeypatch.setattr(shipper_module, "_LOOK_SECONDS", 3600.0)
    shipper, stop = shipper_of(store, tmp_path), asyncio.Event()
    running = asyncio.create_task(shipper.run(stop))
    try:
        for number in (1, 2):
            recorder = open_recorder(tmp_path)
            await exchange(recorder)
            await recorder.close()
            async with asyncio.timeout(PATIENCE):
                while shipper.progress.entries < 4 * number:  # noqa: ASYNC110 - the shipper says nothing
                    await asyncio.sleep(0.01)
    finally:
        stop.set()  # its thread looks for an hour
    async with asyncio.timeout(PATIENCE):
        await running
    assert shipper.progress.complete


async def test_the_end_of_a_dead_epoch_ends_the_wait_too(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead writer says nothing: that its successor has closed its epoch shows in the folder, before it is time to look."""
    monkeypatch.setattr(shipper_module, "_LOOK_SECONDS", 3600.0)
    recorder = open_recorder(tmp_path / "alive")
    await exchange(recorder)
    shutil.copytree(tmp_path / "alive", tmp_path / "dead")
    await recorder.close()
    shipper, stop = shipper_of(store, tmp_path / "dead"), asyncio.Event()
    (epoch,) = reader.epochs(tmp_path / "dead" / "spool")
    running = asyncio.create_task(shipper.run(stop))
    try:
        async with asyncio.timeout(PATIENCE):
            while shipper.progress.entries < 3:  # noqa: ASYNC110 - the shipper says nothing
                await asyncio.sleep(0.01)
            assert shipper.place(epoch) == (ANY, False)
            successor = open_recorder(tmp_path / "dead")
            while shipper.place(epoch) != (ANY, True):  # noqa: ASYNC110 - nor does it here
                await asyncio.sleep(0.01)
    finally:
        stop.set()
    await running
    await successor.close()


async def test_a_pass_reads_an_epoch_once(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portion that says that its writer had no more is not followed by another look at the same files."""
    recorder = open_recorder(tmp_path)
    await exchange(recorder)
    read, times = reader.read, 0

    def counted(*arguments: Any) -> reader.Portion:
        nonlocal times
        times += 1
        return read(*arguments)

    monkeypatch.setattr(reader, "read", counted)
    shipper = shipper_of(store, tmp_path)
    assert await shipper.pass_once()
    assert (shipper.progress.entries, times) == (3, 1)
    await recorder.close()
