"""Who asks: credentials from every slot, virtual keys, purposes, and what can never be switched off from outside."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

import msgspec
import pytest

from proxy.core.principal import Principal
from proxy.core.snapshot import CredentialEntry, UpstreamOptions
from proxy.gateway.identity import UNACCEPTED
from proxy.settings.identity import token_fingerprint
from tests.unit.gateway.stage import (
    CHAT,
    IDENTITY_KEY,
    SECRET,
    VIRTUAL_KEY,
    Stage,
    fingerprint,
    get,
    post,
    told_error,
    whole,
)

TEAM = Principal("team", purposes=("use.product", "train.general"), purpose="use.product", project="p", attributes={"a": "b"})
LENT = Principal("lent", virtual=True)


def keyed(secret: bytes) -> str:
    """The fingerprint of a key that clients bring."""
    return hmac.digest(IDENTITY_KEY, secret, "sha256").hex()


def stage() -> Stage:
    """A gateway that knows `team` by `sk-team` and `lent` by a virtual key."""
    return Stage(
        principals=(TEAM, LENT, Principal("gone", standing="suspended")),
        credentials={
            keyed(b"sk-team"): CredentialEntry("team"),
            keyed(b"sk-gone"): CredentialEntry("gone"),
            fingerprint(VIRTUAL_KEY): CredentialEntry("lent", virtual=True),
        },
    )


def asked(*fields: bytes, path: bytes = b"/openai/v1/chat/completions") -> Stage:
    """A gateway that has been asked with these fields."""
    made = stage()
    made.client(post(path, CHAT, *fields) if fields else post(path, CHAT, b"Accept: */*"))
    return made


def refused(made: Stage) -> tuple[int, str]:
    """Status and code of the one refusal; nothing went upstream."""
    assert not made.sent
    made.check_figures()
    return made.refusal.status, made.refusal.error


SLOTS = {
    "bearer": (b"Authorization: Bearer sk-team", "bearer"),
    "bearer, other case": (b"authorization: BEARER  sk-team", "bearer"),
    "x-api-key": (b"X-Api-Key: sk-team", "x-api-key"),
    "api-key": (b"api-key: sk-team", "api-key"),
    "x-goog-api-key": (b"x-goog-api-key: sk-team", "x-goog-api-key"),
}


@pytest.mark.parametrize(("field", "kind"), SLOTS.values(), ids=SLOTS)
def test_slot(field: bytes, kind: str) -> None:
    """A key is known from any provider's slot, travels as it came, and is recorded by fingerprint alone."""
    made = asked(field)
    intent = made.intent
    assert (intent.principal, intent.credential, intent.key) == ("team", kind, keyed(b"sk-team"))
    assert (intent.project, intent.attributes, intent.purpose) == ("p", {"a": "b"}, "use.product")
    assert b"\r\n" + field + b"\r\n" in made.sent
    assert b"sk-team" not in msgspec.json.encode(intent)


@pytest.mark.parametrize(
    "query", [b"key=sk-team", b"alt=sse&key=sk-team", b"k%65y=sk-team", b"key=sk%2Dteam", b"access_token=sk-team"]
)
def test_slot_in_the_query(query: bytes) -> None:
    """A key in the query is known too, however it is written, and does not get into the record."""
    made = stage()
    made.client(get(b"/gemini/v1beta/models?" + query, b"Accept: */*"))
    assert (made.intent.principal, made.intent.credential) == ("team", "query")
    assert b"sk-team" not in msgspec.json.encode(made.intent)
    assert b"?" + query + b" " in made.sent


@pytest.mark.parametrize(
    "fields",
    [
        (b"Authorization: Bearer sk-team", b"x-api-key: sk-other"),
        (b"x-goog-api-key: sk-team", b"api-key: sk-other"),
        (b"Authorization: Basic c2s=", b"x-api-key: sk-team"),
    ],
)
def test_two_credentials(fields: tuple[bytes, ...]) -> None:
    """Two different credentials are 400: two readers could pick differently."""
    assert refused(asked(*fields)) == (400, "two_credentials")
    assert refused(asked(b"Authorization: Bearer sk-team", path=b"/openai/v1/chat/completions?key=sk-other"))[0] == 400


