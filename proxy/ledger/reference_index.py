"""The published reference index: one file in `data_dir/references`, written by control, looked up by every gateway of the machine.

A hash table of fixed places in buckets, then the profiles (principal, purpose, verdict … as JSON, written once each) that
places point to. It is read by `pread`, one bucket a lookup, so that an index of any size costs a gateway no memory, and a
failing disk an error rather than its life. ADR 0009 has the format byte by byte, and what a crash can leave.

A place is written before the word that makes it count, which is one aligned store, and both place and profile carry a checksum: a
reader finds an entry whole or not at all, whatever the writer is doing, and wherever it was killed.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
import zlib
from pathlib import Path

import msgspec

from proxy.core.references import KEY_BYTES, Origin

FILE_NAME = "index"
FORMAT = 1
HEADER_BYTES = 4096
SLOT_BYTES = 48
BUCKET_SLOTS = 16
LEAST_SLOTS = 1 << 12
MOST_SLOTS = 1 << 21
"""A file of at most 134 MB, for up to 1.5 million objects."""
FULL = 0.75
PROFILE_BYTES_PER_SLOT = 16
LEAST_PROFILE_BYTES = 1 << 20

_MAGIC = b"TPREF001"
_BUCKET_BYTES = SLOT_BYTES * BUCKET_SLOTS
_MOST_BUCKETS = 64
_ENTRIES_AT, _USED_AT, _STAMP_AT = 128, 136, 144
_LOOK_SECONDS = 0.25
_MOST_PROFILES = 4096
_RECORD_BYTES = 16
_FIXED = struct.Struct("<8sIIQQQ36s")
_WORD = struct.Struct("=Q")
_SLOT = struct.Struct(f"={KEY_BYTES}s{_RECORD_BYTES}sQ")
_PROFILE_HEAD = struct.Struct("<II")
_BYTE_ORDER = sys.byteorder
_ORDER_MARK = b"<" if sys.byteorder == "little" else b">"

_Profile = tuple[str, str, str, str, str, str, str]
_encode_profile = msgspec.json.Encoder().encode
_decode_profile = msgspec.json.Decoder(_Profile).decode


class IndexFullError(Exception):
    """There is no room for another entry; a larger file has to take the place of this one."""


class Shape(msgspec.Struct, frozen=True):
    """What a file's header says for good: places, where profiles begin, the file's size, and under which boot it was begun."""

    slots: int
    profiles_at: int
    size: int
    boot: str


def boot_id() -> str:
    """Tells one run of the machine from the next; empty where the system has no such thing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:36]
    except OSError:
        return ""


def _header(shape: Shape) -> bytes:
    fixed = _FIXED.pack(_MAGIC, FORMAT, SLOT_BYTES, shape.slots, shape.profiles_at, shape.size, shape.boot.encode())
    fixed += _ORDER_MARK
    return fixed + struct.pack("<I", zlib.crc32(fixed))


def parse_header(content: bytes) -> Shape | None:
    """The header of a file of this format and this machine's byte order, None of any other."""
    end = _FIXED.size + 1
    if len(content) < end + 4 or content[end - 1 : end] != _ORDER_MARK:
        return None
    magic, form, slot_bytes, slots, profiles_at, size, boot = _FIXED.unpack_from(content)
    if (magic, form, slot_bytes) != (_MAGIC, FORMAT, SLOT_BYTES) or struct.unpack_from("<I", content, end)[0] != zlib.crc32(
        content[:end]
    ):
        return None
    return Shape(slots, profiles_at, size, boot.rstrip(b"\0").decode("ascii", "replace"))


def _bucket_of(key: bytes, slots: int) -> int:
    return int.from_bytes(key[:8], "little") % (slots // BUCKET_SLOTS)


def _last_word(place: bytes, profile: int) -> int:
    """Profile and checksum of a place, the word that makes it count; never 0."""
    return (zlib.crc32(place, profile) << 32) | profile


def _slot_in(bucket: bytes, key: bytes) -> int:
    """Where in a bucket the key stands in a place of its own, -1 when it does not."""
    at = bucket.find(key)
    while at >= 0 and at % SLOT_BYTES:
        at = bucket.find(key, at + 1)
    return at


def _word_at(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 8], _BYTE_ORDER)


