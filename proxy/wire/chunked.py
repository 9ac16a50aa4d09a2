"""The chunked transfer coding (RFC 9112 §7.1), decoded strictly and incrementally. Pure.

Chunk extensions and trailers are read past and dropped; a control character in one, where another reader might see a line end, is
an error. A chunk's bytes are given on as they arrive, so that a large chunk needs no memory.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_LINE = 256
_MAX_TRAILERS = 8192
_HEX = frozenset(b"0123456789abcdefABCDEF")

# The sizes of most chunks, spelled as most senders spell them.
_SIZES: Final = {b"%x" % size: size for size in range(1, 2048)}

LAST_CHUNK = b"0\r\n\r\n"


class BadChunkError(Exception):
    """The bytes are not a chunked body. `pieces`: the body up to where it went wrong, as far as `feed` had not given it yet."""

    pieces: list[bytes]


class ChunkedDecoder:
    """Decodes one chunked body.

    `feed` returns the pieces of body that the bytes contain; `done` is True once the last chunk and its trailers were read, and
    `rest` then holds what followed them.
    """

    __slots__ = ("_broken", "_in_trailers", "_left", "_pending", "_trailer_bytes", "done", "rest")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._pending = b""
        self._broken: BadChunkError | None = None
        self._left = 0  # bytes of the current chunk still to come, plus 2 for its CRLF
        self._in_trailers = False
        self._trailer_bytes = 0

    def feed(self, received: bytes) -> list[bytes]:
        """The pieces of body in the next bytes received.

        Raises: BadChunkError, which has the good pieces; from then on, always.
        """
        if not (self._left or self._pending or self._in_trailers):
            end = received.find(b"\r\n", 0, 8)
            size = _SIZES.get(received[:end]) if end > 0 else None
            if size is not None and len(received) == end + size + 4 and received[-2:] == b"\r\n":
                return [received[end + 2 : -2]]  # one chunk, alone and whole: the way most events arrive
        pieces: list[bytes] = []
        try:
            if self._broken is not None:
                raise self._broken
            self._parse(self._pending + received if self._pending else received, pieces)
        except BadChunkError as error:
            error.pieces = pieces
            self._broken, self._pending = error, b"?"  # something pending keeps the short way above from being taken again
            raise
        return pieces

    def _parse(self, bytes_: bytes, pieces: list[bytes]) -> None:
        at, end = 0, len(bytes_)
        while not self.done:
            if self._left:
                at = self._take(bytes_, at, end, pieces)
                if self._left:
                    break
                continue
            line_end = bytes_.find(b"\n", at, at + _MAX_LINE)
            if line_end < 0:
                if end - at >= _MAX_LINE:
                    raise BadChunkError("a chunk's line is too long")
                break
            if line_end == at or bytes_[line_end - 1] != 0x0D:
                raise BadChunkError("a chunk's line ends without CR")
            self._line(bytes_[at : line_end - 1])
            at = line_end + 1
        if self.done:
            self.rest, self._pending = bytes_[at:], b""
        else:
            self._pending = bytes_[at:]

    def _take(self, bytes_: bytes, at: int, end: int, pieces: list[bytes]) -> int:
        """Move what there is of the current chunk to `pieces`; eat its CRLF; returns where to go on."""
        if self._left > 2:
            stop = min(end, at + self._left - 2)
            if stop > at:
                pieces.append(bytes_[at:stop])
                self._left -= stop - at
                at = stop
        if self._left == 2 and end - at >= 2:
            if bytes_[at : at + 2] != b"\r\n":
                raise BadChunkError("a chunk is longer than it said")
            self._left = 0
            return at + 2
        return at

    def _line(self, line: bytes) -> None:
        if self._in_trailers:
            _check(line)
            self._trailer_bytes += len(line) + 2
            if self._trailer_bytes > _MAX_TRAILERS:
                raise BadChunkError("the trailers are too long")
            self.done = not line
            return
        size, _, extensions = line.partition(b";")
        if extensions:
            _check(extensions)
        size = size.rstrip(b" \t")
        if not 0 < len(size) <= 12 or not _HEX.issuperset(size):
            raise BadChunkError("a chunk's size is not a number")
        length = int(size, 16)
        if length:
            self._left = length + 2
        else:
            self._in_trailers = True


def _check(line: bytes) -> None:
    if _CONTROL.search(line):
        raise BadChunkError("a chunk's line or a trailer holds a control character")


def chunk(piece: bytes) -> bytes:
    """One chunk that carries `piece`, which must not be empty (an empty chunk would end the body)."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)
