"""Any cut of any provider's stream: the same facts, the ending always held. And any bytes at all: no error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.openai.chat import ChatStream
from proxy.dialects.passthrough import OTHER
from proxy.dialects.sse import EventStreamReader
from tests.property.dialect_streams import STREAMS, array, chat, check, cut, generate, lines, messages, responses

FRAGMENTS = st.sampled_from(
    [
        b"data: ",
        b"event: ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"[DONE]",
        b"message_stop",
        b":",
        b'{"type":"',
        b'"}',
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b",",
        b'{"error":1}',
        b'{"choices":[{"delta":{"content":"x"}}]}',
        b"\xef\xbb\xbf",
        b"\xff",
        b"error",
        b"id: 1",
    ]
)
NOISE = st.one_of(st.binary(max_size=200), st.lists(FRAGMENTS, max_size=40).map(b"".join))
LONG_NOISE = st.lists(st.one_of(FRAGMENTS, st.integers(1, 600).map(lambda size: b"x" * size)), max_size=40).map(b"".join)
MAKERS = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
    "generate": generate,
    "array": array,
    "lines": lines,
    "other": lambda: OTHER.answer("sse", True),
}


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.integers(0, 5000), max_size=12))
def test_cuts_change_neither_facts_nor_holds(name: str, places: list[int]) -> None:
    """However a stream arrives, its ending is held from the first byte and its facts are those of the whole."""
    make, body, ending = STREAMS[name]
    check(make, body, ending, cut(body + ending, places))


@pytest.mark.parametrize("name", STREAMS)
def test_byte_by_byte_is_one_such_cut(name: str) -> None:
    """The finest cut of all."""
    make, body, ending = STREAMS[name]
    check(make, body, ending, cut(body + ending, range(len(body + ending))))


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=150, deadline=None)
@given(stream=NOISE, places=st.lists(st.integers(0, 300), max_size=8))
def test_noise_never_raises_and_reads_the_same_in_pieces(name: str, stream: bytes, places: list[int]) -> None:
    """Bytes that are no stream give facts too, the same for every cut, and holds that fit what was fed."""
    whole, pieces = MAKERS[name](), MAKERS[name]()
    whole.feed(stream)
    fed = released = 0
    for piece in cut(stream, places):
        hold = pieces.feed(piece)
        fed += len(piece)
        assert 0 <= hold <= fed - released
        released = fed - hold
    assert pieces.facts() == whole.facts()
    assert pieces.ended == whole.ended


@settings(max_examples=200, deadline=None)
@given(stream=LONG_NOISE, places=st.lists(st.integers(0, 9000), max_size=12), cap=st.integers(512, 700))
def test_what_the_cap_skips_does_not_depend_on_the_cuts(stream: bytes, places: list[int], cap: int) -> None:
    """An event is too large or not, however it arrives."""
    whole, pieces = ChatStream(collect=True, cap=cap), ChatStream(collect=True, cap=cap)
    whole.feed(stream)
    for piece in cut(stream, places):
        pieces.feed(piece)
    assert pieces.facts() == whole.facts()
    assert pieces.ended == whole.ended


class ForgetsTheReturn(ChatStream):
    """Takes a CR at the end of a piece for a line of its own when its LF comes with the next."""

    def feed(self, data: bytes) -> int:
        if data.startswith(b"\n") and self._pending.endswith(b"\r"):
            data = b"\n" + data
        return super().feed(data)


class ForgetsToHold(ChatStream):
    """Lets an unfinished event go although it may end the stream."""

    def feed(self, data: bytes) -> int:
        hold = super().feed(data)
        return hold if self.ended else 0


@pytest.mark.parametrize("broken", [ForgetsTheReturn, ForgetsToHold])
def test_the_checker_turns_red_on_a_broken_reader(broken: type[EventStreamReader]) -> None:
    """A reader with a planted fault does not pass for a good one."""
    _, body, ending = STREAMS["chat, CRLF"]
    with pytest.raises(AssertionError):
        check(lambda: broken(collect=True), body, ending, cut(body + ending, range(len(body + ending))))
