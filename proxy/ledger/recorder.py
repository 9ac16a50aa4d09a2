"""The ledger as a gateway worker has it: one Recorder per process, on the event loop's thread.

It hands out a Stream per exchange, writes the ticks that carry answers to disk while they pass, and sees every exchange through
a failing disk: what it had promised stays in the epoch that ended, what still has to be said goes to the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy import __version__
from proxy.core.clock import Clock
from proxy.core.errors import LedgerUnavailableError
from proxy.core.ids import RecordIds
from proxy.core.oneshot import Oneshot
from proxy.core.snapshot import LedgerOptions
from proxy.ledger import secrets, segments
from proxy.ledger.batch import Batch, Piece
from proxy.ledger.committer import Committer
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk, make_once
from proxy.ledger.lines import LineWriter
from proxy.ledger.mending import Mending
from proxy.ledger.read_back import Reading
from proxy.ledger.record import RECORD_FORMAT, Mark, Position, encode
from proxy.ledger.recovery import unknown
from proxy.ledger.sealing import Sealer
from proxy.ledger.session_stream import SessionStream
from proxy.ledger.spool import Spool, failed
from proxy.ledger.stream import Stream

__all__ = ["Recorder", "Stream"]

TICK_BYTES = 1024 * 1024
REFUSE_AT = 0.95
STALL_SECONDS = 5.0
LOOK_SECONDS = 1.0

_encode = msgspec.json.Encoder().encode


def instance_id(data_dir: Path, disk: Disk) -> str:
    """The deployment's id, 16 hex digits, made once. Raises: OSError."""
    path = data_dir / "instance"
    if not path.exists():
        make_once(disk, path, os.urandom(8).hex().encode() + b"\n")
    return path.read_text("ascii").strip()


def _settled(pieces: list[tuple[Stream, Piece]], _: Batch, error: LedgerUnavailableError | None) -> None:
    """A tick was committed, or could not be."""
    for stream, piece in pieces:
        if error is None:
            stream.synced(piece)
        else:
            stream.carry(piece)


