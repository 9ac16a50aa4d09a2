"""A file of lines comes to the same lines however it is cut into parts."""

from __future__ import annotations

import hashlib
from typing import Any
from unittest.mock import patch

from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.core.oneshot import drive
from proxy.dialects.lines import Carried, CarriedReader, LineReader
from proxy.dialects.parts import ChunkReader, Fragment, PartReader
from proxy.gateway.joining import Joined, Known, going_on, join

TOKENS = st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b" ", b"a", b"bc", b"def"]), max_size=30)
Found = tuple[int, bytes, str]


def begin(number: int) -> Any:
    """A digest that depends on the line's number."""
    return hashlib.sha256(b"%d" % number)


def bytes_of(line: Carried) -> bytes:
    """All of it."""
    return line.content if line.content is not None else b"".join(line.parts)


def read(reader: CarriedReader, pieces: list[bytes]) -> list[Carried]:
    """The lines that are whole."""
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (line := reader.next()) is not None:
            found.append(line)
    if (line := reader.finish()) is not None:
        found.append(line)
    return found


@given(TOKENS, st.lists(st.integers(0, 12), max_size=6), st.integers(1, 4))
def test_pieces_that_come_in_order_have_the_lines_of_the_whole(tokens: list[bytes], cuts: list[int], whole: int) -> None:
    """A line that begins in one piece and ends in the next is a line of the next, and stands where it is told; but for such as are
    longer than a piece, which are given as they are cut.
    """
    content = b"".join(tokens)
    found: list[bytes] = []
    with patch("proxy.dialects.lines.WHOLE", whole):
        before, record, rest, bodies = Fragment(), "", content, {"": b""}
        sizes = [*cuts, len(content)]
        for number, size in enumerate(sizes):
            body, rest = rest[:size], rest[size:]
            reader = ChunkReader(begin, before, last=number == len(sizes) - 1)
            bodies[f"r{number}"] = body
            places = going_on(record, before, f"r{number}")
            for line in read(reader, [body[:2], body[2:]]):
                told = places.pieces(line) if before.length else ()
                text = b"".join(bodies[at.id][at.offset : at.offset + at.length] for at in told)
                assert text == (bytes_of(line) if line.offset < 0 else b"")
                found.append(bytes_of(line))
            before, record = reader.tail or Fragment(), f"r{number}"
            assume(reader.tail is not None or number == len(sizes) - 1)
        expected = [bytes_of(line) for line in read(LineReader(begin), [content])]
    assert found == expected


def joined(parts: list[Known], bodies: dict[str, bytes]) -> tuple[list[tuple[int, bytes]], bool]:
    """Number and bytes of the lines between parts, the bytes from the places that are told; and whether that is all."""
    found: list[tuple[int, bytes]] = []
    ends: list[bool] = []

    async def take(line: Carried, places: Joined) -> None:
        text = b"".join(bodies[at.id][at.offset : at.offset + at.length] for at in places.pieces(line))
        assert text == bytes_of(line)
        found.append((line.number, text))

    async def walk() -> None:
        ends.append(await join(parts, begin, take))

    def failed(error: BaseException) -> None:
        raise error

    drive(walk(), failed)
    return found, ends[0]


@given(TOKENS, st.lists(st.integers(0, 12), max_size=6), st.integers(1, 4), st.sets(st.integers(0, 6), max_size=2))
def test_the_lines_are_those_of_the_whole(tokens: list[bytes], cuts: list[int], whole: int, unknown: set[int]) -> None:
    """Parts of any size, in pieces of any size: each line once, in its number. If parts are unknown: fewer, and no other."""
    content = b"".join(tokens)
    with patch("proxy.dialects.lines.WHOLE", whole):
        expected = [(line.number, bytes_of(line)) for line in read(LineReader(begin), [content])]
        parts: list[Known] = []
        bodies = {}
        within = []
        rest = content
        for number, size in enumerate([*cuts, len(content)]):
            body, rest = rest[:size], rest[size:]
            reader = PartReader(begin, offset=3)
            within += [bytes_of(line) for line in read(reader, [body[:2], body[2:]])]
            bodies[f"r{number}"] = b"xxx" + body
            parts.append(None if number in unknown else (f"r{number}", reader.part))
        between, complete = joined(parts, bodies)
    assert complete is (None not in parts)
    texts = sorted([*within, *(text for _, text in between)])
    if complete:
        assert texts == sorted(text for _, text in expected)
        assert set(between) <= set(expected)
    else:
        left = [text for _, text in expected]
        for text in texts:
            left.remove(text)
