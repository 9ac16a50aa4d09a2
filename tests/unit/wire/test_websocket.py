"""Frames as bytes: what is read, what is refused, and that it does not matter how the bytes were cut."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_CODE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    Message,
    close_frame,
    frame,
)

KEY = b"\x01\x02\xfe\x80"
CAP = 1 << 20


def reader(*, masked: bool = True, cap: int = CAP, refuse_longer: bool = True) -> FrameReader:
    """A reader of a client's frames."""
    return FrameReader(masked=masked, message_cap=cap, refuse_longer=refuse_longer)


def part(opcode: int, payload: bytes, *, final: bool, key: bytes = KEY) -> bytes:
    """A fragment."""
    whole = frame(opcode, payload, key)
    return bytes((whole[0] & (0xFF if final else 0x7F),)) + whole[1:]


def outcome(read: FrameReader, pieces: list[bytes]) -> tuple[list[Message], str, int | None, int | None, int]:
    """All that a reader made of the pieces."""
    messages: list[Message] = []
    try:
        for piece in pieces:
            messages += read.feed(piece)
    except FrameError as error:
        return messages + error.messages, f"{error.code} {error}", read.close_at, None, error.at
    return messages, "", read.close_at, read.close_code, read.position


def test_a_message_is_unmasked_and_placed() -> None:
    """A text and a binary message have their payload, and their place in the bytes."""
    first, second = frame(TEXT, "é".encode(), KEY), frame(BINARY, b"\xff" * 70_000, KEY)
    assert reader().feed(first + second) == [
        Message("é".encode(), True, 0, len(first)),
        Message(b"\xff" * 70_000, False, len(first), len(first) + len(second)),
    ]


def test_fragments_make_one_message_and_control_frames_pass_between_them() -> None:
    """A ping between two fragments belongs to neither."""
    sent = part(TEXT, b"\xc3", final=False) + frame(PING, b"here?", KEY) + part(CONTINUATION, b"\xa9", final=True)
    read = reader()
    assert read.feed(sent[:8]) == []
    assert not read.between_messages
    assert [message.payload for message in read.feed(sent[8:])] == ["é".encode()]
    assert read.between_messages


