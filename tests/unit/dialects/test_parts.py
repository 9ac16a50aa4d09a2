"""One part of a file of lines: what is whole in it, and what is not."""

import hashlib

from proxy.dialects.parts import Fragment, PartReader


def read(content: bytes, longest: int = 100) -> tuple[PartReader, list[bytes | None]]:
    """The part at offset 7 of its body, in pieces of 3 bytes, and its whole lines."""
    reader, found = PartReader(lambda _: hashlib.sha256(), offset=7, longest=longest), []
    for at in range(0, len(content), 3):
        reader.feed(content[at : at + 3])
        while (line := reader.next()) is not None:
            found.append(line.content)
    assert reader.finish() is None
    return reader, found


def test_ends_are_kept_as_they_came() -> None:
    """A carriage return may be half of a line's end, white space the inside of a text."""
    reader, found = read(b"ab \r\n{}\n[]\n  cd\r")
    part = reader.part
    assert found == [b"{}", b"[]"]
    assert (b"".join(part.head.pieces), part.head.offset, part.head.length) == (b"ab \r\n", 7, 5)
    assert (b"".join(part.tail.pieces), part.tail.offset, part.tail.length) == (b"cd\r", 20, 3)
    assert (part.parted, part.lines) == (True, 2)


def test_a_part_without_a_line_feed_is_one_end() -> None:
    """It may be the middle of a line that began before it and goes on behind it."""
    part = read(b"abcdef")[0].part
    assert (b"".join(part.head.pieces), part.parted, part.tail) == (b"abcdef", False, Fragment())


def test_an_end_that_is_too_long_is_lost() -> None:
    """Only how long it was is known."""
    part = read(b"abcdef\nghijkl", longest=4)[0].part
    assert (part.head.lost, part.head.length, part.tail.lost, part.tail.length) == (True, 7, True, 6)
