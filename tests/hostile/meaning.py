"""A second opinion on bytes: what a strict reader of RFC 9112 makes of everything a client sent on one connection.

Written from the RFC and from the product's documented rules, without a line of the product's code, and for clarity instead of
speed: it has all bytes at once and walks them with an index. Whatever it and the gateway see differently is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
SMALL = frozenset(b"abcdefghijklmnopqrstuvwxyz")
LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
VALUE = frozenset([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
HEX = frozenset(b"0123456789abcdefABCDEF")
ONLY_ONCE = frozenset(
    b"host content-length transfer-encoding content-type content-encoding expect authorization x-api-key api-key x-goog-api-key"
    b" x-tos-key x-tos-purpose".split()
)
SAYS_WHAT_IT_IS = frozenset(
    b"host content-type content-encoding content-length authorization x-api-key api-key x-goog-api-key".split()
)
"""Fields that Connection may not name: who strips them has another message than who reads them."""
MOST_HEAD_BYTES = 65536
MOST_FIELDS = 200

Field = tuple[bytes, bytes]


@dataclass
class Asked:
    """One request that is there whole. `fields` in order, values without the white space around them."""

    method: bytes
    target: bytes
    minor: int
    fields: list[Field]
    body: bytes = b""
    framed: bool = False
    """It said that it has a body, be it an empty one."""

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field."""
        return [value for key, value in self.fields if key.lower() == name]

    @property
    def options(self) -> set[bytes]:
        """What Connection names."""
        return {option.strip(b" \t").lower() for value in self.values(b"connection") for option in value.split(b",")}

    @property
    def stays(self) -> bool:
        """Whether the client wants to go on using the connection."""
        return b"close" not in self.options and (self.minor == 1 or b"keep-alive" in self.options)


@dataclass
class Meaning:
    """All whole requests, and what comes after them.

    `end`: `open` (nothing is left over), `closed` (the client said so in its last request), `refused` (the next bytes are no
    request and never will be), `incomplete` (the next request may become whole yet). `begun` is the method of a last request whose
    head is there whole, but whose body is not.
    """

    asked: list[Asked] = field(default_factory=list)
    end: Literal["open", "closed", "refused", "incomplete"] = "open"
    begun: bytes = b""


class _RefusedError(Exception):
    pass


class _IncompleteError(Exception):
    pass


def read(stream: bytes) -> Meaning:
    """What these bytes mean, sent on one connection from its beginning."""
    meaning = Meaning()
    place = 0
    try:
        while True:
            while stream[place : place + 2] == b"\r\n":
                place += 2
            if place == len(stream):
                return meaning
            asked, place = _head(stream, place)
            meaning.begun = asked.method
            place = _body(stream, place, asked)
            meaning.begun = b""
            meaning.asked.append(asked)
            if not asked.stays:
                meaning.end = "closed"
                return meaning
    except _RefusedError:
        meaning.end = "refused"
    except _IncompleteError:
        meaning.end = "incomplete"
    return meaning


def _head(stream: bytes, place: int) -> tuple[Asked, int]:
    end = stream.find(b"\r\n\r\n", place)
    if end < 0:
        # A reader may wait for the rest, or see already that it cannot become a head.
        if len(stream) - place > MOST_HEAD_BYTES or (stream[place] not in LETTERS and stream[place:] != b"\r"):
            raise _RefusedError
        raise _IncompleteError
    if end + 4 - place > MOST_HEAD_BYTES:
        raise _RefusedError
    first, *lines = stream[place:end].split(b"\r\n")
    asked = _request_line(first)
    if len(lines) > MOST_FIELDS:
        raise _RefusedError
    asked.fields = [_field(line) for line in lines]
    _check_fields(asked)
    return asked, end + 4


def _request_line(line: bytes) -> Asked:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise _RefusedError
    method, target, version = parts
    # Small letters: some servers take them for large ones.
    if not method or method[0] not in LETTERS or not (TOKEN - SMALL).issuperset(method):
        raise _RefusedError
    if not target.startswith(b"/") or any(not 0x21 <= byte <= 0x7E or byte == 0x23 for byte in target):
        raise _RefusedError
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise _RefusedError
    return Asked(method, target, version[-1] - 0x30, [])


def _field(line: bytes) -> Field:
    name, colon, value = line.partition(b":")
    if not colon or not name or not TOKEN.issuperset(name) or not VALUE.issuperset(value):
        raise _RefusedError
    return name, value.strip(b" \t")


def _check_fields(asked: Asked) -> None:
    names = [name.lower() for name, _ in asked.fields]
    if any(names.count(name) > 1 for name in ONLY_ONCE):
        raise _RefusedError
    if asked.minor == 1 and not any(asked.values(b"host")):
        raise _RefusedError
    if any(value.lower() != b"100-continue" for value in asked.values(b"expect")):
        raise _RefusedError
    if any(option in SAYS_WHAT_IT_IS or option.startswith(b"x-tos-") for option in asked.options):
        raise _RefusedError
    codings, lengths = asked.values(b"transfer-encoding"), asked.values(b"content-length")
    if codings and (lengths or codings[0].lower() != b"chunked" or asked.minor == 0):
        raise _RefusedError
    if lengths and not (0 < len(lengths[0]) <= 15 and lengths[0].isdigit()):
        raise _RefusedError
    asked.framed = bool(codings or lengths)


def _body(stream: bytes, place: int, asked: Asked) -> int:
    lengths = asked.values(b"content-length")
    if asked.framed and not lengths:
        return _chunks(stream, place, asked)
    end = place + int(lengths[0]) if lengths else place
    if end > len(stream):
        raise _IncompleteError
    asked.body = stream[place:end]
    return end


def _line(stream: bytes, place: int, most: int) -> tuple[bytes, int]:
    """A line that ends in CRLF and holds no other control character than tabs."""
    end = stream.find(b"\n", place, place + most)
    if end < 0:
        if len(stream) - place >= most:
            raise _RefusedError
        raise _IncompleteError
    line = stream[place:end]
    if not line.endswith(b"\r") or not VALUE.issuperset(line[:-1]):
        raise _RefusedError
    return line[:-1], end + 1


def _chunks(stream: bytes, place: int, asked: Asked) -> int:
    pieces = []
    while True:
        line, place = _line(stream, place, 256)
        size = line.split(b";")[0].rstrip(b" \t")
        if not 0 < len(size) <= 12 or not HEX.issuperset(size):
            raise _RefusedError
        length = int(size, 16)
        if not length:
            break
        behind = stream[place + length : place + length + 2]
        if behind != b"\r\n"[: len(behind)] and len(behind) == 2:
            raise _RefusedError
        if len(behind) < 2:
            raise _IncompleteError
        pieces.append(stream[place : place + length])
        place += length + 2
    trailers = 0
    while True:
        line, place = _line(stream, place, 256)
        trailers += len(line) + 2
        if trailers > 8192:
            raise _RefusedError
        if not line:
            asked.body = b"".join(pieces)
            return place
