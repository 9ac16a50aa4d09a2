"""Addresses in an answer's head lead through the proxy, however its client reached it."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core.principal import Principal
from proxy.core.snapshot import CredentialEntry, UpstreamOptions
from proxy.ledger.record import Intent
from tests.unit.gateway.stage import SECRET, VIRTUAL_KEY, Stage, fingerprint, post, whole

UPSTREAMS = {
    "gemini": UpstreamOptions("gemini", "gemini", "https://generativelanguage.test"),
    "below": UpstreamOptions("below", "gemini", "http://gateway.test/google"),
    "openai": UpstreamOptions("openai", "openai", "http://api.openai.test"),
}
GIVEN = b"https://generativelanguage.test/upload/v1beta/files?upload_id=a%2Fb&upload_protocol=resumable"
KEY = b"x-goog-api-key: k"


def told(path: bytes, *fields: bytes, given: bytes = GIVEN, field: bytes = b"X-Goog-Upload-URL", **options: object) -> bytes:
    """The head that a client gets when the upstream hands out an address in a field."""
    stage = Stage(upstreams=UPSTREAMS, **options)
    client = stage.client(post(path, b"{}", KEY, b"Content-Type: application/json", *fields))
    stage.upstream.feed(whole(b"x", field + b": " + given, b"x-other: " + given))
    head = bytes(client.taken).partition(b"\r\n\r\n")[0]
    assert b"x-other: " + given in head
    return head


@pytest.mark.parametrize(
    ("path", "fields", "front"),
    [
        (b"/gemini/upload/v1beta/files", (), b"http://proxy.test/gemini"),
        (b"/gemini/upload/v1beta/files", (b"X-Forwarded-Proto: https",), b"https://proxy.test/gemini"),
        (b"/gemini/upload/v1beta/files", (b"X-Forwarded-Proto: gopher",), b"http://proxy.test/gemini"),
        (b"/gemini/upload/v1beta/environments/e/files/f", (), b"http://proxy.test/gemini"),
    ],
)
def test_path_and_query_stay_behind_our_own_front(path: bytes, fields: tuple[bytes, ...], front: bytes) -> None:
    """Scheme and host are those by which the client came, also where no row of a dialect fits."""
    assert b"X-Goog-Upload-URL: " + front + GIVEN.removeprefix(b"https://generativelanguage.test") + b"\r\n" in told(path, *fields)


def test_the_upstreams_own_prefix_is_not_said_twice() -> None:
    """A base URL with a path puts it in front again when the client comes back."""
    head = told(b"/below/upload/v1beta/files", given=b"http://gateway.test/google/upload/v1beta/files?upload_id=1")
    assert b"X-Goog-Upload-URL: http://proxy.test/below/upload/v1beta/files?upload_id=1\r\n" in head


def test_a_host_that_a_provider_names_is_no_destination() -> None:
    """Whatever host it is, the way leads to the configured upstream."""
    head = told(b"/gemini/upload/v1beta/files", given=b"https://elsewhere.test/x", field=b"x-goog-upload-control-url")
    assert b"x-goog-upload-control-url: http://proxy.test/gemini/x\r\n" in head


def test_what_is_no_address_stays() -> None:
    """It is not for us to mend."""
    assert b"X-Goog-Upload-URL: none\r\n" in told(b"/gemini/upload/v1beta/files", given=b"none")


def test_other_endpoints_keep_every_byte() -> None:
    """Only rows that say so are looked at."""
    assert b"X-Goog-Upload-URL: " + GIVEN + b"\r\n" in told(b"/openai/v1/chat/completions")


UPLOAD = b"/upload/v1beta/files?upload_id=0123456789abcdef0123"
TEAM = Principal("team", ("use.product", "eval.private"), "use.product", virtual=True)
LENT = {
    "upstreams": {"gemini": UpstreamOptions("gemini", "gemini", "https://generativelanguage.test", api_key_env="OPENAI_KEY")},
    "principals": (TEAM,),
    "credentials": {fingerprint(VIRTUAL_KEY): CredentialEntry("team", virtual=True)},
}


def began(stage: Stage, *fields: bytes, query: bytes = b"") -> bytes:
    """The path and query that the client who begins an upload is given for its bytes."""
    client = stage.client(post(b"/gemini/upload/v1beta/files" + query, b"{}", *fields))
    stage.upstream.feed(whole(b"x", b"x-goog-upload-url: https://generativelanguage.test" + UPLOAD))
    return bytes(client.taken).partition(b"x-goog-upload-url: http://proxy.test")[2].partition(b"\r\n")[0]


def follow(stage: Stage, target: bytes, *fields: bytes) -> Intent:
    """What is recorded of a request that sends bytes to an address."""
    stage.client(post(target, b"bytes", b"X-Goog-Upload-Command: upload", *fields))
    stage.upstream.feed(whole())
    intent = stage.entries("intent")[-1]
    assert isinstance(intent, Intent)
    return intent


def test_what_follows_is_its_beginners() -> None:
    """The bytes of an upload come without a credential: at any gateway they are those of whoever got the address, and of nobody
    who guesses or changes one. The upstream is sent the address that it gave.
    """
    stage, another = Stage(upstreams=UPSTREAMS), Stage(upstreams=UPSTREAMS)
    target = began(stage, b"x-tos-purpose: undeclared", query=b"?key=k")
    beginner = stage.intent
    assert target.startswith(b"/gemini" + UPLOAD + b"&x-tos-began=")
    intent = follow(another, target)
    assert intent.principal == beginner.principal != "anonymous"
    assert intent.target == "/upload/v1beta/files?upload_id=REDACTED"
    assert another.sent.startswith(b"POST " + UPLOAD + b" HTTP/1.1\r\n")
    for other in (
        target[:-9],
        target[:-9] + (b"B" if target[-9:-8] == b"A" else b"A") + target[-8:],
        target.replace(b"0123&", b"0124&"),
        target.partition(b"&x-tos")[0],
    ):
        assert follow(another, other).principal == "anonymous"
    assert follow(another, target, b"x-goog-api-key: other").principal not in (beginner.principal, "anonymous")
    another.clock.us += 8 * 24 * 3600 * 1_000_000
    assert follow(another, target).principal == "anonymous"


def test_a_beginner_with_a_virtual_key_goes_on_with_it() -> None:
    """With the purpose that was declared, and the provider's key; not once the key is no longer valid or the holder suspended."""
    stage = Stage(**LENT)
    target = began(stage, b"x-goog-api-key: " + VIRTUAL_KEY, b"x-tos-purpose: eval.private")
    intent = follow(stage, target)
    assert (intent.principal, intent.purpose, intent.credential) == ("team", "eval.private", "virtual")
    assert stage.upstream.taken.count(SECRET.encode()) == 2, "in the beginning, and in what follows"
    suspended = msgspec.structs.replace(TEAM, standing="suspended")
    for lost in ({"credentials": {}}, {"principals": (suspended,)}, {"environment": {}}):
        another = Stage(**{**LENT, **lost})
        client = another.client(post(target, b"bytes", b"X-Goog-Upload-Command: upload"))
        assert bytes(client.taken)[9:12] in (b"401", b"403")
        assert another.sent == b""
