"""The configuration's keys, types and defaults. Every model forbids what it does not know.

`UNUSED` names the keys that are accepted and checked, yet have no effect in this version. Secrets are named in `SECRETS`, so that
no command prints them.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from proxy.core.principal import PURPOSES, UNDECLARED
from proxy.limits.resp import Place
from proxy.policy.amounts import Limits
from proxy.settings.alerting import Alert
from proxy.settings.builtin import DIALECTS, OPENAI
from proxy.settings.limits import Shared
from proxy.settings.sign_on import Oidc
from proxy.settings.telemetry import Telemetry
from proxy.settings.units import VARIABLE, Address, Bytes, Count, GivenPath, Seconds, Span, Strict, Texts, commas

UNUSED: tuple[str, ...] = ()
SECRETS = ("admin.token", "database_url", "redis_url", "principals.*.keys.*", "upstreams.*.headers.*", "alerts.*.url")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_KEY = re.compile(r"(?:key|virtual):[0-9a-f]{64}|env:[A-Za-z_][A-Za-z0-9_]*|jwt:[^#]+#.+")
_KEY_FORMS = ("key:", "virtual:", "env:", "jwt:")
_CREDENTIAL_HEADERS = {"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"}
_FRAMING_HEADERS = {"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "expect"}

Port = Annotated[Count, Field(ge=0, le=65535)]
Content = Literal["full", "digests"]
KeySlot = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key"]


def _network(written: str) -> str:
    """An address or a network, as `10.0.0.0/8`."""
    ipaddress.ip_network(written, strict=False)
    return written


def _purpose(written: str) -> str:
    if written not in PURPOSES:
        close = difflib.get_close_matches(written, PURPOSES, n=1, cutoff=0.4)
        raise ValueError(f"unknown purpose {written!r}" + (f", did you mean {close[0]}?" if close else ""))
    return written


def _key(written: str) -> str:
    """`env:NAME`, a fingerprint, a token's issuer and subject, or the key itself, which the loader warns about. Never echoes it."""
    if written.startswith(_KEY_FORMS) and not _KEY.fullmatch(written):
        raise ValueError("should be env:NAME, key:<64 hex digits>, virtual:<64 hex digits> or jwt:<issuer>#<subject>")
    if not written or any(ord(letter) <= 32 or ord(letter) > 126 for letter in written):
        raise ValueError("a key holds only printable ASCII without spaces")
    return written


Purpose = Annotated[str, AfterValidator(_purpose)]


class Tls(Strict):
    """PEM files; the certificate file may hold the chain."""

    certificate: GivenPath
    key: GivenPath


class Deadlines(Strict):
    """How long the gateway waits, in seconds once read."""

    header: Seconds = 10.0
    body: Seconds = 30.0
    body_rate: Bytes = 1024
    """Bytes a second that a request body must keep after `body` has passed."""
    write_stall: Seconds = 60.0
    idle: Seconds = 75.0
    connect: Seconds = 10.0
    first_byte: Seconds = 900.0
    drain_delay: Seconds = 0.0
    """How long to go on accepting after the signal to end, with readiness gone and every answer its connection's last."""
    drain: Seconds = 120.0


class Caps(Strict):
    """How much the gateway takes. `connections_per_source` 0 means no cap; it needs `trusted_proxies` behind a load balancer."""

    header_bytes: Annotated[Bytes, Field(ge=1024)] = 65536
    headers: Annotated[Count, Field(ge=10)] = 200
    connections: Annotated[Count, Field(ge=1)] = 8192
    connections_per_source: Annotated[Count, Field(ge=0)] = 0


class Gateway(Strict):
    """The listener for clients."""

    host: Address = "127.0.0.1"
    port: Port = 8080
    unix_socket: GivenPath | None = None
    tls: Tls | None = None
    workers: Annotated[Count, Field(ge=1, le=64)] = 1
    trusted_proxies: Annotated[list[Annotated[str, AfterValidator(_network)]], BeforeValidator(commas)] = []
    proxy_protocol: bool = False
    end_user_header: str | None = None
    on_client_abort: Literal["cancel", "drain"] = "cancel"
    deadlines: Deadlines = Deadlines()
    caps: Caps = Caps()

    @field_validator("end_user_header")
    @classmethod
    def _header_name(cls, name: str | None) -> str | None:
        if name is not None and not _TOKEN.fullmatch(name):
            raise ValueError("should be the name of a header")
        if name is not None and name.lower() in _CREDENTIAL_HEADERS:
            raise ValueError("should not be a header that carries credentials")
        return name.lower() if name else None


class Admin(Strict):
    """The API and pages for people. Without `token` one is made at first start and kept in `data_dir/secrets/admin.token`."""

    enabled: bool = True
    host: Address = "127.0.0.1"
    port: Port = 8081
    token: Annotated[str, Field(min_length=16)] | None = None
    oidc: Oidc | None = None


class Health(Strict):
    """`/healthz /readyz /metrics`: no token, so nothing confidential is there."""

    host: Address = "127.0.0.1"
    port: Port = 8082


class Retention(Strict):
    """How long the store keeps what, in seconds once read."""

    content: Span = 90 * 86400.0
    evidence: Span = 400 * 86400.0


