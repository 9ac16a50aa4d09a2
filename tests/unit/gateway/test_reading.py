"""What a process that reads long lines answers, as long as somebody asks."""

from __future__ import annotations

import socket

import msgspec

from proxy.dialects.carried import BATCH_LINE
from proxy.gateway import reading
from tests.waiting import PATIENCE

LINE = b'{"custom_id":"c","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}'


def asked(line: bytes) -> bytes:
    """A question."""
    arguments = msgspec.json.encode(reading.OfLine("openai", BATCH_LINE, "", None))
    return reading.QUESTION.pack(len(arguments), len(line)) + arguments + line


def test_questions_are_answered_in_order_until_nobody_asks() -> None:
    """A line, one that is refused, and the end; a question that is cut off is no reason to fail."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(PATIENCE)
        ours.sendall(asked(LINE) + asked(b'{"a":1,"a":1}') + asked(LINE)[:-3])
        ours.shutdown(socket.SHUT_WR)
        assert reading.serve(theirs, most_kib=1 << 40) == 0
        answers = []
        for _ in range(2):
            (size,) = reading.ANSWER.unpack(reading.received(ours, reading.ANSWER.size))
            answers.append(msgspec.json.decode(reading.received(ours, size), type=reading.Answer))
    told, refused = answers
    assert told[0] is not None
    assert (told[0].custom_id, told[0].facts.model, told[0].target) == ("c", "m", "/v1/chat/completions")
    assert refused[:3] == (None, 400, "json_duplicate_key")
