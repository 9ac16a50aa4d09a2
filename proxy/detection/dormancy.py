"""A client that has gone quiet, in under a kilobyte: its sums, its strongest stream with the pieces that make it, its tests.

What it sent is forgotten (which prompts came before, which answers were given), what it is like is not: when it comes back, its
strongest stream is known by its pieces and goes on where it was; pieces of no stream are kept for one to begin with, as far as
there is room, so that prompts that come a day apart are known to be alike.
"""

from __future__ import annotations

import struct
import zlib
from array import array

from proxy.core.errors import TosProxyError
from proxy.detection.signals import WIDTH
from proxy.detection.sketch import Pieces
from proxy.detection.window import LOOSE, THREAD, Scope, Traffic

FORMAT = 4
MOST_PIECES = 26

_HEAD = struct.Struct("<BBBBBB")
_SCOPE = struct.Struct(f"<{WIDTH}eIIffff")
_MOST_SUM = 65_000.0
"""What half a float holds; one part in two thousand is lost of the others."""
_TIME = struct.Struct("<diif")
_FRAME = 11


class DormancyError(TosProxyError):
    """Bytes that no client was packed into, or by another version of the signals."""


def pack(traffic: Traffic) -> bytes:
    """At most `limit()` bytes."""
    numbers = [number for number in traffic.streams.scopes if number != LOOSE]
    gathered = {number: _gathered(traffic, number) for number in numbers}
    strongest = max(numbers, key=lambda number: (gathered[number], traffic.streams.scopes[number].sums.total), default=LOOSE)
    owned = traffic.memory.pieces.owned(strongest)[:MOST_PIECES] if strongest != LOOSE else []
    loose = traffic.memory.pieces.owned(Pieces.NOBODY, 1)[: MOST_PIECES - len(owned)]
    scopes = [traffic.streams.whole, *([traffic.streams.scopes[strongest]] if strongest in traffic.streams.scopes else [])]
    head = _HEAD.pack(FORMAT, WIDTH, len(owned), len(loose), len(scopes), strongest)
    surpluses = [scopes[0].surplus, gathered.get(strongest, 0.0)]
    packed = [_scope(scope, surplus) for scope, surplus in zip(scopes, surpluses, strict=False)]
    plain = b"".join([head, _TIME.pack(*traffic.memory.past()), *packed, array("I", owned + loose).tobytes()])
    return zlib.compress(plain, 1)  # most sums are nought: of 200 MB for 100,000 clients it takes 20


def unpack(packed: bytes) -> Traffic:
    """The client as far as it was kept.

    Raises:
        DormancyError: these bytes are not from `pack` of this version.

    """
    try:
        packed = zlib.decompress(packed)
        form, width, owned, loose, scopes, strongest = _HEAD.unpack_from(packed)
        size = _HEAD.size + _TIME.size + scopes * _SCOPE.size + 4 * (owned + loose)
        if (form, width) != (FORMAT, WIDTH) or len(packed) != size:
            raise DormancyError("a dormant client of another version")
        traffic = Traffic()
        traffic.memory.remember(*_TIME.unpack_from(packed, _HEAD.size))
        at = _HEAD.size + _TIME.size
        read = [_unscope(packed, at + number * _SCOPE.size) for number in range(scopes)]
    except (zlib.error, struct.error, IndexError) as error:
        raise DormancyError(f"not a dormant client: {error}") from None
    traffic.streams.whole = read[0]
    if len(read) > 1:
        traffic.streams.scopes[strongest] = read[1]
    marks = array("I", packed[at + scopes * _SCOPE.size :])
    for place, mark in enumerate(marks):
        for _ in range(2 if place < owned else 1):
            traffic.memory.pieces.add(mark, strongest if place < owned else Pieces.NOBODY)
    return traffic


def limit() -> int:
    """Bytes of a packed client at most: what cannot be made smaller grows by the frame that says so."""
    return _HEAD.size + _TIME.size + 2 * _SCOPE.size + 4 * MOST_PIECES + _FRAME


def _gathered(traffic: Traffic, stream: int) -> float:
    """What the tests of a stream and of its thread have gathered: the other streams of the thread are not kept."""
    thread = traffic.tests.get(THREAD + traffic.threads.of(stream)[0])
    own = traffic.streams.scopes[stream].surplus
    return own if thread is None else max(own, thread.surplus)


def _scope(scope: Scope, surplus: float) -> bytes:
    sums = scope.sums
    kept = [min(value, _MOST_SUM) for value in sums.values]
    return _SCOPE.pack(*kept, sums.total, scope.last, sums.n, surplus, scope.doubt, scope.level)


def _unscope(packed: bytes, at: int) -> Scope:
    *values, total, last, n, surplus, doubt, level = _SCOPE.unpack_from(packed, at)
    scope = Scope()
    scope.sums.values = array("f", values)
    scope.sums.total, scope.sums.n, scope.last = total, n, last
    scope.surplus, scope.doubt, scope.level = surplus, doubt, level
    return scope
