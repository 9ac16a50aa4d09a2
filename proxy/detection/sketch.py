"""Sketches of bounded size: what was seen before, which pieces of text recur, how many different ones there were.

All are arrays of machine integers, so that an entity's bytes are known beforehand. They forget or confuse rather than grow.
"""

from __future__ import annotations

from array import array
from math import log


class Seen:
    """Whether an identity came before: two Bloom filters of 8,192 bits with two probes each. The older is dropped when the newer
    holds 1,500, so that 1,500 to 3,000 identities are remembered. Says `yes` wrongly for at most one in eleven (a full
    filter), one in forty on average; never `no` wrongly within its memory. 2 KiB.
    """

    __slots__ = ("_new", "_old", "held")

    BITS = 8192
    FULL = 1500

    def __init__(self) -> None:
        self._new = bytearray(self.BITS // 8)
        self._old = bytearray(0)
        self.held = 0

    def add(self, identity: int) -> bool:
        """Remember a 64-bit identity; True if it was there already."""
        one, two = identity & 8191, identity >> 20 & 8191
        new, old = self._new, self._old
        one_at, one_bit, two_at, two_bit = one >> 3, 1 << (one & 7), two >> 3, 1 << (two & 7)
        if new[one_at] & one_bit and new[two_at] & two_bit:
            return True
        known = bool(old) and bool(old[one_at] & one_bit) and bool(old[two_at] & two_bit)
        new[one_at] |= one_bit
        new[two_at] |= two_bit
        self.held += 1
        if self.held >= self.FULL:
            self._old, self._new, self.held = new, bytearray(self.BITS // 8), 0
        return known


class Marks:
    """A set of 32-bit marks in `size` places (a power of two), each place holding the last that fell there, and the small number
    (0 to 255) that it came with. 5 bytes a place.
    """

    __slots__ = ("_marks", "_mask", "_numbers")

    def __init__(self, size: int) -> None:
        self._marks = array("I", bytes(4 * size))
        self._numbers = bytearray(size)
        self._mask = size - 1

    def add(self, mark: int, number: int = 0) -> None:
        """Remember a mark; 0 is none."""
        place = mark & self._mask
        self._marks[place], self._numbers[place] = mark, number

    def number(self, mark: int) -> int:
        """What a mark that is in the set came with."""
        return self._numbers[mark & self._mask]

    def __contains__(self, mark: int) -> bool:
        return mark != 0 and self._marks[mark & self._mask] == mark


class Pieces:
    """Pieces of text that recur: for each of `size` places a 32-bit mark, to which stream it belongs, and how often it came.

    A mark that falls on another's place wears it down by one and takes the place at nought (Misra-Gries), so that what
    recurs stays and what came once goes. 6 bytes a place.
    """

    __slots__ = ("_counts", "_marks", "_mask", "_owners")

    NOBODY = 255

    def __init__(self, size: int) -> None:
        self._marks = array("I", bytes(4 * size))
        self._owners = bytearray(b"\xff" * size)
        self._counts = bytearray(size)
        self._mask = size - 1

    def find(self, mark: int) -> tuple[int, int]:
        """Who owns a piece (or `NOBODY`) and how often it came, 0 when it is not known."""
        place = mark & self._mask
        return (self._owners[place], self._counts[place]) if self._marks[place] == mark else (self.NOBODY, 0)

    def add(self, mark: int, owner: int) -> None:
        """Count a piece and give it to a stream; `NOBODY` leaves it with whoever has it."""
        place = mark & self._mask
        if self._marks[place] == mark:
            if self._counts[place] < 255:
                self._counts[place] += 1
            if owner != self.NOBODY:
                self._owners[place] = owner
        elif self._counts[place] > 1:
            self._counts[place] -= 1
        else:
            self._marks[place], self._owners[place], self._counts[place] = mark, owner, 1

    def owned(self, owner: int, least: int = 2) -> list[int]:
        """The pieces of a stream that came so often at least, those that came most first."""
        mine = [place for place, whose in enumerate(self._owners) if whose == owner and self._counts[place] >= least]
        mine.sort(key=lambda place: (-self._counts[place], place))
        return [self._marks[place] for place in mine]

    def disown(self, owner: int) -> None:
        """Forget who owned the pieces of a stream that is gone."""
        owners = self._owners
        for place, whose in enumerate(owners):
            if whose == owner:
                owners[place] = self.NOBODY


class Variety:
    """How many different marks there were: linear counting over `bits` bits, good to about twice as many marks. bits/8 bytes."""

    __slots__ = ("_bits", "_set", "size")

    def __init__(self, bits: int) -> None:
        self._bits = bytearray(bits // 8)
        self._set = 0
        self.size = bits

    def add(self, mark: int) -> None:
        """Count a mark, at least 32 bits well mixed."""
        place = (mark * 0x9E3779B1 & 0xFFFFFFFF) % self.size
        at, bit = place >> 3, 1 << (place & 7)
        if not self._bits[at] & bit:
            self._bits[at] |= bit
            self._set += 1

    def count(self) -> float:
        """The estimate; where all bits are set, what it takes to set all but one."""
        return self.size * log(self.size / max(1, self.size - self._set))


class Samples:
    """A reservoir of names (record ids): each that came is in it equally likely, chosen by its mark, without a random source."""

    __slots__ = ("_held", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._held: list[tuple[int, str]] = []

    def add(self, mark: int, name: str) -> None:
        """Offer one; kept are those with the smallest marks after mixing."""
        mixed = (mark * 0x9E3779B97F4A7C15 + 0x7F4A7C15) & 0xFFFFFFFFFFFFFFFF
        held = self._held
        if len(held) < self.size or mixed < held[-1][0]:
            held.append((mixed, name))
            held.sort()
            del held[self.size :]

    def names(self) -> list[str]:
        """Those held, in no order that means anything."""
        return [name for _, name in self._held]
