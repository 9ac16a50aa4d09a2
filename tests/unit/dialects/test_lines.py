"""Lines of a body that is read in pieces."""

import hashlib

from proxy.dialects.lines import Carried, LineReader


def test_a_line_that_is_too_long_leaves_its_digest_and_no_bytes() -> None:
    """What was held of it is let go, and the carriage return before its end is no part of it."""
    reader = LineReader(lambda number: hashlib.sha256(b"%d" % number), offset=100, longest=4)
    found = []
    for piece in (b"{}\n", b"abcde", b"fg\r", b"\n ", b"x"):
        reader.feed(piece)
        while (line := reader.next()) is not None:
            found.append(line)
    last = reader.finish()
    long = found[1]
    assert found[0] == Carried(0, 100, 2, b"{}")
    assert (long.number, long.offset, long.length, long.content) == (1, 103, 7, None)
    assert long.digest.digest() == hashlib.sha256(b"1abcdefg").digest()
    assert last == Carried(2, 113, 1, b"x")
