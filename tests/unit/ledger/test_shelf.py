"""What workers hand each other: there for all who share the key, for two hours, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.core.clock import SystemClock
from proxy.ledger import shelf
from proxy.ledger.shelf import KEPT_SECONDS, LARGEST, Shelf

KEY = b"i" * 32


class Later(SystemClock):
    """A clock that is ahead."""

    seconds = 0.0

    def utc_us(self) -> int:  # type: ignore[override]
        """Microseconds since 1970."""
        return SystemClock.utc_us() + int(self.seconds * 1e6)


def test_what_one_puts_the_others_find(tmp_path: Path) -> None:
    """By its name and under the deployment's key; neither is legible on the disk."""
    one, other = (Shelf(tmp_path / "uploads", KEY, SystemClock()) for _ in range(2))
    assert other.get("part:a") is None
    one.put("part:a", b"the end of a line")
    one.put("part:a", b"the end of another")
    assert other.get("part:a") == b"the end of another"
    (file,) = (tmp_path / "uploads").iterdir()
    assert b"end" not in file.read_bytes()
    assert "part" not in file.name
    assert Shelf(tmp_path / "uploads", b"j" * 32, SystemClock()).get("part:a") is None


def test_what_is_not_whole_is_not_there(tmp_path: Path) -> None:
    """A file that was changed, cut off or exchanged for another's; what is too large never was; a disk that fails fails nobody."""
    made = Shelf(tmp_path / "uploads", KEY, SystemClock())
    made.put("a", b"1")
    (first,) = (tmp_path / "uploads").iterdir()
    sealed = first.read_bytes()
    made.put("b", b"2")
    (second,) = set((tmp_path / "uploads").iterdir()) - {first}
    second.write_bytes(sealed)
    assert made.get("b") is None
    for broken in (sealed[:-1], sealed[:5], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        first.write_bytes(broken)
        assert made.get("a") is None
    made.put("c", bytes(LARGEST + 1))
    assert made.get("c") is None
    (tmp_path / "file").write_bytes(b"")
    nowhere = Shelf(tmp_path / "file" / "uploads", KEY, SystemClock())
    nowhere.put("a", b"1")
    assert nowhere.get("a") is None


def test_it_is_there_for_two_hours(tmp_path: Path) -> None:
    """Then it is not found any more, and gone with the next sweep."""
    clock = Later()
    made = Shelf(tmp_path / "uploads", KEY, clock)
    for number in range(5):
        made.put(str(number), b"x")
        for file in (tmp_path / "uploads").iterdir():
            os.utime(file, (0, file.stat().st_mtime - 1))
    clock.seconds = KEPT_SECONDS - 60
    assert [made.get(str(number)) for number in range(5)] == [b"x"] * 5
    clock.seconds = KEPT_SECONDS + 60
    assert made.get("0") is None
    made._sweep()
    assert not list((tmp_path / "uploads").iterdir())


def test_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound on files, kept by sweeps."""
    made = Shelf(tmp_path / "uploads", KEY, SystemClock())
    for number in range(5):
        made.put(str(number), b"x")
        for file in (tmp_path / "uploads").iterdir():
            os.utime(file, (0, file.stat().st_mtime - 1))
    monkeypatch.setattr(shelf, "MOST", 2)
    made._sweep()
    assert [made.get(str(number)) for number in range(5)] == [None] * 3 + [b"x"] * 2
