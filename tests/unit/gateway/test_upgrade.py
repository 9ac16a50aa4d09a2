"""How a session is opened: the handshake on both sides, and who is taken for whom."""

from __future__ import annotations

import pytest

from proxy.core.principal import Principal
from proxy.core.snapshot import CredentialEntry
from tests.unit.gateway.stage import KEYED, SECRET, VIRTUAL_KEY, Stage, fingerprint, status_of, told_error
from tests.unit.gateway.talking import AGREED, REALTIME, WANTED, opening


def test_a_handshake_goes_up_and_its_answer_comes_back() -> None:
    """With the intent durable first; without extensions; with the record named, and the model of the query in the record."""
    stage = Stage()
    stage.ledger.holds.add("intent")
    client = stage.client(opening(REALTIME, *KEYED, b"Sec-WebSocket-Extensions: permessage-deflate"))
    assert stage.sent == b""
    stage.ledger.let()
    head = stage.sent.split(b"\r\n")
    assert head[0] == b"GET /v1/realtime?model=gpt-realtime HTTP/1.1"
    assert set(WANTED) <= set(head)
    assert not any(b"Extensions" in line for line in head)
    stage.upstream.feed(AGREED + b"X-Request-Id: r-1\r\n\r\n")
    told = bytes(client.taken).split(b"\r\n")
    assert told[0] == b"HTTP/1.1 101 Switching Protocols"
    assert {b"Upgrade: websocket", b"Connection: Upgrade", b"x-tos-record: " + stage.intent.id.encode()} <= set(told)
    assert (stage.intent.endpoint, stage.intent.model_requested) == ("realtime", "gpt-realtime")


def test_an_answer_that_is_no_switch_passes_as_any_other() -> None:
    """A provider's 401 reaches the client whole."""
    stage = Stage()
    client = stage.client(opening())
    stage.upstream.feed(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
    assert status_of(client.taken) == 401
    assert client.taken.endswith(b"no")
    assert (stage.outcome.outcome, stage.outcome.status) == ("completed", 401)
    stage.check_figures()


@pytest.mark.parametrize("agreed", [AGREED.replace(b"Accept: s", b"Accept: t"), AGREED + b"Sec-WebSocket-Extensions: x\r\n"])
def test_an_upstream_that_agrees_to_something_else_is_an_error(agreed: bytes) -> None:
    """502, before the client has switched."""
    stage = Stage()
    client = stage.client(opening())
    stage.upstream.feed(agreed + b"\r\n")
    assert status_of(client.taken) == 502
    assert stage.outcome.outcome == "upstream_error"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        (b"/openai/v1/chat/completions", (), 426),
        (b"/openai/v1/models", (), 426),
        (REALTIME, (*KEYED, b"Sec-WebSocket-Extensions: x", b"Content-Length: 1"), 400),
    ],
)
def test_what_opens_no_session_is_refused(path: bytes, fields: tuple[bytes, ...], status: int) -> None:
    """Only rows that know sessions take an upgrade; a refusal is recorded."""
    stage = Stage()
    client = stage.client(opening(path, *fields))
    assert status_of(client.taken) == status
    assert stage.refusal.status == status
    assert stage.sent == b""


def test_a_key_among_the_sub_protocols_is_a_credential() -> None:
    """A provider's passes and is named by its fingerprint; nothing recorded holds it."""
    stage = Stage()
    stage.client(
        opening(REALTIME, b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.sk-browser, openai-beta.realtime-v1")
    )
    assert b"openai-insecure-api-key.sk-browser" in stage.sent
    assert stage.intent.credential == "subprotocol"
    assert "sk-browser" not in repr(stage.intent)


def test_a_virtual_key_among_the_sub_protocols_is_swapped() -> None:
    """The provider's goes where the provider reads it, the other sub-protocols stay."""
    stage = Stage(principals=(Principal("app"),), credentials={fingerprint(VIRTUAL_KEY): CredentialEntry("app", virtual=True)})
    hidden = b"openai-insecure-api-key." + VIRTUAL_KEY
    stage.client(opening(REALTIME, b"Sec-WebSocket-Protocol: realtime, " + hidden + b", openai-beta.realtime-v1"))
    assert stage.intent.principal == "app"
    assert VIRTUAL_KEY not in stage.sent
    assert b"\r\nSec-WebSocket-Protocol: realtime, openai-beta.realtime-v1\r\n" in stage.sent
    assert b"\r\nAuthorization: Bearer " + SECRET.encode() in stage.sent


def test_a_key_among_sub_protocols_says_nothing_elsewhere() -> None:
    """A request that opens no session is nobody's by it, nor does it make the next one somebody's."""
    stage = Stage()
    stage.client(b"GET /openai/v1/models HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: openai-insecure-api-key.sk-1\r\n\r\n")
    assert stage.refusal.credential == "none"


def test_two_keys_are_refused() -> None:
    """One in a field and another among the sub-protocols."""
    stage = Stage()
    client = stage.client(opening(REALTIME, *KEYED, b"Sec-WebSocket-Protocol: openai-insecure-api-key.sk-other"))
    assert (status_of(client.taken), told_error(client.taken)["code"]) == (400, "two_credentials")
