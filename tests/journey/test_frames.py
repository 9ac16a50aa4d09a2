"""Our reader of WebSocket frames against the `websockets` library's: the same messages, the same ends."""

from __future__ import annotations

import json
import random
import subprocess

from proxy.wire.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, FrameError, FrameReader, Message, close_frame, frame
from tests.journey.test_real_clients import command_of

STREAMS = 4000
WITHIN = "a close frame within a message, which RFC 6455 §5.4 allows and the library does not"
NOT_COMPARED = ("shortest form", "not UTF-8", WITHIN)
"""Beside that, the library lets long lengths pass, and leaves texts to whoever asks for text."""


def some_frame(dice: random.Random) -> bytes:
    """A frame, or nearly one; its length is right, so that what follows it can be found."""
    key, size = dice.randbytes(4), dice.choice([0, 1, 5, 125, 126, 300, 70_000])
    opcode = dice.choice([TEXT, TEXT, BINARY, BINARY, CONTINUATION, PING, PONG, CLOSE, 3, 11])
    payload = "é".encode() * (size // 2) if opcode == TEXT else dice.randbytes(size)
    whole = bytearray(close_frame(dice.choice([999, 1000, 1005, 1006, 1011, 1015, 3000, 4999, 5000]), "r", key))
    if opcode != CLOSE or dice.random() < 0.3:
        whole = bytearray(frame(opcode, payload, key))
    if dice.random() < 0.25:
        whole[0] ^= 0x80
    if dice.random() < 0.05:
        whole[0] ^= dice.choice([0x40, 0x20, 0x10])
    return bytes(whole)


def ours(sent: bytes) -> tuple[list[Message], int | None, str]:
    """Messages, close code, error."""
    read = FrameReader(masked=True, message_cap=1 << 30, refuse_longer=True)
    try:
        messages = read.feed(sent)
    except FrameError as error:
        return error.messages, None, str(error)
    if read.close_code is not None and read.within_message:
        return messages, None, WITHIN
    return messages, read.close_code, ""


def test_our_reader_agrees_with_the_library() -> None:
    """On thousands of streams, most of which go wrong somewhere."""
    dice = random.Random(6455)
    streams = [b"".join(some_frame(dice) for _ in range(dice.randrange(1, 7))) for _ in range(STREAMS)]
    asked = "".join(stream.hex() + "\n" for stream in streams)
    command = command_of("frames_python.py", "python-newer")
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=120, check=True)
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    wrong, agreed = [], 0
    for stream, their in zip(streams, theirs, strict=True):
        messages, close, error = ours(stream)
        if any(reason in error for reason in NOT_COMPARED):
            continue
        mine = {"messages": [[one.text, (one.payload or b"").hex()] for one in messages], "close": close, "error": bool(error)}
        agreed += 1
        if mine != their | {"error": bool(their["error"])}:
            wrong.append(f"{stream[:40].hex()} …: {error or close} against {their['error'] or their['close']}")
    assert not wrong, "\n".join(wrong[:10])
    assert agreed > STREAMS * 0.7
    assert 100 < sum(not their["error"] for their in theirs) < STREAMS - 100