class Recorder:
    """One writer of the ledger. `instance` and `epoch` are where its entries go now (the last epoch while there is none).

    `entries` counts those it appended. `under_way`: exchanges whose intent is written (or being written) and whose outcome is
    not durable yet. `dirty`: exchanges whose answer waits for a tick. `segment`: at or before that of the next frame.
    `serves`: answers go on where they cannot be recorded (`ledger.on_failure: serve`).
    """

    def __init__(
        self, data_dir: Path, instance: str, options: LedgerOptions, clock: Clock, loop: AbstractEventLoop, disk: Disk
    ) -> None:
        self.instance = instance
        self.epoch = 0
        self.segment = 0
        self.entries = 0
        self.under_way: set[Stream] = set()
        self.dirty: set[Stream] = set()
        self.sealer = Sealer()
        self.memory_key = AESGCM(AESGCM.generate_key(256))
        master = secrets.load(data_dir, disk=disk).master
        self.keys = ContentKeys(data_dir, instance, master, clock, disk)
        self.reading = Reading(loop)
        self._options = options
        self._clock = clock
        self._loop = loop
        self._ids = RecordIds()
        self._committer = Committer(disk, data_dir, instance, self.keys, clock)
        self._numbers = 0
        self._tick: TimerHandle | None = None
        self._hurried = False
        self.unsynced_bytes = options.unsynced_bytes
        self.serves = options.on_failure == "serve"
        self._owed: list[Stream] = []
        self._after = ""
        self._closed = False
        self._stalled = ""
        self._abandoned: list[tuple[Stream, Position]] = []
        self._mending = Mending(self, data_dir, master, clock, disk)
        self.spool = spool = Spool(self._committer, self.keys, loop)
        spool.on_up = self._up
        spool.on_down = self._down
        spool.on_incident = self._incident
        spool.on_commit = self._committed

    @classmethod
    def open(
        cls, data_dir: Path, worker: int, options: LedgerOptions, clock: Clock, loop: AbstractEventLoop, disk: Disk | None = None
    ) -> Recorder:
        """The recorder of worker `worker`, with ids, secrets and the mark `boot` durable. Works synchronously, some milliseconds.

        A disk that takes no entries now is looked at again four times a second; until then everything fails.
        Raises: OSError when ids or secrets cannot be read or made, SecretError when a secret has the wrong form.
        """
        disk = disk or Disk()
        recorder = cls(data_dir, f"{instance_id(data_dir, disk)}-{worker}", options, clock, loop, disk)
        recorder.spool.start()
        recorder._look_after()
        return recorder

    @property
    def stats(self) -> dict[str, int]:
        """Plain counts: `spool_bytes`, `under_way`, `owed` and `down` are now, the others since the start."""
        return {
            "entries": self.entries,
            "commits": self._committer.commits,
            "sync_ns": self._committer.sync_ns,
            "failures": self._committer.failures,
            "synced_bytes": self.spool.synced_bytes,
            "spool_bytes": self._committer.used,
            "under_way": len(self.under_way),
            "owed": len(self._owed),
            "down": int(bool(self.spool.down)),
            "tight": int(self._committer.tight),
        }

    @property
    def mending(self) -> bool:
        """Whether dead epochs are being recovered now."""
        return self._mending.running

    def stream(self, record_id: str, principal: str, content: str) -> Stream:
        """An exchange's way into the ledger. `content`: `full`, or `digests` where bytes are hashed and not kept."""
        return Stream(self, record_id, principal, content)

    def session(self, record_id: str, principal: str, content: str) -> SessionStream:
        """The same for an exchange whose client goes on speaking after its request."""
        return SessionStream(self, record_id, principal, content)

    def lines(self, stream: Stream) -> LineWriter:
        """What writes the queries that the body of `stream` carries, ahead of its intent."""
        return LineWriter(self, stream)

    @property
    def blocked(self) -> str:
        """Why nothing can become durable now, or empty: there is no epoch, or the disk does not answer."""
        return self.spool.down or self._stalled

    def refuses(self, size: int) -> str:
        """Why an exchange that brings `size` bytes may not begin, or empty. What has begun may end as long as there is space."""
        if blocked := self.blocked:
            return blocked
        if self._committer.tight:
            return "the ledger cannot be written: disk full"
        if self._committer.used + size > self._options.max_bytes * REFUSE_AT:
            return "the ledger is full: ledger.max_bytes is reached and nothing that is shipped is left to remove"
        return ""

    def next_stream(self) -> int:
        """A number for an exchange in this epoch, from 1."""
        self._numbers += 1
        return self._numbers

    def mark(self, event: str, detail: dict[str, str | int]) -> Oneshot[Position]:
        """Write an entry about the ledger itself. Fails with LedgerUnavailableError."""
        spool = self.spool
        if spool.down:
            return failed(spool.down)
        at = self._clock.utc_us()
        position = Position(self.instance, spool.epoch, spool.seq + 1)
        mark = Mark(
            v=RECORD_FORMAT,
            id=self._ids.next(at),
            instance=self.instance,
            epoch=position.epoch,
            seq=position.seq,
            at=at,
            mono=self._clock.monotonic_ns(),
            event=event,
            detail=detail,
        )
        oneshot: Oneshot[Position] = Oneshot()
        spool.append(segments.MARK, 0, position.seq, 0, encode(mark), b"").waiting.append((oneshot, position))
        self.entries += 1
        return oneshot

    def soil(self, stream: Stream) -> None:
        """Have the next tick write what `stream` holds."""
        self.dirty.add(stream)
        if self._tick is None:
            self._tick = self._loop.call_later(self._options.tick_seconds, self._on_tick)

    def hurry(self) -> None:
        """Tick at the end of this turn: a stream holds so much that it is paused until that is durable."""
        if self._tick is not None and not self._hurried:
            self._hurried = True
            self._tick.cancel()
            self._tick = self._loop.call_later(0, self._on_tick)

    def _on_tick(self) -> None:
        self._tick = None
        self._hurried = False
        if self.spool.down:
            return
        dirty, self.dirty = self.dirty, set()
        self.write_tick(dirty)

    def write_tick(self, streams: Iterable[Stream]) -> None:
        """Append what these streams hold as few frames, each of about a megabyte at most."""
        pieces: list[tuple[Stream, Piece]] = []
        size = 0
        for stream in streams:
            for piece in stream.take_pieces():
                pieces.append((stream, piece))
                size += piece.size
            if size > TICK_BYTES:
                self._append_tick(pieces)
                pieces, size = [], 0
        if pieces:
            self._append_tick(pieces)

    def _append_tick(self, pieces: list[tuple[Stream, Piece]]) -> None:
        rows = [(stream.number_here(), stream.id, piece.key, piece.offset, len(piece.sealed)) for stream, piece in pieces]
        content = b"".join([piece.sealed for _, piece in pieces])
        self.spool.append(segments.TICK, 0, 0, 0, _encode(rows), content)
        self.spool.settled(partial(_settled, pieces))

    def owe(self, stream: Stream) -> None:
        """Keep an exchange whose outcome no disk takes now; it is written when one does."""
        self._owed.append(stream)

    def _up(self) -> None:
        """An epoch was begun: say so, and say what is owed."""
        self._numbers = 0
        self.epoch = self.spool.epoch
        self.segment = 1
        detail: dict[str, str | int] = {"version": __version__, "pid": os.getpid()}
        if self._after:
            detail["after"] = self._after
        self.mark("boot", detail)
        owed, self._owed = self._owed, []
        for stream in owed:
            stream.close_late(cut=not self.serves)
        self._mending.start()
        if self.dirty and self._tick is None:
            self._tick = self._loop.call_later(0, self._on_tick)

    def _down(self, batches: tuple[Batch, Batch]) -> None:
        """An epoch ended: exchanges without a durable intent are none, outcomes that were not durable are owed."""
        spool = self.spool
        self._after = spool.down
        for batch in batches:
            self._owed += batch.ending
        for stream in list(self.under_way):
            place = stream.position
            if place is None or (place.epoch == spool.epoch and place.seq > spool.synced_seq):
                self.under_way.discard(stream)
                stream.disown()
        self._stalled = ""
        self._abandoned = []
        self._let_pass()

    def _look_after(self) -> None:
        """Once a second: a disk that does not answer must not keep clients waiting."""
        if self._closed:
            return
        self._loop.call_later(LOOK_SECONDS, self._look_after)
        stalled = self.spool.stalled(STALL_SECONDS)
        if not stalled:
            return
        self._stalled = stalled  # before anybody is told, since whoever is told may come back at once
        for stream in list(self.under_way):
            place = stream.position
            if place is not None and place.epoch == self.epoch and place.seq > self.spool.synced_seq:
                self.under_way.discard(stream)
                self._abandoned.append((stream, place))
                stream.disown()
        self._let_pass()
        # An answer whose end is held stays held, for the outcome on its way says `completed`; with `serve` it ends all the same.
        self.spool.give_up(stalled, held=self.serves)

    def _let_pass(self) -> None:
        """With `serve` no answer waits for a disk that takes nothing."""
        if self.serves:
            for stream in list(self.under_way):
                stream.let_pass()

    def _answers_again(self) -> None:
        """An intent may become durable after its client was refused: how that exchange ended nobody has said."""
        self._stalled = ""
        durable = [(stream, place) for stream, place in self._abandoned if place.seq <= self.spool.synced_seq]
        for stream, place in durable:
            self._abandoned.remove((stream, place))
            stream.position = place
            stream.outcome(unknown(stream.id, self._clock, "ledger_unavailable"))

    def _incident(self, detail: dict[str, str | int]) -> None:
        self.mark("incident", detail)

    def _committed(self, batch: Batch) -> None:
        if batch.ending:
            self.under_way.difference_update(batch.ending)
        assert batch.segment is not None
        if batch.segment.number != self.segment and self._committer.epoch is not None:
            self.segment = batch.segment.number
            here = [stream.segment for stream in self.under_way if stream.epoch == batch.epoch]
            self._committer.epoch.need(min(here, default=batch.segment.number))

        if self._committer.ended:
            self._let_go()
        if self._stalled or self._abandoned:
            self._answers_again()

    def _let_go(self) -> None:
        """Epochs that a failure ended are recovered once the last exchange that began there has its outcome."""
        needed = {stream.position.epoch for stream in self.under_way if stream.position is not None}
        for ended in list(self._committer.ended):
            if ended.number not in needed:
                self._committer.ended.remove(ended)
                ended.release()
                self._mending.start()

    def on_loop(self, call: Callable[[], None]) -> None:
        """Have the loop's thread call; for the ledger's own threads."""
        with contextlib.suppress(RuntimeError):  # a closed loop has nobody left who waits
            self._loop.call_soon_threadsafe(call)

    async def close(self) -> None:
        """Write the mark `stop`, and `closed` if every exchange has ended; then the thread ends and the lock is free.

        For an ordinary asyncio task; call it once, when the last exchange has ended or was given up. Never raises for the disk's
        sake: what could not be closed is recovered at the next start.
        """
        self._closed = True
        self._mending.stop()
        self._on_tick()
        self.mark("stop", {"under_way": len(self.under_way)})
        while self._mending.running or (not self.spool.down and not self.spool.idle):  # noqa: ASYNC110 - once in a process's life; an event would be set on the hot path
            await asyncio.sleep(0.002)
        done: asyncio.Future[None] = self._loop.create_future()
        whole = not (self.under_way or self._owed or self._abandoned)
        self.spool.finish(lambda: self._finish(done, whole=whole))
        await done

    def _finish(self, done: asyncio.Future[None], *, whole: bool) -> None:
        self._committer.close(whole=whole)
        self._loop.call_soon_threadsafe(done.set_result, None)
        self.reading.stop()
