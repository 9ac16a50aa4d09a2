"""Addresses in an answer's head lead through the proxy, however its client reached it."""

from __future__ import annotations

import pytest

from proxy.core.snapshot import UpstreamOptions
from tests.unit.gateway.stage import Stage, post, whole

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


def test_what_follows_is_its_beginners() -> None:
    """The bytes of an upload come without a credential: they are those of whoever got the address, and of nobody who guesses."""
    stage = Stage(upstreams=UPSTREAMS)
    stage.client(post(b"/gemini/upload/v1beta/files?key=k", b"{}", b"x-tos-purpose: undeclared"))
    given = b"https://generativelanguage.test/upload/v1beta/files?upload_id=0123456789abcdef0123"
    stage.upstream.feed(whole(b"x", b"x-goog-upload-url: " + given))
    for upload in (b"0123456789abcdef0123", b"0123456789abcdef0124"):
        stage.client(post(b"/gemini/upload/v1beta/files?upload_id=" + upload, b"bytes", b"X-Goog-Upload-Command: upload"))
        stage.upstream.feed(whole())
    began, followed, guessed = stage.entries("intent")
    assert began.principal == followed.principal
    assert (began.principal[:4], guessed.principal) == ("key:", "anonymous")
