"""From shipped records to the index file that gateways read."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.control import reading, references
from proxy.control.references import ReferencePublisher
from proxy.core.facts import AnswerFacts
from proxy.core.references import Refer, reference_key, subkey
from proxy.ledger import store_references
from proxy.ledger.reference_index import LEAST_SLOTS, IndexReader
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreUnavailableError
from proxy.ledger.store_references import Download
from proxy.ledger.store_retention import forget_evidence
from proxy.ledger.store_ship import ship
from tests.ledgers import Writer

KEY = subkey(b"k" * 32)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    await opened.close()


class Room:
    """A publisher with what it publishes from and to. `made`: entries shipped. `notes`: what it told people."""

    def __init__(self, store: Store, data_dir: Path, most: int = references.MOST_OBJECTS) -> None:
        self.writer = Writer()
        self.made = 0
        self.notes: list[str] = []
        self.tied: list[Download] = []
        self.data_dir = data_dir
        self._store = store
        self._most = most
        self.publisher = self.another()

    def another(self) -> ReferencePublisher:
        """A publisher of the next process."""

        async def tie(download: Download) -> None:
            self.tied.append(download)

        return ReferencePublisher(
            self._store, self.data_dir, KEY, lambda: self.made, tie, lambda event, **_: self.notes.append(event), self._most
        )

    async def make(self, first: int, last: int) -> None:
        """Ship records that each made a file."""
        for number in range(first, last):
            intent = self.writer.intent(self.writer.new_id())
            self.writer.outcome(intent, facts=AnswerFacts(created=[f"file:{number}"]))
        await self.ship()

    async def ship(self) -> None:
        """What was written is in the store."""
        await ship(self._store, self.writer.batch())
        self.made += 1

    async def run(self, publisher: ReferencePublisher | None = None) -> None:
        """One start, and its orderly end."""
        over = asyncio.Event()
        over.set()
        await (publisher or self.publisher).run(over)

    def found(self, last: int) -> list[int]:
        """Files that a gateway finds, of those below `last`."""
        reader = IndexReader(self.data_dir / "references")
        return [number for number in range(last) if reader.find(reference_key(KEY, "openai", f"file:{number}"))]


async def test_what_is_shipped_is_published(store: Store, tmp_path: Path) -> None:
    """Objects of ended records are found in the file, those that come later in the same file."""
    room = Room(store, tmp_path)
    await room.make(0, 3)
    await room.run()
    assert room.found(5) == [0, 1, 2]
    inode = (tmp_path / "references" / "index").stat().st_ino
    await room.make(3, 5)
    await room.run(room.another())
    assert room.found(6) == [0, 1, 2, 3, 4]
    assert (tmp_path / "references" / "index").stat().st_ino == inode


async def test_nothing_shipped_costs_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedded store that nothing was shipped to is not asked again."""
    room = Room(store, tmp_path)
    await room.make(0, 1)
    await room.publisher.pass_once()
    monkeypatch.setattr(store_references, "settle", None)
    await room.publisher.pass_once()
    assert room.publisher.objects == 1


