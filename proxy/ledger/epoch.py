"""The files of one epoch, on the spool's thread: folder, lock, watermark, segments (docs/adr/0003-spool-frame.md).

`append` returns only when its bytes are durable, in the segment that has the epoch's name, and counted in the watermark. Any
OSError from it means that the segment must not be written again: `rewrite` then puts the same bytes into a new one.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import msgspec

from proxy.core.clock import Clock
from proxy.ledger import segments
from proxy.ledger.disk import Disk, make_folders, put_file
from proxy.ledger.segment_file import Segment

WATERMARK_BYTES = 24
_WATERMARK = struct.Struct("<QQQ")
_NAME = re.compile(r"\d{8}")


class Watermark(msgspec.Struct, frozen=True):
    """How far an epoch is durable: `segment` and `offset` where the next frame will begin, `seq` of the last entry.

    `needed`: the lowest segment in which an exchange began that has not ended; those below may go once they are shipped.
    """

    segment: int
    offset: int
    seq: int
    needed: int


class Closed(msgspec.Struct, frozen=True):
    """The content of `closed` and `ended`: where the epoch ends for good. `faults` are places at which synced bytes were bad."""

    segment: int
    offset: int
    seq: int
    faults: int = 0


def unpack_watermark(content: bytes) -> Watermark:
    """From the 24 bytes of the file: place (segment in the high, offset in the low half), seq, needed; each u64, little-endian."""
    place, seq, needed = _WATERMARK.unpack(content)
    return Watermark(place >> 32, place & 0xFFFFFFFF, seq, needed)


def pack_watermark(mark: Watermark) -> bytes:
    """The 24 bytes of the file."""
    return _WATERMARK.pack(mark.segment << 32 | mark.offset, mark.seq, mark.needed)


def mark_closed(disk: Disk, folder: Path, closed: Closed) -> None:
    """Make `closed`, durable on return. Raises: OSError."""
    put_file(disk, folder / "closed", msgspec.json.encode(closed))


def numbers(folder: Path, suffix: str = "") -> list[int]:
    """The eight-digit names in a folder (epochs, or segments with their suffix), ascending; none when there is no folder."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    stems = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return sorted(int(stem) for stem in stems if _NAME.fullmatch(stem))


