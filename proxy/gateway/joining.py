"""Joins what the parts of a file cut in two, in the order in which they make the file, and gives the lines that come of it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence

from proxy.dialects.lines import Begin, Carried, LineReader
from proxy.dialects.parts import Fragment, Part
from proxy.ledger.record import Piece

Known = tuple[str, Part] | None
"""A part: its record, and what it left. None when nobody here knows it."""


class Joined:
    """The ends of parts, one behind the other; places of lines are in these, from `begin` on."""

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin
        self._fragments: list[tuple[str, Fragment]] = []

    def add(self, record: str, fragment: Fragment) -> None:
        """The next of them, of a record's body."""
        self._fragments.append((record, fragment))

    def pieces(self, line: Carried) -> tuple[Piece, ...]:
        """Where the bytes of a line stand; none of one that stands whole where it is."""
        found = []
        at = self._begin
        if at < 0 <= line.offset:
            return ()
        for record, fragment in self._fragments:
            first, last = max(line.offset - at, 0), min(line.offset + line.length - at, fragment.length)
            if first < last:
                found.append(Piece(record, fragment.offset + first, last - first))
            at += fragment.length
        return tuple(found)


def going_on(record: str, before: Fragment, here: str) -> Joined:
    """The body of `here`, behind the beginning of a line in an earlier record's."""
    joined = Joined(-before.length)
    joined.add(record, before)
    joined.add(here, Fragment(0, sys.maxsize))
    return joined


class _Joining:
    def __init__(self, begin: Begin, take: Callable[[Carried, Joined], Awaitable[None]]) -> None:
        self.sound = True
        self._begin = begin
        self._take = take
        self._reader = LineReader(begin)
        self._joined = Joined()

    async def feed(self, record: str, fragment: Fragment) -> None:
        """Bytes that follow those before."""
        self._joined.add(record, fragment)
        for piece in fragment.pieces:
            self._reader.feed(piece)
            while (line := self._reader.next()) is not None:
                await self._take(line, self._joined)

    async def finish(self) -> None:
        """The line that the file's end completes."""
        if self.sound and (line := self._reader.finish()) is not None:
            await self._take(line, self._joined)

    def lose(self) -> None:
        """The line under way cannot be had."""
        if self.sound:
            self._reader, self._joined, self.sound = LineReader(self._begin, first=self._reader.number + 1), Joined(), False

    def skip(self, lines: int) -> None:
        """Lines that were whole in their part."""
        self._reader.skip(lines)


async def join(parts: Sequence[Known], begin: Begin, take: Callable[[Carried, Joined], Awaitable[None]]) -> bool:
    """Give each line that stands in no part for itself, numbered as in the file as far as its parts are known.

    Returns: whether all of them are known, with all that they left.
    """
    joining = _Joining(begin, take)
    complete = True
    for known in parts:
        if known is None:
            joining.lose()
            complete = False
            continue
        record, part = known
        complete = complete and not part.head.lost and not part.tail.lost
        if part.head.lost:
            joining.lose()
        elif joining.sound:
            await joining.feed(record, part.head)
        if part.parted:
            joining.skip(part.lines)
            joining.sound = True
            if part.tail.lost:
                joining.lose()
            else:
                await joining.feed(record, part.tail)
    await joining.finish()
    return complete
