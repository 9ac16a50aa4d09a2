"""Which forward proxy, if any, stands between us and an origin: the HTTPS_PROXY family of environment variables.

The rules are those that curl, Go and Python agree on, and where they differ, these:
* a lower-case variable wins over its upper-case twin, also when it is empty (which means: no proxy);
* HTTP_PROXY in upper case is ignored where REQUEST_METHOD is set, because a CGI server fills it from a client's header;
* loopback origins are reached directly, as Go does it: what listens on this machine is not behind a proxy;
* NO_PROXY `example.com` and `.example.com` both mean the name and everything below it (curl, Python); an entry may end in a
  port; an IP network matches only origins that are configured as IP literals, because names are never resolved to decide.

Pure: the environment comes in as a mapping. No password is ever part of a repr or an error.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit

from proxy.wire.origin import Origin, WireSettingError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SEPARATORS = re.compile(r"[,\s]+")
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy that understands CONNECT.

    `scheme` says how to speak to the proxy itself (`http` or `https`); `authorization` is the whole value of its
    Proxy-Authorization field (RFC 7617), empty when it asks for none.
    """

    scheme: str
    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)

    @property
    def authority(self) -> str:
        """`host:port`, for the Host field and for reasons; never with credentials."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def proxy_for(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy to reach an origin through, None for a direct connection.

    Errors: WireSettingError when the variable that applies does not name an http or https proxy.
    """
    if _is_loopback(origin.host) or _excluded(origin, _lookup(environ, "NO_PROXY")):
        return None
    name = f"{origin.scheme.upper()}_PROXY"
    for variable in (name, "ALL_PROXY"):
        if (value := _lookup(environ, variable)) is not None:
            return _parse(variable, value) if value else None
    return None


def _lookup(environ: Mapping[str, str], name: str) -> str | None:
    if (value := environ.get(name.lower())) is not None:
        return value.strip()
    if name == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
        return None
    value = environ.get(name)
    return None if value is None else value.strip()


def _parse(variable: str, value: str) -> Proxy:
    # `proxy.corp:3128` without a scheme is common in the wild; curl takes it as http too.
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WireSettingError(f"{variable} is not a URL: its host or port cannot be read") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise WireSettingError(
            f"{variable} names a proxy of the kind {parts.scheme!r}; only http:// and https:// proxies are spoken to"
        )
    if not host or port == 0 or not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        raise WireSettingError(f"{variable} names no host and port to connect to")
    return Proxy(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], _authorization(parts.username, parts.password))


def _authorization(user: str | None, password: str | None) -> bytes:
    if user is None:
        return b""
    credentials = unquote_to_bytes(user) + b":" + unquote_to_bytes(password or "")
    return b"Basic " + base64.b64encode(credentials)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _excluded(origin: Origin, no_proxy: str | None) -> bool:
    return any(_matches(origin, entry) for entry in _SEPARATORS.split(no_proxy or "") if entry)


def _matches(origin: Origin, entry: str) -> bool:
    if entry == "*":
        return True
    if (with_port := _PORT.fullmatch(entry)) is not None:
        if int(with_port["port"]) != origin.port:
            return False
        entry = with_port["host"]
    entry = entry.strip("[]").lower()
    if (address := _address(origin.host)) is not None:
        return _in_network(address, entry)
    suffix = entry.removeprefix("*").strip(".")
    host = origin.server_name
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def _in_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