def test_same_credential_twice() -> None:
    """The same key in two slots is one credential."""
    assert asked(b"Authorization: Bearer sk-team", b"x-api-key: sk-team").intent.principal == "team"


def test_unknown_key() -> None:
    """A key that nobody configured makes an automatic principal, named by its fingerprint."""
    made = asked(b"Authorization: Bearer sk-new")
    assert (made.intent.principal, made.intent.purpose) == (f"key:{keyed(b'sk-new')[:12]}", "undeclared")
    assert b"Bearer sk-new" in made.sent


def token(payload: object, signature: bytes = b"x") -> bytes:
    """A JWT as a bearer field."""
    part = urlsafe_b64encode(msgspec.json.encode(payload)).rstrip(b"=")
    return b"Authorization: Bearer eyJhbGciOiJub25lIn0." + part + b"." + signature


def test_renewed_token() -> None:
    """A JWT is known by issuer and subject, so that its renewal makes no new principal; another issuer is another one."""
    first = asked(token({"iss": "i", "sub": "s", "exp": 1}, b"one")).intent
    second = asked(token({"iss": "i", "sub": "s", "exp": 2}, b"two")).intent
    other = asked(token({"iss": "j", "sub": "s", "exp": 2}, b"two")).intent
    assert first.principal == second.principal != other.principal
    assert (first.credential, first.principal[:4]) == ("jwt", "jwt:")


def test_configured_token() -> None:
    """A principal whose configuration names issuer and subject is known by every token of theirs, whatever else it claims."""
    issuer, subject = "https://sts.windows.net/tenant/", "0a1b"
    known = {token_fingerprint(issuer, subject, IDENTITY_KEY): CredentialEntry("team")}
    for expiry in (1, 2):
        made = Stage(principals=(TEAM,), credentials=known)
        made.client(post(b"/openai/v1/chat/completions", CHAT, token({"iss": issuer, "sub": subject, "exp": expiry})))
        assert (made.intent.principal, made.intent.credential) == ("team", "jwt")


@pytest.mark.parametrize("payload", [{"iss": "i"}, {"sub": ""}, {"sub": 5}, [1], "x"])
def test_token_without_subject(payload: object) -> None:
    """What names nobody is a key like any other."""
    assert asked(token(payload)).intent.credential == "bearer"


# --- virtual keys


VIRTUAL = {
    "bearer": (b"Authorization: Bearer " + VIRTUAL_KEY, b""),
    "x-api-key": (b"x-api-key: " + VIRTUAL_KEY, b""),
    "query": (b"Accept: */*", b"?key=" + VIRTUAL_KEY),
    "query, spelt oddly": (b"Accept: */*", b"?k%65y=" + VIRTUAL_KEY),
    "query, upper case": (b"Accept: */*", b"?KEY=" + VIRTUAL_KEY),
    "query, as a token": (b"Accept: */*", b"?access_token=" + VIRTUAL_KEY),
    "x-tos-key": (b"X-Tos-Key: " + VIRTUAL_KEY, b""),
    "x-tos-key and bearer": (b"X-Tos-Key: " + VIRTUAL_KEY + b"\r\nAuthorization: Bearer sk-other", b""),
}


@pytest.mark.parametrize(("field", "query"), VIRTUAL.values(), ids=VIRTUAL)
def test_virtual_key(field: bytes, query: bytes) -> None:
    """A virtual key is swapped for the provider's: the upstream sees ours in its slot, once, and no other credential."""
    made = asked(field, path=b"/openai/v1/chat/completions" + query)
    assert made.intent.principal == "lent"
    assert VIRTUAL_KEY not in made.sent
    assert b"tp_" not in made.sent
    assert b"sk-other" not in made.sent
    assert made.sent.count(b"Authorization: Bearer " + SECRET.encode()) == 1
    assert SECRET.encode() not in msgspec.json.encode(made.intent)
    assert VIRTUAL_KEY not in msgspec.json.encode(made.intent)


