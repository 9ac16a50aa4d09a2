"""What the spool's thread makes of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import committer, segments
from proxy.ledger.batch import Batch
from proxy.ledger.committer import Committer
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk
from tests.torture.fault_disk import FaultDisk, SmallDisk
from tests.torture.ledger_load import clock
from tests.torture.powercut import small_files


def committer_in(data_dir: Path, disk: Disk) -> Committer:
    """A committer with an epoch."""
    made = Committer(disk, data_dir, "i-0", ContentKeys(data_dir, "i-0", bytes(32), clock, disk), clock)
    made.start()
    return made


def batch_of(made: Committer, seq: int, size: int = 100) -> Batch:
    """One entry on its way."""
    assert made.epoch is not None
    batch = Batch(made.epoch.number, seq - 1 & 127, int(seq > 1))
    batch.buffers += segments.pack_frame(segments.MARK, (seq - 1 & 127) << 1, int(seq > 1), seq, 0, b"x" * size, b"")
    batch.size, batch.frames, batch.last_seq = sum(map(len, batch.buffers)), 1, seq
    return batch


def test_a_committed_batch_says_where_it_lies(tmp_path: Path) -> None:
    """Segment and offset."""
    made = committer_in(tmp_path, Disk())
    batch = batch_of(made, 1)
    assert made.commit(batch) is None
    assert batch.segment is not None
    assert batch.segment.read(4, batch.base) == segments.FRAME_MAGIC
    assert (made.commits, made.failures) == (1, 0)


@pytest.mark.parametrize("call", ["write", "sync"])
def test_a_poisoned_segment_is_left_and_the_batch_survives(tmp_path: Path, call: str) -> None:
    """One failure: the same frames in a new segment, and an incident without loss."""
    disk = FaultDisk()
    made = committer_in(tmp_path, disk)
    made.commit(batch_of(made, 1))
    disk.fault, disk.lasting, disk.at = "EIO", 1, disk.count + (call == "sync")
    batch = batch_of(made, 2)
    assert made.commit(batch) is None
    assert disk.failed == [call]
    assert batch.segment is not None
    assert batch.segment.number == 2
    assert batch.incident == {"cause": "the ledger cannot be written: EIO Input/output error", "segment": 1}


def test_a_disk_that_fails_twice_ends_the_epoch(tmp_path: Path) -> None:
    """Later batches of that epoch are refused, whatever the disk says by then."""
    disk = FaultDisk()
    made = committer_in(tmp_path, disk)
    first, second = batch_of(made, 1), batch_of(made, 2)
    disk.fall_ill("EIO")
    assert isinstance(made.commit(first), LedgerUnavailableError)
    disk.heal()
    assert made.probe() is not None
    assert isinstance(made.commit(second), LedgerUnavailableError)


def test_a_deleted_segment_names_what_went_with_it(tmp_path: Path) -> None:
    """Entries 1 to 3; the batch under way is saved."""
    made = committer_in(tmp_path, Disk())
    for seq in (1, 2, 3):
        made.commit(batch_of(made, seq))
    assert made.epoch is not None
    made.epoch.segment.path.unlink()
    batch = batch_of(made, 4)
    assert made.commit(batch) is None
    assert batch.incident is not None
    assert (batch.incident["lost_from"], batch.incident["lost_to"]) == (1, 3)


def test_a_full_disk_gives_up_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is saved, no new exchange may begin until the reserve is taken again."""
    with small_files():
        monkeypatch.setattr(committer, "RESERVE_BYTES", 32 * 1024)
        disk = SmallDisk(48 * 1024)
        made = committer_in(tmp_path, disk)
        seq = 0
        while not made.tight:
            seq += 1
            assert made.commit(batch_of(made, seq, 2000)) is None
        assert not (tmp_path / "spool" / "i-0" / "reserve").exists()
        disk.size *= 4
        monkeypatch.setattr(made, "_next_usage", 0)
        made.watch()
        assert not made.tight


def test_used_space_counts_every_instance(tmp_path: Path) -> None:
    """Segments of others too."""
    one, two = committer_in(tmp_path, Disk()), committer_in(tmp_path, Disk())
    assert two.used >= one.used
    assert two.used == sum(path.stat().st_size for path in (tmp_path / "spool").glob("*/*/*.seg"))
