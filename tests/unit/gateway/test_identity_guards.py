"""What identity must never do: lend the provider's key to the forged, let a virtual key or letters of a secret out, grow."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

import pytest

from proxy.core.principal import Principal
from proxy.core.snapshot import CredentialEntry, UpstreamOptions
from tests.unit.gateway.stage import CHAT, IDENTITY_KEY, SECRET, VIRTUAL_KEY, Stage, fingerprint, post, whole

BOTH = Principal("both", virtual=True)
GONE = Principal("gone", standing="suspended")


def keyed(secret: bytes) -> str:
    """The fingerprint of a key that clients bring."""
    return hmac.digest(IDENTITY_KEY, secret, "sha256").hex()


def token(claims: bytes) -> bytes:
    """An unsigned JWT."""
    return b"eyJhbGciOiJub25lIn0." + urlsafe_b64encode(claims).rstrip(b"=") + b".x"


def asked(*fields: bytes, path: bytes = b"/openai/v1/chat/completions") -> Stage:
    """A gateway that knows `both` by a virtual key, a plain key and a token's subject, and has been asked with these fields."""
    made = Stage(
        principals=(BOTH, GONE),
        credentials={
            fingerprint(VIRTUAL_KEY): CredentialEntry("both", virtual=True),
            keyed(b"sk-both"): CredentialEntry("both"),
            keyed(b"jwt\0https://issuer.test\0ana"): CredentialEntry("both"),
            keyed(b"sk-gone"): CredentialEntry("gone"),
            keyed(b"sk-lost"): CredentialEntry("nobody-there"),
        },
    )
    made.client(post(path, CHAT, *fields))
    return made


@pytest.mark.parametrize("secret", [b"sk-both", token(b'{"iss":"https://issuer.test","sub":"ana"}')], ids=["plain", "forged token"])
def test_key_is_lent_to_virtual_keys_alone(secret: bytes) -> None:
    """A principal that also has a virtual key is known by its others, but the provider's key is not lent to them."""
    made = asked(b"Authorization: Bearer " + secret)
    assert made.intent.principal == "both"
    assert SECRET.encode() not in made.sent
    assert secret in made.sent


@pytest.mark.parametrize("own", [VIRTUAL_KEY, b"sk-both"], ids=["virtual", "plain"])
def test_virtual_key_never_travels(own: bytes) -> None:
    """A virtual key in a provider's slot goes nowhere, whatever x-tos-key says beside it."""
    made = asked(b"x-tos-key: " + own, b"Authorization: Bearer " + VIRTUAL_KEY, path=b"/open/v1/chat/completions")
    assert not made.sent
    assert (made.refusal.status, made.refusal.error) == (401, "no_provider_key")


@pytest.mark.parametrize("value", [b"sk-live-abcdefghijkl", b"Bearer\tsk-live-abcdefghijkl", b"sk-live-abc def"])
def test_secret_without_scheme(value: bytes) -> None:
    """Who forgets the scheme sends the secret itself: no letter of it is recorded."""
    made = asked(b"Authorization: " + value, path=b"/open/v1/chat/completions")
    assert made.intent.credential == "authorization"


def test_deep_token() -> None:
    """A token that nests too deeply is a key like any other."""
    made = asked(b"Authorization: Bearer " + token(b'{"a":' + b"[" * 1500 + b"]" * 1500 + b"}"))
    assert made.intent.credential == "bearer"
    assert not made.faults


def test_principal_that_is_not_there() -> None:
    """A credential whose principal is not in force makes an automatic one, not a fault."""
    made = asked(b"Authorization: Bearer sk-lost")
    assert made.intent.principal.startswith("key:")
    assert not made.faults


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"429 Too Many Requests", b"500 Oh", b"302 Found"])
def test_only_success_accepts(status: bytes) -> None:
    """Some providers answer a made-up key with 400: only a success makes an automatic principal."""
    made = asked(b"Authorization: Bearer sk-made-up")
    made.upstream.protocol.data_received(whole(status=status))
    assert not made.accepted


def test_refused_callers_are_named() -> None:
    """Who was refused is in the record of the refusal, with the credential's fingerprint."""
    made = asked(b"Authorization: Bearer sk-gone")
    assert (made.refusal.status, made.refusal.principal, made.refusal.key) == (403, "gone", keyed(b"sk-gone"))


def test_caches_hold_no_long_values() -> None:
    """Long paths and long keys are judged each time: nobody can fill the memory with them."""
    made = asked(b"Authorization: Bearer " + b"k" * 5000, path=b"/openai/v1/" + b"p" * 5000)
    assert (made.intent.endpoint, len(made.house.identity._callers), len(made.house.routes._known)) == ("other", 0, 0)


@pytest.mark.parametrize(
    ("upstream", "key", "plan"),
    [
        ("anthropic", b"sk-ant-oat01-secret", "oauth_subscription"),
        ("anthropic", b"sk-ant-api03-secret", "api_key"),
        ("openai", b"sk-secret", ""),
        ("kimi", b"sk-secret", "coding_plan"),
        ("kimi", b"sk-ant-api03-secret", "coding_plan"),
        ("lending", VIRTUAL_KEY, "oauth_subscription"),
    ],
)
def test_what_a_credential_was_sold_as(upstream: str, key: bytes, plan: str) -> None:
    """By the place where it is used, or by its shape; of a key that is lent, by the shape of the one that goes upstream."""
    made = Stage(
        upstreams={
            "openai": UpstreamOptions("openai", "openai", "https://api.openai.com"),
            "anthropic": UpstreamOptions("anthropic", "anthropic", "https://api.anthropic.com"),
            "kimi": UpstreamOptions("kimi", "openai", "https://api.kimi.com/coding"),
            "lending": UpstreamOptions("lending", "anthropic", "https://api.anthropic.com", api_key_env="KEY"),
        },
        principals=(BOTH,),
        credentials={fingerprint(VIRTUAL_KEY): CredentialEntry("both", virtual=True)},
        environment={"KEY": "sk-ant-oat01-lent"},
    )
    for _ in range(2):
        made.client(post(b"/" + upstream.encode() + b"/v1/chat/completions", CHAT, b"Authorization: Bearer " + key))
    assert [entry.plan for entry in made.entries("intent") + made.entries("refusal")] == [plan] * 2
