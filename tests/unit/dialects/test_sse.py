"""Splitting of event streams and the hold, on a reader that ends at `[DONE]` or at an event named `stop`."""

from typing import Any

import pytest

from proxy.dialects.sse import EndRule, EventStreamReader


class Recorder(EventStreamReader):
    rule = EndRule(names=frozenset({b"stop"}), heads=(b"[DONE]", b'{"type":"stop"'))

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.got: list[tuple[bytes, bytes]] = []

    def read_event(self, name: bytes, payload: bytes) -> bool:
        self.got.append((name, payload))
        return self.ends(name, payload)

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        return b"data: error\n\n"


def events(stream: bytes, size: int | None = None, **options: Any) -> list[tuple[bytes, bytes]]:
    reader = Recorder(**options)
    step = size or max(len(stream), 1)
    for at in range(0, len(stream), step):
        reader.feed(stream[at : at + step])
    return reader.got


CASES = {
    "LF": (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "mixed ends": (b"data: a\n\r\ndata: b\r\n\ndata: c\n\r", [(b"", b"a"), (b"", b"b"), (b"", b"c")]),
    "BOM": (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
    "BOM later": (b"\n\xef\xbb\xbfdata: a\n\n", []),
    "comments": (b": hi\n\n:x\ndata: a\n: y\n\n", [(b"", b"a")]),
    "several lines": (b"data: a\ndata: b\ndata\n\n", [(b"", b"a\nb\n")]),
    "no space": (b"data:x\n\n", [(b"", b"x")]),
    "two spaces": (b"data:  x\n\n", [(b"", b" x")]),
    "name": (b"event: n\ndata: a\nid: 1\n\n", [(b"n", b"a")]),
    "no payload": (b"event: n\n\ndata: a\n\n", [(b"", b"a")]),
    "extra blank lines": (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "unfinished": (b"data: a\n\ndata: b\n", [(b"", b"a")]),
}


@pytest.mark.parametrize("case", CASES)
def test_events_are_those_of_the_standard(case: str) -> None:
    """Line ends, BOM, comments, joined lines and optional spaces follow HTML §9.2.6."""
    stream, expected = CASES[case]
    assert events(stream) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("case", CASES)
def test_events_do_not_depend_on_the_cuts(case: str, size: int) -> None:
    """Pieces of any size give the same events."""
    stream, expected = CASES[case]
    assert events(stream, size) == expected


@pytest.mark.parametrize(
    ("partial", "held"),
    [
        (b"data: [DO", 9),
        (b"d", 1),
        (b"data", 4),
        (b"data: [x", 0),
        (b"data: hello", 0),
        (b"data: {", 7),
        (b'data: { "type" : "st', 20),
        (b'data: {"type":"start', 0),
        (b"event: st", 9),
        (b"event: stop\nda", 14),
        (b"event: sta", 0),
        (b"event: start\ndata: {", 0),
        (b": comment", 0),
        (b": comment\nda", 2),
        (b"id: 4\n", 6),
        (b"\n", 0),
    ],
)
def test_an_unfinished_event_is_held_while_it_may_end_the_stream(partial: bytes, held: int) -> None:
    """What stands so far decides; comments and blank lines are never held."""
    assert Recorder().feed(b"data: a\n\n" + partial) == held


def test_everything_from_the_ending_event_on_is_held() -> None:
    """The event from its first byte, and whatever follows it, which is not read."""
    reader = Recorder()
    assert reader.feed(b"data: a\n\nevent: stop\ndata: {}\n\n") == 22
    assert reader.ended
    assert reader.feed(b"\ndata: more\n\n") == 35
    assert [payload for _, payload in reader.got] == [b"a", b"{}"]


def test_what_was_let_go_is_not_claimed_back() -> None:
    """An event that turns out to end the stream against its beginning holds only what is left of it."""
    reader = Recorder()
    assert reader.feed(b"event: go\n") == 0
    assert reader.feed(b"event: stop\ndata: x\n\n") == 21
    assert reader.ended


def test_an_event_beyond_the_cap_is_skipped() -> None:
    """It is unread, events behind it are read, and its pieces are not kept."""
    reader = Recorder(cap=512)
    for _ in range(1000):
        reader.feed(b"data: " + b"x" * 50 + b"\n")
        assert len(reader._pending) <= 600
    reader.feed(b"\ndata: b\n\n")
    assert reader.got == [(b"", b"b")]
    assert reader.facts().unread


def test_a_large_event_that_ends_the_stream_by_its_name_is_held() -> None:
    """Even when its payload is too large to be read."""
    for size in (7, 10_000):
        reader = Recorder(cap=512)
        stream = b"event: stop\ndata: " + b"x" * 900 + b"\n\n"
        held = [reader.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
        assert reader.ended
        assert held[-1] == len(stream)


def test_many_small_pieces_of_one_event_cost_linear_time() -> None:
    """A megabyte in pieces of 16 bytes is searched once, not again with every piece."""
    reader = Recorder()
    for _ in range(65_536):
        reader.feed(b"data: abcdefghi\n")
    reader.feed(b"\n")
    assert len(reader.got[0][1]) == 10 * 65_536 - 1


def test_an_error_first_closes_the_event_that_was_under_way() -> None:
    """Otherwise a client would read the error as the rest of a payload."""
    reader = Recorder()
    reader.feed(b"data: a\n\n")
    assert reader.error_event(502, "c", "m", "r") == b"data: error\n\n"
    reader.feed(b"data: hel")
    assert reader.error_event(502, "c", "m", "r") == b"\n\ndata: error\n\n"


def test_an_error_after_a_held_beginning_needs_no_closing() -> None:
    """The client never saw the beginning."""
    reader = Recorder()
    reader.feed(b"data: [DO")
    assert reader.error_event(502, "c", "m", "r") == b"data: error\n\n"


class Patient(Recorder):
    """Reads later whatever has no `stop` in it."""

    def cannot_end(self, event: bytes) -> bool:
        return b"stop" not in event


def test_events_that_end_nothing_are_read_together_and_in_order() -> None:
    """They wait for a few others, for one that may end the stream, or for somebody who asks; then they are read as they came."""
    reader = Patient()
    reader.feed(b"data: first\n\n")
    assert [reader.feed(b"data: %d\n\n" % number) for number in range(3)] == [0, 0, 0]
    assert reader.got == [(b"", b"first")]
    assert reader.facts().events == 4
    reader.feed(b"data: " + b"x" * 3000 + b"\n\n")
    assert len(reader.got) == 5
    reader.feed(b"data: 4\n\n")
    ending = b'data: {"type":"stop"}\n\n'
    assert reader.feed(ending) == len(ending)
    assert [payload for _, payload in reader.got] == [b"first", b"0", b"1", b"2", b"x" * 3000, b"4", b'{"type":"stop"}']
