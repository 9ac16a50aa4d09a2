"""The file calls, and what is built of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from proxy.ledger.disk import Disk, make_folders, make_once, put_file, write_all
from tests.torture.fault_disk import FaultDisk


class Sparing(Disk):
    """Takes three bytes at a time."""

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        return super().write(fd, [b"".join(buffers)[:3]], offset)


class Unwilling(Disk):
    """Takes nothing and says nothing."""

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        return 0


def test_short_writes_are_gone_on_with(tmp_path: Path) -> None:
    """Every buffer arrives, across their borders."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    write_all(Sparing(), fd, [b"ab", b"", b"cdefg", b"h"], 2)
    assert os.pread(fd, 100, 0) == b"\0\0abcdefgh"
    os.close(fd)


def test_a_write_that_takes_nothing_is_an_error(tmp_path: Path) -> None:
    """It would never end otherwise."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    with pytest.raises(OSError, match="nothing of a write was taken"):
        write_all(Unwilling(), fd, [b"ab"])
    os.close(fd)


def test_more_buffers_than_the_system_takes_at_once_arrive(tmp_path: Path) -> None:
    """5,000 of them."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    write_all(Disk(), fd, [b"%04d" % number for number in range(5000)])
    assert os.pread(fd, 30_000, 0) == b"".join(b"%04d" % number for number in range(5000))
    os.close(fd)


def test_a_file_is_put_whole_or_not_at_all(tmp_path: Path) -> None:
    """When anything fails, the old content stands."""
    path = tmp_path / "file"
    put_file(Disk(), path, b"old")
    for call in range(3):
        with pytest.raises(OSError, match="Input/output"):
            put_file(FaultDisk("EIO", at=call), path, b"new and longer")
        assert path.read_bytes() == b"old"


def test_who_comes_second_takes_what_is_there(tmp_path: Path) -> None:
    """Of two processes that make a file at once, both go on with one content."""
    for content in (b"first", b"second"):
        make_once(Disk(), tmp_path / "deep" / "id", content)
    assert (tmp_path / "deep" / "id").read_bytes() == b"first"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["id"]


def test_folders_are_for_us_alone(tmp_path: Path) -> None:
    """Each that is made is 0700."""
    make_folders(Disk(), tmp_path / "a" / "b")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b")} == {0o700}


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    """Until it is given back."""
    disk = Disk()
    one, two = (disk.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert disk.lock(one, wait=False)
    assert not disk.lock(two, wait=False)
    disk.close(one)
    assert disk.lock(two, wait=False)
    disk.close(two)
