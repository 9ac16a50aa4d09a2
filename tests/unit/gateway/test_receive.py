"""Request bodies: bounded, spooled when long, decoded for inspection, strict where two readers could differ."""

from __future__ import annotations

import gzip
import json

import brotli
import pytest

from proxy.core.snapshot import UpstreamOptions
from proxy.gateway.receive import IN_MEMORY
from tests.unit.gateway.stage import CHAT, KEYED, Stage, post, status_of, told_error, whole
from tests.unit.wire.faked import FakeTransport

JSON = (*KEYED, b"Content-Type: application/json")
PATH = b"/openai/v1/chat/completions"


def asked(body: bytes, *fields: bytes, path: bytes = PATH) -> Stage:
    """A gateway that has been sent this body."""
    stage = Stage()
    stage.client(post(path, body, *(fields or JSON)))
    return stage


def asked_in_parts(stage: Stage, body: bytes) -> FakeTransport:
    """A client that has sent this body in parts of 50,000 bytes."""
    whole_request = post(PATH, body, *JSON)
    client = stage.client()
    for at in range(0, len(whole_request), 50_000):
        if client.reading:
            client.feed(whole_request[at : at + 50_000])
    return client


def refused(stage: Stage) -> tuple[int, str]:
    """Status and code of the one refusal; nothing went upstream."""
    assert not stage.sent
    stage.check_figures()
    return stage.refusal.status, stage.refusal.error


def long_chat(size: int) -> bytes:
    """A chat request of at least that many bytes."""
    return json.dumps({"model": "m-1", "messages": [{"role": "user", "content": "x" * size}]}).encode()


def test_small_body() -> None:
    """A small body stays in memory, is recorded with the intent and sent in one piece with the head."""
    stage = asked(CHAT)
    assert (stage.ledger.streams[0].body, stage.ledger.streams[0].pieces) == (CHAT, [])
    assert stage.events == ["intent", "sent"]
    assert stage.sent.endswith(b"\r\n\r\n" + CHAT)


def test_long_body_is_spooled() -> None:
    """A body over 64 KiB goes to the spool as it arrives; what the spool gives back is what goes upstream."""
    body = long_chat(200_000)
    stage = Stage()
    asked_in_parts(stage, body)
    assert stage.events.count("piece") >= 2
    assert stage.events.index("intent") < stage.events.index("sent")
    assert stage.sent.partition(b"\r\n\r\n")[2] == body
    assert b"Content-Length: %d\r\n" % len(body) in stage.sent
    assert stage.ledger.streams[0].body == b""
    assert (stage.intent.facts.prompt_chars, stage.intent.request_bytes) == (200_000, len(body))


@pytest.mark.parametrize(("size", "spooled"), [(IN_MEMORY, False), (IN_MEMORY + 1, True)])
def test_bound_of_memory(size: int, *, spooled: bool) -> None:
    """Exactly 64 KiB still stay in memory."""
    stage = Stage()
    asked_in_parts(stage, b'"' + b"x" * (size - 2) + b'"')
    assert ("piece" in stage.events) is spooled


def test_spooled_from_what_the_spool_holds() -> None:
    """What goes upstream is what was recorded, not what a buffer of ours still has."""
    stage = Stage()
    stage.ledger.holds.add("intent")
    asked_in_parts(stage, long_chat(100_000))
    stage.ledger.streams[0].pieces[:] = [b"from the spool"]
    stage.ledger.let()
    assert stage.sent.endswith(b"\r\n\r\nfrom the spool")


def test_slow_spool_stops_reading() -> None:
    """While the disk is behind a client's body is not read without bound."""
    stage = Stage()
    stage.ledger.holds.add("piece")
    body = long_chat(4_000_000)
    client = stage.client(post(PATH, body, *JSON)[:-4_000_000])
    fed = 0
    while client.reading and fed < 3_900_000:
        client.feed(b"x" * 65536)
        fed += 65536
    assert fed < 1_500_000
    stage.ledger.holds.clear()
    stage.ledger.let()
    assert client.reading


def test_chunked_body() -> None:
    """A chunked body goes upstream with its length."""
    stage = Stage()
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nTransfer-Encoding: chunked\r\n\r\n" % PATH
    stage.client(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(CHAT), CHAT))
    assert b"Content-Length: %d\r\n\r\n%b" % (len(CHAT), CHAT) in stage.sent
    assert b"ransfer-" not in stage.sent


