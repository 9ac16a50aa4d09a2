"""Answers that are JSON lines: one object a line, the last of them saying that it is the last (`{"done": true}`).

A line is held until it is whole, since only then can it be known not to be the last. A document of its own, without a line's end,
is read as one line when facts are asked for. However the bytes are cut, the facts are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.core.facts import AnswerFacts
from proxy.dialects.gathering import Gathering
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.whole import FACTS_CAP

LONGEST_HELD = 1024 * 1024
"""Bytes of an unfinished line that are held; what is longer is no line of a stream whose client waits for each."""


class LineStreamReader:
    """Reads each line as it comes.

    Args:
        read: takes a line's object into the gathering; True when it is the last. Must not raise.
        own_error: a line, without its end, at which the provider's SDK raises.
        cap: bytes of a line that are kept; a longer one is skipped (`AnswerFacts.unread`).

    """

    def __init__(
        self,
        read: Callable[[Gathering, dict[str, Any]], bool],
        own_error: Callable[[str], bytes],
        *,
        collect: bool = False,
        cap: int = FACTS_CAP,
    ) -> None:
        self.ended = False
        self._gathering = Gathering(collect=collect)
        self._read = read
        self._own_error = own_error
        self._cap = cap
        self._line: list[bytes] = []  # pieces of the line that is being received
        self._kept = 0
        self._fed = 0
        self._released = 0
        self._line_from = 0
        self._read_early = False

    def feed(self, data: bytes) -> int:
        """See `AnswerReader.feed`."""
        begin = 0
        while not self.ended and (end := data.find(b"\n", begin)) >= 0:
            self._keep(data[begin:end])
            if self._take_line():
                self.ended = True
            else:
                self._line_from = self._fed + end + 1
            begin = end + 1
        if not self.ended:
            self._keep(data[begin:])
        self._fed += len(data)
        hold = self._fed - max(self._line_from, self._released)
        if not self.ended and hold > LONGEST_HELD:
            hold = 0
        self._released = self._fed - hold
        return hold

    def _keep(self, piece: bytes) -> None:
        self._kept += len(piece)
        if self._kept > self._cap:
            self._line.clear()
        elif piece:
            self._line.append(piece)

    def _take_line(self) -> bool:
        """Read the line that is complete; True when it is the last."""
        line, kept, early = b"".join(self._line), self._kept, self._read_early
        self._line.clear()
        self._kept, self._read_early = 0, False
        if kept > self._cap:
            self._gathering.seen.unread = True
            return False
        return not early and bool(line.strip()) and self._take(line)

    def _take(self, line: bytes) -> bool:
        tree = read_leniently(line)
        self._gathering.seen.events += 1
        if type(tree) is dict:
            return self._read(self._gathering, tree)
        self._gathering.seen.unread = True
        return False

    def facts(self) -> AnswerFacts:
        """See `AnswerReader.facts`; what follows the last line's end is read if it is a whole document."""
        rest = b"".join(self._line).strip()
        if rest and not self._read_early and type(read_leniently(rest)) is dict:
            self._take(rest)
            self._read_early = True
        facts = self._gathering.facts()
        facts.unread = facts.unread or bool((rest or self._kept > self._cap) and not self._read_early)
        return facts

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:  # noqa: ARG002 - a line tells the message alone
        """One more line, after the end of one of which a part was let go."""
        told = message if not record_id or record_id in message else f"{message} (record {record_id})"
        return b"\n" * (self._released > self._line_from) + self._own_error(told) + b"\n"
