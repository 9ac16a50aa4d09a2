"""What an upstream is sent: the client's own bytes, and exactly what we change of them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.errors import UpstreamError
from proxy.core.snapshot import CredentialEntry, UpstreamOptions
from tests.unit.gateway.stage import (
    CHAT,
    SECRET,
    VIRTUAL_KEY,
    Principal,
    Stage,
    fingerprint,
    get,
    post,
    status_of,
    told_error,
    whole,
)

SDK = (
    b"host: 127.0.0.1:8080\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nAccept: application/json\r\n"
    b"Content-Type: application/json\r\nUser-Agent: OpenAI/Python 3.54.0\r\nX-Stainless-Lang: python\r\nx-dup: 1\r\nX-DUP:  2\r\n"
    b"Authorization: Bearer sk-client\r\nCookie: a=b\r\nX-Tos-Purpose: undeclared\r\nX-Forwarded-For: 1.2.3.4\r\n"
)


def test_exact_bytes() -> None:
    """Order, case, duplicates and white space of fields travel; Host, Accept-Encoding and Content-Length are said anew."""
    stage = Stage()
    stage.client(b"POST /openai/v1/chat/completions?a=b%20c HTTP/1.1\r\n" + SDK + b"Content-Length: %d\r\n\r\n" % len(CHAT) + CHAT)
    assert (
        stage.sent
        == (
            b"POST /v1/chat/completions?a=b%20c HTTP/1.1\r\n"
            b"Host: api.openai.test\r\n"
            b"Accept: application/json\r\n"
            b"Content-Type: application/json\r\n"
            b"User-Agent: OpenAI/Python 3.54.0\r\n"
            b"X-Stainless-Lang: python\r\n"
            b"x-dup: 1\r\n"
            b"X-DUP:  2\r\n"
            b"Authorization: Bearer sk-client\r\n"
            b"Accept-Encoding: gzip, deflate\r\n"
            b"Content-Length: 62\r\n\r\n"
        )
        + CHAT
    )


def test_nothing_is_added() -> None:
    """A request without body or optional fields gets none."""
    stage = Stage()
    stage.client(b"GET /open/v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
    assert stage.sent == b"GET /v1/models HTTP/1.1\r\nHost: open.test:8000\r\n\r\n"


def test_empty_body_keeps_its_length() -> None:
    """A length of nought is said again; an old client's request becomes HTTP/1.1."""
    stage = Stage()
    stage.client(b"POST /open/v1/x HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
    assert stage.sent == b"POST /v1/x HTTP/1.1\r\nHost: open.test:8000\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (b"gzip, deflate, br, zstd", b"gzip, deflate, br, zstd"),
        (b"gzip;q=0.5, dcb, snappy", b"gzip;q=0.5"),
        (b"compress", b"identity"),
        (b"identity", b"identity"),
    ],
)
def test_codings(asked: bytes, sent: bytes) -> None:
    """Only codings that can be read here are asked for."""
    stage = Stage()
    stage.client(get(b"/open/v1/models", b"Accept-Encoding: " + asked))
    assert b"\r\nAccept-Encoding: " + sent + b"\r\n" in stage.sent


def test_codings_in_two_fields() -> None:
    """What a client says in several fields counts together."""
    stage = Stage()
    stage.client(get(b"/open/v1/models", b"Accept-Encoding: gzip", b"Accept-Encoding: br"))
    assert stage.sent.count(b"Accept-Encoding: gzip, br\r\n") == 1


def test_configured_headers() -> None:
    """Headers of the upstream's configuration take the place of the client's."""
    options = UpstreamOptions("open", "passthrough", "http://open.test", headers={"X-Org": "ours", "X-More": "1"})
    stage = Stage(upstreams={"open": options})
    stage.client(get(b"/open/v1/models", b"x-org: theirs", b"X-Kept: 1"))
    assert stage.sent == b"GET /v1/models HTTP/1.1\r\nHost: open.test\r\nX-Org: ours\r\nX-More: 1\r\nX-Kept: 1\r\n\r\n"


