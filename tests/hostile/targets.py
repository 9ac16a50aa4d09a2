"""What is fuzzed: functions of any bytes that raise when a promise of the product is broken.

The promises: parsers raise nothing but their own errors; however bytes are cut, what they mean stays the same; and it is what a
second opinion makes of them. Each target stands beside seeds, from which a fuzzer starts.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from proxy.core.errors import UpstreamError
from proxy.core.oneshot import drive
from proxy.dialects import DIALECTS
from proxy.dialects.carried import LineMeaning
from proxy.dialects.contract import AnswerReader, PathParameters
from proxy.dialects.entries import REQUESTS, EntryReader
from proxy.dialects.jsonio import StrictJSONError, inspect_json, read_leniently
from proxy.dialects.lines import CarriedReader, LineReader
from proxy.dialects.multipart import FormReader, read_form
from proxy.wire.chunked import BadChunkError, ChunkedDecoder
from proxy.wire.coding import STEP, Decoder, accepted
from proxy.wire.environment import proxy_for
from proxy.wire.head import BadHeadError, ResponseHead, parse_request_head, parse_response_head
from proxy.wire.origin import WireSettingError, parse_origin
from proxy.wire.proxy_protocol import BadProxyHeaderError, read_proxy_header
from proxy.wire.request import BodyError, Request
from tests.hostile.bodies import BODIES, must_be_refused
from tests.hostile.building import chunked, honest
from tests.hostile.fields import FIELDS
from tests.hostile.framing import FRAMING, chunks
from tests.hostile.meaning import Asked, read
from tests.property.dialect_streams import STREAMS
from tests.unit.wire.faked import OK, Callee, Desk

Target = Callable[[bytes], None]
_ENDPOINTS = [endpoint for dialect in DIALECTS for endpoint in dialect.endpoints]
_CODINGS = (b"gzip", b"deflate", b"br", b"zstd", b"gzip, br", b"zstd, gzip")
_JSON_TYPE = (b"content-type", b"application/json")


def cuts(raw: bytes) -> Iterator[list[bytes]]:
    """Some ways to cut bytes into pieces: not at all, a few places that follow from the bytes, and each byte for itself."""
    yield [raw]
    dice = random.Random(len(raw))
    for _ in range(2):
        places = [0, *sorted(dice.randrange(len(raw) + 1) for _ in range(3)), len(raw)]
        yield [raw[start:end] for start, end in pairwise(places) if end > start]
    if len(raw) <= 2048:
        yield [raw[place : place + 1] for place in range(len(raw))]


def _promised(kept: bool, error: BaseException) -> None:
    assert kept, repr(error)


def _same(of: Callable[[list[bytes]], Any], raw: bytes) -> Any:
    """What a function makes of bytes, asserted to be the same for all cuts."""
    results = [of(pieces) for pieces in cuts(raw)]
    for result in results[1:]:
        assert result == results[0], (results[0], result)
    return results[0]


# --- the wire


@dataclass
class _Conversation:
    """What a connection made of bytes: requests with their bodies, the statuses it answered with, whether it closed."""

    asked: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    statuses: list[bytes] = field(default_factory=list)
    closing: bool = False


def connection(raw: bytes) -> None:
    """The client's side of the wire against the second opinion."""
    talk: _Conversation = _same(_converse, raw)
    meaning = read(raw)
    assert talk.asked == [(asked.method, asked.target, asked.body) for asked in meaning.asked], (talk.asked, meaning)
    expected = [b"200"] * len(meaning.asked)
    if meaning.end == "refused":
        assert talk.statuses[:-1] == expected, (talk.statuses, meaning)
        assert talk.statuses[-1].startswith(b"4")
    else:
        assert talk.statuses == expected, (talk.statuses, meaning)
    assert talk.closing == (meaning.end in ("refused", "closed")), (talk, meaning)


