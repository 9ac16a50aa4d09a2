"""The files of an epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.ledger import epoch as epochs
from proxy.ledger import reader, segments
from proxy.ledger.disk import Disk
from proxy.ledger.epoch import Closed, Epoch
from tests.torture.fault_disk import FaultDisk
from tests.torture.ledger_load import clock
from tests.torture.powercut import small_files


def make(data_dir: Path, disk: Disk | None = None) -> Epoch:
    """A new epoch of `i-0`."""
    return epochs.create(disk or Disk(), data_dir, "i-0", clock)


def put(epoch: Epoch, size: int = 1000) -> int:
    """One entry of about `size` bytes, appended; where it begins."""
    number = epoch.seq + 1
    frame = segments.pack_frame(segments.MARK, (number - 1 & 127) << 1, int(number > 1), number, 0, b"x" * size, b"")
    return epoch.append(frame, sum(map(len, frame)), number)


def test_the_watermark_follows_each_append(tmp_path: Path) -> None:
    """For readers in other processes."""
    epoch = make(tmp_path)
    base = put(epoch)
    mark = reader.watermark(epoch.folder)
    assert (base, mark.segment, mark.offset, mark.seq) == (64, 1, 64 + 36 + 1000, 1)
    epoch.need(1)
    assert reader.watermark(epoch.folder).needed == 1


def test_a_full_segment_gives_way_to_the_next(tmp_path: Path) -> None:
    """Whose header says where the one before ended."""
    with small_files():
        epoch = make(tmp_path)
        while epoch.segment.number == 1:
            end = epoch.segment.size
            put(epoch)
    header = segments.parse_header((epoch.folder / "00000002.seg").read_bytes())
    assert header is not None
    assert (header.previous_end, header.first_seq, header.instance, header.epoch) == (end, epoch.seq, "i-0", 1)


def test_a_batch_larger_than_a_segment_fits_in_one(tmp_path: Path) -> None:
    """It gets one of its own."""
    with small_files():
        epoch = make(tmp_path)
        put(epoch)
        put(epoch, 100_000)
        put(epoch)
    assert epoch.segment.number == 3


def test_a_rewrite_makes_what_stood_in_the_old_segment_void(tmp_path: Path) -> None:
    """Readers see each entry once, although it may be there twice."""
    epoch = make(tmp_path)
    put(epoch)
    frame = segments.pack_frame(segments.MARK, 2, 1, 2, 0, b"{}", b"")
    with epoch.segment.path.open("r+b") as file:
        file.seek(epoch.segment.size)
        file.write(b"".join(frame))
    epoch.rewrite(frame, sum(map(len, frame)), 2)
    epoch.release()
    at = reader.epochs(tmp_path / "spool")[0]
    first = reader.read(at, reader.Cursor())
    second = reader.read(at, first.cursor)
    assert [frame.seq for frame in first.frames + second.frames] == [1, 2]
    assert first.faults + second.faults == []


def test_an_ended_epoch_shows_nothing_that_was_not_acknowledged(tmp_path: Path) -> None:
    """Though it may have reached the disk."""
    epoch = make(tmp_path)
    put(epoch)
    with epoch.segment.path.open("r+b") as file:
        file.seek(epoch.segment.size)
        file.write(b"".join(segments.pack_frame(segments.MARK, 2, 1, 2, 0, b"{}", b"")))
    epoch.end()
    epoch.release()
    assert [frame.seq for frame in reader.read(reader.epochs(tmp_path / "spool")[0], reader.Cursor()).frames] == [1]


def test_a_closed_epoch_names_its_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """No zeros, no segment made ahead."""
    epoch = make(tmp_path)
    put(epoch)
    epoch.prepare()
    epoch.close()
    epoch.release()
    assert reader.closed(epoch.folder) == Closed(1, 1100, 1)
    assert [path.stat().st_size for path in epoch.folder.glob("*.seg")] == [1100]


def test_an_epoch_that_could_not_be_begun_leaves_no_folder(tmp_path: Path) -> None:
    """A sick disk is probed often."""
    make(tmp_path).release()
    for call in range(4, 12):
        disk = FaultDisk("EIO", at=call)
        with pytest.raises(OSError, match="Input/output"):
            make(tmp_path, disk)
    assert len(reader.epochs(tmp_path / "spool")) == 1


def test_a_segment_that_could_not_be_begun_frees_its_number(tmp_path: Path) -> None:
    """So that the numbers of those that were begun stay one after the other."""
    disk = FaultDisk()
    epoch = make(tmp_path, disk)
    disk.fall_ill("EROFS", 1)
    with pytest.raises(OSError, match="Read-only"):
        epoch.begin(64)
    epoch.begin(64)
    assert epoch.segment.number == 2
