"""Reading epochs that live, died, were closed, damaged or thinned out."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.ledger import reader, segments
from proxy.ledger.epoch import Watermark, pack_watermark
from proxy.ledger.reader import Cursor, EpochAt
from tests.ledger_oracle import frames
from tests.torture.powercut import small_files
from tests.unit.ledger.ledger_parts import begin, end, exchange, filled, recorder_in


async def closed_epoch(tmp_path: Path, exchanges: int = 60) -> EpochAt:
    """An epoch of several segments that its writer closed."""
    with small_files():
        recorder = recorder_in(tmp_path)
        for number in range(exchanges):
            await exchange(recorder, b"%d" % number * 200)
        await recorder.close()
    return reader.epochs(tmp_path / "spool")[0]


def entries(epoch: EpochAt) -> list[int]:
    """Numbers of the entries that can be read."""
    return [frame.seq for frame in frames(epoch) if frame.seq]


def segment_of(epoch: EpochAt, number: int) -> Path:
    """A segment's file."""
    return epoch.folder / f"{number:08d}.seg"


async def test_small_portions_give_the_same_frames_as_large_ones(tmp_path: Path) -> None:
    """Whatever the size of a portion, every frame comes once, in order."""
    epoch = await closed_epoch(tmp_path)
    for size in (1, 700, 1 << 20):
        found, cursor = [], Cursor()
        while True:
            portion = reader.read(epoch, cursor, size)
            found += [frame.seq for frame in portion.frames]
            if portion.finished:
                break
            assert portion.cursor != cursor
            cursor = portion.cursor
        assert found == entries(epoch) == list(range(1, 123))


async def test_a_live_epoch_is_read_up_to_its_watermark(tmp_path: Path) -> None:
    """What is in the file but not durable is not shown."""
    recorder = recorder_in(tmp_path)
    await exchange(recorder)
    epoch = reader.epochs(tmp_path / "spool")[0]
    mark = reader.watermark(epoch.folder)
    with segment_of(epoch, mark.segment).open("r+b") as file:
        file.seek(mark.offset)
        file.write(b"".join(segments.pack_frame(segments.MARK, 0, 0, mark.seq + 1, 0, b"{}", b"")))
    assert reader.is_live(epoch.folder)
    assert entries(epoch) == [1, 2, 3]
    await recorder.close()


async def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A cursor kept over time shows what was added since, and only that."""
    recorder = recorder_in(tmp_path)
    epoch = reader.epochs(tmp_path / "spool")[0]
    first = reader.read(epoch, Cursor())
    await exchange(recorder)
    second = reader.read(epoch, first.cursor)
    assert [frame.seq for frame in first.frames + second.frames] == [1, 2, 3]
    assert reader.read(epoch, second.cursor).frames == []
    await recorder.close()
    last = reader.read(epoch, second.cursor)
    assert (last.finished, [frame.seq for frame in last.frames]) == (True, [4])


@pytest.mark.parametrize("where", ["middle", "end"])
async def test_a_bad_byte_in_a_closed_epoch_is_a_fault(tmp_path: Path, where: str) -> None:
    """The missing entry is named, the ones behind it are shown."""
    epoch = await closed_epoch(tmp_path, 3)
    path = segment_of(epoch, 1)
    frame = next(frame for frame in frames(epoch) if frame.seq == (3 if where == "middle" else 8))
    content = bytearray(path.read_bytes())
    content[frame.offset + 40] ^= 1
    path.write_bytes(content)
    faults: list[tuple[EpochAt, reader.Fault]] = []
    seen = [frame.seq for frame in frames(epoch, faults) if frame.seq]
    assert seen == [number for number in range(1, 9) if number != frame.seq]
    assert [fault.what for _, fault in faults] == ["damaged"]
    if where == "middle":
        assert (faults[0][1].first, faults[0][1].last) == (3, 3)


async def test_a_truncated_closed_segment_is_a_fault(tmp_path: Path) -> None:
    """What `closed` names must be there."""
    epoch = await closed_epoch(tmp_path, 3)
    path = segment_of(epoch, 1)
    path.write_bytes(path.read_bytes()[:-200])
    faults: list[tuple[EpochAt, reader.Fault]] = []
    list(frames(epoch, faults))
    assert faults


async def test_a_missing_segment_is_a_fault_with_its_entries(tmp_path: Path) -> None:
    """A hole in the middle is told, with the numbers that are gone."""
    epoch = await closed_epoch(tmp_path)
    first_of_third = segments.parse_header(segment_of(epoch, 3).read_bytes())
    second = segments.parse_header(segment_of(epoch, 2).read_bytes())
    assert first_of_third is not None
    assert second is not None
    segment_of(epoch, 2).unlink()
    faults: list[tuple[EpochAt, reader.Fault]] = []
    list(frames(epoch, faults))
    assert [(fault.what, fault.first, fault.last) for _, fault in faults] == [
        ("removed", second.first_seq, first_of_third.first_seq - 1)
    ]


async def test_segments_in_use_are_not_removable(tmp_path: Path) -> None:
    """Of a live epoch only segments below the oldest open exchange may go, of a closed one all."""
    with small_files():
        recorder = recorder_in(tmp_path)
        for number in range(30):
            await exchange(recorder, b"%d" % number * 200)
        stream, asked = begin(recorder)
        await filled(stream.intent(asked, b""))
        held = recorder.segment
        for number in range(60):
            await exchange(recorder, b"%d" % number * 200)
        removable = reader.removable(tmp_path / "spool", recorder.instance)
        assert [path.stem for path in removable] == [f"{number:08d}" for number in range(1, held)]
        await filled(stream.outcome(end(stream)))
        await recorder.close()
    assert len(reader.removable(tmp_path / "spool", recorder.instance)) == recorder.segment


async def test_removed_segments_are_skipped_by_who_was_past_them(tmp_path: Path) -> None:
    """A reader that has shipped a segment never misses it."""
    epoch = await closed_epoch(tmp_path)
    cursor = Cursor()
    while cursor.segment < 2:
        cursor = reader.read(epoch, cursor).cursor
    segment_of(epoch, 1).unlink()
    assert reader.read(epoch, cursor).faults == []


def test_a_watermark_that_moves_is_seen(tmp_path: Path) -> None:
    """Of several epochs any counts; one whose file is not there yet says nothing; one that nobody looked at counts as moved."""
    still, moving = tmp_path / "1", tmp_path / "2"
    marks = {still: Watermark(1, 64, 0, 1), moving: Watermark(2, 1 << 31, 7, 1)}
    for folder, mark in marks.items():
        folder.mkdir()
        (folder / "watermark").write_bytes(pack_watermark(mark))
        assert reader.watermark(folder) == mark
    with reader.watching({**marks, tmp_path / "3": None}) as moved:
        assert not moved()
        (moving / "watermark").write_bytes(pack_watermark(Watermark(2, 1 << 31, 8, 1)))
        assert moved()
    with reader.watching({still: None}) as moved:
        assert moved()
    (still / "watermark").write_bytes(b"")  # its writer was killed before it gave the file its length
    with reader.watching({still: reader.watermark(still)}) as moved:
        assert not moved()
