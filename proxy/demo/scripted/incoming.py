"""Reads requests from bytes, one at a time (RFC 9112), and keeps each as it came. No socket here.

Strict where two readers could disagree: both length and chunked, two lengths, odd white space or a bare LF in the head make the
request malformed, so that a proxy which lets such a thing through is found out by `Seen.malformed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.demo.scripted.seen import Seen

HEAD_CAP = 4 * 1024 * 1024

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ \x00-\x20\x7f]+) (HTTP/1\.[01])")
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f]*)?")


class MalformedError(Exception):
    """These bytes are no request; the text says why."""


class Incoming:
    """One connection's inbound side. `feed` takes bytes; `seen` is the request being read; `start` begins the next one."""

    def __init__(self) -> None:
        self.seen: Seen | None = None
        self.head_ready = False
        self.complete = False
        self._buffer = bytearray()
        self._body = bytearray()
        self._left = 0
        self._step: Callable[[Seen], bool] = self._read_head

    def start(self, seen: Seen) -> None:
        """Read the next request into `seen`; bytes that came early are read at once."""
        self.seen = seen
        self.head_ready = self.complete = False
        self._body = bytearray()
        self._step = self._read_head
        self.feed(b"")

    @property
    def pending(self) -> int:
        """Bytes that came and belong to no finished part yet."""
        return len(self._buffer)

    def rest(self) -> bytes:
        """Take what came behind the request."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def feed(self, received: bytes) -> None:
        """Take bytes from the wire; afterwards `head_ready`, `complete` and `seen` tell how far they led."""
        self._buffer += received
        seen = self.seen
        if seen is None or self.complete:
            return
        try:
            while not self.complete and self._step(seen):
                pass
        except MalformedError as error:
            seen.malformed = str(error)
            self._body += self._buffer
            self._buffer.clear()
            self.complete = self.head_ready = True
        seen.received = len(self._body)
        if self.complete:
            self.settle()

    def settle(self) -> None:
        """Write the body so far into `seen`: the request is complete, or will never be."""
        if self.seen is not None and not self.seen.sha256:
            if not self.head_ready and self._buffer:
                self._body += self._buffer
                self.seen.malformed = "the head is not complete"
                self.seen.received = len(self._body)
            self.seen.body = bytes(self._body)
            self.seen.completed = self.complete and not self.seen.malformed
            self.seen.seal()

    def _read_head(self, seen: Seen) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_CAP:
                raise MalformedError("the head is too long")
            return False
        request_line, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        found = _REQUEST_LINE.fullmatch(request_line)
        if found is None:
            raise MalformedError(f"request line {request_line[:80]!r}")
        headers = [_HEADER_LINE.fullmatch(line) for line in lines]
        if None in headers:
            raise MalformedError(f"header line {lines[headers.index(None)][:80]!r}")
        del self._buffer[: end + 4]
        seen.method, seen.target, seen.version = found.groups()
        seen.headers = [(header[1], header[2]) for header in headers if header]
        self._frame(seen)
        self.head_ready = True
        return True

    def _frame(self, seen: Seen) -> None:
        lengths, codings = seen.values("content-length"), seen.values("transfer-encoding")
        if codings:
            if lengths or len(codings) > 1 or codings[0].lower() != b"chunked" or seen.version == b"HTTP/1.0":
                raise MalformedError(f"framing {codings!r} with lengths {lengths!r}")
            self._step = self._read_chunk_line
        elif lengths:
            if len(lengths) > 1 or not lengths[0].isdigit():
                raise MalformedError(f"lengths {lengths!r}")
            self._left = int(lengths[0])
            self._step = self._read_by_length
        else:
            self.complete = True

    def _take(self) -> bool:
        piece = self._buffer[: self._left]
        self._body += piece
        self._left -= len(piece)
        del self._buffer[: len(piece)]
        return self._left == 0

    def _read_by_length(self, _seen: Seen) -> bool:
        self.complete = self._take()
        return False

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _read_chunk_line(self, _seen: Seen) -> bool:
        if (line := self._line()) is None:
            return False
        found = _CHUNK_LINE.fullmatch(line)
        if found is None:
            raise MalformedError(f"chunk line {line[:80]!r}")
        self._left = int(found[1], 16)
        self._step = self._read_chunk if self._left else self._read_trailers
        return True

    def _read_chunk(self, _seen: Seen) -> bool:
        if not self._take() or len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise MalformedError("a chunk without its line end")
        del self._buffer[:2]
        self._step = self._read_chunk_line
        return True

    def _read_trailers(self, _seen: Seen) -> bool:
        while (line := self._line()) is not None:
            if not line:
                self.complete = True
                break
        return False
