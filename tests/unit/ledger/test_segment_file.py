"""One open segment and those who tamper with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.ledger.disk import Disk
from proxy.ledger.segment_file import EXTEND_BYTES, Segment, SpoolDamagedError
from tests.torture.fault_disk import FaultDisk


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    """A segment with a header and two bytes."""
    segment = Segment(Disk(), tmp_path / "00000001.seg", 1)
    segment.put_header(bytes(64))
    segment.write([b"a", b"b"], 2)
    return segment


def test_writes_go_on_at_the_end(segment: Segment) -> None:
    """Whether there are zeros ahead or not."""
    segment.extend()
    segment.write([b"cd"], 2)
    assert (segment.size, segment.reaches) == (68, 66 + EXTEND_BYTES)
    assert segment.path.read_bytes()[64:70] == b"abcd\0\0"


def test_zeros_are_put_ahead_once(segment: Segment) -> None:
    """Not again before they run short."""
    segment.extend()
    segment.extend()
    assert segment.path.stat().st_size == 66 + EXTEND_BYTES


def test_a_disk_without_space_for_zeros_leaves_the_segment_usable(tmp_path: Path) -> None:
    """Half of them may be there."""
    disk = FaultDisk()
    segment = Segment(disk, tmp_path / "00000001.seg", 1)
    segment.put_header(bytes(64))
    disk.fall_ill("ENOSPC", 1)
    with pytest.raises(OSError, match="No space"):
        segment.extend()
    segment.write([b"ab"], 2)
    assert segment.read(2, 64) == b"ab"


def test_a_cut_takes_away_what_is_not_durable(segment: Segment) -> None:
    """And never makes a file longer."""
    segment.extend()
    segment.cut()
    assert segment.path.stat().st_size == 66
    os.truncate(segment.path, 10)
    segment.cut()
    assert segment.path.stat().st_size == 10


def test_tampering_is_noticed(segment: Segment) -> None:
    """Truncated: at the next write. Moved or replaced: by name. Deleted: both."""
    os.truncate(segment.path, 65)
    with pytest.raises(SpoolDamagedError, match="65 bytes, 66 were written"):
        segment.write([b"c"], 1)
    os.truncate(segment.path, 66)
    segment.path.rename(segment.path.with_suffix(".gone"))
    segment.check()
    with pytest.raises(SpoolDamagedError, match="moved away"):
        segment.check(name=True)
    segment.path.write_bytes(b"another")
    with pytest.raises(SpoolDamagedError, match="replaced"):
        segment.check(name=True)
    segment.path.with_suffix(".gone").unlink()
    with pytest.raises(SpoolDamagedError, match="deleted"):
        segment.check()


def test_a_removed_segment_still_reads(segment: Segment) -> None:
    """As long as somebody holds it."""
    segment.path.unlink()
    assert segment.read(2, 64) == b"ab"


def test_other_bytes_than_were_written_are_noticed(segment: Segment) -> None:
    """When a rewritten batch is read back."""
    segment.verify([b"ab"], 2)
    with pytest.raises(SpoolDamagedError, match="other bytes"):
        segment.verify([b"ax"], 2)
