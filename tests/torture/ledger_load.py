"""Exchanges against a Recorder without a network: the load under which disks fail, and what was promised to it.

Everything a gateway would rely on is noted with a stamp (by default the number of disk calls so far), so that a test can ask
what the ledger owed at any instant.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.micro_spool import intent, outcome
from proxy.core.clock import SystemClock
from proxy.core.errors import LedgerUnavailableError
from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.core.ids import RecordIds
from proxy.core.oneshot import Oneshot, drive
from proxy.core.snapshot import LedgerOptions
from proxy.ledger.disk import Disk
from proxy.ledger.lines import LineWriter
from proxy.ledger.record import RECORD_FORMAT, Line, Position, Refusal, Turn
from proxy.ledger.recorder import Recorder, Stream
from proxy.ledger.session_stream import SessionStream
from tests.ledger_oracle import Written
from tests.waiting import PATIENCE, until

T = TypeVar("T")

_TURNS = 3

clock = SystemClock()
ids = RecordIds()


class Promise(msgspec.Struct):
    """An entry that was acknowledged at `stamp`: its kind as evidence has it, its record and its place."""

    stamp: int
    kind: str
    record: str
    place: Position


class Promised(msgspec.Struct):
    """What a run was promised. `forwarded`: bodies that would have gone upstream, with the stamp at which they did.

    `synced`: (stamp, record, bytes of its answer said to be durable). `said`: (stamp, record, what the client of a session had
    said and could go upstream). `refused`: how often the ledger said no.
    """

    entries: list[Promise] = []
    forwarded: list[tuple[int, bytes]] = []
    synced: list[tuple[int, str, int]] = []
    said: list[tuple[int, str, bytes]] = []
    answers: dict[str, bytes] = {}
    refused: int = 0
    longest_unsynced: int = 0


_KINDS = ("plain", "plain", "long", "stream", "refusal", "transform", "digests", "open", "carrier", "session", "open session")


class Load:
    """`exchanges` of them, `together` at a time, of all the kinds a gateway has; every choice from one seed."""

    def __init__(self, recorder: Recorder, seed: int, stamp: Callable[[], int], promised: Promised) -> None:
        self.recorder = recorder
        self.promised = promised
        self._random = random.Random(seed)
        self._stamp = stamp
        self._left = 0
        self._running = 0

    async def run(self, exchanges: int, together: int = 8) -> None:
        """Until all have ended. Raises: whatever an exchange raised but LedgerUnavailableError."""
        done = asyncio.get_running_loop().create_future()
        self._left, self._running = exchanges, together

        async def worker() -> None:
            while self._left > 0:
                self._left -= 1
                await self._exchange()
            self._running -= 1
            if not self._running and not done.done():
                done.set_result(None)

        def broken(error: BaseException) -> None:
            if not done.done():
                done.set_exception(error)

        for _ in range(together):
            drive(worker(), broken)
        await done

    async def _exchange(self) -> None:
        kind = self._random.choice(_KINDS)
        at = clock.utc_us()
        if kind in ("session", "open session"):
            await self._session(kind, at)
            return
        stream = self.recorder.stream(ids.next(at), f"p{self._random.randrange(3)}", "digests" if kind == "digests" else "full")
        try:
            await self._ask_and_answer(stream, kind, at)
        except LedgerUnavailableError:
            self.promised.refused += 1
            await pause(0.005)

    async def _ask_and_answer(self, stream: Stream, kind: str, at: int) -> None:
        body = self._random.randbytes(self._random.randrange(600))
        if kind == "refusal":
            fields = {**msgspec.structs.asdict(intent(stream.id, at)), "status": 403, "error": "denied"}
            self._promise("refusal", stream, await stream.refusal(Refusal(**fields), body))
            return
        ahead = b""
        if kind in ("long", "carrier"):
            pieces = [self._random.randbytes(3000) for _ in range(3)]
            for piece in pieces:
                await stream.request_piece(piece)
            ahead = b"".join(pieces)
            back, read = stream.read_back(), b""
            while piece := await back.next():
                read += piece
            assert read == ahead, "the request reads back other bytes than it had"
        sent = body + b" transformed" if kind == "transform" else None
        asked = intent(stream.id, at)
        if kind == "carrier":
            asked.facts = RequestFacts(lines=await self._lines(stream, ahead + body))
        place = await stream.intent(asked, body, sent)
        self.promised.forwarded.append((self._stamp(), ahead + body if sent is None else sent))
        self._promise("intent", stream, place)
        await self._answer(stream, kind)
        if kind != "open":
            self._promise("outcome", stream, await stream.outcome(outcome(stream.id, clock.utc_us())))

    async def _session(self, kind: str, at: int) -> None:
        """A session of some turns, in each of which the client speaks in pieces. An open one has no end, nor has its last turn."""
        session = self.recorder.session(ids.next(at), f"p{self._random.randrange(3)}", "full")
        try:
            self._promise("intent", session, await session.intent(intent(session.id, at), b""))
            said = b""
            for number in range(1, _TURNS + 1):
                for _ in range(2):
                    piece = self._random.randbytes(self._random.randrange(1, 600))
                    await session.client_piece(piece)
                    said += piece
                    self.promised.said.append((self._stamp(), session.id, said))
                await self._turn(session, number, ended=kind == "session" or number < _TURNS)
            if kind == "session":
                self._promise("outcome", session, await session.outcome(outcome(session.id, clock.utc_us())))
        except LedgerUnavailableError:
            self.promised.refused += 1
            await pause(0.005)

    async def _turn(self, session: SessionStream, number: int, *, ended: bool) -> None:
        """A turn: its beginning, some answer and, mostly, its end."""
        name = ids.next(clock.utc_us())
        for end in ("", "completed") if ended else ("",):
            place = await session.turn(turn_of(session.id, name, number, end))
            self.promised.entries.append(Promise(self._stamp(), "turn", name, place))
            session.answer(self._random.randbytes(200))
            await pause(0.002)

    async def _lines(self, stream: Stream, body: bytes) -> int:
        """The lines of a carrier, a few at a time; how many."""
        writer = self.recorder.lines(stream)
        count = self._random.randrange(1, 12)
        size = len(body) // count
        lines = [
            line_of(stream.id, writer, number, number * size, body[number * size : (number + 1) * size]) for number in range(count)
        ]
        for some in (lines[: count // 2], lines[count // 2 :]):
            if some:
                await writer.write(some)
                stamp = self._stamp()
                self.promised.entries += [
                    Promise(stamp, "line", line.id, Position(line.instance, line.epoch, line.seq)) for line in some
                ]
        return count

    async def _answer(self, stream: Stream, kind: str) -> None:
        received = 0
        unsynced = 0

        def synced() -> None:
            self.promised.synced.append((self._stamp(), stream.id, received - stream.unsynced))

        if kind in ("stream", "open"):
            stream.on_synced = synced
        for _ in range(4 if kind in ("stream", "open") else 1):
            piece = self._random.randbytes(self._random.randrange(1, 900))
            received += len(piece)
            unsynced = stream.answer(piece)
            self.promised.answers[stream.id] = self.promised.answers.get(stream.id, b"") + piece
            self.promised.longest_unsynced = max(self.promised.longest_unsynced, unsynced)
            await pause(0.004 if kind in ("stream", "open") else 0)

    def _promise(self, kind: str, stream: Stream, place: Position) -> None:
        self.promised.entries.append(Promise(self._stamp(), kind, stream.id, place))


def line_of(carrier: str, writer: LineWriter, number: int, offset: int, content: bytes) -> Line:
    """The evidence of a line that is these bytes, which stand at `offset` of its carrier."""
    digest = writer.begin(number)
    digest.update(content)
    at = clock.utc_us()
    return Line(
        v=RECORD_FORMAT,
        id=ids.next(at),
        instance="",
        epoch=0,
        seq=0,
        at=at,
        mono=0,
        carrier=carrier,
        number=number,
        offset=offset,
        length=len(content),
        principal="p",
        purpose="undeclared",
        upstream="openai",
        dialect="openai",
        endpoint="batch_line",
        facts=RequestFacts(),
        received=digest.hexdigest(),
    )


def turn_of(carrier: str, name: str, number: int, end: str) -> Turn:
    """The evidence of a turn that begins, or has ended."""
    at = clock.utc_us()
    return Turn(
        v=RECORD_FORMAT,
        id=name,
        instance="",
        epoch=0,
        seq=0,
        at=at,
        mono=0,
        carrier=carrier,
        number=number,
        principal="p",
        purpose="undeclared",
        upstream="openai",
        dialect="openai",
        endpoint="realtime",
        facts=RequestFacts(),
        answer=AnswerFacts(),
        outcome=end,
    )


def pause(seconds: float) -> Oneshot[None]:
    """A wait for coroutines that `drive` runs."""
    oneshot: Oneshot[None] = Oneshot()
    asyncio.get_running_loop().call_later(seconds, oneshot.set, None)
    return oneshot


def broken_promises(written: Written, promises: Iterable[Promise]) -> list[str]:
    """Acknowledged entries that the ledger does not hold, in words."""
    there = {(entry.instance, entry.epoch, entry.seq, entry.id, str(entry.__struct_config__.tag)) for entry, _ in written.entries}
    missing = [one for one in promises if (*msgspec.structs.astuple(one.place), one.record, one.kind) not in there]
    return [f"acknowledged and lost: {one.kind} of {one.record} at {one.place}" for one in missing]


def open_recorder(data_dir: Path, disk: Disk, **options: int) -> Recorder:
    """A recorder with a tick of 5 ms on the running loop."""
    return Recorder.open(data_dir, 0, LedgerOptions(tick_seconds=0.005, **options), clock, asyncio.get_running_loop(), disk)


async def filled(oneshot: Oneshot[T], seconds: float = PATIENCE) -> T:
    """The value of a slot, for ordinary tasks. Raises: what the slot failed with, TimeoutError."""
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        done.set_result(await oneshot)

    drive(wait(), done.set_exception)
    return await asyncio.wait_for(done, seconds)


async def settled(recorder: Recorder, seconds: float = PATIENCE) -> None:
    """Wait until dead epochs are recovered. Raises: TimeoutError."""
    await until(lambda: not (recorder.mending or any(recorder.stats[name] for name in ("owed", "down", "tight"))), seconds)
