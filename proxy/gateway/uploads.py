"""What one worker knows of files that come in parts: what each is for, and what its parts cut in two, until they are completed.

In memory alone, and bounded: what is let go, or was seen by another worker or an earlier run, is missing when the parts are joined,
and said to be. The bytes themselves are in the records of the parts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from proxy.core.exchange import Exchange
from proxy.dialects.parts import Part
from proxy.gateway.routes import Route

MOST_BYTES = 16 * 1024 * 1024
"""Of all fragments together."""
MOST = 4096
"""Uploads, and parts, that are remembered."""


class Uploads:
    """Uploads and parts by upstream, principal and name: nobody completes what another one sent."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._purposes: OrderedDict[str, str] = OrderedDict()
        self._parts: OrderedDict[str, tuple[str, Part]] = OrderedDict()
        self._bytes = 0

    def purpose(self, exchange: Exchange, ref: str) -> str | None:
        """What the upload `upload:…` is for; None when its beginning was not seen here."""
        return self._purposes.get(_key(exchange, ref))

    def read(self, exchange: Exchange, part: Part) -> None:
        """A part was read; its own name is known once it is answered."""
        self._keep(exchange.id, exchange.id, part)

    def part(self, exchange: Exchange, name: str) -> tuple[str, Part] | None:
        """The record of a part, by the provider's name for it, and what it left; None when it is not known here."""
        return self._parts.get(_key(exchange, "part:" + name))

    def remember(self, exchange: Exchange, created: Sequence[str]) -> None:
        """Take in what an answer says was made."""
        for ref in created:
            if ref.startswith("upload:"):
                if exchange.route.endpoint.upload == "begin":
                    self._purposes[_key(exchange, ref)] = exchange.facts.file_purpose or ""
                    while len(self._purposes) > MOST:
                        self._purposes.popitem(last=False)
            elif ref.startswith("part:") and (known := self._drop(exchange.id)) is not None:
                self._keep(_key(exchange, ref), *known)

    def _keep(self, key: str, record: str, part: Part) -> None:
        self._drop(key)
        self._parts[key] = (record, part)
        self._bytes += _size(part)
        while self._parts and (self._bytes > self._most_bytes or len(self._parts) > MOST):
            self._drop(next(iter(self._parts)))

    def _drop(self, key: str) -> tuple[str, Part] | None:
        known = self._parts.pop(key, None)
        if known is not None:
            self._bytes -= _size(known[1])
        return known


def _key(exchange: Exchange, ref: str) -> str:
    route: Route = exchange.route
    return f"{route.upstream.name}\0{exchange.caller.principal.name}\0{ref}"


def _size(part: Part) -> int:
    return sum(map(len, (*part.head.pieces, *part.tail.pieces)))
