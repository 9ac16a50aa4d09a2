"""The body of a carrier: every query in it is read, judged and recorded, before anybody decides about the carrier (ADR 0007).

The body is whole by now, in memory or in the spool, and is read back in pieces. It happens on the event loop, half a millisecond
at a time: after each slice what was found is handed to the ledger, and everybody else has their turn. Only lines that are too long
for that are read elsewhere (`long_lines.py`).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol

from proxy.core.clock import Clock
from proxy.core.errors import LedgerUnavailableError
from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.core.oneshot import Oneshot
from proxy.dialects.carried import BATCH_LINE, LINE_TYPES, PURPOSES, LineMeaning, is_known
from proxy.dialects.contract import Endpoint
from proxy.dialects.entries import BATCH, REQUESTS, EntryReader
from proxy.dialects.jsonio import Inspected, StrictJSONError, inspect_json
from proxy.dialects.lines import Carried, CarriedReader, LineReader
from proxy.dialects.multipart import FormReader
from proxy.gateway.house import House
from proxy.gateway.lines import Judged
from proxy.gateway.long_lines import Aside, InThread, Reader
from proxy.gateway.receive import Body, charset, content_type
from proxy.gateway.references import References
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route
from proxy.ledger.record import Line
from proxy.wire.coding import Decoder
from proxy.wire.request import Request

SLICE_NS = 500_000
SLICE_LINES = 64
UNSYNCED_BYTES = 256 * 1024
_FED_LINES = 64 * 1024
_FED_ENTRIES = 2 * 1024
"""Bytes given to a reader at a time: following the brackets of more would hold the loop for longer than a slice."""
_MOST_DECODED = 2 * 1024 * 1024 * 1024
_VAGUE_TYPES = ("", "application/octet-stream", "application/json", "text/plain")

Pause = Callable[[], Oneshot[None]]


def no_pause() -> Oneshot[None]:
    """Where there is nobody else to have a turn."""
    oneshot: Oneshot[None] = Oneshot()
    oneshot.set(None)
    return oneshot


class Writer(Protocol):
    """The lines of one carrier, as they are recorded."""

    unsynced: int
    """Bytes of lines that are not durable yet."""

    def begin(self, number: int) -> Any:
        """The digest of a line, its salt already in it."""
        ...

    def write(self, lines: Sequence[Line]) -> Oneshot[None]:
        """Filled when they are durable; fails with LedgerUnavailableError."""
        ...


class Source(Protocol):
    """The bytes of a body, in pieces."""

    def next(self) -> Awaitable[bytes]:
        """The next piece, empty after the last."""
        ...


class _Held:
    """A body that is in memory, as a source."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    def next(self) -> Oneshot[bytes]:
        """All of it, once."""
        oneshot: Oneshot[bytes] = Oneshot()
        oneshot.set(self._whole)
        self._whole = b""
        return oneshot


class _Decoded:
    """An encoded body as it will be read upstream, as a source. `torn` is called when it cannot be decoded to its end."""

    def __init__(self, encoded: Source, coding: bytes, torn: Callable[[], None]) -> None:
        self._encoded = encoded
        self._decoder = Decoder(coding, most_bytes=_MOST_DECODED)
        self._pieces: Iterator[bytes] = iter(())
        self._torn = torn

    async def next(self) -> bytes:
        """The next piece."""
        while True:
            for piece in self._pieces:
                if piece:
                    return piece
            encoded = await self._encoded.next()
            if not encoded:
                self._decoder.finish()
                if self._decoder.state != "read":
                    self._torn()
                return b""
            self._pieces = self._decoder.feed(encoded)


class Lines(Protocol):
    """Where lines are recorded."""

    def lines(self, stream: Any) -> Writer:
        """What records the queries that the body of an exchange carries."""
        ...


class Carriers:
    """Makes the reading of each carrier. `pause` is filled once others had their turn; `reader` reads long lines, a thread if there
    is none.
    """

    def __init__(
        self,
        ledger: Lines,
        clock: Clock,
        aside: Aside,
        pause: Pause,
        references: References | None = None,
        reader: Reader | None = None,
    ) -> None:
        self.references = references
        self.ledger = ledger
        self.clock = clock
        self.pause = pause
        self.reader = reader or InThread(aside)

    def of(self, exchange: Exchange, house: House) -> Carrier:
        """The reading of an exchange whose body is whole."""
        return Carrier(exchange, house, self)