def _converse(pieces: list[bytes]) -> _Conversation:
    talk = _Conversation()

    def application(request: Request) -> None:
        request.body_cap = 1 << 40

        async def walk() -> None:
            try:
                await request.collect(1 << 30)
            except BodyError as error:
                if error.status:
                    request.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % error.status)
                    request.finish(close=True)
                return
            talk.asked.append((request.head.method.encode(), request.head.target, request.take()))
            request.write(OK)
            request.finish()

        drive(walk(), _raise)

    client = Desk(application).client()
    for piece in pieces:
        if not client.closing and not client.eof:
            client.feed(piece)
    talk.closing = client.closing or client.eof
    talk.statuses = [status for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", client.taken) if status != b"100"]
    return talk


def _raise(error: BaseException) -> None:
    raise error


def request_head(raw: bytes) -> None:
    """Request heads: taken or refused, and of what is taken only what may travel on."""
    head_end = raw.find(b"\r\n\r\n")
    raw = raw[: head_end + 4] if head_end >= 0 else raw + b"\r\n\r\n"
    try:
        head = parse_request_head(raw, 200)
    except BadHeadError as error:
        _promised(400 <= error.status < 500, error)
        return
    for line in head.forwarded():
        assert line in raw.split(b"\r\n"), line
        assert not line.lower().startswith((b"connection:", b"transfer-encoding:", b"host:", b"x-tos-"))


@dataclass
class _Received:
    """An answer as its sink had it."""

    status: int = 0
    body: bytes = b""
    end: str = ""

    def answer_piece(self, piece: bytes) -> None:
        assert piece
        self.body += piece

    def answer_end(self) -> None:
        assert not self.end
        self.end = "whole"

    def answer_broken(self, _reason: str) -> None:
        assert not self.end
        self.end = "broken"


def answer(raw: bytes) -> None:
    """The upstream's side of the wire: whole or broken, and the same however it is cut."""
    _same(_receive, raw)


def _receive(pieces: list[bytes]) -> _Received:
    callee = Callee()
    connection = callee.acquire()
    received = _Received()

    async def walk() -> None:
        try:
            head: ResponseHead = await connection.head
        except UpstreamError:
            received.end = "broken"
            return
        received.status = head.status
        connection.attach(received)

    connection.begin(no_body=False, first_byte_seconds=900.0, interim=lambda _: None)
    connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", last=True)
    drive(walk(), _raise)
    (transport,) = callee.transports
    for piece in pieces:
        if not transport.closing:
            transport.feed(piece)
    transport.lose()
    assert received.end
    # Whether a fault is seen before the head was given on, and how much of the body, depends on how the bytes came.
    return received if received.end == "whole" else _Received(end="broken")


def response_head(raw: bytes) -> None:
    """Answers' heads raise nothing but their own error."""
    try:
        parse_response_head(raw + b"\r\n\r\n", 1000)
    except BadHeadError:
        return


def chunked_body(raw: bytes) -> None:
    """Chunked bodies: the same pieces together, the same end, the same rest."""
    _same(_dechunk, raw)


def _dechunk(pieces: list[bytes]) -> tuple[str, bytes, bytes]:
    decoder, body, rest = ChunkedDecoder(), b"", b""
    for piece in pieces:
        if decoder.done:
            rest += piece
            continue
        try:
            body += b"".join(decoder.feed(piece))
        except BadChunkError:
            # How much of a bad body was given on before the fault was seen depends on how it came.
            return "bad", b"", b""
        rest += decoder.rest if decoder.done else b""
    return ("done" if decoder.done else "more"), body, rest


def content_coding(raw: bytes) -> None:
    """Decoding never raises, stays within its step, and ends in a state with a reason."""
    codings = _CODINGS[raw[0] % len(_CODINGS)] if raw else b""
    for pieces in cuts(raw[1:]):
        decoder = Decoder(codings, most_bytes=1 << 20)
        for piece in pieces:
            for plain in decoder.feed(piece):
                assert 0 < len(plain) <= STEP
        decoder.finish()
        assert (decoder.state == "unread") == bool(decoder.reason)
    once = accepted(raw)
    assert once
    assert accepted(once) == once


def settings(raw: bytes) -> None:
    """Base URLs and proxy variables: taken, or refused in one line that repeats no password."""
    text = raw.decode("latin-1")
    try:
        origin = parse_origin(text)
        assert b"\r" not in origin.host_header + origin.prefix
        assert parse_origin(f"{origin.scheme}://{origin.authority}{origin.prefix.decode()}") == origin
    except WireSettingError as error:
        _promised("\n" not in str(error), error)
    try:
        proxy = proxy_for(parse_origin("https://api.example"), {"https_proxy": text, "no_proxy": text[:20]})
        assert proxy is None or "\r" not in proxy.authority
    except WireSettingError as error:
        _promised("\n" not in str(error), error)


def proxy_header(raw: bytes) -> None:
    """PROXY headers: read once they are there whole, wherever that is, or refused."""
    found = None
    for length in [*range(min(len(raw), 300)), len(raw)]:
        try:
            now = read_proxy_header(raw[:length])
        except BadProxyHeaderError:
            return
        assert found is None or now == found
        found = now
        assert found is None or found[1] <= length


# --- the dialects


def json_facts(raw: bytes) -> None:
    """JSON bodies: refused when they have two readings, else read by every endpoint into facts that can be recorded."""
    refused = must_be_refused(Asked(b"POST", b"/", 1, [_JSON_TYPE], raw))
    try:
        inspected = inspect_json(raw)
    except StrictJSONError as error:
        _promised(error.status in (400, 415) and refused is not False, error)
        return
    assert refused is not True, raw
    for endpoint in _ENDPOINTS:
        facts = endpoint.read_request(inspected.tree, PathParameters())
        assert msgspec.json.encode(facts)
        assert msgspec.json.encode(endpoint.read_messages(inspected.tree)) is not None
    read_leniently(raw)


def streams(raw: bytes) -> None:
    """Streamed and whole answers: the same facts and the same end however they are cut; no byte let go is claimed back."""
    names = sorted(STREAMS)
    make = STREAMS[names[raw[0] % len(names)]][0] if raw else STREAMS[names[0]][0]
    _same(lambda pieces: _read_stream(make(), pieces), raw[1:])
    for endpoint in _ENDPOINTS[:: max(1, len(_ENDPOINTS) // 6)]:
        whole = endpoint.answer("json", True)
        whole.feed(raw[1:])
        assert msgspec.json.encode(whole.facts())


def _read_stream(reader: AnswerReader, pieces: list[bytes]) -> tuple[bool, bytes]:
    fed = released = 0
    for piece in pieces:
        hold = reader.feed(piece)
        fed += len(piece)
        assert 0 <= hold <= fed - released, "bytes were claimed back that had been let go"
        released = fed - hold
    return reader.ended, msgspec.json.encode(reader.facts())


def forms(raw: bytes) -> None:
    """Multipart forms: read, or not, the same however they are cut, and never an error."""
    _same(_read_form, raw)
    read_form(raw[40:], f"multipart/form-data; {raw[:40].decode('latin-1')}")


def _read_form(pieces: list[bytes]) -> tuple[object, ...]:
    reader = FormReader("multipart/form-data; boundary=x")
    for piece in pieces:
        reader.feed(piece)
    return reader.tree, reader.files if reader.tree is not None else ()


def carriers(raw: bytes) -> None:
    """Lines, and entries of an array: the same however they are cut; each is understood, or not, and never an error."""
    for make in (lambda: LineReader(_digest, longest=60), lambda: EntryReader(_digest, REQUESTS, longest=60)):
        for content in _same(lambda pieces, make=make: _read_lines(make(), pieces), raw):
            try:
                tree = inspect_json(content or b"").tree
            except StrictJSONError:
                continue
            for dialect in DIALECTS:
                LineMeaning(dialect, "", "/v1/messages", None).read(tree)


def _digest(number: int) -> Any:
    return hashlib.sha256(b"%d" % number)


def _read_lines(reader: CarriedReader, pieces: list[bytes]) -> list[bytes | None]:
    found = []
    for piece in pieces:
        reader.feed(piece)
        found += [line.content for line in iter(reader.next, None)]
    return found + [line.content for line in (reader.finish(),) if line is not None]


# --- seeds


def _made(*families: Callable[[random.Random, bytes], tuple[str, bytes]]) -> list[bytes]:
    dice = random.Random(7)
    return [family(dice, b"1")[1] for family in families for _ in range(6)]


def _json_seeds() -> list[bytes]:
    return [stream.partition(b"\r\n\r\n")[2] for stream in _made(*BODIES[:5])]


_ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nT: 1\r\n\r\n",
    b"HTTP/1.0 200\r\n\r\nuntil close",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
]
_SETTINGS = [
    b"https://api.example/v1",
    b"http://[::1]:8000/x%20y",
    b"http://user:password@gate.corp:3128",
    b"gate:1",
    b"*.example, 10.0.0.0/8",
]
_PROXY_HEADERS = [
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02",
]
_CALL = b'{"custom_id":"a","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"\\"]}"}]}}'
_BATCH = b'{"requests": [' + _CALL + b', {"custom_id":"b","params":{"messages":[]}}], "x": [1]}'
_FORM = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--x--\r\n'

TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
    "connection": (connection, lambda: [*_made(*FRAMING, *FIELDS[-2:]), honest(b"1") * 2]),
    "request_head": (request_head, lambda: _made(*FRAMING[:5], *FIELDS)),
    "answer": (answer, lambda: _ANSWERS),
    "response_head": (response_head, lambda: _ANSWERS),
    "chunked_body": (
        chunked_body,
        lambda: [chunked(b"x" * 99, random.Random(1)), *(made.partition(b"\r\n\r\n")[2] for made in _made(chunks))],
    ),
    "content_coding": (content_coding, lambda: [b"\x00" + stream.partition(b"\r\n\r\n")[2] for stream in _made(BODIES[-1])]),
    "settings": (settings, lambda: _SETTINGS),
    "proxy_header": (proxy_header, lambda: _PROXY_HEADERS),
    "json_facts": (json_facts, _json_seeds),
    "streams": (
        streams,
        lambda: [bytes([index]) + body + end for index, (_, body, end) in enumerate(STREAMS[name] for name in sorted(STREAMS))],
    ),
    "forms": (forms, lambda: [_FORM]),
    "carriers": (carriers, lambda: [_BATCH, b"\n".join([_CALL] * 3)]),
}
