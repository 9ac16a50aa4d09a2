"""The thread that recovers dead epochs beside a running recorder: survey, outcomes through the loop, then `closed`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.core.clock import Clock
from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import recovery, segments
from proxy.ledger.disk import Disk
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Content, Position, Turn, encode
from proxy.ledger.recovery import Found, Orphan, Received, Survey
from proxy.ledger.sealing import SALT_BYTES
from proxy.ledger.session_recovery import asked, unknown_turn

if TYPE_CHECKING:
    from proxy.ledger.recorder import Recorder

_TOGETHER = 64


class Mending:
    """Recovers what lies before the recorder's epoch, as often as `start` is called.

    Stops early when told, or when the disk fails: what stays unclosed is found again.
    """

    def __init__(self, recorder: Recorder, data_dir: Path, master: bytes, clock: Clock, disk: Disk) -> None:
        self._recorder = recorder
        self._home = data_dir / "spool" / recorder.instance
        self._keys = Keys(data_dir, master)
        self._clock = clock
        self._disk = disk
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._again = False

    def start(self) -> None:
        """Begin, or begin again once the present run is over (loop's thread)."""
        self._again = self.running
        if not self._again and not self._stopped:
            below = self._recorder.epoch
            self._thread = threading.Thread(target=self._run, args=(below,), name="spool-recovery", daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether epochs are being read or closed now."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Have the thread end at its next slice; it is not started again."""
        self._stopped = True

    def _run(self, below: int) -> None:
        survey = Survey(self._disk, self._home, below, lambda: self._stopped)
        try:
            with contextlib.suppress(OSError):
                if survey.run():
                    self._mend(survey)
        finally:
            survey.release()
        if self._again:
            self._thread = None
            self._recorder.on_loop(self.start)

    def _mend(self, survey: Survey) -> None:
        orphans = list(survey.orphans.values())
        for start in range(0, len(orphans), _TOGETHER):
            group = [
                (
                    one,
                    recovery.received(one, self._keys, os.urandom(SALT_BYTES)),
                    asked(one.id, one.instance, one.question, one.asked, self._keys) if one.asked else (0, ""),
                )
                for one in orphans[start : start + _TOGETHER]
            ]
            if not self._durable(self._closing(group)):
                return
        turns = list(survey.turns.values())
        for start in range(0, len(turns), _TOGETHER):
            if not self._durable(partial(self._end_turns, turns[start : start + _TOGETHER])):
                return
        if self._durable(self._saying(survey.found, orphans)):
            for found in survey.found:
                recovery.close(self._disk, found)

    def _durable(self, append: Callable[[], None]) -> bool:
        """Append on the loop's thread and wait until it is durable; False when it is not, or when told to stop."""
        done = threading.Event()
        result: list[LedgerUnavailableError | None] = []

        def settled(_: object, error: LedgerUnavailableError | None) -> None:
            result.append(error)
            done.set()

        def on_loop() -> None:
            spool = self._recorder.spool
            if spool.down:
                settled(None, LedgerUnavailableError(spool.down))
                return
            append()
            spool.settled(settled)

        self._recorder.on_loop(on_loop)
        while not done.wait(0.1):
            if self._stopped:
                return False
        return result == [None]

    def _closing(self, group: list[tuple[Orphan, Received, tuple[int, str]]]) -> Callable[[], None]:
        def append() -> None:
            for orphan, received, said in group:
                self._append_outcome(orphan, received, said)

        return append

    def _end_turns(self, turns: list[Turn]) -> None:
        recorder = self._recorder
        for turn in turns:
            evidence = unknown_turn(turn, self._clock, recorder.instance, recorder.epoch, recorder.spool.seq + 1)
            recorder.spool.append(segments.TURN, 0, recorder.spool.seq + 1, recorder.next_stream(), evidence, b"")
            recorder.entries += 1

    def _append_outcome(self, orphan: Orphan, received: Received, said: tuple[int, str]) -> None:
        recorder = self._recorder
        sealed = b""
        content = None
        if received.cipher is not None:
            sealed = recorder.sealer.seal(received.cipher, received.plain, orphan.id)
            content = Content("full", received.key, received.size)
        outcome = recovery.unknown(orphan.id, self._clock, received.error)
        outcome.instance, outcome.epoch, outcome.seq = recorder.instance, recorder.epoch, recorder.spool.seq + 1
        outcome.intent = Position(orphan.instance, orphan.epoch, orphan.seq)
        outcome.answer_bytes, outcome.answered, outcome.content = received.size, received.answered, content
        outcome.request_bytes, outcome.received = said
        stream = recorder.next_stream()
        recorder.spool.append(segments.OUTCOME, segments.CLOSES_EARLIER, outcome.seq, stream, encode(outcome), sealed)
        recorder.entries += 1

    def _saying(self, found: list[Found], orphans: list[Orphan]) -> Callable[[], None]:
        def append() -> None:
            for one in found:
                number = one.epoch.number
                for fault in one.faults:
                    place: dict[str, str | int] = {"epoch": number, "segment": fault.segment, "offset": fault.offset}
                    self._recorder.mark("incident", {"cause": fault.what, **place, "lost_from": fault.first, "lost_to": fault.last})
                closed = sum(orphan.epoch == number for orphan in orphans)
                detail: dict[str, str | int] = {"epoch": number, "entries": one.entries, "closed": closed, "torn_bytes": one.torn}
                self._recorder.mark("recovered", detail)

        return append
