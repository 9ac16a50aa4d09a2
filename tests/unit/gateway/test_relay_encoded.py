"""Encoded answers: relayed as they come, read once they have ended, without ever holding the loop for long."""

from __future__ import annotations

import gzip
import os
from typing import Any

import pytest

from proxy.gateway import relay
from proxy.gateway.corridor import SHORT_ENCODED
from proxy.gateway.long_lines import InThread
from proxy.wire.coding import Decoder
from tests.unit.gateway.stage import CHAT, KEYED, Stage, post, whole

ZIPPED = b"Content-Encoding: gzip"
JSON = b"Content-Type: application/json"


def said(characters: int) -> bytes:
    """An answer with a text that is hard to compress."""
    return b'{"choices":[{"message":{"content":"' + os.urandom(characters // 2).hex().encode() + b'"}}]}'


def counting(stage: Stage) -> list[Any]:
    """The work that is done aside."""
    work: list[Any] = []
    aside = stage.corridor._aside

    def counted(job: Any) -> Any:
        work.append(job)
        return aside(job)

    stage.corridor._aside = counted
    stage.corridor._carriers.reader = InThread(counted)
    return work


def test_long_requests_are_read_aside() -> None:
    """What is short only as long as it is encoded is read in a thread."""
    for body, count in ((gzip.compress(CHAT), 0), (gzip.compress(said(2 * SHORT_ENCODED)), 1)):
        stage = Stage()
        work = counting(stage)
        stage.client(post(b"/openai/v1/chat/completions", body, *KEYED, JSON, ZIPPED))
        assert len(body) > SHORT_ENCODED or not count
        assert len(work) == count
        assert stage.intent


@pytest.mark.parametrize(("characters", "count"), [(1000, 0), (100_000, 1)])
def test_answers_are_read_at_their_end(characters: int, count: int) -> None:
    """Nothing is decoded while an answer passes; at its end a short one is read at once, a long one in a thread."""
    stage = Stage()
    work = counting(stage)
    client = stage.client(post())
    answer = whole(gzip.compress(said(characters)), JSON, ZIPPED)
    stage.upstream.feed(answer[:-5])
    assert not work
    stage.upstream.feed(answer[-5:])
    assert len(work) == count
    assert (stage.outcome.facts.text_chars, stage.outcome.facts.unread) == (characters, False)
    assert client.taken.endswith(answer[-100:])


def test_bombs_hold_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece that stands for a thousand times its size costs no more than another one while it passes."""
    stage = Stage()
    work = counting(stage)
    stage.client(post())
    bomb = gzip.compress(bytes(20_000_000), 9)
    decoded: list[int] = []
    feed = Decoder.feed
    monkeypatch.setattr(Decoder, "feed", lambda self, encoded: decoded.append(len(encoded)) or feed(self, encoded))
    stage.upstream.feed(whole(bomb, JSON, ZIPPED)[:-1])
    assert not decoded
    stage.upstream.feed(bomb[-1:])
    assert (decoded, len(work)) == ([len(bomb)], 1)
    assert stage.outcome.facts.unread


@pytest.mark.parametrize(
    "body",
    [gzip.compress(said(1000))[:-9], gzip.compress(said(1000))[:-4] + b"\0\0\0\0", b"plain", gzip.compress(said(100)) + b"more"],
    ids=["cut", "checksum", "other", "followed"],
)
def test_what_cannot_be_decoded_is_unread(body: bytes) -> None:
    """An answer that does not decode to its end passes untouched, and is not called read."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(whole(body, JSON, ZIPPED))
    assert client.taken.endswith(body)
    assert (stage.outcome.outcome, stage.outcome.facts.unread) == ("completed", True)


def test_stream_that_is_cut_is_unread() -> None:
    """Events of an encoded stream that had come are counted, and that there were more is told."""
    stage = Stage()
    stage.client(post())
    event = b'data: {"choices":[{"delta":{"content":"xyz"}}]}\n\n'
    whole_ = gzip.compress(event * 500, 0)
    stage.upstream.feed(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + ZIPPED + b"\r\nContent-Length: %d\r\n\r\n" % len(whole_)
    )
    stage.upstream.feed(whole_[:-1000])
    stage.upstream.end()
    facts = stage.outcome.facts
    assert stage.outcome.outcome == "upstream_error"
    assert facts.unread
    assert facts.text_chars > 1000


def test_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a very long answer the beginning is kept; it is called unread even when that decodes."""
    monkeypatch.setattr(relay, "MOST_ENCODED", 1000)
    stage = Stage()
    stage.client(post())
    body = gzip.compress(said(500)) + gzip.compress(b" " * 100) * 50
    for piece in (whole(body, JSON, ZIPPED)[: -len(body)], body[:700], *(body[at : at + 1] for at in range(700, len(body) - 1))):
        stage.upstream.feed(piece)
    (passing,) = stage.corridor.relays
    assert len(passing._encoded) == 1000
    stage.upstream.feed(body[-1:])
    assert stage.outcome.facts.unread


def test_nothing_to_decode() -> None:
    """An answer without body is read, whatever coding it names."""
    stage = Stage()
    stage.client(post())
    stage.upstream.feed(b"HTTP/1.1 204 No Content\r\n" + ZIPPED + b"\r\n\r\n")
    assert not stage.outcome.facts.unread