def test_virtual_key_in_azures_slot() -> None:
    """Azure's SDK brings a virtual key in `api-key`, and the provider's goes upstream in its place, where configuration says so."""
    options = UpstreamOptions("azure", "openai", "http://azure.test", api_key_env="OPENAI_KEY", api_key_slot="api-key")
    known = {fingerprint(VIRTUAL_KEY): CredentialEntry("lent", virtual=True)}
    made = Stage(principals=(LENT,), credentials=known, upstreams={"azure": options})
    path = b"/azure/openai/deployments/mine/chat/completions?api-version=2025-04-01-preview"
    made.client(post(path, CHAT, b"api-key: " + VIRTUAL_KEY))
    assert (made.intent.principal, made.intent.model_requested) == ("lent", "mine")
    assert b"tp_" not in made.sent
    assert b"\r\napi-key: " + SECRET.encode() + b"\r\n" in made.sent
    assert b"Authorization" not in made.sent


def test_unknown_virtual_key() -> None:
    """A virtual key that is not in force is 401 and goes nowhere."""
    assert refused(asked(b"Authorization: Bearer tp_unknown")) == (401, "unknown_key")
    assert refused(asked(b"X-Tos-Key: tp_unknown")) == (401, "unknown_key")


def test_virtual_key_without_ours() -> None:
    """Where the proxy holds no provider key a virtual key is 401, not sent in its place."""
    assert refused(asked(b"x-goog-api-key: " + VIRTUAL_KEY, path=b"/gemini/v1beta/models/m:generateContent")) == (
        401,
        "no_provider_key",
    )


def test_no_open_relay() -> None:
    """Whoever brings no key is never lent the provider's."""
    assert refused(asked()) == (401, "no_credential")


def test_anonymous() -> None:
    """Where there is nothing to lend, a request without key passes as it is, as nobody in particular."""
    made = asked(b"Accept: */*", path=b"/open/v1/chat/completions")
    assert (made.intent.principal, made.intent.credential, made.intent.key) == ("anonymous", "none", "")


def test_peer_of_the_unix_socket() -> None:
    """The unix socket's permissions authenticate; its peers are lent the provider's key."""
    made = stage()
    made.client(post(b"/openai/v1/chat/completions", CHAT, b"Accept: */*"), peername="")
    assert SECRET.encode() in made.sent


def test_own_key_beside_theirs() -> None:
    """`x-tos-key` says who asks; the client's own key still goes upstream, ours never."""
    made = asked(b"X-Tos-Key: sk-team", b"Authorization: Bearer sk-other")
    assert made.intent.principal == "team"
    assert b"Bearer sk-other" in made.sent
    assert b"sk-team" not in made.sent


def test_unknown_own_key() -> None:
    """`x-tos-key` makes no automatic principals."""
    assert refused(asked(b"X-Tos-Key: sk-new", b"Authorization: Bearer sk-other")) == (401, "unknown_key")


def test_suspended() -> None:
    """A suspended principal is refused."""
    assert refused(asked(b"Authorization: Bearer sk-gone")) == (403, "principal_suspended")


# --- purposes


def test_purpose_may_be_narrowed() -> None:
    """A call may declare one of its principal's purposes; the header does not travel."""
    made = asked(b"Authorization: Bearer sk-team", b"X-Tos-Purpose: train.general")
    assert made.intent.purpose == "train.general"
    assert b"purpose" not in made.sent.lower()


def test_purpose_not_allowed() -> None:
    """A purpose that the principal may not declare is 403, naming those it may."""
    made = stage()
    client = made.client(
        post(b"/openai/v1/chat/completions", CHAT, b"Authorization: Bearer sk-team", b"X-Tos-Purpose: eval.private")
    )
    assert refused(made) == (403, "purpose_not_allowed")
    assert "use.product, train.general" in told_error(client.taken)["message"]


@pytest.mark.parametrize("purpose", [b"anything", b"", b"use.product, train.general", b"\xff"])
def test_unknown_purpose(purpose: bytes) -> None:
    """What is no purpose is 400."""
    assert refused(asked(b"Authorization: Bearer sk-team", b"X-Tos-Purpose: " + purpose)) == (400, "unknown_purpose")


@pytest.mark.parametrize(
    "field", [b"X-Tos-Record: off", b"X-Tos-Content: digests", b"X-No-Log: 1", b"DNT: 1", b"Cache-Control: no-store"]
)
def test_recording_cannot_be_switched_off(field: bytes) -> None:
    """No header turns recording off or down."""
    made = asked(b"Authorization: Bearer sk-team", field)
    assert made.intent.id == made.ledger.streams[0].id
    assert made.ledger.streams[0].content == "full"


