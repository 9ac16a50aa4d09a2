"""The body of a carrier: every query in it is read, judged and recorded, before anybody decides about the carrier (ADR 0007).

The body is whole by now, in memory or in the spool, and is read back in pieces: on the event loop, half a millisecond at a time.
After each slice what was found is handed to the ledger, and everybody else has their turn; longer lines go to `long_lines.py`.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from proxy.core.clock import Clock
from proxy.core.errors import LedgerUnavailableError
from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.core.oneshot import Oneshot
from proxy.dialects.carried import BATCH_LINE, PURPOSES, LineMeaning
from proxy.dialects.contract import Endpoint
from proxy.dialects.entries import BATCH, REQUESTS, EntryReader
from proxy.dialects.jsonio import Inspected, StrictJSONError
from proxy.dialects.lines import Carried, CarriedReader, LineReader
from proxy.dialects.multipart import FilePart, FormReader
from proxy.dialects.parameters import flag
from proxy.dialects.parts import ChunkReader, Fragment, PartReader
from proxy.dialects.related import RelatedReader, is_related, types_of
from proxy.gateway.bodies import Decoded, Held, Source
from proxy.gateway.house import House
from proxy.gateway.inspecting import begins_call, inspected, may_be_call, refused, say_lines
from proxy.gateway.joining import Joined, going_on, join
from proxy.gateway.lines import Judged, Lines
from proxy.gateway.long_lines import Aside, InThread, Reader
from proxy.gateway.receive import Body, charset, content_type
from proxy.gateway.references import References
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route
from proxy.gateway.uploads import Chunk, Uploads, chunk_of
from proxy.ledger.record import Line
from proxy.wire.request import Request

SLICE_NS = 500_000
SLICE_LINES = 64
UNSYNCED_BYTES = 256 * 1024
_FED_LINES = 64 * 1024
_FED_ENTRIES = 2 * 1024
"""Bytes given to a reader at a time: following the brackets of more would hold the loop for longer than a slice."""
_MOST_ORDER = 64 * 1024
"""Bytes of the request that completes a file."""

AnyForm = TypeVar("AnyForm", bound=FormReader)
Pause = Callable[[], Oneshot[None]]


def no_pause() -> Oneshot[None]:
    """Where there is nobody else to have a turn."""
    oneshot: Oneshot[None] = Oneshot()
    oneshot.set(None)
    return oneshot


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
        self.uploads = references.uploads if references is not None else Uploads()
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
        self._uploads = means.uploads
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
        elif endpoint.carries == "parts":
            facts = await self._joined(endpoint)
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
            form = await self._fed(FormReader(content_type(self._exchange.request)))
        tree = form.tree
        facts = endpoint.read_request(tree, route.parameters)
        if tree is None:
            facts.inspection = "none"
            facts.flags = [*facts.flags, "form_unread"]
            return facts
        if endpoint.upload:
            return await self._part(endpoint, tree, form.files)
        purpose = tree.get("purpose")
        kind = PURPOSES.get(purpose) if type(purpose) is str else None
        if kind is not None:
            self._mean(kind)
            for file in form.files:
                reader = LineReader(self._writer.begin, offset=file.offset, first=self._next)
                await self._lines(reader, _FED_LINES, file.offset, file.offset + file.length)
        return facts

    async def _fed(self, form: AnyForm) -> AnyForm:
        source = self._source()
        while piece := await source.next():
            form.feed(piece)
        return form

    async def _part(self, endpoint: Endpoint, tree: dict[str, Any], files: Sequence[FilePart]) -> RequestFacts:
        """A part of a file: its whole lines now, and what is cut off when the parts are joined."""
        route: Route = self._exchange.route
        purpose, kind = self._announced(route.parameters.references)
        if purpose is not None:
            tree = {**tree, "purpose": purpose}
        facts = endpoint.read_request(tree, route.parameters)
        for file in files[:1]:
            if kind is None or (purpose is None and not await self._begins_with_a_line(file.offset, file.length)):
                continue
            self._mean(kind)
            reader = PartReader(self._writer.begin, offset=file.offset)
            await self._lines(reader, _FED_LINES, file.offset, file.offset + file.length)
            self._uploads.read(self._exchange, reader.part)
            if reader.part.head.length or reader.part.tail.length:
                facts.flags = [*facts.flags, "lines_cut"]
                facts.inspection = "partial" if facts.inspection == "full" else facts.inspection
        return facts

    def _announced(self, references: Sequence[str]) -> tuple[str | None, str | None]:
        """What the upload that a path names is for, None when nobody here knows; and what its lines are, None when it has none."""
        ref = next((ref for ref in references if ref.startswith("upload:")), "")
        purpose = self._uploads.purpose(self._exchange, ref)
        return purpose, "" if purpose is None else PURPOSES.get(purpose)

    async def _joined(self, endpoint: Endpoint) -> RequestFacts:
        """The order to make a file of parts: the lines that their ends make. Those of parts that are not known here stay unread."""
        route: Route = self._exchange.route
        request: Request = self._exchange.request
        source, whole = self._source(), bytearray()
        while len(whole) <= _MOST_ORDER and (piece := await source.next()):
            whole += piece
        order = Inspected(None, ["too_long_to_read"])
        if len(whole) <= _MOST_ORDER:
            order = inspected(bytes(whole), charset(request.head.values.get(b"content-type", b"")))
        facts = endpoint.read_request(order.tree, route.parameters)
        facts.flags = [*facts.flags, *order.flags]
        purpose, kind = self._announced(route.parameters.references)
        facts.file_purpose = purpose
        if kind is None:
            return facts
        self._mean(kind)
        names = order.tree.get("part_ids") if type(order.tree) is dict else None
        known = [self._uploads.part(self._exchange, name) for name in (names if type(names) is list else ())]
        if not await join(known, self._writer.begin, self._take):
            flag(facts, "lines_unread")
        return facts

    async def _entries(self, endpoint: Endpoint) -> RequestFacts:
        route: Route = self._exchange.route
        request: Request = self._exchange.request
        self._mean(BATCH_LINE)
        reader = EntryReader(self._writer.begin, REQUESTS if endpoint.carries == "requests" else BATCH)
        await self._lines(reader, _FED_ENTRIES)
        skeleton = reader.skeleton
        around = Inspected(None, ["too_long_to_read"])
        if skeleton is not None:
            around = inspected(skeleton, charset(request.head.values.get(b"content-type", b"")))
        facts = endpoint.read_request(around.tree, route.parameters)
        flags = around.flags if reader.sound or "not_json" in around.flags else [*around.flags, "not_json"]
        if around.tree is None or not reader.sound:
            facts.inspection = "none"
        if flags:
            facts.flags = [*facts.flags, *flags]
        return facts

    async def _file(self, endpoint: Endpoint) -> RequestFacts:
        route: Route = self._exchange.route
        request: Request = self._exchange.request
        facts = endpoint.read_request(None, route.parameters)
        told, piece = content_type(request), chunk_of(self._exchange)
        if endpoint.carries == "file" and piece is None and is_related(told) and await self._media(facts):
            return facts
        lines = True if endpoint.carries == "jsonl" else say_lines([told])
        chunk = None if self._coding else piece
        before = self._uploads.before(self._exchange, chunk) if chunk is not None else None
        if before is None and not lines and (lines is False or not await self._begins_with_a_line()):
            return facts
        self._mean("")
        if chunk is None:
            await self._lines(LineReader(self._writer.begin), _FED_LINES)
        else:
            await self._chunk(chunk, before or ("", Fragment()), facts)
        return facts

    async def _media(self, facts: RequestFacts) -> bool:
        """A file behind what is said of it, in one body. Returns whether that is what it is."""
        body: Body = self._exchange.body
        form = body.form
        if not isinstance(form, RelatedReader) or self._coding:
            form = await self._fed(RelatedReader(content_type(self._exchange.request)))
        media, said = form.media, form.metadata
        told = inspected(said.encode(), None) if said is not None else Inspected(None, [])
        if media is None or type(told.tree) is not dict:
            facts.flags = [*facts.flags, *told.flags, "form_unread"]
            return False
        facts.flags = [*facts.flags, *told.flags]
        lines = say_lines([form.media_type, *types_of(told.tree)])
        if lines or (lines is None and await self._begins_with_a_line(media.offset, media.length)):
            self._mean("")
            reader = LineReader(self._writer.begin, offset=media.offset)
            await self._lines(reader, _FED_LINES, media.offset, media.offset + media.length)
        return True

    async def _chunk(self, chunk: Chunk, before: tuple[str, Fragment], facts: RequestFacts) -> None:
        """A piece of a file that comes in order: a line that it cuts is read with the next piece."""
        record, begun = before
        joined = going_on(record, begun, self._exchange.id) if begun.length else None
        reader = ChunkReader(self._writer.begin, begun, last=chunk.last)
        size = await self._lines(reader, _FED_LINES, joined=joined)
        if reader.tail is not None:
            self._uploads.leave(self._exchange, chunk, size, reader.tail)
            if reader.tail.length:
                flag(facts, "lines_cut")

    async def _begins_with_a_line(self, begin: int = 0, size: int = sys.maxsize) -> bool:
        """Whether the first line is a batch's or a training file's; the rest is then read as lines too.

        Or the second: a file that comes in several requests is cut anywhere, and then begins with the rest of a line.
        """
        source, place, first = self._source(), 0, b""
        while len(first) < min(size, _FED_LINES) and (piece := await source.next()):
            first += piece[max(begin - place, 0) : max(begin + size - place, 0)]
            place += len(piece)
        reader = LineReader(self._writer.begin)
        reader.feed(first)
        lines = [line.content for line in (reader.next(), reader.next(), reader.finish()) if line and line.content]
        return any(map(may_be_call, lines[:2])) or (len(first) >= _FED_LINES and begins_call(first))

    def _mean(self, kind: str) -> None:
        route: Route = self._exchange.route
        self._meaning = LineMeaning(route.dialect, kind, route.endpoint.carried, route.parameters.model)

    # --- the lines

    def _source(self) -> Source:
        body: Body = self._exchange.body
        source: Source = self._exchange.stream.read_back() if body.spooled else Held(body.whole)
        return Decoded(source, self._coding, self._tear) if self._coding else source

    def _tear(self) -> None:
        """What is encoded could not be decoded to its end."""
        self._torn = True

    async def _lines(
        self, reader: CarriedReader, fed: int, begin: int = 0, end: int = sys.maxsize, joined: Joined | None = None
    ) -> int:
        """Take the lines that stand between two places of the body, decoded. Returns: how many bytes of it were read."""
        source = self._source()
        place = 0
        while place < end and (piece := await source.next()):
            self._begin_slice()  # others had their turn while the disk was read
            stop = min(end - place, len(piece))
            for at in range(max(begin - place, 0), stop, fed):
                reader.feed(piece[at : min(at + fed, stop)])
                while (line := reader.next()) is not None:
                    await self._take(line, joined)
                if self._clock.monotonic_ns() - self._slice_at > SLICE_NS:
                    await self._end_slice()
            place += len(piece)
        if (line := reader.finish()) is not None:
            await self._take(line, joined)
        return place

    async def _take(self, line: Carried, joined: Joined | None = None) -> None:
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
            raise refused(error, f"Line {line.number}: ") from error
        entry = self.judged.add(line, meaning, digest.hexdigest(), self._utc, self._slice_at)
        if joined is not None and (pieces := joined.pieces(line)):
            entry.offset, entry.pieces = 0, pieces
        self._slice.append(entry)
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