@pytest.mark.parametrize("cut", [1, 3, 50, 1000])
def test_a_long_message_stays_in_its_parts(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is cut and in however many fragments, unmasked; a text that is none is told at its end."""
    monkeypatch.setattr("proxy.wire.websocket.PART", 20)
    text = "größer als ein Teil, und mit Zeichen, die länger sind".encode()
    for good, sent in (
        (True, frame(TEXT, text, KEY)),
        (
            True,
            part(TEXT, text[:3], final=False)
            + part(CONTINUATION, text[3:30], final=False)
            + part(CONTINUATION, text[30:], final=True),
        ),
        (False, frame(TEXT, text[:30] + b"\xff" + text, KEY)),
        (False, frame(TEXT, text + b"\xc3", KEY)),
    ):
        read, found = reader(), []
        pieces = [sent[at : at + cut] for at in range(0, len(sent), cut)]
        for piece in pieces[:-1]:
            found += read.feed(piece)
        assert found == []
        if not good:
            with pytest.raises(FrameError):
                read.feed(pieces[-1])
            continue
        (message,) = read.feed(pieces[-1])
        assert (message.payload, b"".join(message.parts), message.start, message.end) == (None, text, 0, len(sent))
        assert max(map(len, message.parts)) <= 20 + min(cut, len(text))
        assert read.feed(frame(TEXT, b"hi", KEY))[0].payload == b"hi"


def test_a_close_frame_is_seen_at_its_first_byte_and_ends_everything() -> None:
    """Where it begins is known before it is whole; what comes behind it means nothing."""
    read = reader(masked=False)
    hello = frame(TEXT, b"hi")
    read.feed(hello + close_frame(1008, "why")[:1])
    assert (read.close_at, read.close_code) == (len(hello), None)
    assert read.feed(close_frame(1008, "why")[1:] + b"\xff" * 30) == []
    assert (read.close_code, read.close_reason) == (1008, "why")
    empty = reader(masked=False)
    empty.feed(close_frame(NO_CODE))
    assert empty.close_code == NO_CODE


REFUSED = {
    "an unmasked frame": (frame(TEXT, b"hi"), 1002),
    "a reserved bit": (b"\xc1" + frame(TEXT, b"hi", KEY)[1:], 1002),
    "an unknown opcode": (frame(0x3, b"", KEY), 1002),
    "an unknown control opcode": (frame(0xB, b"", KEY), 1002),
    "a fragmented ping": (part(PING, b"", final=False), 1002),
    "a long ping": (frame(PING, b"x" * 126, KEY), 1002),
    "a continuation of nothing": (part(CONTINUATION, b"x", final=True), 1002),
    "a message within a message": (part(TEXT, b"x", final=False) + frame(TEXT, b"y", KEY), 1002),
    "a length that is too wide": (b"\x81\xfe\x00\x05" + KEY + b"hello", 1002),
    "a length that is far too wide": (b"\x81\xff" + (300).to_bytes(8, "big") + KEY, 1002),
    "a negative length": (b"\x82\xff" + b"\xff" * 8 + KEY, 1002),
    "a giant": (b"\x82\xff" + (1 << 62).to_bytes(8, "big") + KEY, 1009),
    "a message of many fragments that is too long": (
        part(BINARY, b"x" * CAP, final=False) + part(CONTINUATION, b"x", final=True),
        1009,
    ),
    "a text that is not UTF-8": (frame(TEXT, b"\xff", KEY), 1007),
    "half a character at the end": (part(TEXT, b"a", final=False) + part(CONTINUATION, b"\xc3", final=True), 1007),
    "a close frame with half a code": (frame(CLOSE, b"\x03", KEY), 1002),
    "a close code that none may send": (frame(CLOSE, (1006).to_bytes(2, "big"), KEY), 1002),
    "a reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff", KEY), 1007),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_frame_is_refused_however_it_is_cut(name: str) -> None:
    """With the close code that says why, at the same place for every cut."""
    sent, code = REFUSED[name]
    for cut in (len(sent), 1, 7):
        pieces = [sent[at : at + cut] for at in range(0, len(sent), cut)]
        if len(pieces) > 10_000:
            continue
        with pytest.raises(FrameError) as caught:
            outcome_or_raise(reader(), pieces)
        assert caught.value.code == code


def outcome_or_raise(read: FrameReader, pieces: list[bytes]) -> None:
    """Feed all."""
    for piece in pieces:
        read.feed(piece)


def test_a_servers_frame_must_not_be_masked() -> None:
    """RFC 6455 §5.1."""
    with pytest.raises(FrameError):
        reader(masked=False).feed(frame(TEXT, b"hi", KEY))


def test_a_longer_message_can_be_skipped_in_little_memory() -> None:
    """Where it is no error it has no payload, and the next one is read; its bytes are not kept."""
    read = reader(masked=False, cap=1000, refuse_longer=False)
    tracemalloc.start()
    read.feed(b"\x82\x7f" + (1 << 40).to_bytes(8, "big"))
    for _ in range(50):
        read.feed(bytes(100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000
    short = reader(masked=False, cap=10, refuse_longer=False)
    messages = short.feed(
        part(BINARY, b"x" * 9, final=False, key=b"") + part(CONTINUATION, b"yy", final=True, key=b"") + frame(TEXT, b"ok")
    )
    assert [message.payload for message in messages] == [None, b"ok"]


FRAMES = st.one_of(
    st.builds(
        lambda opcode, payload: frame(opcode, payload, KEY), st.sampled_from([TEXT, BINARY, PING, PONG]), st.binary(max_size=140)
    ),
    st.builds(lambda text: frame(TEXT, text.encode(), KEY), st.text(max_size=60)),
    st.builds(
        lambda opcode, payload, final: part(opcode, payload, final=final),
        st.sampled_from([TEXT, BINARY, CONTINUATION]),
        st.binary(max_size=30),
        st.booleans(),
    ),
    st.builds(lambda code, reason: close_frame(code, reason, KEY), st.integers(999, 5001), st.text(max_size=9)),
    st.binary(max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(sent=st.lists(FRAMES, max_size=6).map(b"".join), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_gives_the_same(sent: bytes, cuts: list[int]) -> None:
    """Messages, errors and the close are those of the bytes, not of the pieces; every byte by itself included."""
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    pieces = [sent[start:end] for start, end in pairwise(places)]
    whole = outcome(reader(cap=500), [sent])
    assert outcome(reader(cap=500), pieces) == whole
    assert outcome(reader(cap=500), [bytes((byte,)) for byte in sent]) == whole