def test_our_key_alone() -> None:
    """Where the provider's key is lent, every credential of the client stays here, in all slots and in the query."""
    entry = {fingerprint(VIRTUAL_KEY): CredentialEntry("lent", virtual=True)}
    stage = Stage(principals=(Principal("lent", virtual=True),), credentials=entry)
    key = VIRTUAL_KEY
    stage.client(
        get(
            b"/anthropic/v1/models?key=" + key + b"&limit=5",
            b"Authorization: Bearer " + key,
            b"x-api-key: " + key,
            b"api-key: " + key,
            b"x-goog-api-key: " + key,
            b"x-tos-key: " + key,
        )
    )
    assert stage.sent == (
        b"GET /base/v1/models?limit=5 HTTP/1.1\r\nHost: api.anthropic.test\r\nx-api-key: " + SECRET.encode() + b"\r\n\r\n"
    )


def test_no_cookies() -> None:
    """What an upstream sets for one client never comes back, neither to it nor with another's request."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(whole(b"{}", b"Set-Cookie: __cf_bm=secret; path=/"))
    stage.client(post())
    assert b"ookie" not in client.taken
    assert b"ookie" not in stage.sent


def test_unreachable() -> None:
    """An upstream that cannot be reached is 502 in the provider's shape; the exchange counts as forwarded and ends."""
    stage = Stage()
    stage.callee.fails = UpstreamError("connection refused")
    client = stage.client(post())
    assert status_of(client.taken) == 502
    assert "connection refused" in told_error(client.taken)["message"]
    assert (stage.outcome.outcome, stage.outcome.status) == ("upstream_error", 0)
    stage.check_figures()


def test_too_slow() -> None:
    """An upstream that does not begin to answer in time is 504."""
    stage = Stage(first_byte_seconds=20.0)
    client = stage.client(post())
    stage.loop.pass_time(22)
    assert (status_of(client.taken), stage.outcome.outcome) == (504, "upstream_error")
    assert stage.upstream.aborted


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n"])
def test_no_answer(answer: bytes) -> None:
    """An upstream that closes or babbles instead of answering is 502."""
    stage = Stage()
    client = stage.client(post())
    if answer:
        stage.upstream.feed(answer)
    if not stage.upstream.closing:
        stage.upstream.end()
    assert (status_of(client.taken), stage.outcome.outcome, stage.outcome.answer_bytes) == (502, "upstream_error", 0)
    stage.check_figures()