class Carrier:
    """One carrier. `read` gives its facts, then `judged.decide` lets the strictest of its lines decide about it."""

    def __init__(self, exchange: Exchange, house: House, means: Carriers) -> None:
        self.judged = Judged(exchange, house.judges, house.identity.keyed, means.references)
        self._exchange = exchange
        self._writer = means.ledger.lines(exchange.stream)
        self._clock = means.clock
        self._reader = means.reader
        self._pause = means.pause
        self._cancels = house.cancels
        self._serves = house.ledger.on_failure == "serve"
        coding = exchange.request.head.values.get(b"content-encoding", b"")
        self._coding = b"" if coding.lower() == b"identity" else coding
        self._torn = False
        self._meaning: LineMeaning
        self._next = 0
        self._slice: list[Line] = []
        self._slice_at = 0
        self._utc = 0
        self._writing: deque[Oneshot[None]] = deque()

    async def read(self) -> RequestFacts:
        """Read, judge and record every line.

        Raises: Refused 400 (JSON with two readings), 415; LedgerUnavailableError.
        """
        route: Route = self._exchange.route
        endpoint = route.endpoint
        self._begin_slice()
        if endpoint.carries == "form":
            facts = await self._form(endpoint)
        elif endpoint.carries in ("requests", "batch"):
            facts = await self._entries(endpoint)
        else:
            facts = await self._file(endpoint)
        await self._end_slice()
        while self._writing:
            await self._durable(self._writing.popleft())
        if self._torn:
            facts.inspection = "none"
            facts.flags = [*facts.flags, "encoded_body_unread"]
        if self._coding and self._next:
            facts.flags = [*facts.flags, "encoded_lines"]
        return self.judged.counted(facts)

    # --- the three kinds of carriers

    async def _form(self, endpoint: Endpoint) -> RequestFacts:
        route: Route = self._exchange.route
        body: Body = self._exchange.body
        form = body.form
        if form is None or self._coding:
            form = FormReader(content_type(self._exchange.request))
            source = self._source()
            while piece := await source.next():
                form.feed(piece)
        tree = form.tree
        facts = endpoint.read_request(tree, route.parameters)
        if tree is None:
            facts.inspection = "none"
            facts.flags = [*facts.flags, "form_unread"]
            return facts
        purpose = tree.get("purpose")
        kind = PURPOSES.get(purpose) if type(purpose) is str else None
        if kind is not None:
            self._mean(kind)
            for file in form.files:
                reader = LineReader(self._writer.begin, offset=file.offset, first=self._next)
                await self._lines(reader, _FED_LINES, file.offset, file.offset + file.length)
        return facts

    async def _entries(self, endpoint: Endpoint) -> RequestFacts:
        route: Route = self._exchange.route
        request: Request = self._exchange.request
        self._mean(BATCH_LINE)
        reader = EntryReader(self._writer.begin, REQUESTS if endpoint.carries == "requests" else BATCH)
        await self._lines(reader, _FED_ENTRIES)
        skeleton = reader.skeleton
        inspected = Inspected(None, ["too_long_to_read"])
        if skeleton is not None:
            try:
                inspected = inspect_json(skeleton, charset(request.head.values.get(b"content-type", b"")))
            except StrictJSONError as error:
                raise _refused(error) from error
        facts = endpoint.read_request(inspected.tree, route.parameters)
        flags = inspected.flags if reader.sound or "not_json" in inspected.flags else [*inspected.flags, "not_json"]
        if inspected.tree is None or not reader.sound:
            facts.inspection = "none"
        if flags:
            facts.flags = [*facts.flags, *flags]
        return facts

    async def _file(self, endpoint: Endpoint) -> RequestFacts:
        route: Route = self._exchange.route
        request: Request = self._exchange.request
        facts = endpoint.read_request(None, route.parameters)
        told = content_type(request).partition(";")[0].strip().lower()
        named = endpoint.carries == "jsonl" or any(name in told for name in LINE_TYPES)
        if not named and (told not in _VAGUE_TYPES or not await self._begins_with_a_line()):
            return facts
        self._mean("")
        await self._lines(LineReader(self._writer.begin), _FED_LINES)
        return facts

    async def _begins_with_a_line(self) -> bool:
        """Whether the first line is a batch's or a training file's; the rest is then read as lines too.

        Or the second: a file that comes in several requests is cut anywhere, and then begins with the rest of a line.
        """
        reader = LineReader(self._writer.begin)
        reader.feed(await self._source().next())
        lines = [line.content for line in (reader.next(), reader.next(), reader.finish()) if line and line.content]
        return any(map(_may_be_call, lines[:2]))

    def _mean(self, kind: str) -> None:
        route: Route = self._exchange.route
        self._meaning = LineMeaning(route.dialect, kind, route.endpoint.carried, route.parameters.model)

    # --- the lines

    def _source(self) -> Source:
        body: Body = self._exchange.body
        source: Source = self._exchange.stream.read_back() if body.spooled else _Held(body.whole)
        return _Decoded(source, self._coding, self._tear) if self._coding else source

    def _tear(self) -> None:
        """What is encoded could not be decoded to its end."""
        self._torn = True

    async def _lines(self, reader: CarriedReader, fed: int, begin: int = 0, end: int = sys.maxsize) -> None:
        """Take the lines that stand between two places of the body, decoded."""
        source = self._source()
        place = 0
        while place < end and (piece := await source.next()):
            stop = min(end - place, len(piece))
            for at in range(max(begin - place, 0), stop, fed):
                reader.feed(piece[at : min(at + fed, stop)])
                while (line := reader.next()) is not None:
                    await self._take(line)
                if self._clock.monotonic_ns() - self._slice_at > SLICE_NS:
                    await self._end_slice()
            place += len(piece)
        if (line := reader.finish()) is not None:
            await self._take(line)

    async def _take(self, line: Carried) -> None:
        content, digest = line.content, line.digest
        self._next = line.number + 1
        try:
            if content is not None:
                meaning = self._meaning.parse(content)
                digest = self._writer.begin(line.number)
                digest.update(content)
            elif line.parts:
                meaning = await self._reader.read(self._meaning, line.parts)
            else:
                meaning = self._meaning.unread("line_too_long")
        except StrictJSONError as error:
            raise _refused(error, f"Line {line.number}: ") from error
        self._slice.append(self.judged.add(line, meaning, digest.hexdigest(), self._utc, self._slice_at))
        if len(self._slice) >= SLICE_LINES or self._clock.monotonic_ns() - self._slice_at > SLICE_NS:
            await self._end_slice()

    # --- slices

    def _begin_slice(self) -> None:
        self._slice_at = self._clock.monotonic_ns()
        self._utc = self._clock.utc_us()

    async def _end_slice(self) -> None:
        """Hand what was found to the ledger and let the others have their turn; wait where the disk does not follow.

        Raises: Refused, as for a body that does not come to its end, when the client has left and nobody waits for an answer.
        """
        if self._slice:
            self._writing.append(self._writer.write(self._slice))
            self._slice = []
        while self._writing and (self._writing[0].done or self._writer.unsynced > UNSYNCED_BYTES):
            await self._durable(self._writing.popleft())
        await self._pause()
        if self._cancels and self._exchange.request.gone:
            raise Refused(499, "client_gone", "the client is gone")
        self._begin_slice()

    async def _durable(self, written: Oneshot[None]) -> None:
        """Wait for lines.

        Where exchanges may go on unrecorded the intent will tell: it fails as its lines did. What is in the spool alone cannot be
        sent from a disk that fails.
        """
        try:
            await written
        except LedgerUnavailableError:
            if self._exchange.body.spooled or not self._serves:
                raise


def _refused(error: StrictJSONError, name: str = "") -> Refused:
    """As a direct call is; `name` says of what."""
    return Refused(error.status, error.code, name + error.message)


def _may_be_call(line: bytes) -> bool:
    """Whether a line has a form that a batch's or a training file's has, or would be refused if it had."""
    if line[:1] != b"{":
        return False
    try:
        return is_known(inspect_json(line).tree)
    except StrictJSONError as error:
        return error.code != "json_not_utf8"  # which other files may well be
