"""The way back: bytes leave as they came, and nothing of an answer's end leaves before its outcome is durable."""

from __future__ import annotations

import gzip
import socket
import struct
from typing import Any, NamedTuple

import pytest

from proxy.gateway.corridor import Corridor
from proxy.gateway.relay import Relay
from tests.unit.gateway.stage import KEYED, Stage, get, post, whole
from tests.unit.wire.faked import FakeTransport

HEAD = b"HTTP/1.1 200 OK\r\n"
SSE = b"Content-Type: text/event-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
MESSAGES = b"/anthropic/v1/messages"
RESPONSES = b"/openai/v1/responses"
STREAM = b"/gemini/v1beta/models/m:streamGenerateContent"


def chunks(*pieces: bytes) -> bytes:
    """A chunked body, one chunk for each piece."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


DELTA = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
TEXT = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PART = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x"}\n\n'
READY = b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","status":"completed"}}\n\n'
ITEM = b'{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}'
LAST = b'{"candidates":[{"content":{"parts":[{"text":"y"}]},"finishReason":"STOP"}]}'
ZIPPED = gzip.compress(DELTA + DONE)


class Case(NamedTuple):
    """An answer, and what of it must not be seen before its outcome is durable: bytes, or the end of the connection."""

    request: bytes
    answer: bytes
    end: bytes | None


CASES = {
    "length": Case(post(), HEAD + b"Content-Length: 8\r\n\r\n" + b'{"ok":1}', b'"ok":1}'),
    "length of one": Case(post(), HEAD + b"Content-Length: 1\r\n\r\n5", b"\r\n\r\n5"),
    "length of none": Case(post(), HEAD + b"Content-Length: 0\r\n\r\n", b"\r\n\r\n"),
    "chunked": Case(post(), HEAD + CHUNKED + b"\r\n" + chunks(b'{"ok"', b":1}"), b"0\r\n\r\n"),
    "no content": Case(post(), b"HTTP/1.1 204 No Content\r\n\r\n", b"\r\n\r\n"),
    "not modified": Case(post(), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"\r\n\r\n"),
    "HEAD": Case(get(b"/openai/v1/models", *KEYED).replace(b"GET", b"HEAD", 1), HEAD + b"Content-Length: 500\r\n\r\n", b"\r\n\r\n"),
    "close": Case(post(), HEAD + b"\r\n" + b'{"ok":1}', None),
    "chunked to an old client": Case(
        post().replace(b"HTTP/1.1", b"HTTP/1.0"), HEAD + CHUNKED + b"\r\n" + chunks(b'{"ok"', b":1}"), None
    ),
    "[DONE]": Case(post(), HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA, DONE), b"[DONE]"),
    "[DONE] within a chunk": Case(post(), HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA + DONE), b"[DONE]"),
    "[DONE] with a length": Case(post(), HEAD + SSE + b"Content-Length: %d\r\n\r\n" % len(DELTA + DONE) + DELTA + DONE, b"[DONE]"),
    "[DONE] until close": Case(post(), HEAD + SSE + b"\r\n" + DELTA + DONE, b"[DONE]"),
    "[DONE] in CRLF": Case(
        post(), HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA.replace(b"\n", b"\r\n"), DONE.replace(b"\n", b"\r\n")), b"[DONE]"
    ),
    "message_stop": Case(post(MESSAGES), HEAD + SSE + CHUNKED + b"\r\n" + chunks(TEXT, STOP), b"message_stop"),
    "response.completed": Case(post(RESPONSES), HEAD + SSE + CHUNKED + b"\r\n" + chunks(PART, READY), b"response.completed"),
    "Gemini events": Case(
        post(STREAM + b"?alt=sse"),
        HEAD + SSE + CHUNKED + b"\r\n" + chunks(b"data: " + ITEM + b"\r\n\r\n", b"data: " + LAST + b"\r\n\r\n"),
        b"0\r\n\r\n",
    ),
    "Gemini array": Case(
        post(STREAM),
        HEAD + b"Content-Type: application/json\r\n" + CHUNKED + b"\r\n" + chunks(b"[" + ITEM, b"," + LAST, b"]"),
        b'"STOP"}]}]',
    ),
    "unknown stream": Case(post(b"/open/v1/new"), HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA, DONE), b"[DONE]"),
    "encoded": Case(post(), HEAD + SSE + b"Content-Encoding: gzip\r\n" + CHUNKED + b"\r\n" + chunks(ZIPPED), b"0\r\n\r\n"),
    "encoded with a length": Case(
        post(), HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED, ZIPPED
    ),
}


def joined(chunked: bytes) -> bytes:
    """A chunked body without its framing; its end is kept."""
    body = b""
    while chunked and not chunked.startswith(b"0"):
        size, _, rest = chunked.partition(b"\r\n")
        body, chunked = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body + chunked


def seen(client: FakeTransport) -> bytes:
    """What a client has, without chunks' lines between."""
    head, blank, body = bytes(client.taken).partition(b"\r\n\r\n")
    return head + blank + (joined(body) if b"chunked" in head else body)


def give(upstream: FakeTransport, answer: bytes, step: int) -> None:
    """The upstream answers in parts; an answer without framing ends with its connection."""
    for at in range(0, len(answer), step):
        upstream.feed(answer[at : at + step])
    if b"Content-Length" not in answer and CHUNKED not in answer and HEAD in answer:
        upstream.end()