def test_content_of_a_principal() -> None:
    """`content: digests` of a principal is what its records keep."""
    made = Stage(principals=(Principal("quiet", content="digests"),), credentials={keyed(b"sk-q"): CredentialEntry("quiet")})
    made.client(post(b"/openai/v1/chat/completions", CHAT, b"Authorization: Bearer sk-q"))
    assert made.ledger.streams[0].content == "digests"


# --- where from


def source(peer: str, *forwarded: bytes, trusted: tuple[str, ...] = ("10.0.0.0/8",)) -> str:
    """The recorded source of a call."""
    made = Stage(trusted_proxies=trusted)
    fields = [b"X-Forwarded-For: " + one for one in forwarded]
    made.client(post(b"/openai/v1/chat/completions", CHAT, b"Authorization: Bearer a", *fields), peername=(peer, 1))
    assert b"orwarded" not in made.sent
    return made.intent.source


CLIENT = Stage().house.identity.keyed("203.0.113.9")


def test_source_behind_a_trusted_proxy() -> None:
    """The nearest address that no trusted proxy has is the client's; it is recorded keyed."""
    assert source("10.0.0.1", b"203.0.113.9") == CLIENT
    assert source("10.0.0.1", b"6.6.6.6, 203.0.113.9, 10.1.2.3") == CLIENT


def test_source_in_fields_of_several_hops() -> None:
    """A proxy that adds a field of its own is believed before what its client wrote."""
    assert source("10.0.0.1", b"6.6.6.6", b"203.0.113.9") == CLIENT


@pytest.mark.parametrize("forwarded", [(), (b"",), (b"10.0.0.2",)])
def test_no_source(forwarded: tuple[bytes, ...]) -> None:
    """Where nobody named the client there is no source."""
    assert source("10.0.0.1", *forwarded) == ""


def test_source_from_anybody() -> None:
    """From a peer that is not trusted X-Forwarded-For means nothing."""
    assert source("192.0.2.7", b"203.0.113.9") == ""
    assert source("192.0.2.7", b"203.0.113.9", trusted=()) == ""


# --- memory


def test_unaccepted_credentials_share_a_seal() -> None:
    """Made-up keys make no content keys: all are sealed under one name until an upstream accepts them."""
    made = Stage()
    client = made.client(post())
    assert made.ledger.streams[0].principal == UNACCEPTED
    made.upstream.feed(whole(status=b"401 Unauthorized"))
    client.feed(post())
    assert made.ledger.streams[1].principal == UNACCEPTED
    made.upstream.feed(whole())
    client.feed(post())
    assert made.ledger.streams[2].principal == made.entries("intent")[0].principal


def test_acceptance_outlives_a_snapshot() -> None:
    """What an upstream accepted is known to the identity of the next snapshot."""
    made = Stage()
    made.client(post())
    made.upstream.feed(whole())
    assert made.entries("intent")[0].key in made.accepted


def test_flood_of_keys_is_bounded() -> None:
    """Ten thousand made-up keys do not grow what is remembered beyond its bound."""
    made = Stage(upstreams={"open": Stage().house.routes.upstreams[b"open"].options})
    identity = made.house.identity
    client = made.client()
    for number in range(9000):
        client.feed(get(b"/open/x", b"Authorization: Bearer sk-%d" % number))
        made.upstream.feed(whole(status=b"401 Unauthorized"))
        made.journal.clear()
    assert len(identity._callers) <= 8192
    assert not made.accepted


def test_same_caller_twice() -> None:
    """What is remembered of a caller is not used for another purpose or key."""
    made = stage()
    client = made.client()
    for fields in (
        (b"Authorization: Bearer sk-team",),
        (b"Authorization: Bearer sk-team", b"X-Tos-Purpose: train.general"),
        (b"Authorization: Bearer sk-team",),
        (b"x-api-key: sk-team",),
    ):
        client.feed(post(b"/openai/v1/chat/completions", CHAT, *fields))
        made.upstream.feed(whole())
    assert [(intent.purpose, intent.credential) for intent in made.entries("intent")] == [
        ("use.product", "bearer"),
        ("train.general", "bearer"),
        ("use.product", "bearer"),
        ("use.product", "x-api-key"),
    ]
