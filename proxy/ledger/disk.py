"""Every file call of the ledger's write path, one method each.

The seam at which tests make the n-th call fail, drop what was never synced, or cut the power. Product code never branches on
a call's purpose: what a method does is what its name says. All methods raise OSError as the system does.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None) if sys.platform == "darwin" else None
_MAX_BUFFERS = 1024  # IOV_MAX of Linux and macOS


class Disk:
    """The machine's file calls. Stateless; one object serves all threads."""

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        """A new file descriptor; never inherited by children."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def close(self, fd: int) -> None:
        """Give a descriptor back."""
        os.close(fd)

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        """Bytes written at `offset` of at most the first 1,024 buffers; fewer than offered is not an error of the system's."""
        return os.pwritev(fd, buffers if len(buffers) <= _MAX_BUFFERS else buffers[:_MAX_BUFFERS], offset)

    def read_at(self, fd: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset`."""
        return os.pread(fd, size, offset)

    def sync(self, fd: int) -> None:
        """Make the file's bytes and size survive a power cut (macOS's fsync does not reach the platter, F_FULLFSYNC does)."""
        if _FULL_SYNC is None:
            os.fdatasync(fd)
        else:
            fcntl.fcntl(fd, _FULL_SYNC)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder survive a power cut."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut or extend a file to `size` bytes."""
        os.ftruncate(fd, size)

    def allocate(self, fd: int, size: int) -> None:
        """Take `size` bytes of space for a file, so that they can be given back when the disk is full."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            os.pwrite(fd, bytes(size), 0)

    def forget_cached(self, fd: int) -> None:
        """Ask the system to drop what it caches of a file, so that the next read comes from the device where it can."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def make_folder(self, path: Path) -> None:
        """A new folder, 0700; FileExistsError if the name is taken."""
        path.mkdir(mode=0o700)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file or folder another name, replacing a file of that name."""
        source.rename(target)

    def link(self, source: Path, target: Path) -> None:
        """A second name for a file; FileExistsError if it is taken, so that of two that try one wins."""
        target.hardlink_to(source)

    def remove(self, path: Path) -> None:
        """Take a file's name away; a missing one is fine."""
        path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Take an empty folder away."""
        path.rmdir()

    def status(self, fd: int) -> os.stat_result:
        """Size and link count of an open file."""
        return os.fstat(fd)

    def look_up(self, path: Path) -> os.stat_result:
        """What a name points to now; FileNotFoundError if to nothing."""
        return path.stat()

    def lock(self, fd: int, *, wait: bool) -> bool:
        """Take the file's exclusive lock; False when someone else holds it and `wait` is false."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def map(self, fd: int, size: int) -> mmap.mmap:
        """The file's first `size` bytes as shared memory."""
        return mmap.mmap(fd, size)


def write_all(disk: Disk, fd: int, buffers: Sequence[bytes], offset: int = 0) -> None:
    """Write every buffer in order from `offset`, going on after short writes.

    Raises: OSError, after which any part of the buffers may stand in the file.
    """
    left = sum(map(len, buffers))
    while left:
        written = disk.write(fd, buffers, offset)
        if not written:
            raise OSError(errno.EIO, "nothing of a write was taken")
        left -= written
        offset += written
        if left:
            buffers = _rest(buffers, written)


def _rest(buffers: Sequence[bytes], written: int) -> list[bytes]:
    for index, buffer in enumerate(buffers):
        if written < len(buffer):
            return [buffer[written:], *buffers[index + 1 :]]
        written -= len(buffer)
    return []


def make_folders(disk: Disk, path: Path) -> None:
    """A folder and those above it, each name synced where it was made."""
    if path.is_dir():
        return
    make_folders(disk, path.parent)
    try:
        disk.make_folder(path)
    except FileExistsError:
        return
    disk.sync_folder(path.parent)


def put_file(disk: Disk, path: Path, content: bytes) -> None:
    """A file that exists whole and durable, or not at all: written aside, synced, renamed, its name synced."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = disk.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, [content])
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(aside, path)
    disk.sync_folder(path.parent)


def make_once(disk: Disk, path: Path, content: bytes) -> None:
    """A file that is made by whoever comes first; of two processes that start at once, both go on with the same content."""
    make_folders(disk, path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = disk.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, [content])
        disk.sync(fd)
    finally:
        disk.close(fd)
    try:
        disk.link(aside, path)
    except FileExistsError:
        pass
    finally:
        disk.remove(aside)
    disk.sync_folder(path.parent)
