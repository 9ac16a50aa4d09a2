"""Where an upstream is: a configured base URL, parsed once and for good.

A base URL is what stands before the provider's own `/v1/…`: `https://api.openai.com`, `http://[::1]:11434/gpu-2`. It is the
only source of destinations; nothing a client sends ever becomes an Origin. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from proxy.core.errors import TosProxyError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
# RFC 3986 §3.3: the bytes a path may hold.
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_DOT_SEGMENT = re.compile(r"(?i)/(\.|%2e){1,2}(?=/|$)")


class WireSettingError(TosProxyError):
    """A setting (base URL, proxy variable, certificate file) that no connection can be made from."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One destination.

    `scheme` is `http` or `https`; `host` is a lower-case ASCII name or an IP literal without brackets; `port` is 1-65535;
    `prefix` is the path that goes before every request's own path, without a slash at its end (often empty).
    """

    scheme: str
    host: str
    port: int
    prefix: bytes = b""

    @property
    def tls(self) -> bool:
        """Whether bytes to this origin are encrypted."""
        return self.scheme == "https"

    @property
    def bracketed(self) -> str:
        """The host as it stands in a URL: IPv6 literals in brackets (RFC 3986 §3.2.2)."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """`host:port`, the port always there: the target of a CONNECT and the name used in reasons and metrics."""
        return f"{self.bracketed}:{self.port}"

    @property
    def host_header(self) -> bytes:
        """The value of the Host field; a default port is left out (RFC 9110 §4.2.3)."""
        shown = self.bracketed if self.port == _DEFAULT_PORTS[self.scheme] else self.authority
        return shown.encode("ascii")

    @property
    def server_name(self) -> str:
        """What the certificate must be for. RFC 6066 §3: the trailing dot of a full name is not sent."""
        return self.host.rstrip(".")


def parse_origin(base_url: str) -> Origin:
    """Read a configured base URL.

    Errors: WireSettingError, whose text never repeats a password that stood in the URL.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise WireSettingError("base_url is not a URL: its host or port cannot be read") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise WireSettingError(f"base_url must begin with http:// or https://, this one has the scheme {parts.scheme!r}")
    if "@" in parts.netloc:
        raise WireSettingError("base_url must not hold a user name or password; keys are given by api_key_env")
    if "?" in base_url or "#" in base_url:
        raise WireSettingError(
            "base_url must not hold a query or a fragment: they would stand in the middle of each request's path"
        )
    if port == 0:
        raise WireSettingError("base_url has port 0, which cannot be connected to")
    return Origin(parts.scheme, _host(parts), port or _DEFAULT_PORTS[parts.scheme], _prefix(parts.path))


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        return _ipv6(host)
    try:
        host = host.encode("ascii" if host.isascii() else "idna").decode("ascii")
    except UnicodeError as error:
        raise WireSettingError(f"base_url has a host that is no domain name: {host!r}") from error
    if len(host) > 253 or not _HOST_NAME.fullmatch(host):
        raise WireSettingError(f"base_url has a host that is no domain name: {host!r}")
    return host


def _ipv6(literal: str) -> str:
    try:
        address = ipaddress.IPv6Address(literal)
    except ValueError as error:
        raise WireSettingError(f"base_url has brackets around what is no IPv6 address: {literal!r}") from error
    if address.scope_id is not None:
        raise WireSettingError("base_url must not name a zone of this machine (%…): the Host field cannot carry it")
    return str(address)


def _prefix(path: str) -> bytes:
    if not _PATH.fullmatch(path):
        raise WireSettingError("base_url has a path with characters that must be percent-encoded")
    if _DOT_SEGMENT.search(path):
        raise WireSettingError("base_url has a path with . or .. in it")
    return path.rstrip("/").encode("ascii")
