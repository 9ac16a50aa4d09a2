"""Whatever head we take, llhttp reads the same out of it: method, target, names and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wire import head as heads
from proxy.wire.head import BadHeadError, parse_request_head, parse_response_head

REAL = [
    b"\r\n".join(lines) + b"\r\n\r\n"
    for lines in (
        (
            b"POST /openai/v1/chat/completions HTTP/1.1",
            b"Host: 127.0.0.1:8080",
            b"Accept-Encoding: gzip, deflate",
            b"Connection: keep-alive",
            b"Accept: application/json",
            b"User-Agent: OpenAI/Python 3.54.0",
            b"x-stainless-retry-count: 0",
            b"Authorization: Bearer sk-test",
            b"Content-Length: 2",
        ),
        (
            b"POST /anthropic/v1/messages?beta=true HTTP/1.1",
            b"Host: localhost",
            b"anthropic-version: 2023-06-01",
            b"X-Api-Key: k",
            b"Transfer-Encoding: chunked",
            b"Expect: 100-continue",
        ),
        (b"GET /gemini/v1beta/models HTTP/1.0", b"x-goog-api-key: k"),
    )
]
ANSWERS = [
    b"\r\n".join(lines) + b"\r\n\r\n"
    for lines in (
        (
            b"HTTP/1.1 200 OK",
            b"Content-Type: text/event-stream; charset=utf-8",
            b"Transfer-Encoding: chunked",
            b"Connection: keep-alive",
            b"Set-Cookie: __cf_bm=1; path=/",
            b"Set-Cookie: b=2",
        ),
        (b"HTTP/1.1 429 Too Many Requests", b"Content-Length: 0", b"retry-after: 1"),
    )
]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 600),
        st.integers(0, 3),
        st.one_of(
            st.binary(max_size=3),
            st.sampled_from(
                [
                    b"\r\n",
                    b"\n",
                    b"\r",
                    b" ",
                    b"\t",
                    b":",
                    b"\r\n ",
                    b"Host: b\r\n",
                    b"Content-Length: 5\r\n",
                    b"\0",
                    b"#",
                    b"%",
                    b",",
                ]
            ),
        ),
    ),
    max_size=4,
)
METHODS = st.sampled_from([b"GET", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"PATCH"])
TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40).map(lambda text: b"/" + text.encode())
NAMES = st.text("abcXYZ-_0!#$%&'*+.^`|~", min_size=1, max_size=12).map(str.encode)
VALUES = st.one_of(st.binary(max_size=20), st.text(max_size=20).map(str.encode))
FIELDS = st.lists(st.tuples(NAMES, st.sampled_from([b":", b": ", b":\t "]), VALUES), max_size=6)
GENERATED = st.builds(
    lambda method, target, fields: (
        b"%b %b HTTP/1.1\r\nHost: a\r\n" % (method, target) + b"".join(b"%b%b%b\r\n" % field for field in fields) + b"\r\n"
    ),
    METHODS,
    TARGETS,
    FIELDS,
)


class Listening:
    """Collects what llhttp reads."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field."""
        self.fields.append((name.lower(), value.strip(b" \t")))


def mutated(real: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """A head with some places overwritten; it ends at its first empty line, as the wire would cut it."""
    for at, drop, insert in edits:
        at = min(at, len(real))  # noqa: PLW2901 - clipped
        real = real[:at] + insert + real[at + drop :]
    return real.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def joined(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Repeated fields as one list."""
    values: dict[bytes, bytes] = {}
    for name, value in fields:
        values[name] = values[name] + b", " + value if name in values else value
    return values


def agree(raw: bytes, parse: Callable[[bytes, int], Any] = parse_request_head) -> bool:
    """Whether we take the head. If we do, llhttp must read the same.

    Raises: AssertionError, httptools.HttpParserError when it does not.
    """
    try:
        ours = parse(raw, 200)
    except BadHeadError:
        return False
    seen = Listening()
    theirs = httptools.HttpRequestParser(seen)
    try:
        theirs.feed_data(raw)
    except httptools.HttpParserInvalidMethodError:
        return True  # llhttp knows a list of methods, we know their grammar
    except httptools.HttpParserUpgrade:
        pass
    assert theirs.get_method() == ours.method.encode()
    assert seen.target == ours.target
    assert theirs.get_http_version() == f"1.{ours.minor}"
    assert joined(seen.fields) == ours.values
    return True


def agree_on_answer(raw: bytes) -> bool:
    """The same for an answer's head."""
    try:
        ours = parse_response_head(raw, 200)
    except BadHeadError:
        return False
    seen = Listening()
    theirs = httptools.HttpResponseParser(seen)
    try:
        theirs.feed_data(raw)
    except httptools.HttpParserUpgrade:
        return True
    assert theirs.get_status_code() == ours.status
    assert joined(seen.fields) == ours.values
    return True


@pytest.mark.parametrize("real", REAL)
def test_real_heads_are_taken(real: bytes) -> None:
    """What clients really send is taken, so that the property below is about something."""
    assert agree(real)


@pytest.mark.parametrize("real", ANSWERS)
def test_real_answers_are_taken(real: bytes) -> None:
    """What providers really answer is taken."""
    assert agree_on_answer(real)


@settings(max_examples=400)
@given(st.sampled_from(REAL), EDITS)
def test_mutated_heads(real: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    """A real head with some bytes changed is refused, or read the same."""
    agree(mutated(real, edits))


@settings(max_examples=200)
@given(st.sampled_from(ANSWERS), EDITS)
def test_mutated_answers(real: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    """The same for answers."""
    agree_on_answer(mutated(real, edits))


@settings(max_examples=200)
@given(GENERATED)
def test_generated_heads(raw: bytes) -> None:
    """Heads of any names and values are refused, or read the same."""
    agree(raw)


@given(st.binary(max_size=200))
def test_garbage(garbage: bytes) -> None:
    """Any bytes are refused with a reason, never with another error."""
    agree(garbage + b"\r\n\r\n")


def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that keeps the white space of values, as a planted fault, is found out."""
    fields = heads._Judge(frozenset(), (), frozenset())
    honest = fields.judge

    def sloppy(line: bytes) -> Any:
        field = honest(line)
        field.value = line.partition(b":")[2]
        return field

    class Sloppy:
        known: dict[bytes, Any] = {}
        judge = staticmethod(sloppy)

    monkeypatch.setattr(heads, "_REQUEST_FIELDS", Sloppy)
    with pytest.raises(AssertionError):
        agree(REAL[2])
