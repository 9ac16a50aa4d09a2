"""What a gateway is told: the snapshot's entries as types, and their line framing (docs/adr/0004-snapshot.md).

Written by whoever compiles the configuration and the store's principals, read by gateways; this file does neither I/O nor watching.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from proxy.core.principal import Principal, Standing
from proxy.core.rules import Bundle, Limit, Rule
from proxy.core.terms import Adoption, Models, Row

SNAPSHOT_FORMAT = 1


class GatewayOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Section `gateway`, name `options`: how a worker listens, and its bounds. Seconds and bytes."""

    host: str = "127.0.0.1"
    port: int = 8080
    unix_socket: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    workers: int = 1
    default_upstream: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    proxy_protocol: bool = False
    end_user_header: str | None = None
    disclosure: str = "full"
    on_client_abort: str = "cancel"
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    body_bytes_per_second: int = 1024
    write_stall_seconds: float = 60.0
    idle_seconds: float = 75.0
    connect_seconds: float = 10.0
    first_byte_seconds: float = 900.0
    drain_seconds: float = 120.0
    max_header_bytes: int = 65536
    max_headers: int = 200
    max_connections: int = 8192
    max_connections_per_source: int = 0


class LedgerOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Section `ledger`, name `options`. `on_failure`: `refuse | serve`. `content`: `full | digests`."""

    on_failure: str = "refuse"
    max_bytes: int = 10 * 1024**3
    content: str = "full"
    tick_seconds: float = 0.1
    unsynced_bytes: int = 65536


class UpstreamOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Section `upstream`. `base_url` is what stands before the API's own path.

    `api_key_env` names the variable that holds the provider's key, `api_key_slot` where that goes: `bearer | x-api-key | api-key |
    x-goog-api-key`, empty for the one of its dialect's provider.
    """

    name: str
    dialect: str
    base_url: str
    api_key_env: str | None = None
    contract: str = ""
    model_licence: str = ""
    headers: dict[str, str] = {}
    client_certificate: str | None = None
    client_key: str | None = None
    api_key_slot: str = ""


class CredentialEntry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `credential`, named by fingerprint (64 hex digits): whose it is. `virtual`: swapped for the provider's key."""

    principal: str
    virtual: bool = False


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "gateway": GatewayOptions,
    "ledger": LedgerOptions,
    "upstream": UpstreamOptions,
    "principal": Principal,
    "standing": Standing,
    "credential": CredentialEntry,
    "terms": Row,
    "models": Models,
    "terms_shadow": Row,
    "adoption": Adoption,
    "rule": Rule,
    "bundle": Bundle,
    "limit": Limit,
}


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file; which fields are set tells what it is (see the decision record)."""

    format: int | None = None
    number: int | None = None
    made: int | None = None
    put: str | None = None
    drop: str | None = None
    name: str | None = None
    value: msgspec.Raw = msgspec.Raw()
    from_: int | None = msgspec.field(default=None, name="from")
    until: int | None = None
    commit: int | None = None


_encode = msgspec.json.Encoder().encode
_decode_line = msgspec.json.Decoder(Line).decode


def frame(line: dict[str, Any]) -> bytes:
    """One line with its checksum: `<crc32 as 8 hex digits> <JSON>`, line feed."""
    text = _encode(line)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def put(section: str, name: str, value: msgspec.Struct, *, starts: int | None = None, until: int | None = None) -> bytes:
    """The line that puts an entry in force, from `starts` until `until` (microseconds since 1970), if given."""
    line: dict[str, Any] = {"put": section, "name": name, "value": value}
    if starts is not None:
        line["from"] = starts
    if until is not None:
        line["until"] = until
    return frame(line)


def lines(text: bytes) -> Iterator[Line]:
    """The intact lines from the start of `text`; stops before the first that is torn or not ours."""
    for raw in text.split(b"\n")[:-1]:
        checksum, _, body = raw.partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(body):
                return
            yield _decode_line(body)
        except (ValueError, msgspec.MsgspecError):
            return


def base(number: int, made: int, entries: Iterable[bytes]) -> bytes:
    """A whole base: head line, the entries (made by `put`), commit line."""
    return b"".join([frame({"format": SNAPSHOT_FORMAT, "number": number, "made": made}), *entries, frame({"commit": number})])