def test_too_large() -> None:
    """A body over its endpoint's cap is 413 before it is read; the connection lingers and closes."""
    stage = Stage()
    stage.callee.loop = stage.loop
    client = stage.client(post(PATH, b"", *JSON).replace(b"Content-Length: 0", b"Content-Length: 104857601"))
    assert refused(stage) == (413, "body_too_large")
    assert (status_of(client.taken), client.eof) == (413, True)
    assert b"Connection: close" in client.taken


def test_too_large_in_chunks() -> None:
    """A chunked body that grows over the cap is 413 too; what had been spooled stays in the refusal's record."""
    stage = Stage()
    client = stage.client(b"POST %b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nTransfer-Encoding: chunked\r\n\r\n" % PATH)
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    for _ in range(102):
        if not client.eof:
            client.feed(piece)
    assert refused(stage)[0] == 413
    assert "piece" in stage.events


def test_malformed_chunks() -> None:
    """A body that is not chunked as it says is 400 and closes."""
    stage = Stage()
    client = stage.client(
        b"POST %b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nTransfer-Encoding: chunked\r\n\r\nXX\r\n" % PATH
    )
    assert refused(stage) == (400, "malformed_body")
    assert client.eof


def test_slow_body() -> None:
    """A body that stops coming is 408."""
    stage = Stage(body_seconds=5.0)
    client = stage.client(post()[:-5])
    stage.loop.pass_time(10)
    assert refused(stage) == (408, "body_too_slow")
    assert status_of(client.taken) == 408


def test_gone_within_the_body() -> None:
    """A client that leaves before its request is complete is recorded as refused, and reaches nobody."""
    stage = Stage()
    stage.client(post()[:-5]).end()
    assert refused(stage) == (499, "client_gone")


def test_disk_fails_within_the_body() -> None:
    """When a piece cannot be made durable the request is 503, and nothing goes upstream."""
    stage = Stage()
    stage.ledger.fails.add("piece")
    client = asked_in_parts(stage, long_chat(1_000_000))
    assert (status_of(client.taken), stage.sent) == (503, b"")
    assert b"\r\nretry-after: 1\r\n" in client.taken


# --- strict JSON


STRICT = {
    "duplicate key": b'{"model":"a","model":"b"}',
    "duplicate key, escaped": b'{"model":"a","mod\\u0065l":"b"}',
    "duplicate key, deep": b'{"messages":[{"role":"user","role":"system"}]}',
    "not UTF-8": b'{"model":"\xff"}',
    "UTF-16": '{"model":"a"}'.encode("utf-16"),
    "NaN": b'{"temperature":NaN}',
    "Infinity": b'{"temperature":-Infinity}',
    "too deep": b"[" * 65 + b"]" * 65,
}


@pytest.mark.parametrize("body", STRICT.values(), ids=STRICT)
def test_two_readings(body: bytes) -> None:
    """JSON that two parsers could read differently is 400 and goes nowhere."""
    assert refused(asked(body))[0] == 400


@pytest.mark.parametrize(
    "body", [b'{"seed":123456789012345678901234567890}', b'{"model":"\\ud800"}', b"not json", b"", b'{"model":5}', b"[]"]
)
def test_odd_but_single(body: bytes) -> None:
    """What is merely odd goes upstream byte for byte; the provider says what it thinks of it."""
    stage = asked(body)
    assert stage.sent.endswith(b"\r\n\r\n" + body)
    stage.check_figures()


def test_odd_is_flagged() -> None:
    """What our parser dislikes is named in the record."""
    assert "not_json" in asked(b"not json").intent.facts.flags
    assert "lone_surrogate" in asked(b'{"model":"\\ud800"}').intent.facts.flags


@pytest.mark.parametrize("charset", [b"utf-16", b"iso-8859-1", b'"UTF-7"', b" utf-32"])
def test_other_charset(charset: bytes) -> None:
    """A charset other than UTF-8 is 415."""
    assert refused(asked(CHAT, *KEYED, b"Content-Type: application/json; charset=" + charset))[0] == 415


