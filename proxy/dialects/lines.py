"""Cuts the body of a carrier into its lines, as it is read back: bounded memory, and the same lines however the bytes are cut.

Readers are pulled: `feed` a few KiB, then ask `next` until it gives None; at the end `finish` says what is left. A line is held
until it is whole, up to `LONGEST`; of a longer one only its digest is kept, since its commitment is needed all the same. One that
is longer than `WHOLE` is digested as it comes and stays in its parts: to join or to parse them is more than a turn of the loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

LONGEST = 16 * 1024 * 1024
"""Bytes of a line that is read; a longer one is recorded unread."""

WHOLE = 64 * 1024
"""Bytes of a line that is given in one piece."""

_WHITE = re.compile(rb"[ \t\r\n]*+")

Begin = Callable[[int], Any]
"""Begins the digest of line number n: a `hashlib` object with `update` and `hexdigest`."""


class Carried(msgspec.Struct, frozen=True, gc=False):
    """A line: `length` bytes at `offset` of the body, which are `content`; of a long line they are `parts`, none where they are too
    many, and `digest` has taken them in.
    """

    number: int
    offset: int
    length: int
    content: bytes | None
    digest: Any = None
    parts: tuple[bytes, ...] = ()


class CarriedReader(Protocol):
    """What cuts a body into lines."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; only after `next` gave None."""
        ...

    def next(self) -> Carried | None:
        """The next whole line, None when more bytes are needed."""
        ...

    def finish(self) -> Carried | None:
        """After the last bytes and the last `next`: the line that the body's end completes."""
        ...


class Holder:
    """One line as it is put together. `number` is its number."""

    __slots__ = ("_begin", "_digest", "_longest", "_offset", "_parts", "_tail", "_whole", "number", "size")

    def __init__(self, begin: Begin, longest: int, first: int = 0) -> None:
        self.number = first
        self.size = 0
        self._begin = begin
        self._longest = longest
        self._whole = min(WHOLE, longest)
        self._offset = 0
        self._parts: list[bytes] = []
        self._digest: Any = None
        self._tail = b""

    def add(self, offset: int, piece: bytes) -> None:
        """Add bytes; `offset` is where they stand, of which only a line's first counts."""
        if not piece:
            return
        if not self.size:
            self._offset = offset
        self.size += len(piece)
        if self._digest is not None:
            self._digest_all(self._tail + piece)
        elif self.size > self._whole:
            self._digest = self._begin(self.number)
            for part in (*self._parts, piece):
                self._digest_all(self._tail + part)
        if self.size <= self._longest:
            self._parts.append(piece)
        elif self._parts:
            self._parts = []

    def _digest_all(self, piece: bytes) -> None:
        """All but the last byte, which may turn out to be half of a line break."""
        self._digest.update(piece[:-1])
        self._tail = piece[-1:]

    def end(self, *, drop: bytes = b"") -> Carried:
        """The line, without `drop` (one byte, or none) at its end."""
        number, size, digest = self.number, self.size, self._digest
        parts, self._parts = self._parts, []
        self.number += 1
        self.size = 0
        self._digest = None
        if digest is not None:
            tail, self._tail = self._tail, b""
            if drop and tail == drop:
                size -= 1
                parts[-1:] = [last[:-1] for last in parts[-1:]]
            else:
                digest.update(tail)
            return Carried(number, self._offset, size, None, digest, tuple(parts))
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        if drop and content.endswith(drop):
            content = content[:-1]
        return Carried(number, self._offset, len(content), content)


class LineReader:
    """JSONL: a line ends at its line feed (a carriage return before that is not of it); white space before it is passed over."""

    __slots__ = ("_at", "_base", "_data", "_holder")

    def __init__(self, begin: Begin, *, offset: int = 0, first: int = 0, longest: int = LONGEST) -> None:
        """`offset` is where the first bytes stand in the body, `first` the number of the first line."""
        self._holder = Holder(begin, longest, first)
        self._data = b""
        self._at = 0
        self._base = offset

    def feed(self, data: bytes) -> None:
        """See `CarriedReader`."""
        self._base += len(self._data)
        self._data = data
        self._at = 0

    def next(self) -> Carried | None:
        """See `CarriedReader`."""
        data, at, holder = self._data, self._at, self._holder
        if not holder.size:
            white = _WHITE.match(data, at)
            assert white is not None
            at = white.end()
        if at == len(data):
            self._at = at
            return None
        end = data.find(b"\n", at)
        if end < 0:
            holder.add(self._base + at, data[at:])
            self._at = len(data)
            return None
        holder.add(self._base + at, data[at:end])
        self._at = end + 1
        return holder.end(drop=b"\r")

    def finish(self) -> Carried | None:
        """See `CarriedReader`."""
        return self._holder.end(drop=b"\r") if self._holder.size else None

    def rest(self) -> Carried | None:
        """In place of `finish`, where more of the line stands elsewhere: what there is of it, to its last byte."""
        return self._holder.end() if self._holder.size else None

    @property
    def number(self) -> int:
        """The number of the line that is read, or comes next."""
        return self._holder.number

    def skip(self, lines: int) -> None:
        """So many lines stand elsewhere: the next one is numbered after them."""
        self._holder.number += lines