class IndexReader:
    """Looks objects up; follows the file when another takes its place. For one thread. `found` and `sought` count lookups."""

    def __init__(self, folder: Path) -> None:
        self.found = 0
        self.sought = 0
        self._path = folder / FILE_NAME
        self._fd = -1
        self._file = (0, 0)
        self._slots = 0
        self._profiles_at = 0
        self._profiles: dict[int, _Profile] = {}
        self._looked = -1.0

    def find(self, key: bytes) -> Origin | None:
        """Where the object comes from; None when the index does not know it, or cannot be read."""
        self.sought += 1
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self._follow()
        origin = self._find(key)
        if origin is None and self._follow():
            origin = self._find(key)
        if origin is not None:
            self.found += 1
        return origin

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _follow(self) -> bool:
        """Open the file that has the name now; True when it is another one than before."""
        try:
            status = self._path.stat()
            if (status.st_dev, status.st_ino) == self._file:
                return False
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        shape = None
        with contextlib.suppress(OSError):
            opened = os.fstat(fd)
            shape = parse_header(os.pread(fd, HEADER_BYTES, 0))
        if shape is None:  # of a version that this one does not read: what is open stays
            os.close(fd)
            return False
        self.close()
        self._fd, self._file = fd, (opened.st_dev, opened.st_ino)
        self._slots, self._profiles_at = shape.slots, shape.profiles_at
        self._profiles.clear()
        return True

    def _find(self, key: bytes) -> Origin | None:
        if self._fd < 0:
            return None
        try:
            return self._probe(key)
        except (OSError, msgspec.MsgspecError):
            return None

    def _probe(self, key: bytes) -> Origin | None:
        buckets = self._slots // BUCKET_SLOTS
        number = _bucket_of(key, self._slots)
        for _ in range(_MOST_BUCKETS):
            bucket = os.pread(self._fd, _BUCKET_BYTES, HEADER_BYTES + number * _BUCKET_BYTES)
            at = _slot_in(bucket, key)
            if at >= 0 and (origin := self._origin(bucket[at : at + SLOT_BYTES])) is not None:
                return origin
            if len(bucket) < _BUCKET_BYTES or not _word_at(bucket, _BUCKET_BYTES - 8):
                return None
            number = (number + 1) % buckets
        return None

    def _origin(self, slot: bytes) -> Origin | None:
        word = _word_at(slot, SLOT_BYTES - 8)
        at = word & 0xFFFFFFFF
        place = slot[: SLOT_BYTES - 8]
        if word != _last_word(place, at):
            return None
        profile = self._profiles.get(at)
        if profile is None:
            profile = _read_profile(self._fd, self._profiles_at + at)
            if profile is None:
                return None
            if len(self._profiles) >= _MOST_PROFILES:
                self._profiles.clear()
            self._profiles[at] = profile
        _, record, made = _SLOT.unpack(place)
        return Origin("rec_" + record.hex(), made, *profile)


def _read_profile(fd: int, at: int) -> _Profile | None:
    head = os.pread(fd, 1024, at)
    if len(head) < _PROFILE_HEAD.size:
        return None
    length, checksum = _PROFILE_HEAD.unpack_from(head)
    text = head[_PROFILE_HEAD.size : _PROFILE_HEAD.size + length]
    if len(text) < length <= LEAST_PROFILE_BYTES:
        text = os.pread(fd, length, at + _PROFILE_HEAD.size)
    return _decode_profile(text) if len(text) == length and zlib.crc32(text) == checksum else None


