"""One open segment on the spool's thread: written at its end, synced, and looked after.

Beyond the last frame the file may be zeros, put there a stretch at a time between commits: overwriting blocks that are there
already spares a sync the file system's journal and so halves its latency. A busy writer outruns them and simply appends, which
then costs less than writing everything twice.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from proxy.ledger.disk import Disk, write_all

EXTEND_BYTES = 1024 * 1024
_ZEROS = bytes(EXTEND_BYTES)


class SpoolDamagedError(OSError):
    """The open segment was deleted, replaced, truncated or grown by someone else, or reads back other bytes than were written."""


class Segment:
    """An open segment file; its descriptor lives as long as somebody may still read from it.

    `size` is where the next frame begins; `reaches` is the size of the file, zeros included.
    """

    __slots__ = ("_disk", "fd", "number", "path", "reaches", "size")

    def __init__(self, disk: Disk, path: Path, number: int) -> None:
        self._disk = disk
        self.fd = -1
        self.fd = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self.path = path
        self.number = number
        self.size = 0
        self.reaches = 0

    def __del__(self) -> None:
        if self.fd >= 0:
            with contextlib.suppress(OSError):
                self._disk.close(self.fd)

    def extend(self) -> None:
        """Put zeros ahead when they run short; not durable by itself. An error leaves the segment usable. Raises: OSError."""
        if self.reaches - self.size >= EXTEND_BYTES // 4:
            return
        try:
            write_all(self._disk, self.fd, [_ZEROS], self.reaches)
        finally:
            self.reaches = self._disk.status(self.fd).st_size

    def put_header(self, header: bytes) -> None:
        """The first bytes; they become durable with the first frames. Raises: OSError."""
        write_all(self._disk, self.fd, [header])
        self.size = len(header)
        self.reaches = max(self.reaches, self.size)

    def write(self, buffers: Sequence[bytes], size: int) -> None:
        """Add `size` bytes at the end, durable on return. Raises: OSError; then the segment is not to be written again."""
        self.check()  # before, since the write would hide that the file was cut
        write_all(self._disk, self.fd, buffers, self.size)
        self._disk.sync(self.fd)
        self.size += size
        self.reaches = max(self.reaches, self.size)

    def cut(self) -> None:
        """Take away what stands beyond the last durable frame, as far as the disk still obeys."""
        with contextlib.suppress(OSError):
            if self._disk.status(self.fd).st_size > self.size:
                self._disk.truncate(self.fd, self.size)

    def read(self, size: int, offset: int) -> bytes:
        """Exactly `size` bytes from `offset`. Raises: OSError when they are not there."""
        content = self._disk.read_at(self.fd, size, offset)
        if len(content) != size:
            raise SpoolDamagedError(errno.EIO, f"{self.path}: {len(content)} of {size} bytes at {offset}")
        return content

    def verify(self, buffers: Sequence[bytes], size: int) -> None:
        """Read back what was written last. Raises: OSError (SpoolDamagedError) when it is not the same."""
        self._disk.forget_cached(self.fd)
        if self.read(size, self.size - size) != b"".join(buffers):
            raise SpoolDamagedError(errno.EIO, f"{self.path} reads back other bytes than were written")

    def check(self, *, name: bool = False) -> None:
        """Raises: SpoolDamagedError when the file is not what we wrote, or (with `name`) no longer under its name."""
        status = self._disk.status(self.fd)
        if status.st_nlink == 0:
            raise SpoolDamagedError(errno.ENOENT, f"{self.path} was deleted")
        if status.st_size != self.reaches:
            raise SpoolDamagedError(errno.EIO, f"{self.path} has {status.st_size} bytes, {self.reaches} were written")
        if name:
            try:
                there = self._disk.look_up(self.path)
            except FileNotFoundError:
                raise SpoolDamagedError(errno.ENOENT, f"{self.path} was moved away") from None
            if (there.st_ino, there.st_dev) != (status.st_ino, status.st_dev):
                raise SpoolDamagedError(errno.EEXIST, f"{self.path} was replaced")
