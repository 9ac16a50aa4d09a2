"""What a crash left open is closed: epochs of this instance whose writer is gone are read, their open exchanges get an outcome.

`Survey` does its file work on a thread, a slice at a time, so that neither start nor loop waits for it; the entries are written by
the recorder. An epoch that was dealt with gets `closed`; a crash in between only means doing it again:
outcomes that are there already are found, wherever they went.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.clock import Clock
from proxy.core.errors import TosProxyError
from proxy.core.facts import AnswerFacts
from proxy.ledger import reader, segments
from proxy.ledger.disk import Disk
from proxy.ledger.epoch import Closed, mark_closed, numbers
from proxy.ledger.keyring import Keys
from proxy.ledger.pieces import Row, rows_of
from proxy.ledger.reader import Cursor, EpochAt, Fault, Portion
from proxy.ledger.record import RECORD_FORMAT, Outcome, Position, Turn
from proxy.ledger.sealing import PLAIN, SEAL_BYTES, unseal
from proxy.ledger.session_recovery import AskedAt, SealedAt, asked_at, asked_of, question_at, turn_of

SLICE_BYTES = 256 * 1024
PAUSE_SECONDS = 0.0005
_LOCK_TRIES = 20


class _Named(msgspec.Struct, gc=False):
    id: str


_name_of = msgspec.json.Decoder(_Named).decode


class PlaceOf(msgspec.Struct, frozen=True):
    """A sealed piece of an answer in a segment."""

    path: Path
    offset: int
    row: Row

    def read(self) -> bytes:
        """The sealed bytes. Raises: OSError."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.row.sealed)


class Orphan(msgspec.Struct):
    """An exchange whose intent stands in a dead epoch and whose outcome stands nowhere. `asked`: what came after the intent."""

    id: str
    instance: str
    epoch: int
    seq: int
    pieces: list[PlaceOf]
    question: SealedAt | None = None
    asked: list[AskedAt] = []


class Received(msgspec.Struct, frozen=True):
    """What had come of an answer: `plain` is the content part to seal with `cipher` (key `key`), empty when there is none."""

    size: int = 0
    answered: str = ""
    key: str = ""
    plain: bytes = b""
    cipher: AESGCM | None = None
    error: str = ""


class Found(msgspec.Struct):
    """What one dead epoch holds, and the descriptor that holds its lock meanwhile."""

    epoch: EpochAt
    lock: int
    end: Closed
    entries: int = 0
    torn: int = 0
    faults: list[Fault] = []


