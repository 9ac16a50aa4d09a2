"""What is known of files that come in parts: what each is for, and what its parts cut in two, until the rest is there.

In this worker's memory, bounded, and on a shelf that the workers of a machine share, also after a restart; ends of what is kept as
digests alone never get there. What is in neither is missing when the parts are joined, and said to be. The bytes themselves are in
the records of the parts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

import msgspec

from proxy.core.exchange import Exchange
from proxy.dialects.parts import Fragment, Part
from proxy.gateway.links import upload_of
from proxy.gateway.routes import Route
from proxy.wire.request import Request

T = TypeVar("T")


MOST_BYTES = 8 * 1024 * 1024
"""Of all fragments of parts together, and the same of chunks."""
MOST = 4096
"""Uploads, parts and chunks that are remembered."""

_MOST_DIGITS = 15
_encode = msgspec.msgpack.Encoder().encode
_part = msgspec.msgpack.Decoder(tuple[str, Part]).decode
_fragment = msgspec.msgpack.Decoder(tuple[str, Fragment]).decode


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """A request's piece of a file that comes in order (Gemini's resumable uploads): it begins at `offset` of the file `upload`."""

    upload: str
    offset: int
    last: bool


class Shared(Protocol):
    """Where workers find what others have put."""

    def put(self, name: str, content: bytes) -> None:
        """Have it there, if it can be had."""
        ...

    def get(self, name: str) -> bytes | None:
        """What is there by this name."""
        ...


class _Bounded(Generic[T]):
    """The newest values by name, `most` bytes of them together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def put(self, key: str, value: T, size: int) -> None:
        """Keep it, unless it is too large; the oldest make room."""
        self.drop(key)
        self._values[key] = value, size
        self._bytes += size
        while self._values and (self._bytes > self._most or len(self._values) > MOST):
            self.drop(next(iter(self._values)))

    def get(self, key: str) -> T | None:
        """What is kept."""
        known = self._values.get(key)
        return known[0] if known is not None else None

    def drop(self, key: str) -> T | None:
        """Let go."""
        known = self._values.pop(key, None)
        if known is None:
            return None
        self._bytes -= known[1]
        return known[0]


class Uploads:
    """Uploads and parts by upstream, principal and name: nobody completes what another one sent."""

    def __init__(self, most_bytes: int = MOST_BYTES, shared: Shared | None = None) -> None:
        self._shared = shared
        self._purposes: _Bounded[str] = _Bounded(MOST)
        self._parts: _Bounded[tuple[str, Part]] = _Bounded(most_bytes)
        self._chunks: _Bounded[tuple[str, Fragment]] = _Bounded(most_bytes)

    def purpose(self, exchange: Exchange, ref: str) -> str | None:
        """What the upload `upload:…` is for; None when its beginning was not seen here."""
        known = self._purposes.get(key := _key(exchange, ref))
        if known is not None or self._shared is None:
            return known
        found = self._shared.get(key)
        return found.decode() if found is not None else None

    def read(self, exchange: Exchange, part: Part) -> None:
        """A part was read; its own name is known once it is answered."""
        self._parts.put(exchange.id, (exchange.id, part), _size(part.head, part.tail))

    def part(self, exchange: Exchange, name: str) -> tuple[str, Part] | None:
        """The record of a part, by the provider's name for it, and what it left; None when it is not known here."""
        return self._parts.get(key := _key(exchange, "part:" + name)) or self._found(key, _part)

    def before(self, exchange: Exchange, chunk: Chunk) -> tuple[str, Fragment] | None:
        """The record that has the beginning of the line in which a chunk begins; None when what came before is not known here."""
        return self._chunks.get(key := _key(exchange, f"{chunk.upload}@{chunk.offset}")) or self._found(key, _fragment)

    def leave(self, exchange: Exchange, chunk: Chunk, size: int, tail: Fragment) -> None:
        """What a chunk of this size leaves to the next one, even if nothing. It may be sent again: what came before it stays."""
        key = _key(exchange, f"{chunk.upload}@{chunk.offset + size}")
        self._chunks.put(key, (exchange.id, tail), _size(tail))
        self._put(exchange, key, (exchange.id, tail))

    def remember(self, exchange: Exchange, created: Sequence[str]) -> None:
        """Take in what an answer says was made."""
        for ref in created:
            if ref.startswith("upload:"):
                if exchange.route.endpoint.upload == "begin":
                    purpose = exchange.facts.file_purpose or ""
                    self._purposes.put(_key(exchange, ref), purpose, 1)
                    if self._shared is not None:
                        self._shared.put(_key(exchange, ref), purpose.encode())
            elif ref.startswith("part:") and (known := self._parts.drop(exchange.id)) is not None:
                self._parts.put(_key(exchange, ref), known, _size(known[1].head, known[1].tail))
                self._put(exchange, _key(exchange, ref), known)

    def _put(self, exchange: Exchange, key: str, left: tuple[str, Part] | tuple[str, Fragment]) -> None:
        if self._shared is not None and exchange.stream.full:
            self._shared.put(key, _encode(left))

    def _found(self, key: str, decode: Callable[[bytes], T]) -> T | None:
        found = self._shared.get(key) if self._shared is not None else None
        try:
            return decode(found) if found is not None else None
        except msgspec.MsgspecError:  # of another version
            return None


def chunk_of(exchange: Exchange) -> Chunk | None:
    """Which piece of a file a request has; None when it has all of it, or does not say."""
    request: Request = exchange.request
    route: Route = exchange.route
    values = request.head.values
    upload, offset = upload_of(route.query), values.get(b"x-goog-upload-offset", b"0")
    commands = [word.strip() for word in values.get(b"x-goog-upload-command", b"").lower().split(b",")]
    if not upload or b"upload" not in commands or not offset.isdigit() or len(offset) > _MOST_DIGITS:
        return None
    return Chunk(sha256(upload).hexdigest(), int(offset), last=b"finalize" in commands)


def _key(exchange: Exchange, ref: str) -> str:
    route: Route = exchange.route
    return f"{route.upstream.name}\0{exchange.caller.principal.name}\0{ref}"


def _size(*fragments: Fragment) -> int:
    return sum(len(piece) for fragment in fragments for piece in fragment.pieces)
