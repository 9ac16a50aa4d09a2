"""What a call refers to: who made it, for which purpose, with which verdict; asked only where a request refers to something at all.

What this worker saw made is known at once, from a bounded memory; what others saw made, or this one before it started anew, from
the index that control publishes (docs/adr/0009-reference-index.md). Until that has it, files and batches that another worker of
this machine saw made are found on their shelf; what is made by the second, responses above all, is not there. What nobody knows is
a miss, and that is a fact too.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from proxy.core.exchange import Exchange
from proxy.core.facts import AnswerFacts
from proxy.core.references import (
    FOREIGN,
    UNKNOWN,
    Origin,
    Refer,
    attributed,
    kind_of,
    made_by,
    reference_key,
    strictest,
)
from proxy.gateway.routes import Route
from proxy.gateway.uploads import Shared, Uploads
from proxy.wire.request import Request

GENERATION = 4096
"""Objects of one generation of `Recent`; two of them are at most about 3.5 MB."""

_SHELVED = frozenset(["file", "batch", "upload", "part", "cache", "vector_store"])
"""Kinds that are made seldom and used at once, often on another connection."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Origin).decode


class Index(Protocol):
    """What others published."""

    def find(self, key: bytes) -> Origin | None:
        """Where the object comes from, None when it is not known."""
        ...


class Recent:
    """What was made here lately: the last 4,096 objects at least, twice as many at most. The first maker of an object stays."""

    __slots__ = ("_old", "_young")

    def __init__(self) -> None:
        self._young: dict[bytes, Origin] = {}
        self._old: dict[bytes, Origin] = {}

    def find(self, key: bytes) -> Origin | None:
        """Where the object comes from, None when it was not made here lately."""
        return self._young.get(key) or self._old.get(key)

    def remember(self, key: bytes, origin: Origin) -> None:
        """Take an object in, unless it is there."""
        if self.find(key) is not None:
            return
        if len(self._young) >= GENERATION:
            self._old, self._young = self._young, {}
        self._young[key] = origin


class References:
    """One worker's knowledge. `found` and `missed` count references of requests; `uploads` are files that come in parts."""

    def __init__(self, key: bytes, index: Index, shared: Shared | None = None) -> None:
        """`key`: `core.references.subkey` of the deployment's identity key. `shared`: with other workers of this machine."""
        self.found = 0
        self.missed = 0
        self.uploads = Uploads(shared=shared)
        self._shared = shared
        self._key = key
        self._index = index
        self._recent = Recent()

    def resolve(self, exchange: Exchange) -> tuple[Refer, ...]:
        """What each reference of the request came to. Flags the facts where one is a miss, or is another principal's."""
        route: Route = exchange.route
        facts = exchange.facts
        caller = exchange.caller.principal.name
        refers = tuple([self._refer(route.upstream.name, ref, caller) for ref in facts.references])
        if any(refer.miss for refer in refers):
            facts.flags = [*facts.flags, UNKNOWN]
            if facts.inspection == "full":
                facts.inspection = "partial"
        if any(refer.foreign for refer in refers):
            facts.flags = [*facts.flags, FOREIGN]
        return refers

    def remember(self, exchange: Exchange, facts: AnswerFacts) -> None:
        """Take in what an answer made."""
        route: Route = exchange.route
        request: Request = exchange.request
        if route.endpoint.upload:
            self.uploads.remember(exchange, facts.created)
        new, about = attributed(request.head.method, made_by(facts), exchange.refers)
        upstream = route.upstream.name
        origin = self._find(upstream, about.ref) if about is not None else None
        for ref in new if about is None or origin is not None else ():
            key = reference_key(self._key, upstream, ref)
            made = origin or _own(exchange, ref)
            self._recent.remember(key, made)
            if self._shared is not None and kind_of(ref) in _SHELVED:
                self._shared.put("made:" + key.hex(), _encode(made))

    def _find(self, upstream: str, ref: str) -> Origin | None:
        key = reference_key(self._key, upstream, ref)
        return self._recent.find(key) or self._index.find(key) or self._on_shelf(key)

    def _on_shelf(self, key: bytes) -> Origin | None:
        found = self._shared.get("made:" + key.hex()) if self._shared is not None else None
        try:
            return _decode(found) if found is not None else None
        except msgspec.MsgspecError:  # of another version
            return None

    def _refer(self, upstream: str, ref: str, caller: str) -> Refer:
        origin = self._find(upstream, ref)
        if origin is None:
            self.missed += 1
            return Refer(ref, miss=True)
        self.found += 1
        return Refer(ref, origin.record, origin.principal, origin.purpose, origin.verdict, foreign=origin.principal != caller)


def _own(exchange: Exchange, ref: str) -> Origin:
    """The origin of what this exchange made itself."""
    caller = exchange.caller
    route: Route = exchange.route
    return Origin(
        exchange.id,
        exchange.at,
        kind_of(ref),
        caller.principal.name,
        caller.principal.project or "",
        caller.purpose,
        strictest(exchange.verdict.verdict, *(refer.verdict for refer in exchange.refers)),
        route.endpoint.name,
        exchange.facts.model or "",
    )