class Survey:
    """Reads every epoch of an instance from the first unclosed one on. `orphans`, `turns` and `found` hold the result."""

    def __init__(self, disk: Disk, home: Path, below: int, stopped: Callable[[], bool]) -> None:
        self._disk = disk
        self._home = home
        self._below = below
        self._stopped = stopped
        self.orphans: dict[str, Orphan] = {}
        self.turns: dict[str, Turn] = {}
        self.found: list[Found] = []

    def run(self) -> bool:
        """Read; False when there was nothing to do or `stopped` said so. Locks of what was found are held until `release`.

        Raises: OSError.
        """
        for number in numbers(self._home):
            epoch = EpochAt(self._home.name, number, self._home / f"{number:08d}")
            dead = number < self._below and reader.closed(epoch.folder) is None and self._claim(epoch)
            if (dead or self.orphans or self.turns) and not self._read(epoch, dead=bool(dead)):
                return False
        return bool(self.found)

    def release(self) -> None:
        """Give the locks back."""
        for found in self.found:
            self._disk.close(found.lock)
        self.found = []

    def _claim(self, epoch: EpochAt) -> bool:
        fd = self._disk.open(epoch.folder / "lock", os.O_RDWR | os.O_CREAT)
        for _ in range(_LOCK_TRIES):  # a reader that asks whether the writer lives holds it for a moment
            if self._disk.lock(fd, wait=False):
                break
            time.sleep(PAUSE_SECONDS)
        else:
            self._disk.close(fd)
            return False
        self.found.append(Found(epoch, fd, Closed(0, 0, 0)))
        return True

    def _read(self, epoch: EpochAt, *, dead: bool) -> bool:
        cursor = Cursor()
        while not self._stopped():
            portion = reader.read(epoch, cursor, SLICE_BYTES, locked=dead)
            self._note(epoch, portion, dead=dead)
            if portion.finished or portion.cursor == cursor:
                if dead:
                    self.found[-1].torn += portion.torn
                return True
            cursor = portion.cursor
            time.sleep(PAUSE_SECONDS)
        return False

    def _note(self, epoch: EpochAt, portion: Portion, *, dead: bool) -> None:
        if dead:
            found = self.found[-1]
            found.faults = found.faults + [fault for fault in portion.faults if fault.what != "removed"]
            found.torn += portion.torn if portion.cursor.segment > portion.segment else 0
            found.entries += sum(frame.seq > 0 for frame in portion.frames)
            if portion.cursor.segment == portion.segment:
                found.end = Closed(portion.segment, portion.cursor.offset, portion.cursor.seq, len(found.faults))
        path = epoch.folder / f"{portion.segment:08d}.seg"
        for frame in portion.frames:
            if frame.kind == segments.OUTCOME:
                self.orphans.pop(_name_of(frame.evidence).id, None)
            elif frame.kind == segments.INTENT and dead:
                name = _name_of(frame.evidence).id
                self.orphans[name] = Orphan(name, epoch.instance, epoch.number, frame.seq, [], question_at(path, frame))
            elif frame.kind == segments.TURN:
                self._note_turn(frame, dead=dead)
            elif frame.kind == segments.BODY and (orphan := self.orphans.get(asked_of(frame.evidence).id)) is not None:
                orphan.asked.append(asked_at(path, frame))
            elif frame.kind == segments.TICK and self.orphans:
                self._note_pieces(path, frame)

    def _note_turn(self, frame: segments.Frame, *, dead: bool) -> None:
        turn = turn_of(frame)
        if turn is not None and turn.outcome:
            self.turns.pop(turn.id, None)
        elif turn is not None and dead:
            self.turns[turn.id] = turn

    def _note_pieces(self, path: Path, frame: segments.Frame) -> None:
        offset = frame.content_offset
        for row in rows_of(frame.evidence):
            orphan = self.orphans.get(row.id)
            if orphan is not None:
                orphan.pieces.append(PlaceOf(path, offset, row))
            offset += row.sealed


def unknown(record_id: str, clock: Clock, error: str = "") -> Outcome:
    """The outcome of an exchange of which nobody can say how it ended; place, intent and answer are left to who writes it."""
    return Outcome(
        v=RECORD_FORMAT,
        id=record_id,
        instance="",
        epoch=0,
        seq=0,
        at=clock.utc_us(),
        mono=clock.monotonic_ns(),
        intent=Position("", 0, 0),
        outcome="unknown_after_crash",
        error=error,
        facts=AnswerFacts(unread=True),
    )


def received(orphan: Orphan, keys: Keys, salt: bytes) -> Received:
    """The answer as far as it had become durable, without a gap from its first byte. What cannot be read is said, not raised."""
    digest = hashlib.sha256(salt)
    size = 0
    key = ""
    try:
        for place in sorted(orphan.pieces, key=lambda place: place.row.offset):
            start, length = place.row.offset, place.row.sealed - SEAL_BYTES
            if start > size:
                break
            if start + length <= size:  # written again in a later epoch
                continue
            key = place.row.key
            digest.update(unseal(keys.cipher(orphan.instance, key), place.read(), orphan.id)[size - start :])
            size = start + length
        if not size:
            return Received()
        return Received(size, digest.hexdigest(), key, PLAIN + salt, keys.cipher(orphan.instance, key))
    except (OSError, TosProxyError) as error:
        return Received(size, error=f"the answer's pieces cannot be read: {error}")


def close(disk: Disk, found: Found) -> None:
    """Mark a dead epoch closed, once every outcome is durable. Raises: OSError."""
    mark_closed(disk, found.epoch.folder, found.end)
