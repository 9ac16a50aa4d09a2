"""Following the snapshot: bases, deltas, entries bounded in time, and files that are not taken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from proxy.core import snapshot
from proxy.core.principal import Principal
from proxy.gateway.snapshots import Entries, SnapshotError, SnapshotFollower
from tests.unit.gateway.stage import FakeClock
from tests.waiting import PATIENCE


def put(name: str, **bounds: int) -> bytes:
    """A principal's entry."""
    return snapshot.put("principal", name, Principal(name), **bounds)


def delta(number: int, *entries: bytes) -> bytes:
    """Entries and their commit."""
    return b"".join([*entries, snapshot.frame({"commit": number})])


class Follower:
    """A follower of a file; `history` has the number and the principals of each swap."""

    def __init__(self, folder: Path, *entries: bytes) -> None:
        self.path = folder / "current"
        self.clock = FakeClock()
        self.history: list[tuple[int, list[str]]] = []
        self.complaints: list[str] = []
        self.refuses: Callable[[Entries], bool] = lambda _: False
        self.base(1, entries)
        self.follower = SnapshotFollower(self.path, self.clock, self._changed, self._swap, self.complaints.append)
        self.follower.load()

    def _changed(self, number: int, entries: Entries) -> Any:
        if self.refuses(entries):
            raise ValueError("an entry is not understood")
        return number, sorted(entries.get("principal", {}))

    def _swap(self, house: Any) -> None:
        self.history.append(house)

    def base(self, number: int, entries: Iterable[bytes]) -> None:
        """Write a new base over the old one, as publishers do."""
        beside = self.path.with_suffix(".new")
        beside.write_bytes(snapshot.base(number, 0, entries))
        beside.replace(self.path)

    def append(self, text: bytes) -> None:
        """Append to the file."""
        with self.path.open("ab") as file:
            file.write(text)

    def look(self) -> list[tuple[int, list[str]]]:
        """Look once; what was swapped since."""
        before = len(self.history)

        async def once() -> None:
            await self.follower.refresh(asyncio.get_running_loop())

        asyncio.run(once())
        return self.history[before:]


def test_first(tmp_path: Path) -> None:
    """The first snapshot is loaded at once, and not again while nothing changes."""
    follower = Follower(tmp_path, put("a"), put("b"))
    assert follower.history == [(1, ["a", "b"])]
    assert follower.look() == []
    assert follower.follower.number == 1


@pytest.mark.parametrize(
    "text", [b"", b"garbage\n", snapshot.frame({"format": 1, "number": 1, "made": 0}) + put("a"), snapshot.frame({"format": 2})]
)
def test_nothing_to_begin_with(tmp_path: Path, text: bytes) -> None:
    """Without a committed snapshot of this format a gateway does not start."""
    follower = Follower(tmp_path)
    follower.path.write_bytes(text)
    with pytest.raises(SnapshotError):
        SnapshotFollower(follower.path, FakeClock(), follower._changed, follower._swap, print).load()


def test_delta(tmp_path: Path) -> None:
    """A delta adds, replaces and drops, once it is committed and not before."""
    follower = Follower(tmp_path, put("a"), put("b"))
    drop = snapshot.frame({"drop": "principal", "name": "a"})
    follower.append(put("c") + drop)
    assert [house for house in follower.look() if house != (1, ["a", "b"])] == []
    follower.append(delta(2))
    assert follower.look() == [(2, ["b", "c"])]


def test_torn_delta(tmp_path: Path) -> None:
    """What a crash left behind the last commit is not in force."""
    follower = Follower(tmp_path, put("a"))
    follower.append(delta(2, put("b")) + delta(3, put("c"))[:-4])
    assert follower.look() == [(2, ["a", "b"])]


def test_new_base(tmp_path: Path) -> None:
    """A new base takes the place of everything, also when it is as long as the old one."""
    follower = Follower(tmp_path, put("a"))
    follower.base(2, [put("b")])
    assert follower.look() == [(2, ["b"])]


def test_entry_begins_and_expires(tmp_path: Path) -> None:
    """Bounded entries come and go at their instant, without a new file."""
    follower = Follower(tmp_path, put("a"))
    now = follower.clock.us
    follower.base(2, [put("always"), put("later", starts=now + 1000), put("soon over", until=now + 2000)])
    assert follower.look() == [(2, ["always", "soon over"])]
    follower.clock.us = now + 999
    assert follower.look() == []
    follower.clock.us = now + 1000
    assert follower.look() == [(2, ["always", "later", "soon over"])]
    follower.clock.us = now + 2000
    assert follower.look() == [(2, ["always", "later"])]
    assert follower.look() == []