class Epoch:
    """One run of a writer. `size` counts the bytes of all its segments; `first_seq` is that of the first entry in the open one."""

    def __init__(self, disk: Disk, folder: Path, instance: str, number: int, clock: Clock) -> None:
        """Open a folder made by `create`, take its lock and begin its first segment. Raises: OSError."""
        self._disk = disk
        self._clock = clock
        self.instance = instance
        self.number = number
        self.folder = folder
        self.size = 0
        self.seq = 0
        self.first_seq = 1
        self._lock = disk.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        self._spare: Segment | None = None
        self._segment: Segment | None = None
        self._next = 1
        self._end_said = False
        try:
            self._marks = self._map()
            self.begin(0)
        except OSError:
            self.release()
            raise

    @property
    def segment(self) -> Segment:
        """The segment that is appended to."""
        assert self._segment is not None
        return self._segment

    def _map(self) -> memoryview:
        self._disk.lock(self._lock, wait=True)
        fd = self._disk.open(self.folder / "watermark", os.O_RDWR | os.O_CREAT)
        try:
            self._disk.truncate(fd, WATERMARK_BYTES)
            return memoryview(self._disk.map(fd, WATERMARK_BYTES)).cast("Q")
        finally:
            self._disk.close(fd)

    def _create_segment(self) -> Segment:
        number = self._next
        try:
            segment = Segment(self._disk, self.folder / f"{number:08d}.seg", number)
        except FileExistsError:  # one that could not be taken away; the next try has the next number
            self._next += 1
            raise
        self._next += 1
        try:
            segment.extend()
            self._disk.sync(segment.fd)
            self._disk.sync_folder(self.folder)
        except OSError:
            self._discard(segment)
            raise
        return segment

    def begin(self, previous_end: int) -> None:
        """Begin the next segment, the one made ahead if there is one. Its header becomes durable with the next append."""
        segment, self._spare = self._spare or self._create_segment(), None
        header = segments.Header(self.instance, self.number, segment.number, self.seq + 1, self._clock.utc_us(), previous_end)
        try:
            segment.put_header(segments.pack_header(header))
        except OSError:
            self._discard(segment)
            raise
        self._segment = segment
        self.first_seq = self.seq + 1
        self.size += segments.HEADER_BYTES

    def append(self, buffers: Sequence[bytes], size: int, last_seq: int) -> int:
        """Make `size` bytes of frames durable; `last_seq` is the number of the last entry so far. Returns where they begin.

        Raises: OSError (SpoolDamagedError too); nothing of it then counts as written.
        """
        if self.segment.size + size > segments.SEGMENT_BYTES and self.segment.size > segments.HEADER_BYTES:
            self.segment.check(name=True)
            self.begin(self.segment.size)
        base = self.segment.size
        self.segment.write(buffers, size)
        self._count(size, last_seq)
        return base

    def rewrite(self, buffers: Sequence[bytes], size: int, last_seq: int) -> int:
        """`append` into a new segment after the open one failed, and compare what can be read back. Raises: OSError."""
        bad = self.segment
        bad.cut()
        self._drop_spare()
        self.begin(bad.size)
        base = self.segment.size
        self.segment.write(buffers, size)
        self.segment.verify(buffers, size)
        self._count(size, last_seq)
        return base

    def _drop_spare(self) -> None:
        """A segment made ahead is not needed any more, or the disk has failed since and it is not trusted."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            self._discard(spare)

    def _discard(self, segment: Segment) -> None:
        """Take away a segment in which nothing is durable; its number is free again once its name is gone."""
        with contextlib.suppress(OSError):
            self._disk.remove(segment.path)
            self._next = segment.number

    def _count(self, size: int, last_seq: int) -> None:
        self.size += size
        self.seq = last_seq
        self._marks[1] = last_seq
        self._marks[0] = self.segment.number << 32 | self.segment.size

    def prepare(self) -> None:
        """Make the next segment ahead, so that no commit waits for it. Raises: OSError."""
        if self._spare is None:
            self._spare = self._create_segment()

    def need(self, segment: int) -> None:
        """Tell whoever removes shipped segments that those below `segment` are not needed any more."""
        self._marks[2] = segment

    def close(self) -> None:
        """Nothing will be appended here any more and every exchange of this epoch has ended. Raises: OSError."""
        self.segment.cut()
        self._drop_spare()
        mark_closed(self._disk, self.folder, Closed(self.segment.number, self.segment.size, self.seq))

    def end(self) -> None:
        """After a failure: whatever stands beyond the last acknowledged frame is void, also for who reads after a crash.

        Said before a later epoch repeats what could not be acknowledged here. Raises: OSError.
        """
        if not self._end_said and self.folder.exists():
            mark = unpack_watermark(bytes(self._marks.cast("B")))
            put_file(self._disk, self.folder / "ended", msgspec.json.encode(Closed(mark.segment, mark.offset, mark.seq)))
            self._end_said = True

    def release(self) -> None:
        """Give up lock and files. Without `closed`, whoever comes next recovers the epoch."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                self._disk.close(self._lock)
            self._lock = -1
        self._segment = self._spare = None


def create(disk: Disk, data_dir: Path, instance: str, clock: Clock) -> Epoch:
    """A new epoch of `instance`, locked and durable, with a number that was never used, even if the spool was taken away since.

    Raises: OSError; then nothing is left behind if that can be helped.
    """
    home = data_dir / "spool" / instance
    guard = data_dir / "keyring" / instance / "epoch"
    make_folders(disk, home)
    make_folders(disk, guard.parent)
    number = max([_last(guard), *numbers(home)]) + 1
    while not _claim(disk, home, number):
        number += 1
    try:
        epoch = Epoch(disk, home / f"{number:08d}", instance, number, clock)
    except OSError:
        _give_up(disk, home / f"{number:08d}")
        raise
    try:
        put_file(disk, guard, b"%d\n" % number)
    except OSError:
        epoch.release()
        _give_up(disk, epoch.folder)
        raise
    return epoch


def _last(guard: Path) -> int:
    try:
        return int(guard.read_bytes())
    except (FileNotFoundError, ValueError):
        return 0


def _claim(disk: Disk, home: Path, number: int) -> bool:
    try:
        disk.make_folder(home / f"{number:08d}")
    except FileExistsError:
        return False
    disk.sync_folder(home)
    return True


def _give_up(disk: Disk, folder: Path) -> None:
    """A disk that fails is probed often: it should not fill with folders in which nothing was ever written."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            disk.remove(path)
        disk.remove_folder(folder)
