"""Forward proxies by environment: which variable speaks, for which origin."""

from __future__ import annotations

import pytest

from proxy.wire.environment import Proxy, proxy_for
from proxy.wire.origin import WireSettingError, parse_origin

HTTPS = "https://api.example"
HTTP = "http://api.example"
GATE = Proxy("http", "gate.corp", 3128)
OTHER = Proxy("http", "other.corp", 80)


@pytest.mark.parametrize(
    ("base_url", "environ", "proxy"),
    [
        (HTTPS, {}, None),
        (HTTPS, {"HTTPS_PROXY": "http://gate.corp:3128"}, GATE),
        (HTTPS, {"HTTP_PROXY": "http://gate.corp:3128"}, None),
        (HTTP, {"HTTP_PROXY": "http://gate.corp:3128"}, GATE),
        (HTTP, {"HTTPS_PROXY": "http://gate.corp:3128"}, None),
        (HTTPS, {"ALL_PROXY": "http://gate.corp:3128"}, GATE),
        (HTTP, {"all_proxy": "http://gate.corp:3128"}, GATE),
        (HTTPS, {"ALL_PROXY": "http://other.corp", "HTTPS_PROXY": "http://gate.corp:3128"}, GATE),
        (HTTPS, {"https_proxy": "http://gate.corp:3128", "HTTPS_PROXY": "http://other.corp"}, GATE),
        (HTTPS, {"https_proxy": "", "HTTPS_PROXY": "http://other.corp", "ALL_PROXY": "http://other.corp"}, None),
        (HTTP, {"HTTP_PROXY": "http://other.corp", "REQUEST_METHOD": "GET"}, None),
        (HTTP, {"http_proxy": "http://gate.corp:3128", "REQUEST_METHOD": "GET"}, GATE),
        (HTTPS, {"HTTPS_PROXY": "gate.corp:3128"}, GATE),
        (HTTPS, {"HTTPS_PROXY": " http://other.corp/ "}, OTHER),
        (HTTPS, {"HTTPS_PROXY": "https://gate.corp"}, Proxy("https", "gate.corp", 443)),
        (HTTPS, {"HTTPS_PROXY": "http://[2001:db8::1]:3128"}, Proxy("http", "2001:db8::1", 3128)),
    ],
)
def test_which_variable(base_url: str, environ: dict[str, str], proxy: Proxy | None) -> None:
    """The scheme's own variable comes before ALL_PROXY, lower case before upper, and a CGI header is not believed."""
    assert proxy_for(parse_origin(base_url), environ) == proxy


@pytest.mark.parametrize(
    ("base_url", "no_proxy", "direct"),
    [
        (HTTPS, "*", True),
        (HTTPS, "api.example", True),
        (HTTPS, "API.Example.", True),
        (HTTPS, "example", True),
        (HTTPS, ".example", True),
        (HTTPS, "*.example", True),
        (HTTPS, "pi.example", False),
        (HTTPS, "x.api.example", False),
        (HTTPS, "first.test, api.example,last.test", True),
        (HTTPS, "first.test api.example", True),
        (HTTPS, "api.example:443", True),
        (HTTPS, "api.example:8443", False),
        ("https://api.example.", "api.example", True),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3", "11.0.0.0/8", False),
        ("http://10.1.2.3:8000", "10.1.2.3:8000", True),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://10.1.2.3", "2.3", False),
        ("http://[2001:db8::5]", "2001:db8::/32", True),
        ("http://[2001:db8::5]:8000", "[2001:db8::5]:8000", True),
        ("http://[2001:db8::5]:8000", "[2001:db8::5]:9000", False),
        ("http://ten.example", "10.0.0.0/8", False),
        (HTTPS, "", False),
        (HTTPS, ",, .", False),
    ],
)
def test_no_proxy(base_url: str, no_proxy: str, direct: bool) -> None:
    """NO_PROXY names hosts with all below them, ports, addresses and networks."""
    environ = {"ALL_PROXY": "http://gate.corp:3128", "NO_PROXY": no_proxy}
    assert proxy_for(parse_origin(base_url), environ) == (None if direct else GATE)


@pytest.mark.parametrize("base_url", ["http://localhost:8000", "http://127.0.0.9", "http://[::1]:8000", "http://a.localhost"])
def test_loopback_is_direct(base_url: str) -> None:
    """What runs on this machine is reached without a proxy, and its variable is not even read."""
    assert proxy_for(parse_origin(base_url), {"ALL_PROXY": "socks5://gate.corp"}) is None


def test_credentials() -> None:
    """User and password of the proxy's URL become Basic credentials, percent-decoded, and show up nowhere else."""
    proxy = proxy_for(parse_origin(HTTPS), {"HTTPS_PROXY": "http://us%40er:p%3Ass%C3%A9@gate.corp:3128"})
    assert proxy is not None
    assert proxy.authorization == b"Basic dXNAZXI6cDpzc8Op"
    assert "dXNA" not in repr(proxy)
    assert proxy.authority == "gate.corp:3128"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("socks5://user:hunter2@gate.corp:1080", "'socks5'"),
        ("http://user:hunter2@:3128", "no host"),
        ("http://user:hunter2@gate.corp:port", "cannot be read"),
        ("http://user:hunter2@gate.corp:0", "no host and port"),
        ("http://user:hunter2@gate corp:1", "no host and port"),
    ],
)
def test_refused(value: str, part: str) -> None:
    """A variable that names no http or https proxy is an error that names the variable and no password."""
    with pytest.raises(WireSettingError, match=part) as caught:
        proxy_for(parse_origin(HTTPS), {"HTTPS_PROXY": value})
    assert "HTTPS_PROXY" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__cause__)
