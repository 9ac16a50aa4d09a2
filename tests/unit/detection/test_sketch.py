"""Sketches stay as small as they say, and answer as rightly as they say."""

from __future__ import annotations

from random import Random

import pytest

from proxy.detection.sketch import Marks, Pieces, Samples, Seen, Variety


def identities(count: int, seed: int = 7) -> list[int]:
    """64-bit numbers."""
    source = Random(seed)
    return [source.getrandbits(64) for _ in range(count)]


def test_seen_remembers_what_it_promises() -> None:
    """The last 1,500 are never denied, few strangers are taken for known, and its bytes do not grow."""
    seen = Seen()
    came = identities(10_000)
    for each in came:
        seen.add(each)
    assert sum(len(held) for held in (seen._new, seen._old)) == 2048
    assert all(seen.add(each) for each in came[-1000:])
    strangers = identities(1000, seed=8)
    assert sum(seen.add(each) for each in strangers) < 180


def test_marks_hold_the_last() -> None:
    """A mark stays until another falls on its place."""
    marks = Marks(8)
    marks.add(3)
    assert 3 in marks
    assert 11 not in marks
    assert 0 not in marks
    marks.add(11)
    assert 11 in marks
    assert 3 not in marks


def test_pieces_that_recur_stay() -> None:
    """A piece that comes in every other text outlives thousands that come once, with its owner."""
    pieces = Pieces(64)
    source = Random(3)
    for _ in range(5000):
        pieces.add(12345, 2)
        pieces.add(source.getrandbits(32), Pieces.NOBODY)
    owner, count = pieces.find(12345)
    assert owner == 2
    assert count > 50
    pieces.disown(2)
    assert pieces.find(12345)[0] == Pieces.NOBODY


@pytest.mark.parametrize("count", [10, 100, 250])
def test_variety(count: int) -> None:
    """The estimate is within a fifth, however often each comes."""
    variety = Variety(256)
    for each in identities(count) * 3:
        variety.add(each & 0xFFFFFFFF)
    assert abs(variety.count() - count) <= max(2, count / 5)


def test_samples_do_not_favour_an_order() -> None:
    """The same names in any order leave the same samples, as many as were asked for."""
    names = [(mark, str(mark)) for mark in identities(200)]
    one, two = Samples(8), Samples(8)
    for mark, name in names:
        one.add(mark, name)
    for mark, name in reversed(names):
        two.add(mark, name)
    assert one.names() == two.names()
    assert len(one.names()) == 8
