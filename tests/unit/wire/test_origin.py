"""Base URLs: what they become, and which are refused."""

from __future__ import annotations

import pytest

from proxy.wire.origin import Origin, WireSettingError, parse_origin


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://api.openai.com", Origin("https", "api.openai.com", 443)),
        ("https://API.OpenAI.com/", Origin("https", "api.openai.com", 443)),
        ("http://127.0.0.1:11434", Origin("http", "127.0.0.1", 11434)),
        ("https://gateway.example/tenants/a%20b/", Origin("https", "gateway.example", 443, b"/tenants/a%20b")),
        ("http://[::1]:8000/x", Origin("http", "::1", 8000, b"/x")),
        ("http://[2001:DB8:0::1]", Origin("http", "2001:db8::1", 80)),
        ("http://model_server:80", Origin("http", "model_server", 80)),
        ("https://bücher.example", Origin("https", "xn--bcher-kva.example", 443)),
    ],
)
def test_parsed(base_url: str, origin: Origin) -> None:
    """A base URL gives scheme, host, port and the path before each request's own."""
    assert parse_origin(base_url) == origin


@pytest.mark.parametrize(
    ("base_url", "authority", "host_header"),
    [
        ("https://api.example", "api.example:443", b"api.example"),
        ("https://api.example:443", "api.example:443", b"api.example"),
        ("http://api.example:443", "api.example:443", b"api.example:443"),
        ("http://[::1]", "[::1]:80", b"[::1]"),
        ("http://[::1]:8080", "[::1]:8080", b"[::1]:8080"),
    ],
)
def test_names(base_url: str, authority: str, host_header: bytes) -> None:
    """The authority always names the port, the Host field only where it is not the scheme's own; IPv6 stands in brackets."""
    origin = parse_origin(base_url)
    assert (origin.authority, origin.host_header) == (authority, host_header)


def test_trailing_dot() -> None:
    """A full name keeps its dot for the look-up and loses it for the certificate."""
    origin = parse_origin("https://api.example.")
    assert (origin.host, origin.server_name) == ("api.example.", "api.example")


@pytest.mark.parametrize(
    ("base_url", "part"),
    [
        ("api.example", "http:// or https://"),
        ("ftp://api.example", "'ftp'"),
        ("https://", "no domain name"),
        ("https://user:hunter2@api.example", "api_key_env"),
        ("https://api.example?x=1", "query"),
        ("https://api.example/v1#top", "fragment"),
        ("https://api.example/#", "fragment"),
        ("https://api.example:0", "port 0"),
        ("https://api.example:99999", "port"),
        ("https://api.example:x", "port"),
        ("https://api..example", "no domain name"),
        ("https://-api.example", "no domain name"),
        ("https://api.example\\x", "no domain name"),
        ("https://a b.example", "no domain name"),
        ("https://" + "a." * 130 + "example", "no domain name"),
        ("https://" + "ü" * 70 + ".example", "no domain name"),
        ("https://[127.0.0.1]", "base_url"),
        ("https://[::1", "base_url"),
        ("http://[fe80::1%25eth0]:80", "base_url"),
        ("https://api.example/a b", "percent-encoded"),
        ("https://api.example/é", "percent-encoded"),
        ("https://api.example/a%zz", "percent-encoded"),
        ("https://api.example/a/../b", ". or .."),
        ("https://api.example/%2E%2e/b", ". or .."),
        ("https://api.example/.", ". or .."),
    ],
)
def test_refused(base_url: str, part: str) -> None:
    """What cannot be a base URL is refused with a reason that never repeats a password."""
    with pytest.raises(WireSettingError, match=part.replace(".", "[.]")) as caught:
        parse_origin(base_url)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