async def test_a_lost_file_is_made_anew(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut, or when somebody removed it, the file is made again from the store."""
    room = Room(store, tmp_path)
    await room.make(0, 3)
    await room.run()
    (tmp_path / "references" / "index").unlink()
    await room.run(room.another())
    assert room.found(4) == [0, 1, 2]
    monkeypatch.setattr("proxy.ledger.reference_index.boot_id", lambda: "another")
    inode = (tmp_path / "references" / "index").stat().st_ino
    reader = IndexReader(tmp_path / "references")
    assert reader.find(reference_key(KEY, "openai", "file:0"))
    await room.run(room.another())
    assert room.found(4) == [0, 1, 2]
    assert (tmp_path / "references" / "index").stat().st_ino != inode


async def test_a_full_file_gives_way_to_a_larger_one(store: Store, tmp_path: Path) -> None:
    """A file that is full is replaced by one with room for twice as much; nothing is dropped."""
    room = Room(store, tmp_path)
    await room.make(0, 1)
    await room.publisher.pass_once()
    many = LEAST_SLOTS * 3 // 4 + 10
    await room.make(1, many)
    await room.publisher.pass_once()
    assert len(room.found(many)) == many
    assert (room.publisher.objects, room.publisher.dropped) == (many, 0)


async def test_at_its_bound_the_oldest_go_and_are_counted(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may grow no more keeps the newest three quarters, and says how many it let go."""
    monkeypatch.setattr("proxy.ledger.reference_index.LEAST_SLOTS", 64)
    monkeypatch.setattr("proxy.ledger.reference_index.MOST_SLOTS", 64)
    room = Room(store, tmp_path, most=48)
    await room.make(0, 40)
    await room.publisher.pass_once()
    await room.make(40, 60)
    await room.publisher.pass_once()
    assert room.found(60) == list(range(24, 60))
    assert room.publisher.dropped > 0
    assert room.notes == ["the reference index is full: the oldest objects are let go"]


async def test_what_the_store_forgot_goes_from_the_file(store: Store, tmp_path: Path) -> None:
    """Once retention has let go of records, a new file is made without their objects."""
    room = Room(store, tmp_path)
    await room.make(0, 3)
    await room.run()
    await forget_evidence(store, room.writer.at + 2 * 86_400_000_000)
    await room.run(room.another())
    assert room.found(3) == []


async def test_only_one_process_writes(store: Store, tmp_path: Path) -> None:
    """A publisher whose predecessor still drains waits for it, and ends when told to."""
    room = Room(store, tmp_path)
    await room.make(0, 1)
    (tmp_path / "references").mkdir()
    with (tmp_path / "references" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await room.run()
        assert not (tmp_path / "references" / "index").exists()
    await room.run()
    assert room.found(1) == [0]


async def test_a_database_that_is_away_is_waited_for(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, and publishing goes on where it was; the file serves meanwhile."""
    monkeypatch.setattr(reading, "_AWAY_SECONDS", 0.01)
    room = Room(store, tmp_path)
    await room.make(0, 1)
    settle, calls = store_references.settle, iter(range(3))

    async def away(*given: object) -> object:
        if next(calls, None) is not None:
            raise StoreUnavailableError("no")
        return await settle(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store_references, "settle", away)
    stop = asyncio.Event()
    running = asyncio.create_task(room.publisher.run(stop))
    while room.publisher.objects == 0 and not running.done():  # noqa: ASYNC110 - what is waited for is a file
        await asyncio.sleep(0.01)
    stop.set()
    await running
    assert room.found(1) == [0]
    assert room.notes == ["the reference index waits for the database"]


async def test_a_full_disk_leaves_the_file_that_is_there(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The duty fails and is begun again by its process; what was published is found all the time."""
    room = Room(store, tmp_path)
    await room.make(0, 1)
    await room.run()
    await room.make(1, 2)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            await room.run(room.another())
    assert room.found(2) == [0]
    await room.run(room.another())
    assert room.found(2) == [0, 1]


async def test_downloads_are_tied_once(store: Store, tmp_path: Path) -> None:
    """Each download of results is handed on when it has ended, and not again."""
    room = Room(store, tmp_path)
    writer = room.writer
    batch = writer.intent(writer.new_id(), endpoint="batch_create")
    writer.outcome(batch, facts=AnswerFacts(created=["batch:b"]))
    got = writer.intent(writer.new_id(), endpoint="batch_results", method="GET", refers=(Refer("batch:b", batch.id),))
    await room.ship()
    await room.publisher.pass_once()
    assert room.tied == []
    writer.outcome(got)
    await room.ship()
    await room.publisher.pass_once()
    await room.ship()
    await room.publisher.pass_once()
    assert [download.record for download in room.tied][:1] == [got.id]
    assert {download.origin.kind for download in room.tied} == {"batch"}