@pytest.mark.parametrize("charset", [b"utf-8", b"UTF-8", b'"utf-8"', b"utf8"])
def test_utf8(charset: bytes) -> None:
    """UTF-8 may be said in any way."""
    assert asked(CHAT, *KEYED, b"Content-Type: application/json; charset=" + charset).intent.facts.messages == 1


# --- codings


@pytest.mark.parametrize(("coding", "encode"), [(b"gzip", gzip.compress), (b"br", brotli.compress), (b"GZIP", gzip.compress)])
def test_encoded_body(coding: bytes, encode: object) -> None:
    """An encoded body is read decoded and sent as it came."""
    raw = encode(CHAT)  # type: ignore[operator]
    stage = asked(raw, *JSON, b"Content-Encoding: " + coding)
    assert (stage.intent.facts.model, stage.intent.facts.messages) == ("m-1", 1)
    assert stage.sent.endswith(b"\r\n\r\n" + raw)
    assert b"\r\nContent-Encoding: " + coding + b"\r\n" in stage.sent


def test_strict_inside_a_coding() -> None:
    """A coding hides nothing from the strict reader."""
    assert refused(asked(gzip.compress(STRICT["duplicate key"]), *JSON, b"Content-Encoding: gzip"))[0] == 400


UNREADABLE = {
    "not as it says": (b"not gzip", b"gzip"),
    "unknown": (CHAT, b"compress"),
    "a bomb": (gzip.compress(b"0" * 50_000_000), b"gzip"),
    "torn": (gzip.compress(CHAT)[:-9], b"gzip"),
}


@pytest.mark.parametrize(("raw", "coding"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_coding(raw: bytes, coding: bytes) -> None:
    """What cannot be decoded within bounds travels, named in the record as not inspected."""
    stage = asked(raw, *JSON, b"Content-Encoding: " + coding)
    assert (stage.intent.facts.inspection, stage.intent.facts.flags) == ("none", ["encoded_body_unread"])
    assert stage.sent.endswith(raw)


# --- other endpoints


def test_unknown_endpoint() -> None:
    """An endpoint without a row is recorded whole and not inspected, whatever its body."""
    stage = asked(STRICT["duplicate key"], path=b"/openai/v1/something/new")
    assert (stage.intent.endpoint, stage.intent.facts.inspection) == ("other", "none")
    assert stage.ledger.streams[0].body == STRICT["duplicate key"]


def test_form() -> None:
    """A multipart body is read for its fields."""
    form = b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--B--\r\n'
    stage = asked(form, *KEYED, b"Content-Type: multipart/form-data; boundary=B", path=b"/openai/v1/audio/transcriptions")
    assert stage.intent.facts.model == "whisper-1"
    assert stage.sent.endswith(form)


def test_a_long_form_is_read_as_it_comes() -> None:
    """Its fields are known, though nothing of it was kept."""
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    form = head + b"x" * 200_000 + b'\r\n--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--B--\r\n'
    kind = (*KEYED, b"Content-Type: multipart/form-data; boundary=B")
    stage = Stage()
    stage.ledger.holds.add("intent")
    client, raw = stage.client(), post(b"/openai/v1/audio/transcriptions", form, *kind)
    for at in range(0, len(raw), 50_000):
        client.feed(raw[at : at + 50_000])
    stage.ledger.let()
    assert stage.intent.facts.model == "whisper-1"
    assert stage.ledger.streams[0].body == b""
    assert stage.sent.endswith(form)


def test_a_slow_clients_packets_make_few_pieces() -> None:
    """Each piece has its frame and its place in memory."""
    stage = Stage()
    body = long_chat(300_000)
    client = stage.client()
    raw = post(PATH, body, *JSON)
    for at in range(0, len(raw), 1400):
        client.feed(raw[at : at + 1400])
    assert 1 < stage.events.count("piece") <= 6
    assert stage.sent.endswith(body)


def test_refusal_in_the_dialect() -> None:
    """A refused body is answered in the shape of the endpoint's dialect."""
    stage = Stage(upstreams={"openai": UpstreamOptions("openai", "openai", "http://api.openai.test")})
    client = stage.client(post(body=STRICT["NaN"]))
    assert told_error(client.taken)["type"] == "invalid_request_error"
    client.feed(post())
    stage.upstream.feed(whole())
    assert client.taken.endswith(b'{"ok":1}')
