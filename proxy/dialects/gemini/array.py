"""Reads a stream that is one JSON array, element by element (Gemini's streams without `alt=sse`).

A scanner follows strings and nesting across pieces, so it knows which bracket closes the array: that one, and what comes
after it, is held. Elements are parsed when they are complete, so memory is bounded by the largest of them.
"""

from __future__ import annotations

import re

from proxy.core.facts import AnswerFacts
from proxy.dialects.gathering import Gathering
from proxy.dialects.gemini.answers import read_generated
from proxy.dialects.gemini.errors import error_body
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.sse import EVENT_CAP

_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')


class ArrayReader:
    """Objects in an array, or a single object in its place (an error, or an answer that was no stream)."""

    def __init__(self, *, collect: bool = False, cap: int = EVENT_CAP) -> None:
        self.ended = False
        self._gathering = Gathering(collect=collect)
        self._cap = cap
        self._element: list[bytes] = []  # pieces of the object that is being received
        self._kept = 0
        self._any = False
        self._depth = 0
        self._base = 0  # the depth at which objects are elements: 1 inside the array
        self._in_string = False
        self._escaped = False
        self._after_end = 0

    def feed(self, data: bytes) -> int:
        """See `AnswerReader.feed`."""
        if self.ended:
            self._after_end += len(data)
            return self._after_end
        begin = 0 if self._kept or self._in_element() else len(data)
        at = 0
        while at < len(data):
            found = self._next(data, at)
            if found < 0:
                break
            at = found + 1
            if self._in_string or data[found] == ord('"'):
                continue
            if data[found] in b"[{":
                if self._open(data[found]):
                    begin = found
            elif self._close():
                self._keep(data[begin:at])
                self._read()
                begin = len(data)
            elif self.ended:
                self._after_end = len(data) - found
                return self._after_end
        self._keep(data[begin:])
        return 0

    def _in_element(self) -> bool:
        return self._depth > self._base

    def _next(self, data: bytes, at: int) -> int:
        """The next byte that matters, -1 when there is none; keeps track of strings."""
        if not self._in_string:
            found = _OUTSIDE.search(data, at)
            if found is None:
                return -1
            self._in_string = data[found.start()] == ord('"')
            return found.start()
        if self._escaped:
            self._escaped = False
            return at
        found = _INSIDE.search(data, at)
        if found is None:
            return -1
        if data[found.start()] == ord("\\"):
            self._escaped = True
        else:
            self._in_string = False
        return found.start()

    def _open(self, bracket: int) -> bool:
        """Enter an array or object; True when it is an element."""
        if self._depth == 0 and bracket == ord("[") and not self._base:
            self._base = 1
        elif self._depth == self._base:
            self._depth += 1
            self._any = True
            return True
        self._depth += 1
        return False

    def _close(self) -> bool:
        """Leave an array or object; True when an element is complete. Sets `ended` when the array is."""
        self._depth -= 1
        if self._depth < self._base:
            self.ended = True
            return False
        return self._depth == self._base

    def _keep(self, piece: bytes) -> None:
        self._kept += len(piece)
        if self._kept > self._cap:
            self._element.clear()
        elif piece:
            self._element.append(piece)

    def _read(self) -> None:
        if self._kept > self._cap:
            self._gathering.seen.unread = True
        else:
            self._gathering.seen.events += 1
            read_generated(self._gathering, read_leniently(b"".join(self._element)))
        self._element.clear()
        self._kept = 0

    def facts(self) -> AnswerFacts:
        """See `AnswerReader.facts`."""
        return self._gathering.facts()

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """One more element with `error`, and the end of the array, as Google's own servers do; nothing inside an element."""
        if self._in_element() or self._in_string:
            return b""
        if self._base == 0:
            return b"" if self._any else b"[" + error_body(status, code, message, record_id) + b"]"
        before = b"," if self._any else b""
        return before + error_body(status, code, message, record_id) + b"]"