@pytest.mark.parametrize(
    "bad", [snapshot.frame({"format": 2, "number": 9, "made": 0}), b"garbage", snapshot.base(9, 0, [put("bad")])]
)
def test_bad_file(tmp_path: Path, bad: bytes) -> None:
    """A file that cannot be taken keeps the last good one in force, complains once at most, and gives way to the next good one."""
    follower = Follower(tmp_path, put("a"))
    follower.refuses = lambda entries: "bad" in entries.get("principal", {})
    follower.path.write_bytes(bad)
    assert follower.look() == follower.look() == []
    assert len(follower.complaints) <= 1
    assert follower.follower.number == 1
    follower.base(10, [put("good")])
    assert follower.look() == [(10, ["good"])]


def test_bounds_hold_behind_a_bad_file(tmp_path: Path) -> None:
    """What is to expire expires, however bad the file is that came meanwhile."""
    follower = Follower(tmp_path, put("a", until=FakeClock().us + 1000), put("b"))
    follower.refuses = lambda entries: "bad" in entries.get("principal", {})
    follower.base(2, [put("bad")])
    assert follower.look() == []
    follower.clock.us += 1000
    assert follower.look() == [(1, ["b"])]
    assert follower.look() == []


def test_bad_entry_begins(tmp_path: Path) -> None:
    """An entry that is not understood when its time comes ends nothing: the last good ones stay, and the next file is followed."""
    follower = Follower(tmp_path)
    now = follower.clock.us
    follower.base(2, [put("a"), put("bad", starts=now + 1000)])
    follower.refuses = lambda entries: "bad" in entries.get("principal", {})
    assert follower.look() == [(2, ["a"])]
    follower.path.write_bytes(b"garbage")
    assert follower.look() == []
    follower.clock.us += 1000
    assert follower.look() == follower.look() == []
    assert len(follower.complaints) == 1
    follower.base(3, [put("b")])
    assert follower.look() == [(3, ["b"])]


def test_bad_swap(tmp_path: Path) -> None:
    """What cannot come into force is not taken for being in force."""
    follower = Follower(tmp_path, put("a", until=FakeClock().us + 1000), put("b"))

    def fails(house: Any) -> None:
        if house[0] == 2:
            raise ValueError(house)
        follower.history.append(house)

    follower.follower._swap = fails
    follower.base(2, [put("c")])
    assert follower.look() == []
    assert (follower.follower.number, len(follower.complaints)) == (1, 1)
    follower.base(3, [put("d")])
    assert follower.look() == [(3, ["d"])]


def test_never_back(tmp_path: Path) -> None:
    """A file with a smaller number than the one in force is not taken."""
    follower = Follower(tmp_path, put("a"))
    follower.base(5, [put("b")])
    assert follower.look() == [(5, ["b"])]
    follower.base(4, [put("c")])
    assert follower.look() == []
    assert (follower.follower.number, len(follower.complaints)) == (5, 1)


async def test_looking_at_the_same_time(tmp_path: Path) -> None:
    """Of two that look at once, the one that read the older file does not have the last word."""
    follower = Follower(tmp_path, put("a"))
    building, go_on = threading.Event(), threading.Event()

    def slow(entries: Entries) -> bool:
        if "older" in entries["principal"]:
            building.set()
            go_on.wait(PATIENCE)
        return False

    follower.refuses = slow
    loop = asyncio.get_running_loop()
    follower.base(2, [put("older")])
    first = asyncio.ensure_future(follower.follower.refresh(loop))
    await loop.run_in_executor(None, building.wait, 5)
    follower.base(3, [put("newer")])
    second = asyncio.ensure_future(follower.follower.refresh(loop))
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(first, second)
    assert follower.history[1:] == [(2, ["older"]), (3, ["newer"])]


def test_file_away(tmp_path: Path) -> None:
    """A file that is gone for a moment changes nothing."""
    follower = Follower(tmp_path, put("a"))
    follower.path.unlink()
    assert follower.look() == []
    follower.base(2, [put("b")])
    assert follower.look() == [(2, ["b"])]


async def test_follows_until_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are found by looking now and then."""
    monkeypatch.setattr("proxy.gateway.snapshots.POLL_SECONDS", 0.01)
    follower = Follower(tmp_path, put("a"))
    following = asyncio.ensure_future(follower.follower.follow())
    follower.base(2, [put("b")])
    async with asyncio.timeout(PATIENCE):
        while len(follower.history) < 2:  # noqa: ASYNC110 - what is waited for happens in the follower
            await asyncio.sleep(0.01)
    following.cancel()
    assert follower.history[-1] == (2, ["b"])