def held(case: Case, step: int, corridor: type[Corridor] = Corridor) -> FakeTransport:
    """Give an answer while the outcome is held back; then let it go.

    Raises: AssertionError when anything of the end was seen too early, or is missing at last.
    """
    stage = Stage(corridor=corridor)
    stage.ledger.holds.add("outcome")
    client = stage.client(case.request)
    give(stage.upstream, case.answer, step)
    assert not client.closing, "ended before the outcome was durable"
    if case.end is not None:
        assert case.end not in seen(client), "the end left before the outcome was durable"
    stage.ledger.let()
    stage.loop.run()
    if case.end is not None:
        assert case.end in seen(client)
    assert stage.outcome.outcome == "completed"
    assert stage.outcome.delivered_bytes == stage.outcome.answer_bytes == len(stage.ledger.streams[0].answered)
    stage.check_figures()
    return client


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_end_is_held(case: Case, step: int) -> None:
    """However an answer is framed and cut, its end leaves only once its outcome is durable, and then whole."""
    held(case, step)


class Hasty(Corridor):
    """A corridor that releases before the outcome is durable: a planted fault."""

    async def _record_outcome(self, exchange: Any, house: Any, outcome: Any) -> bool:
        self.stats.open -= 1
        self.stats.ends[outcome.outcome] += 1
        exchange.stream.outcome(outcome)
        return True


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_check_can_fail(case: Case) -> None:
    """A corridor that releases too early is found out in every case."""
    with pytest.raises(AssertionError, match="before the outcome"):
        held(case, 100_000, Hasty)


def test_the_check_finds_a_deaf_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that does not hold what its reader points out is found out."""
    hold = Relay._hold
    monkeypatch.setattr(Relay, "_hold", lambda self, pending, _count: hold(self, pending, 0))
    for name in ("length", "[DONE]", "message_stop"):
        with pytest.raises(AssertionError, match="before the outcome"):
            held(CASES[name], 7)


@pytest.mark.parametrize("name", ["length", "chunked", "close", "[DONE]", "encoded", "Gemini array"])
def test_bytes_are_untouched(name: str) -> None:
    """Status line, fields and body reach the client as they came; only `x-tos-record` is added."""
    case = CASES[name]
    taken = bytes(held(case, 100_000).taken)
    head, _, body = case.answer.partition(b"\r\n\r\n")
    told_head, _, told = taken.partition(b"\r\n\r\n")
    lines = told_head.split(b"\r\n")
    record = [line for line in lines if line.startswith(b"x-tos-record: rec_")]
    assert len(record) == 1
    extra = [b"Connection: close"] if name == "close" else []
    assert sorted(line for line in lines if line not in record) == sorted(head.split(b"\r\n") + extra)
    if CHUNKED not in case.answer:
        assert told == body
    else:
        assert joined(told) == joined(body)


def test_end_by_close_is_guarded() -> None:
    """Until the outcome of an answer without framing is durable, its connection can only end by a reset."""
    stage = Stage()
    stage.ledger.holds.add("outcome")
    client = stage.client(post())
    give(stage.upstream, HEAD + b"\r\n" + b'{"ok":1}', 7)
    abortive, orderly = ((socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, 0)) for on in (1, 0))
    assert client.socket.options == [abortive]
    stage.ledger.let()
    assert client.socket.options == [abortive, orderly]


def test_each_chunk_leaves_as_it_came() -> None:
    """An event leaves in the moment it arrives, as one chunk."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(HEAD + SSE + CHUNKED + b"\r\n")
    assert client.taken.endswith(b"\r\n\r\n")
    for _ in range(5):
        before = len(client.taken)
        stage.upstream.feed(b"%x\r\n%b\r\n" % (len(DELTA), DELTA))
        assert bytes(client.taken[before:]) == b"%x\r\n%b\r\n" % (len(DELTA), DELTA)


def test_fields_that_stay_here() -> None:
    """Hop-by-hop fields and cookies of an answer do not reach the client, nor a forged record."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(
        whole(b"{}", b"Connection: x-mine", b"X-Mine: 1", b"Set-Cookie: a", b"X-Tos-Record: forged", b"Keep-Alive: 1")
    )
    for gone in (b"x-mine", b"set-cookie", b"forged", b"keep-alive", b"connection"):
        assert gone not in client.taken.lower()


def test_head_that_is_cut_has_no_body() -> None:
    """What we say in place of an answer to HEAD has no body either: a client would take it for the next answer."""
    stage = Stage()
    stage.ledger.fails.add("outcome")
    client = stage.client(get(b"/openai/v1/models", *KEYED).replace(b"GET", b"HEAD", 1))
    stage.upstream.feed(HEAD + b"Content-Length: 500\r\n\r\n")
    assert client.taken.startswith(b"HTTP/1.1 503 ")
    assert client.taken.endswith(b"\r\n\r\n")


def test_connection_is_told_right() -> None:
    """A kept connection is kept on both sides, and an old client is told so."""
    stage = Stage()
    client = stage.client(post().replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n"))
    stage.upstream.feed(whole())
    assert b"\r\nConnection: keep-alive\r\n" in client.taken
    client.feed(post())
    assert len(stage.callee.transports) == 1
