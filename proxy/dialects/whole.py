"""Readers of answers that are no event stream: one JSON document, or bytes that are only counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.core.facts import AnswerFacts
from proxy.dialects.gathering import Gathering
from proxy.dialects.jsonio import read_leniently

FACTS_CAP = 8 * 1024 * 1024
"""Bytes of a JSON answer that are kept to read facts from; a larger answer is `unread`."""


class WholeReader:
    """Keeps a JSON answer up to `cap` bytes and reads it when facts are asked for.

    Args:
        read: takes the parsed document into a gathering; must not raise.
        parse: bytes to tree, None when it is not JSON; endpoints with bulky answers give a parser that skips the bulk.

    """

    ended = False

    def __init__(
        self,
        read: Callable[[Gathering, Any], None],
        *,
        collect: bool = False,
        parse: Callable[[bytes], Any] = read_leniently,
        cap: int = FACTS_CAP,
    ) -> None:
        self._read = read
        self._parse = parse
        self._collect = collect
        self._cap = cap
        self._pieces: list[bytes] = []
        self._kept = 0
        self._overflown = False
        self._facts: AnswerFacts | None = None

    def feed(self, data: bytes) -> int:
        """Keep the next piece; nothing is held, since a client needs the whole document and the wire holds its last byte."""
        self._facts = None
        self._kept += len(data)
        if self._kept > self._cap:
            self._overflown = True
            self._pieces.clear()
        else:
            self._pieces.append(data)
        return 0

    @property
    def document(self) -> bytes:
        """The document as far as it came; nothing of one that is too large."""
        return b"".join(self._pieces)

    def facts(self) -> AnswerFacts:
        """The facts of the document, or only `unread` when it is incomplete, too large or no JSON."""
        if self._facts is None:
            self._facts = self._gathered()
        return self._facts

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:  # noqa: ARG002 - the contract's parameters
        """Nothing: a document that has begun cannot be turned into an error; the connection must break."""
        return b""

    def _gathered(self) -> AnswerFacts:
        gathering = Gathering(collect=self._collect)
        raw = self.document
        tree = self._parse(raw) if raw else None
        if tree is not None:
            self._read(gathering, tree)
        elif raw or self._overflown:
            gathering.seen.unread = True
        return gathering.facts()


class CountedReader:
    """For answers whose format is not ours to read (audio, pictures, plain text): facts say that nothing was read."""

    ended = False

    def __init__(self) -> None:
        self._any = False

    def feed(self, data: bytes) -> int:
        """Note that something came; nothing is held."""
        self._any = self._any or bool(data)
        return 0

    def facts(self) -> AnswerFacts:
        """`unread` as soon as there was anything to read."""
        return AnswerFacts(unread=self._any)

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:  # noqa: ARG002 - the contract's parameters
        """Nothing: no client would find an error among such bytes; the connection must break."""
        return b""
