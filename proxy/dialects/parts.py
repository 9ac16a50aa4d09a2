"""Files of lines that come in several requests, cut anywhere: the lines within a part, and what is cut off.

A part begins within a line or at its start, which only whoever knows the part before can tell. So what stands before a part's first
line feed and behind its last one is kept as it is, to be joined when the order of the parts is known. Memory is bounded by the
longest line.
"""

from __future__ import annotations

import msgspec

from proxy.dialects.lines import LONGEST, Begin, Carried, LineReader


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """Bytes that are no whole line, as they came: they stand at `offset` of the body. None of `pieces` when they are too many."""

    offset: int = 0
    length: int = 0
    pieces: tuple[bytes, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether they were too many."""
        return self.length > 0 and not self.pieces


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a part leaves to be joined. `head` ends with the first line feed and `tail` begins behind the last, unless the part has
    none: then it is all `head`, and not `parted`. `lines` were whole.
    """

    head: Fragment
    tail: Fragment
    parted: bool
    lines: int


class PartReader:
    """Reads one part; a `CarriedReader` of the lines that are whole. `finish` gives none: ask `part` then."""

    def __init__(self, begin: Begin, *, offset: int = 0, longest: int = LONGEST) -> None:
        self._begin = begin
        self._offset = offset
        self._longest = longest
        self._head: list[bytes] = []
        self._size = 0
        self._reader: LineReader | None = None
        self._lines = 0
        self._tail = Fragment()

    def feed(self, data: bytes) -> None:
        """See `CarriedReader`."""
        if self._reader is not None:
            self._reader.feed(data)
            return
        end = data.find(b"\n") + 1
        head = data[:end] if end else data
        self._size += len(head)
        if self._size <= self._longest:
            self._head.append(head)
        else:
            self._head.clear()
        if end:
            self._reader = LineReader(self._begin, offset=self._offset + self._size, longest=self._longest)
            self._reader.feed(data[end:])

    def next(self) -> Carried | None:
        """See `CarriedReader`."""
        line = self._reader.next() if self._reader is not None else None
        self._lines += line is not None
        return line

    def finish(self) -> Carried | None:
        """See `CarriedReader`."""
        rest = self._reader.rest() if self._reader is not None else None
        if rest is not None:
            kept = rest.parts or ((rest.content,) if rest.content else ())
            self._tail = Fragment(rest.offset, rest.length, kept)
        return None

    @property
    def part(self) -> Part:
        """After `finish`."""
        return Part(Fragment(self._offset, self._size, tuple(self._head)), self._tail, self._reader is not None, self._lines)


class ChunkReader:
    """Reads a part that goes on where the one before ended; a `CarriedReader`. `before`: the beginning of the line that is cut.

    `last`: the file ends with it. Otherwise `tail` is, after `finish`, the beginning of a line that goes on in the next part. What
    is longer than the whole part, or too long, is given as it is: nobody will read it. Places before the part are negative.
    """

    def __init__(self, begin: Begin, before: Fragment, *, last: bool, longest: int = LONGEST) -> None:
        self.tail: Fragment | None = None
        self._last = last
        self._reader = LineReader(begin, offset=-before.length, longest=longest)
        for piece in before.pieces:
            self._reader.feed(piece)
            self._reader.next()

    def feed(self, data: bytes) -> None:
        """See `CarriedReader`."""
        self._reader.feed(data)

    def next(self) -> Carried | None:
        """See `CarriedReader`."""
        return self._reader.next()

    def finish(self) -> Carried | None:
        """See `CarriedReader`."""
        if self._last:
            return self._reader.finish()
        rest = self._reader.rest()
        if rest is None:
            self.tail = Fragment()
        elif rest.offset >= 0 and (rest.content or rest.parts):
            self.tail = Fragment(rest.offset, rest.length, rest.parts or (rest.content or b"",))
        else:
            return rest
        return None
