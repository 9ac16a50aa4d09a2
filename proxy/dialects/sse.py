"""Server-sent events as they pass: an incremental splitter, and the base of every reader of a streamed answer.

Follows the WHATWG HTML standard §9.2.6: lines end in LF, CR or CRLF, an event ends at a blank line, a BOM at the start is
skipped, a line beginning with a colon is a comment, several `data` lines are joined by LF. However the bytes are cut, the
events are the same; each byte is looked at a bounded number of times, and an event larger than the cap is skipped.

The hold: a client acts on an event only at its blank line, so an event that may end the stream is held from its first byte
until it is known not to. `EndRule` says by an event's name or the beginning of its payload whether it may; the reader of the
payload has the last word. What was once let go is never claimed back.
"""

from __future__ import annotations

import re
from typing import ClassVar

from mypy_extensions import mypyc_attr

from proxy.core.facts import AnswerFacts
from proxy.dialects.gathering import Gathering

EVENT_CAP = 16 * 1024 * 1024
"""Bytes of one event; a larger one is skipped (`AnswerFacts.unread`)."""

_HEAD = 512
"""How far into an unfinished event we look to see whether it may end the stream."""

_BOM = b"\xef\xbb\xbf"
_EOL = b"\r\n"
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LEADING_COMMENTS = re.compile(rb"\A(?::[^\r\n]*+(?:[\r\n]|\Z)|[\r\n])++")
_READ_TOGETHER = 1024
"""Bytes of events that wait to be read, since they end nothing: read together they are read out of warm caches."""

_OVERLAP = 3
"""A blank line is at most four bytes long, so a search may resume three bytes before what is new."""

_NO, _MAYBE, _YES = 0, 1, 2


class EndRule:
    """Which events end a stream for its client: those with one of `names`, or without a name and a payload that begins like one of
    `heads` (written without spaces).
    """

    __slots__ = ("heads", "names")

    def __init__(self, names: frozenset[bytes] = frozenset(), heads: tuple[bytes, ...] = ()) -> None:
        self.names = names
        self.heads = heads

    def of_name(self, name: bytes) -> int:
        """Whether an event with this (complete, not empty) name ends the stream."""
        return _YES if name in self.names else _NO

    def of_partial_name(self, name: bytes) -> int:
        """Whether a name that begins so may still become that of an ending event."""
        return _MAYBE if any(known.startswith(name) for known in self.names) else _NO

    def of_head(self, head: bytes) -> int:
        """Whether a payload that begins so is, or may become, that of an ending event."""
        bare = head.translate(None, b" \t\r\n")
        verdict = _NO
        for known in self.heads:
            if bare.startswith(known):
                return _YES
            if known.startswith(bare):
                verdict = _MAYBE
        return verdict


NEVER = EndRule()