def test_interim_answers() -> None:
    """1xx heads reach clients that can read them, before the answer, and no HTTP/1.0 client."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(hints)
    assert bytes(client.taken) == hints
    old = stage.client(post().replace(b"HTTP/1.1", b"HTTP/1.0"))
    stage.upstream.feed(hints)
    assert not old.taken


@pytest.mark.parametrize("when", ["intent", "head"])
def test_client_leaves(when: str) -> None:
    """A client that leaves before there is an answer ends the call at once, in its own right outcome."""
    stage = Stage()
    if when == "intent":
        stage.ledger.holds.add("intent")
    client = stage.client(post())
    client.end()
    stage.ledger.let()
    stage.loop.run()
    assert (stage.outcome.outcome, stage.outcome.delivered_bytes) == ("client_gone", 0)
    assert all(transport.lost for transport in stage.callee.transports)
    assert bool(stage.sent) is (when == "head")
    stage.check_figures()


def test_client_leaves_a_call_that_is_drained() -> None:
    """With `drain` the call goes on to its end for the record."""
    stage = Stage(on_client_abort="drain")
    client = stage.client(post())
    client.end()
    stage.upstream.feed(whole(b'{"ok":1}'))
    outcome = stage.outcome
    assert (outcome.outcome, outcome.answer_bytes, outcome.delivered_bytes) == ("client_gone", 8, 0)
    assert stage.ledger.streams[0].answered == b'{"ok":1}'


def spooled(stage: Stage, size: int = 300_000) -> Any:
    """A client with a body that goes by the spool."""
    request = post(b"/open/v1/files", b"x" * size)
    client = stage.client()
    for at in range(0, len(request), 50_000):
        client.feed(request[at : at + 50_000])
    return client


def test_fed_at_the_upstreams_pace() -> None:
    """A long body is read from the spool no faster than the upstream takes it."""
    stage = Stage()
    stage.callee.on_connect = lambda transport: setattr(transport, "stuck", True)
    spooled(stage, 1_000_000)
    assert 0 < len(stage.upstream.buffered) < 300_000
    stage.upstream.unstick()
    assert len(stage.upstream.taken) > 1_000_000


def test_spooled_body_leaves_memory() -> None:
    """While a long body is fed from the spool nothing of it is kept in memory."""
    stage = Stage()
    exchanges: list[Any] = []
    limit = stage.steps.limit

    def watching(exchange: Any, carried: Any) -> Any:
        exchanges.append(exchange)
        return limit(exchange, carried)

    stage.steps.limit = watching  # type: ignore[method-assign]
    body = b'{"model":"m","input":"' + b"x" * 100_000 + b'"}'
    request = post(b"/openai/v1/responses", body)
    client = stage.client()
    client.feed(request[:80_000])
    client.feed(request[80_000:])
    assert (exchanges[0].body.spooled, exchanges[0].body.whole, exchanges[0].facts.model) == (True, b"", "m")
    assert stage.sent.endswith(body)


def test_early_answer() -> None:
    """An upstream that answers before it has read all is believed; nothing more is sent, its connection is not kept."""
    stage = Stage()
    stage.callee.on_connect = lambda transport: setattr(transport, "stuck", True)
    client = spooled(stage, 1_000_000)
    stage.upstream.feed(whole(b"{}", status=b"413 Too Large"))
    assert status_of(client.taken) == 413
    assert (stage.outcome.outcome, stage.upstream.closing) == ("completed", True)


@pytest.mark.parametrize("change", [lambda pieces: pieces.pop(), lambda pieces: pieces.append(b"GET / HTTP/1.1"), list.clear])
def test_body_not_whole(change: Any) -> None:
    """A connection that was promised another number of bytes than it gets carries nothing more, and the exchange ends."""
    stage = Stage()
    stage.ledger.holds.add("intent")
    client = spooled(stage)
    change(stage.ledger.streams[0].pieces)
    stage.ledger.let()
    stage.loop.run()
    assert status_of(client.taken) == 503
    assert b"cannot be read back whole" in client.taken
    assert stage.upstream.lost
    assert b"GET / HTTP/1.1" not in stage.sent
    assert stage.outcome.outcome == "upstream_error"
    stage.check_figures()


def test_early_answer_between_pieces() -> None:
    """An answer that is complete before the body is: what was not sent must not be missed by the connection's next exchange."""
    stage = Stage()
    sent: list[int] = []

    def answer_early(told: bytes) -> None:
        sent.append(len(told))
        if len(sent) == 3:
            stage.upstream.feed(whole(b"{}"))

    stage.callee.on_connect = lambda transport: setattr(transport, "on_write", answer_early)
    client = spooled(stage, 1_000_000)
    assert status_of(client.taken) == 200
    assert sum(sent) < 1_000_000
    assert stage.upstream.closing
    stage.callee.on_connect = lambda transport: None
    stage.client(post())
    assert len(stage.callee.transports) == 2


def test_spool_cannot_be_read() -> None:
    """When a recorded body cannot be read back the upstream is left at once, and the exchange ends with an outcome."""
    stage = Stage()
    stage.ledger.fails.add("read_back")
    client = spooled(stage)
    assert status_of(client.taken) == 503
    assert stage.upstream.lost
    assert stage.outcome.outcome == "upstream_error"
    stage.check_figures()
