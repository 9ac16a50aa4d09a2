"""Addresses that a provider hands out in an answer's head, made to lead through this proxy (ADR 0008).

Gemini answers the beginning of an upload with the address to which the bytes are to be sent, its own, and SDKs follow it: what they
send would by-pass the record. Of such an address path and query stay as they are; scheme, host and the upstream's name in front of
the path are those by which the client reached us. No other header, and no body, is changed.

To such an address SDKs send no credential: whoever has it may use it. So who began an upload is remembered here by the id in the
address, that what follows is recorded, judged and paid for as theirs; a worker that has forgotten it knows the sender as anonymous.
"""

from __future__ import annotations

import re

from proxy.core.exchange import Exchange
from proxy.gateway.routes import Route
from proxy.wire.head import ResponseHead
from proxy.wire.request import Request

_SAYING_WHO = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"x-tos-key", b"x-tos-purpose")
_MOST_BEGUN = 4096
_ADDRESS = re.compile(rb"(?i)https?://[^/?#\s]+(/[^\s#]*)")

_UPLOAD = re.compile(rb"(?:^|[?&])upload_id=([^&#\s]{16,1024})")
_KEY = re.compile(rb"(?:^|&)key=([^&]+)")
_begun: dict[bytes, dict[bytes, bytes]] = {}


def lead_here(head: ResponseHead, exchange: Exchange, *, tls: bool) -> None:
    """Change the lines of the fields that the endpoint names. `tls`: our own listener speaks it.

    What is no absolute address with a path stays as it is.
    """
    route: Route = exchange.route
    names = route.endpoint.links
    if any(name in head.values for name in names):
        front = _front(exchange, tls=tls)
        head.lines = [_led(line, front, route) if _name(line) in names else line for line in head.lines]
        for name in names:
            _begin(head.values.get(name, b""), exchange.request.head.values, route.query or b"")


def _begin(address: bytes, values: dict[bytes, bytes], query: bytes) -> None:
    found = _UPLOAD.search(address)
    if found is None:
        return
    said = {name: values[name] for name in _SAYING_WHO if name in values}
    if key := _KEY.search(query):
        said.setdefault(b"x-goog-api-key", key[1])
    if len(_begun) >= _MOST_BEGUN:
        del _begun[next(iter(_begun))]
    _begun[found[1]] = said


def upload_of(query: bytes | None) -> bytes:
    """The upload that a request goes on with; empty when it names none."""
    found = _UPLOAD.search(query) if query else None
    return found[1] if found is not None else b""


def continued(values: dict[bytes, bytes], query: bytes | None) -> dict[bytes, bytes]:
    """A request's fields; where it goes on with an upload and says nothing of its sender, with what its beginning said of that."""
    found = _UPLOAD.search(query) if query else None
    if found is None or any(name in values for name in _SAYING_WHO) or _KEY.search(query or b""):
        return values
    return {**values, **_begun.get(found[1], {})}


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