class Durability(Strict):
    """How much of an *open* stream's text may be lost at a power cut (entries themselves are always synced before they count), and
    where records are at home: `durability: local+db` is short for `durability: {copies: local+db}`. `ship`: seconds, when stopping.
    """

    copies: Literal["local", "local+db"] = "local"
    ship: Seconds = 30.0
    tick: Annotated[Seconds, Field(ge=0.005, le=1.0)] = 0.1
    unsynced: Annotated[Bytes, Field(ge=4096)] = 65536

    @model_validator(mode="before")
    @classmethod
    def _short(cls, written: Any) -> Any:
        return {"copies": written} if isinstance(written, str) else written

    @property
    def copied(self) -> bool:
        """Whether the volume is not trusted to last, so that every record has to reach the database before an end in order."""
        return self.copies == "local+db"


class Ledger(Strict):
    """What is kept, and what happens when it cannot be."""

    on_failure: Literal["refuse", "serve"] = "refuse"
    max_bytes: Annotated[Bytes, Field(ge=256 * 1024**2)] = 10 * 1024**3
    retention: Retention = Retention()
    content: Content = "full"
    durability: Durability = Durability()


def _dialect(written: str) -> str:
    if written not in DIALECTS:
        raise ValueError(f"should be one of {', '.join(DIALECTS)}")
    return written


def _origin(written: str) -> str:
    """A base URL that can be trusted to mean one place: http(s), host, optional port and path, nothing else."""
    if any(ord(letter) <= 32 or ord(letter) > 126 for letter in written):
        raise ValueError("should hold only printable ASCII without spaces")
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https"):
        raise ValueError("should start with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("should carry no user name or password: name the key's variable in api_key_env")
    if "?" in written or "#" in written:
        raise ValueError("should have no query and no fragment")
    _ = parts.port  # raises ValueError when it is no port
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc.rstrip(":")
    if not _HOST.fullmatch(host):
        raise ValueError("should name a host")
    if any(segment in (".", "..") for segment in parts.path.split("/")) or "%" in parts.path or "\\" in parts.path:
        raise ValueError("should have a plain path without dot segments and escapes")
    return written.rstrip("/")


class Upstream(Strict):
    """A model API. `base_url` is what stands before the API's own `/v1/…`."""

    dialect: Annotated[str, AfterValidator(_dialect)] = OPENAI
    base_url: Annotated[str, AfterValidator(_origin)]
    api_key_env: str | None = None
    api_key_slot: KeySlot | None = None
    contract: str = ""
    model_licence: str = ""
    headers: dict[str, str] = {}
    client_certificate: GivenPath | None = None
    client_key: GivenPath | None = None

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(VARIABLE, name):
            raise ValueError("should be the name of an environment variable, not the key itself")
        return name

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name) or any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
                raise ValueError(f"{name!r} is no header")
            if name.lower() in _CREDENTIAL_HEADERS:
                raise ValueError(f"{name} carries a credential: name its variable in api_key_env")
            if name.lower() in _FRAMING_HEADERS or name.lower().startswith("x-tos-"):
                raise ValueError(f"{name} is set by the proxy itself")
        return headers

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key belong together")
        return self


class Principal(Strict):
    """Who may ask, by which keys, for which purposes. Purposes default to `undeclared`."""

    keys: Annotated[list[Annotated[str, AfterValidator(_key)]], BeforeValidator(commas)] = []
    purposes: Annotated[list[Purpose], BeforeValidator(commas)] = []
    purpose: Purpose | None = None
    attributes: dict[str, str] = {}
    limits: Limits = {}
    project: str | None = None
    content: Content | None = None

    @model_validator(mode="after")
    def _allowed_default(self) -> Self:
        if self.purpose is not None and self.purposes and self.purpose not in self.purposes:
            raise ValueError(f"purpose {self.purpose} is not among purposes")
        return self

    @property
    def allowed(self) -> tuple[str, ...]:
        """The purposes a call may declare."""
        return tuple(self.purposes) or (self.default,)

    @property
    def default(self) -> str:
        """The purpose of a call that declares none: the given one, the only one, or `undeclared`."""
        if self.purpose is not None:
            return self.purpose
        return self.purposes[0] if len(self.purposes) == 1 else UNDECLARED


class Terms(Strict):
    """Which version of the terms catalogue is in force; the one that is shipped unless another is pinned."""

    version: str | None = None


class Detection(Strict):
    """What findings may do to traffic."""

    enforce: Literal["limits", "shadow"] = "limits"


def _store_url(written: str) -> str:
    if not written.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("should be sqlite:///PATH or postgresql://USER@HOST/NAME")
    return written


def _redis_url(written: str) -> str:
    Place.of(written)
    return written


class Settings(Strict):
    """The whole configuration, checked. Paths are absolute; durations are seconds, sizes bytes."""

    gateway: Gateway = Gateway()
    admin: Admin = Admin()
    health: Health = Health()
    data_dir: GivenPath
    ledger: Ledger = Ledger()
    database_url: Annotated[str, AfterValidator(_store_url)] | None = None
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = None
    upstreams: dict[str, Upstream]
    default_upstream: str | None = None
    principals: dict[str, Principal] = {}
    packs: Texts = ["baseline"]
    policies: Annotated[list[str], BeforeValidator(commas)] = []
    terms: Terms = Terms()
    limits: Shared = Shared()
    detection: Detection = Detection()
    disclosure: Literal["full", "reference"] | None = None
    alerts: dict[str, Alert] = {}
    telemetry: Telemetry = Telemetry()

    @property
    def shown_disclosure(self) -> str:
        """`reference` for ingress (a default upstream), where those who are refused are not told which rule fired; else `full`."""
        return self.disclosure or ("reference" if self.default_upstream else "full")
