"""Addresses that a provider hands out in an answer's head, made to lead through this proxy (ADR 0008).

Gemini answers the beginning of an upload with the address to which the bytes are to be sent, its own, and SDKs follow it: what they
send would by-pass the record. Of such an address path and query stay as they are; scheme, host and the upstream's name in front of
the path are those by which the client reached us. No other header, and no body, is changed.

To such an address SDKs send no credential: whoever has it may use it. So the address says who began the upload, that what follows
is recorded, judged and paid for as theirs: its parameter `x-tos-began`, signed under the identity key, which any worker of any
gateway of the deployment can read and none sends on. It names a credential by its fingerprint, never the credential itself.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from proxy.core.exchange import Exchange
from proxy.gateway.routes import Route
from proxy.wire.head import ResponseHead
from proxy.wire.request import Request

_SAYING_WHO = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"x-tos-key", b"x-tos-purpose")
_ADDRESS = re.compile(rb"(?i)https?://[^/?#\s]+(/[^\s#]*)")

_UPLOAD = re.compile(rb"(?:^|[?&])upload_id=([^&#\s]{16,1024})")
_KEY = re.compile(rb"(?:^|&)(?:key|access_token)=[^&]+")
_BEGAN = re.compile(rb"(?:^|&)x-tos-began=([^&]+)")
_MAC_BYTES = 16
_WEEK = 7 * 24 * 3600


class Began(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who began an upload: the parts of a `Credential`, the purpose of its call, whether the provider's key took its place.
    `until`: seconds since 1970.
    """

    kind: str
    fingerprint: str
    plan: str
    purpose: str
    inject: bool
    until: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Began).decode


def lead_here(head: ResponseHead, exchange: Exchange, identity_key: bytes, *, tls: bool) -> None:
    """Change the lines of the fields that the endpoint names. `tls`: our own listener speaks it.

    What is no absolute address with a path stays as it is.
    """
    route: Route = exchange.route
    names = route.endpoint.links
    if any(name in head.values for name in names):
        front = _front(exchange, tls=tls)
        head.lines = [
            _led(line, front, route) + _mark(line, exchange, identity_key) if _name(line) in names else line for line in head.lines
        ]


def _mark(line: bytes, exchange: Exchange, identity_key: bytes) -> bytes:
    """What an address is given to say who began its upload; nothing where nobody said who they are."""
    found, caller = _UPLOAD.search(line), exchange.caller
    credential = caller.credential
    if found is None or not credential.fingerprint:
        return b""
    until = exchange.at // 1_000_000 + _WEEK
    told = _encode(Began(credential.kind, credential.fingerprint, credential.plan, caller.purpose, caller.inject, until))
    mac = _mac(identity_key, exchange.route, found[1], told)
    return b"&x-tos-began=" + urlsafe_b64encode(mac + told).rstrip(b"=")


def _mac(identity_key: bytes, route: Route, upload: bytes, told: bytes) -> bytes:
    signed = b"\0".join((b"upload", route.upstream.name.encode(), upload, told))
    return hmac.digest(identity_key, signed, "sha256")[:_MAC_BYTES]


def began(exchange: Exchange, identity_key: bytes) -> Began | None:
    """Who began the upload that a request goes on with, where the request itself says nothing of its sender."""
    route: Route = exchange.route
    query, values = route.query or b"", exchange.request.head.values
    upload, mark = _UPLOAD.search(query), _BEGAN.search(query)
    if upload is None or mark is None or any(name in values for name in _SAYING_WHO) or _KEY.search(query):
        return None
    try:
        whole = urlsafe_b64decode(mark[1] + b"=" * (-len(mark[1]) % 4))
        told = _decode(whole[_MAC_BYTES:])
    except (ValueError, msgspec.MsgspecError):
        return None
    if not hmac.compare_digest(whole[:_MAC_BYTES], _mac(identity_key, route, upload[1], whole[_MAC_BYTES:])):
        return None
    return told if told.until > exchange.at // 1_000_000 else None


def upload_of(query: bytes | None) -> bytes:
    """The upload that a request goes on with; empty when it names none."""
    found = _UPLOAD.search(query) if query else None
    return found[1] if found is not None else b""


def _front(exchange: Exchange, *, tls: bool) -> bytes:
    """How the client reached this upstream: scheme, host and, unless it is the default one, its name."""
    request: Request = exchange.request
    values = request.head.values
    route: Route = exchange.route
    told = values.get(b"x-forwarded-proto", b"").lower()
    scheme = told if told in (b"http", b"https") else b"https" if tls else b"http"
    name = b"/" + route.upstream.name.encode()
    prefix = name if request.head.target.startswith(name + b"/") else b""
    host = values.get(b"host")
    return scheme + b"://" + host + prefix if host else prefix


def _led(line: bytes, front: bytes, route: Route) -> bytes:
    name, colon, value = line.partition(b":")
    found = _ADDRESS.fullmatch(value.strip(b" \t"))
    if found is None:
        return line
    return name + colon + b" " + front + found[1].removeprefix(route.upstream.origin.prefix)


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()