class IndexWriter:
    """The one writer of an index file. `entries`: places taken. `stamp`: up to where in the store everything is in it.

    Every method may raise OSError; what was written before stays readable.
    """

    def __init__(self, path: Path, fd: int, shape: Shape) -> None:
        self.path = path
        self.shape = shape
        self._fd = fd
        self.entries = self._word(_ENTRIES_AT)
        self.stamp = self._word(_STAMP_AT)
        self._used = self._word(_USED_AT)
        self._known: dict[bytes, int] = {}

    @classmethod
    def create(cls, folder: Path, expected: int) -> IndexWriter:
        """A new, empty file beside the published one, with room for twice `expected` entries, within the bound of the format."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        slots = LEAST_SLOTS
        while slots * FULL < 2 * expected and slots < MOST_SLOTS:
            slots *= 2
        profiles_at = HEADER_BYTES + slots * SLOT_BYTES
        size = profiles_at + max(LEAST_PROFILE_BYTES, slots * PROFILE_BYTES_PER_SLOT)
        shape = Shape(slots, profiles_at, size, boot_id())
        path = folder / f".{FILE_NAME}.new"
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, size)  # sparse: what was never written takes no space, and reads as zeros
            os.pwrite(fd, _header(shape), 0)
            writer = cls(path, fd, shape)
            writer._take_profile_zero()
        except BaseException:
            os.close(fd)
            raise
        return writer

    @classmethod
    def resume(cls, folder: Path) -> IndexWriter | None:
        """The published file, to be written on; None when there is none that this run of the machine wrote whole."""
        path = folder / FILE_NAME
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        shape = parse_header(os.pread(fd, HEADER_BYTES, 0))
        if shape is None or not shape.boot or shape.boot != boot_id() or os.fstat(fd).st_size != shape.size:
            os.close(fd)
            return None
        return cls(path, fd, shape)

    def publish(self) -> None:
        """Put this file in the place of the published one, in one step."""
        self._set(_ENTRIES_AT, self.entries)
        os.fdatasync(self._fd)
        final = self.path.with_name(FILE_NAME)
        self.path.replace(final)
        self.path = final

    def put(self, key: bytes, origin: Origin) -> None:
        """Take an entry in, or write a known one anew. Raises: IndexFullError, OSError."""
        record = bytes.fromhex(origin.record[4:])
        profile = self._profile(origin)
        place = _SLOT.pack(key, record, origin.at)
        word = _WORD.pack(_last_word(place, profile))
        offset, known = self._place(key)
        if not known and self.entries >= self.shape.slots * FULL:
            raise IndexFullError
        if known and os.pread(self._fd, len(place), offset) == place:
            os.pwrite(self._fd, word, offset + len(place))  # one word: readers see the one profile or the other
            return
        os.pwrite(self._fd, place, offset)
        os.pwrite(self._fd, word, offset + len(place))
        self.entries += not known

    def reached(self, stamp: int) -> None:
        """Everything up to `stamp` is in the file."""
        self._set(_ENTRIES_AT, self.entries)  # here rather than with each: a writer that is killed leaves a count that is too low
        self.stamp = stamp
        self._set(_STAMP_AT, stamp)

    def close(self) -> None:
        """Give the file back; published or not, it stays."""
        os.close(self._fd)

    def _place(self, key: bytes) -> tuple[int, bool]:
        """(offset of the key's place, or of the free one it may have; whether it is the key's). Raises: IndexFullError."""
        buckets = self.shape.slots // BUCKET_SLOTS
        number = _bucket_of(key, self.shape.slots)
        for _ in range(_MOST_BUCKETS):
            offset = HEADER_BYTES + number * _BUCKET_BYTES
            bucket = os.pread(self._fd, _BUCKET_BYTES, offset)
            at = _slot_in(bucket, key)
            if at >= 0 and _word_at(bucket, at + SLOT_BYTES - 8):
                return offset + at, True
            for start in range(0, _BUCKET_BYTES, SLOT_BYTES):
                if not _word_at(bucket, start + SLOT_BYTES - 8):  # never counted, or its writer was killed before it did
                    return offset + start, False
            number = (number + 1) % buckets
        raise IndexFullError

    def _profile(self, origin: Origin) -> int:
        """Where the profile of an origin stands, written if it does not yet. Raises: IndexFullError."""
        text = _encode_profile(
            (origin.kind, origin.principal, origin.project, origin.purpose, origin.verdict, origin.endpoint, origin.model)
        )
        known = self._known.get(text)
        if known is not None:
            return known
        framed = _PROFILE_HEAD.pack(len(text), zlib.crc32(text)) + text
        at = self._used
        if self.shape.profiles_at + at + len(framed) > self.shape.size:
            raise IndexFullError
        os.pwrite(self._fd, framed, self.shape.profiles_at + at)
        self._used = at + len(framed)
        self._set(_USED_AT, self._used)
        if len(self._known) >= _MOST_PROFILES:
            self._known.clear()
        self._known[text] = at
        return at

    def _take_profile_zero(self) -> None:
        """Leave offset 0 unused, so that the word of a place is never 0."""
        self._used = 8
        self._set(_USED_AT, self._used)

    def _word(self, at: int) -> int:
        return int(_WORD.unpack(os.pread(self._fd, 8, at))[0])

    def _set(self, at: int, value: int) -> None:
        os.pwrite(self._fd, _WORD.pack(value), at)