@mypyc_attr(allow_interpreted_subclasses=True)
class EventStreamReader:
    """Base of the readers of event streams: subclasses set `rule` and implement `read_event` and `own_error`.

    `cap` is in bytes, at least 512: so much is looked at to see whether an event that is too large ends the stream.
    """

    rule: ClassVar[EndRule] = NEVER

    def __init__(self, *, collect: bool = False, cap: int = EVENT_CAP) -> None:
        self.ended = False
        self.gathering = Gathering(collect=collect)
        self._cap = cap
        self._pending = bytearray()  # what was fed after the last complete event
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._fed = 0
        self._released = 0
        self._end_from = 0
        self._carriage_returns = False
        self._skipping = False
        self._in_comment = False
        self._ruled_out = False
        self._first_bytes: bytes | None = b""  # until it is known whether the stream begins with a BOM

    def read_event(self, name: bytes, payload: bytes) -> bool:
        """Take in one event; True when it ends the stream for its client. Must not raise."""
        raise NotImplementedError

    def ends(self, name: bytes, payload: bytes) -> bool:
        """What the rule alone says of a complete event."""
        return (self.rule.of_name(name) if name else self.rule.of_head(payload[:_HEAD])) == _YES

    def cannot_end(self, event: bytes) -> bool:  # noqa: ARG002 - for those who know
        """Whether an event that is one `data: ` line cannot end the stream, so that it may be read later, with those after it."""
        return False

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """A complete event by which the provider's SDK knows that the stream broke."""
        raise NotImplementedError

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `AnswerReader.error_event`; an event of which a part was let go is closed first."""
        open_event = bool(self._pending or self._skipping or self._in_comment) and self._released == self._fed
        return b"\n\n" * open_event + self.own_error(status, code, message, record_id)

    def facts(self) -> AnswerFacts:
        """A copy of the facts so far, with the texts when they are collected."""
        self._read_waiting()
        return self.gathering.facts()

    def feed(self, data: bytes) -> int:
        """See `AnswerReader.feed`."""
        size = len(data)
        self._fed += size
        if data[:6] == b"data: " and data.find(b"\n") == size - 2 and data[-1:] == b"\n" and self._takes_whole(data):
            if self.cannot_end(data):
                self._wait(data)
                self._released = self._fed
                return 0
            self._read_waiting()
            self.gathering.seen.events += 1
            if self.read_event(b"", data[6:-2]):
                self._finish(self._fed - size)
            else:
                self._released = self._fed
                return 0
        elif not self.ended:
            self._read_waiting()
            self._feed_any(data)
        hold = self._fed - max(self._hold_from(), self._released)
        self._released = self._fed - hold
        return hold

    def _takes_whole(self, event: bytes) -> bool:
        """Whether an event that arrives alone and whole, as nearly every delta does, can be read without looking further."""
        return (
            not (self.ended or self._pending or self._skipping or self._in_comment or self._carriage_returns)
            and self._first_bytes is None
            and len(event) <= self._cap
            and event.find(b"\r") < 0  # `in` would first try to take it for a number, which costs more than the search
        )

    def _wait(self, event: bytes) -> None:
        self._waiting.append(event)
        self._waiting_bytes += len(event)
        if self._waiting_bytes > _READ_TOGETHER:
            self._read_waiting()

    def _read_waiting(self) -> None:
        """Read the events that were let go unread, in their order."""
        if self._waiting_bytes:
            for event in self._waiting:
                self.gathering.seen.events += 1
                self.read_event(b"", event[6:-2])
            self._waiting.clear()
            self._waiting_bytes = 0

    def _feed_any(self, data: bytes) -> None:
        if self._first_bytes is not None:
            data = self._skip_bom(data)
        returns = b"\r" in data
        if returns:
            self._carriage_returns = True
        if self._pending or self._skipping or self._in_comment:
            self._feed_parts(data)
        elif not returns and data[-2:] == b"\n\n":
            self._read_blocks(data, b"\n\n")
        elif returns and data[-4:] == b"\r\n\r\n" and data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n"):
            self._read_blocks(data, b"\r\n\r\n")
        else:
            self._feed_parts(data)

    def _skip_bom(self, data: bytes) -> bytes:
        first = (self._first_bytes or b"") + data
        if len(first) < len(_BOM) and _BOM.startswith(first):
            self._first_bytes = first
            return b""
        self._first_bytes = None
        return first.removeprefix(_BOM)

    def _hold_from(self) -> int:
        if self.ended:
            return self._end_from
        if self._pending and not self._in_comment and not self._ruled_out and not self._skipping:
            return self._fed - len(self._pending)
        return self._fed

    def _read_blocks(self, blocks: bytes, blank: bytes) -> None:
        """Read complete events that all end in the same kind of blank line, which is how they nearly always arrive."""
        offset = self._fed - len(blocks)
        for block in blocks.split(blank):
            if block and self._read_block(block):
                self._finish(offset + _line_ends(block))
                return
            offset += len(block) + len(blank)

    def _feed_parts(self, data: bytes) -> None:
        """Add a piece, read the events it completes, keep and judge the rest."""
        pending = self._pending
        if self._in_comment:
            pending += b":"
        resume = max(0, len(pending) - _OVERLAP)
        pending += data
        offset = self._fed - len(pending)
        consumed = 0
        for begin, end in self._boundaries(resume):
            block = bytes(pending[consumed:begin])
            if self._skipping:
                self._skipping = False
            elif block and self._read_block(block):
                self._finish(offset + consumed + _line_ends(block))
                return
            consumed = end
            self._ruled_out = self._in_comment = False
        del pending[:consumed]
        self._judge_rest()

    def _boundaries(self, resume: int) -> list[tuple[int, int]]:
        """Where the blank lines in the pending bytes begin and end, from `resume` on."""
        if self._carriage_returns:
            return [match.span() for match in _BLANK_LINE.finditer(self._pending, resume)]
        spans = []
        at = self._pending.find(b"\n\n", resume)
        while at >= 0:
            spans.append((at, at + 2))
            at = self._pending.find(b"\n\n", at + 2)
        return spans

    def _finish(self, end_from: int) -> None:
        self.ended = True
        self._end_from = end_from
        self._pending.clear()

    def _judge_rest(self) -> None:
        """Drop what needs no memory from the unfinished event and see whether it may end the stream."""
        pending = self._pending
        if self._skipping:
            del pending[:-_OVERLAP]
            return
        self._drop_comments()
        if self._ruled_out or not pending or self._in_comment:
            verdict = _NO
        else:
            verdict = self._verdict(bytes(pending[:_HEAD]), complete=len(pending) > _HEAD)
            self._ruled_out = verdict == _NO
        if len(pending) > self._cap + _OVERLAP:  # the last bytes may already belong to the blank line
            self.gathering.seen.unread = True
            if verdict == _YES:
                self._finish(self._fed - len(pending))
            else:
                self._skipping = True
                del pending[:-_OVERLAP]

    def _drop_comments(self) -> None:
        """Comments and blank lines before an event's first field belong to no event."""
        pending = self._pending
        self._in_comment = False
        while pending and not self._ruled_out:
            if pending[0] in _EOL:
                del pending[:1]
            elif pending[0] == ord(":"):
                line_end = _LINE_END.search(pending)
                if line_end is None:
                    # Only the last byte matters to what follows; `feed` puts a colon back in front of it.
                    pending.clear()
                    self._in_comment = True
                    return
                del pending[: line_end.end()]
            else:
                return

    def _verdict(self, head: bytes, *, complete: bool) -> int:
        """Whether the unfinished event that begins so may end the stream."""
        name: bytes | None = None
        lines = _LINE_END.split(head)
        for number, line in enumerate(lines):
            last = number == len(lines) - 1
            field, colon, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data" and colon:
                return self.rule.of_name(name) if name else self.rule.of_head(value)
            if field == b"event" and colon:
                if last:
                    return self.rule.of_partial_name(value)
                name = value
                if value and self.rule.of_name(value) == _NO:
                    return _NO
        return _NO if complete else _MAYBE

    def _read_block(self, block: bytes) -> bool:
        """Read one event without its blank line; True when it ends the stream."""
        if len(block) > self._cap:
            bare = _LEADING_COMMENTS.sub(b"", block)
            if len(bare) > self._cap:
                self.gathering.seen.unread = True
                return self._verdict(bare[:_HEAD], complete=True) == _YES
        if block[:6] == b"data: " and b"\n" not in block and b"\r" not in block:
            name, payload = b"", block[6:]
        else:
            name, lines = self._fields(block)
            if not lines:
                return False
            payload = b"\n".join(lines)
        self.gathering.seen.events += 1
        return self.read_event(name, payload)

    @staticmethod
    def _fields(block: bytes) -> tuple[bytes, list[bytes]]:
        name = b""
        lines = []
        for line in _LINE_END.split(block):
            field, _, value = line.partition(b":")
            if field == b"data":
                lines.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
        return name, lines


def _line_ends(block: bytes) -> int:
    """How many bytes before an event belong to the blank line before it: CRLF may be cut in the middle."""
    return len(block) - len(block.lstrip(b"\r\n"))
