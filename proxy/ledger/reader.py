"""Reads epochs back: for whoever ships, integrates, reindexes or recovers. Never writes, and never shows what is not durable.

While the writer lives (its lock is held) an epoch is read up to its watermark; once it is closed, up to the place that `closed`
names; in between, after a crash and before the next start, up to the last good frame, synced before it is shown. Frames come in
the order they were written, entries with the next number each; where that is not so, a `Fault` says what is missing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from proxy.ledger import segments
from proxy.ledger.disk import Disk
from proxy.ledger.epoch import WATERMARK_BYTES, Closed, Watermark, numbers, pack_watermark, unpack_watermark
from proxy.ledger.segments import HEADER_BYTES, NO_COMMIT, Commit, Frame, Header

_disk = Disk()


class EpochAt(msgspec.Struct, frozen=True, order=True):
    """One epoch on disk."""

    instance: str
    number: int
    folder: Path


class Cursor(msgspec.Struct, frozen=True):
    """Where reading goes on: a place, the number of the last entry before it, and the commit that ended there.

    Plain numbers, to be kept as they are (msgspec.json). `Cursor()` is the start of an epoch.
    """

    segment: int = 0
    offset: int = 0
    seq: int = 0
    commit: int = -1
    frames: int = 0


class Fault(msgspec.Struct, frozen=True):
    """Synced bytes that are not there or not sound. `what`: `damaged`, or `removed` (whole segments are missing, perhaps rightly).

    Entries `first` to `last` are missing; none (last < first) when only pieces were hit.
    """

    what: str
    segment: int
    offset: int
    first: int
    last: int


class Portion(msgspec.Struct, frozen=True):
    """Frames of one segment, and where to go on. `finished`: the epoch is closed and was read to its end.

    `torn`: bytes at the end of a dead epoch that were never durable. `current`: the writer lives and had made no more durable.
    """

    frames: list[Frame]
    segment: int
    cursor: Cursor
    faults: list[Fault]
    finished: bool
    torn: int = 0
    current: bool = False


class _Limit(msgspec.Struct, frozen=True):
    """How far may be read. `exact`: everything before it was durable once, so that a bad frame is damage, not a torn tail."""

    segment: int
    offset: int
    exact: bool
    closed: bool = False
    live: bool = False


_DEAD = _Limit(1 << 62, 1 << 62, exact=False)


def epochs(spool: Path) -> list[EpochAt]:
    """All epochs under a spool folder, by instance, ascending."""
    try:
        homes = sorted(path for path in spool.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    return [EpochAt(home.name, number, home / f"{number:08d}") for home in homes for number in numbers(home)]


def is_live(folder: Path) -> bool:
    """Whether the epoch's writer holds its lock."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def watermark(folder: Path) -> Watermark:
    """How far the epoch is durable, as its writer last said; all zeros when it never did."""
    try:
        fd = os.open(f"{folder}/watermark", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return unpack_watermark(bytes(WATERMARK_BYTES))
    try:
        return unpack_watermark(os.read(fd, WATERMARK_BYTES).ljust(WATERMARK_BYTES, b"\0"))
    finally:
        os.close(fd)


@contextmanager
def watching(marks: Mapping[Path, Watermark | None]) -> Iterator[Callable[[], bool]]:
    """Asks whether any of these epochs, by folder, has another watermark than the one given. Asked for twenty times a second: the
    files stay open.
    """
    with ExitStack() as opened:
        seen: list[tuple[int, bytes]] = []
        for folder, mark in marks.items():
            with suppress(FileNotFoundError):
                fd = os.open(f"{folder}/watermark", os.O_RDONLY | os.O_CLOEXEC)
                opened.callback(os.close, fd)
                seen.append((fd, pack_watermark(mark) if mark is not None else b""))
        yield lambda: any(os.pread(fd, WATERMARK_BYTES, 0).ljust(WATERMARK_BYTES, b"\0") != packed for fd, packed in seen)


def closed(folder: Path, name: str = "closed") -> Closed | None:
    """Where the epoch ends, once nothing can be added. `ended` says so of one that a failing disk ended and that is still open."""
    try:
        return msgspec.json.decode((folder / name).read_bytes(), type=Closed)
    except FileNotFoundError:
        return None


def removable(spool: Path, instance: str) -> list[Path]:
    """Segments that no recovery will ask for, oldest first: the only ones that may go once they are shipped.

    Those of closed epochs, and in the first epoch that is not closed those below what its writer still needs; none after it,
    since they may hold outcomes of exchanges that began in it.
    """
    found: list[Path] = []
    for number in numbers(spool / instance):
        folder = spool / instance / f"{number:08d}"
        names = numbers(folder, ".seg")
        if closed(folder) is not None:
            found += [folder / f"{name:08d}.seg" for name in names]
            continue
        needed = watermark(folder).needed
        return found + [folder / f"{name:08d}.seg" for name in names if name < needed]
    return found


def read(epoch: EpochAt, cursor: Cursor, max_bytes: int = 1 << 20, *, locked: bool = False) -> Portion:
    """Frames after `cursor`, of about `max_bytes` but at least one if there is one. Never crosses a segment.

    An empty, unfinished portion whose cursor has not moved means: nothing new yet. `locked`: the caller holds the lock of an
    epoch whose writer is gone. Raises: OSError.
    """
    limit = _limit(epoch.folder, locked=locked)
    begun = _begun(epoch.folder, cursor.segment, limit.segment)
    here = next(begun, None)
    if here is None:
        return _nothing_left(cursor, limit)
    number, header = here
    following = next(begun, None)
    faults: list[Fault] = []
    if number != cursor.segment or cursor.offset < HEADER_BYTES:
        cursor = _enter(number, header, cursor, faults)
    exact_end = (
        following[1].previous_end if following is not None and following[1] is not None and following[0] == number + 1 else None
    )
    part = _Part(epoch.folder / f"{number:08d}.seg", cursor, limit, exact_end, watermark(epoch.folder), faults)
    part.take(max_bytes)
    at_end = part.at_end
    if at_end and following is not None:
        cursor = msgspec.structs.replace(part.cursor, segment=number + 1, offset=0)
        return Portion(part.frames, number, cursor, part.faults, finished=False, torn=part.torn)
    done = at_end and limit.closed and number >= limit.segment
    current = at_end and limit.live and number == limit.segment
    return Portion(part.frames, number, part.cursor, part.faults, finished=done, torn=part.torn, current=current)


def _limit(folder: Path, *, locked: bool) -> _Limit:
    for _ in range(2):  # the writer may close the epoch and let go of its lock in between
        end = closed(folder)
        if end is not None:
            return _Limit(end.segment, end.offset, exact=True, closed=True)
        if not locked and is_live(folder):
            mark = watermark(folder)
            return _Limit(mark.segment, mark.offset, exact=True, live=True)
    end = closed(folder, "ended")
    return _DEAD if end is None else _Limit(end.segment, end.offset, exact=True)


def _begun(folder: Path, first: int, last: int) -> Iterator[tuple[int, Header | None]]:
    """Segments in which writing began, with their headers; None for a header that a crash tore."""
    for number in numbers(folder, ".seg"):
        if not first <= number <= last:
            continue
        try:
            with (folder / f"{number:08d}.seg").open("rb") as file:
                header = segments.parse_header(file.read(HEADER_BYTES))
                if header is None and not file.read().strip(b"\0"):
                    continue
        except FileNotFoundError:  # removed since it was listed
            continue
        yield number, header


def _enter(number: int, header: Header | None, cursor: Cursor, faults: list[Fault]) -> Cursor:
    """The start of a segment; entries that should have come before it are a fault."""
    expected = cursor.seq + 1
    if header is not None and header.first_seq > expected:
        what = "removed" if number > max(1, cursor.segment) else "damaged"
        faults.append(Fault(what, cursor.segment, cursor.offset, expected, header.first_seq - 1))
        cursor = Cursor(seq=header.first_seq - 1)
    return Cursor(number, HEADER_BYTES, cursor.seq, cursor.commit, cursor.frames)


def _nothing_left(cursor: Cursor, limit: _Limit) -> Portion:
    """No segment at or after the cursor: nothing was written yet, or all that followed was removed."""
    if not limit.closed:
        return Portion([], cursor.segment, cursor, [], finished=False)
    return Portion([], cursor.segment, Cursor(limit.segment, limit.offset, cursor.seq), [], finished=True)


class _Part:
    """One segment from a cursor on."""

    def __init__(
        self, path: Path, cursor: Cursor, limit: _Limit, exact_end: int | None, mark: Watermark, faults: list[Fault]
    ) -> None:
        self.path = path
        self.offset = cursor.offset
        self.seq = cursor.seq
        self.commit = Commit(cursor.commit, cursor.frames)
        self.faults = faults
        self.frames: list[Frame] = []
        self.torn = 0
        self.at_end = False
        self._segment = cursor.segment
        if exact_end is not None:
            self._end: int | None = exact_end
        elif limit.exact and cursor.segment == limit.segment:
            self._end = limit.offset
        else:
            self._end = None
        self._durable = mark.offset if mark.segment == cursor.segment else 0

    @property
    def cursor(self) -> Cursor:
        """Where reading goes on."""
        return Cursor(self._segment, self.offset, self.seq, self.commit.number, self.commit.frames)

    def take(self, max_bytes: int) -> None:
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(fd).st_size
            if self._end is None and self.offset < size:
                _disk.sync(fd)
            stop = size if self._end is None else self._end
            while not self.at_end and (max_bytes > 0 or not self.frames):
                start = self.offset
                if start >= stop:
                    self.at_end = True
                    return
                window = max(max_bytes, 1 << 16)
                content = os.pread(fd, min(window, stop - start), start)
                self._parse(content, start)
                while self.offset == start and window < stop - start:  # a frame longer than what was read, or a bad one
                    window *= 4
                    content = os.pread(fd, min(window, stop - start), start)
                    self._parse(content, start, once=True)
                if self.offset == start:
                    self._bad(content, start, stop)
                max_bytes -= self.offset - start
        finally:
            os.close(fd)

    def _parse(self, content: bytes, start: int, *, once: bool = False) -> None:
        """Take sound frames, or `once` only the first. Every frame of the ledger comes through here: hence no calls."""
        size, parse, taken = len(content), segments.parse_frame, self.frames
        offset, last = self.offset, self.seq
        commit, count = self.commit
        while (frame := parse(content, offset - start, size, start)) is not None:
            seq = frame.seq
            if seq > last:
                if seq > last + 1:
                    self.faults.append(Fault("damaged", self._segment, offset, last + 1, seq - 1))
                taken.append(frame)
                last = seq
            elif seq == 0:
                taken.append(frame)
            if frame.commit == commit:
                count += 1
            else:
                commit, count = frame.commit, 1
            offset = frame.end
            if once:
                break
        self.offset, self.seq, self.commit = offset, last, Commit(commit, count)

    def _bad(self, content: bytes, start: int, stop: int) -> None:
        """No sound frame at the cursor, though the file goes on."""
        if self._end is None:
            first = segments.damaged(self.commit, content, 0, len(content))
            if first is None and start >= self._durable:
                self.torn = len(content.rstrip(b"\0"))
                self.at_end = True
                return
        first = segments.next_sound(content, 0, len(content))
        resume = stop if first is None else start + first.offset
        if first is None and self._end is None:
            self.at_end = True
        missing = first.seq - 1 if first is not None and first.seq else self.seq
        self.faults.append(Fault("damaged", self._segment, start, self.seq + 1, missing))
        self.offset = resume
        self.seq = max(self.seq, missing)
        self.commit = NO_COMMIT if first is None else Commit(first.commit, 0)
