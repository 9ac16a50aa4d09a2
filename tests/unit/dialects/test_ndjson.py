"""Answers in lines: what is held, and what is read whatever the lines are."""

from typing import Any

from proxy.dialects.gathering import Gathering
from proxy.dialects.ndjson import LONGEST_HELD, LineStreamReader


def _read(gathering: Gathering, line: dict[str, Any]) -> bool:
    gathering.says(0, line.get("text", ""))
    return bool(line.get("done"))


def reader(cap: int = 100) -> LineStreamReader:
    return LineStreamReader(_read, lambda message: message.encode(), collect=True, cap=cap)


def test_a_line_is_held_until_it_is_whole() -> None:
    """Then it leaves, unless it is the last; what follows the last stays with it."""
    reading = reader()
    assert [reading.feed(piece) for piece in (b'{"text":', b'"a"}\n{"d', b'one":true}', b"\n", b"\n\n")] == [8, 3, 13, 14, 16]
    assert reading.ended
    assert reading.facts().text == "a"


def test_a_document_without_an_end_of_line_is_read_when_asked() -> None:
    """Once, whatever comes after; half a document is unread."""
    reading = reader()
    reading.feed(b'{"text":"a"')
    assert reading.facts().unread
    reading.feed(b"}")
    assert [(reading.facts().text, reading.facts().unread, reading.facts().events) for _ in range(2)] == [("a", False, 1)] * 2
    reading.feed(b'\n{"text":"b"}\n')
    assert (reading.facts().text, reading.facts().events) == ("ab", 2)


def test_what_is_no_line_is_passed_over() -> None:
    """Lines that are too long or no objects are unread, those after them are read."""
    for noise in (b"x" * 200, b'{"text":"' + b"x" * 200 + b'"}', b"[1]", b"\xff"):
        reading = reader()
        reading.feed(noise + b'\n{"text":"a"}\n')
        assert (reading.facts().text, reading.facts().unread) == ("a", True)


def test_what_is_too_long_to_be_held_leaves() -> None:
    """And is not claimed back when its line turns out to be the last; an error of ours then begins a line."""
    reading = reader(cap=4 * LONGEST_HELD)
    assert reading.feed(b'{"done":true,"x":"') == 18
    assert reading.feed(b"x" * LONGEST_HELD) == 0
    assert reading.error_event(503, "cut", "broken", "") == b"\nbroken\n"
    assert reading.feed(b'"}\n') == 3
    assert reader().error_event(503, "cut", "broken", "") == b"broken\n"
