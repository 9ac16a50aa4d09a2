"""Reads a file of results as it passes: JSON lines, each of which is the answer to one request of a batch.

Lines are read one at a time and their counts summed; no more than one line is kept, and a longer one than `LINE_CAP` is skipped.
What turns out to be no JSON lines (a picture, a table) is `unread`; a short document may be an error in JSON over several lines.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec

from proxy.core.facts import AnswerFacts, Usage
from proxy.dialects.gathering import Gathering
from proxy.dialects.jsonio import read_leniently

LINE_CAP = 8 * 1024 * 1024
_DOCUMENT = 64 * 1024
_decode = msgspec.json.Decoder().decode

ReadLine = Callable[[Gathering, dict[str, Any]], bool | None]
"""Takes one line into a gathering of its own: True when it is a good result, False when a failed one, None when it is no result."""


class ResultLines:
    """See `AnswerReader`. `read_error` takes in a document that is no result but an error."""

    ended = False

    def __init__(self, read_line: ReadLine, read_error: Callable[[Gathering, Any], None], *, collect: bool = False) -> None:
        self._read_line = read_line
        self._read_error = read_error
        self._collect = collect
        self._facts = AnswerFacts()
        self._texts: list[AnswerFacts] = []
        self._pending = bytearray()  # the line that is not complete
        self._skipping = False
        self._begun = bytearray()  # the beginning, until it is known to be lines
        self._opaque = False
        self._any = False

    def feed(self, data: bytes) -> int:
        """Take the next piece; nothing is held, since the wire holds the last byte."""
        if self._opaque:
            self._keep(data)
            return 0
        lines = data.split(b"\n")
        for line in lines[:-1]:
            self._add(line)
            self._end_line()
        self._add(lines[-1])
        if self._opaque:
            self._keep(bytes(self._pending))
            self._pending.clear()
        return 0

    def facts(self) -> AnswerFacts:
        """The sums so far; a line that is not complete counts as if it ended here."""
        if self._opaque:
            return self._of_document(bytes(self._begun))
        if not self._any and self._pending:
            whole = self._of_document(bytes(self._pending))
            if whole.error is not None:
                return whole
        if self._pending and not self._skipping:
            rest = copy.copy(self)
            rest._facts = copy.copy(self._facts)  # noqa: SLF001 - a copy of ourselves
            rest._texts = [*self._texts]  # noqa: SLF001 - likewise
            rest._pending = bytearray(self._pending)  # noqa: SLF001 - likewise
            rest._begun = bytearray()  # noqa: SLF001 - likewise
            rest._end_line()  # noqa: SLF001 - likewise
            return rest.facts()
        facts = copy.copy(self._facts)
        facts.unread = facts.unread or self._skipping
        for field in ("text", "reasoning_text", "tool_calls_text") if self._collect else ():
            setattr(facts, field, "\n".join(text for line in self._texts if (text := getattr(line, field))))
        return facts

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:  # noqa: ARG002 - the contract's parameters
        """Nothing: a file cannot be turned into an error; the connection must break."""
        return b""

    def _add(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._pending) + len(piece) > LINE_CAP:
            self._pending.clear()
            self._skipping = self._facts.unread = True
        else:
            self._pending += piece

    def _end_line(self) -> None:
        line, self._pending = bytes(self._pending), bytearray()
        if self._skipping:
            self._skipping = False
            return
        if self._opaque:
            self._keep(line + b"\n")
            return
        if not line.strip():
            return
        try:
            tree = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            tree = read_leniently(line)
        if type(tree) is not dict:
            self._miss(line)
            return
        self._any = True
        self._sum(tree)

    def _miss(self, line: bytes) -> None:
        """A line that is no object: among results one that could not be read; as the first it shows that these are no results."""
        self._facts.unread = True
        if self._any:
            self._facts.lines += 1
        else:
            self._opaque = True
            self._keep(line + b"\n")

    def _keep(self, data: bytes) -> None:
        if len(self._begun) <= _DOCUMENT:
            self._begun += data[: _DOCUMENT + 1 - len(self._begun)]

    def _of_document(self, raw: bytes) -> AnswerFacts:
        gathering = Gathering(collect=self._collect)
        tree = read_leniently(raw) if 0 < len(raw) <= _DOCUMENT else None
        if type(tree) is dict and tree.get("error"):
            self._read_error(gathering, tree)
        else:
            gathering.seen.unread = bool(raw)
        return gathering.facts()

    def _sum(self, tree: dict[str, Any]) -> None:
        gathering = Gathering(collect=self._collect)
        good = self._read_line(gathering, tree)
        line, sums = gathering.facts(), self._facts
        sums.error = sums.error or line.error
        if good is None:
            sums.lines += line.error is None
            return
        sums.lines += 1
        sums.lines_done += good
        sums.lines_failed += not good
        sums.model = sums.model or line.model
        for field in ("choices", "text_chars", "reasoning_chars", "tool_calls"):
            setattr(sums, field, getattr(sums, field) + getattr(line, field))
        sums.logprobs = sums.logprobs or line.logprobs
        if line.usage is not None:
            known = sums.usage or Usage()
            sums.usage = Usage(
                input=known.input + line.usage.input,
                output=known.output + line.usage.output,
                cached=known.cached + line.usage.cached,
                reasoning=known.reasoning + line.usage.reasoning,
            )
        if self._collect:
            self._texts.append(line)
