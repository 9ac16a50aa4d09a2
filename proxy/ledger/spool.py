"""The spool's two halves: frames are gathered on the event loop's thread and committed by a thread of the spool's own.

One batch is under way at a time. Everything appended meanwhile makes the next one, so the busier the gateway, the more frames
share one sync. Hand-over costs a lock's release (the thread sleeps in its acquire), the way back one wake-up of the loop.
Only the loop's thread calls the methods here, but those that say otherwise.
"""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Any

from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import Oneshot
from proxy.ledger.batch import Batch, Settled
from proxy.ledger.committer import Committer
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.segments import COMMIT_MASK, COMMIT_SHIFT, FRAME_BYTES, FRAME_MAGIC, FRAMES_CAP, pack_crc, pack_head

WATCH_SECONDS = 0.25
# A sync for every second exchange costs more than all else the ledger does. So commits have an allowance, which a quiet spool never
# uses up; a busy one lets small batches grow until the next is due, and does not wait once a batch is large. The wait becomes
# longer while it is worth it, which is while those who come one by one find company. Whoever is alone waits the least.
PACE_SECONDS = 0.003
MOST_SECONDS = 0.008
BURST = 10.0
COMPANY = 2
LARGE = 16

crc32 = zlib.crc32


class Spool:
    """Appends frames. `epoch` and `seq` say where the next entry goes; `down` is why nothing can be appended, or empty.

    `synced_seq`: the last entry that is durable. `on_up`, `on_down`, `on_incident`, `on_commit` are called on the loop.
    """

    def __init__(self, committer: Committer, keys: ContentKeys, loop: AbstractEventLoop) -> None:
        self._committer = committer
        self._keys = keys
        self._loop = loop
        self._wake = threading.Lock()
        self._wake.acquire()
        self._handed: Batch | Callable[[], None] | None = None
        self._under_way: Batch | None = None
        self._since = 0.0
        self._allowance = BURST
        self._pace = PACE_SECONDS
        self._growing: TimerHandle | None = None
        self._due = True
        self._batch = Batch(0, 0, 0)
        self._writing = threading.Thread(target=self._run, name="spool", daemon=True)
        self._running = True
        self._watch_at = 0.0
        self.epoch = 0
        self.seq = 0
        self.synced_seq = 0
        self.synced_bytes = 0
        self.down = "the spool is not open"
        self.on_up: Callable[[], None] = _nothing
        self.on_down: Callable[[tuple[Batch, Batch]], None] = _nothing
        self.on_incident: Callable[[dict[str, str | int]], None] = _nothing
        self.on_commit: Callable[[Batch], None] = _nothing

    def start(self) -> None:
        """Begin an epoch, commit what `on_up` appends, begin the thread. On a disk that takes no writes, start `down`."""
        epoch = self._committer.probe()
        if epoch is None:
            self.down = "the ledger cannot be written: no epoch could be begun"
            self._due = False
        else:
            self._up(epoch.number)
            batch = self._close_batch()
            self._committed(batch, self._committer.commit(batch))
        self._writing.start()

    def append(self, kind: int, flags: int, seq: int, stream: int, evidence: bytes, content: bytes) -> Batch:
        """Add a frame to the open batch, which is returned: whoever waits puts itself in. Not while `down`.

        An entry's `seq` is `self.seq + 1`, and taken only by this call: an entry that cannot be encoded leaves no gap.
        """
        batch = self._batch
        if seq:
            self.seq = batch.last_seq = seq
        head = pack_head(
            FRAME_MAGIC, kind, batch.number << COMMIT_SHIFT | flags, batch.before, len(evidence), len(content), seq, stream
        )
        batch.buffers += (head + pack_crc(crc32(content, crc32(evidence, crc32(head)))), evidence, content)
        batch.size += FRAME_BYTES + len(evidence) + len(content)
        batch.frames += 1
        if not self._due:
            self._due = True
            self._plan()
        elif batch.frames == LARGE and self._growing is not None:
            self._growing.cancel()
            self._growing = None
            self._loop.call_soon(self._hand_over)
        return batch

    def settled(self, call: Settled) -> None:
        """Have `call` told when all that was appended so far is durable or failed."""
        self._batch.settled.append(call)

    def finish(self, job: Callable[[], None]) -> None:
        """Run a last job on the thread, which then ends. Only when nothing is under way or appended."""
        self._due = True
        self._handed = job
        self._running = False
        self.down = "the ledger is closed"
        self._wake.release()

    @property
    def idle(self) -> bool:
        """Nothing is appended or under way."""
        return not self._due

    def _close_batch(self) -> Batch:
        batch = self._batch
        batch.keys = self._keys.take()
        if batch.last_seq == 0:
            batch.last_seq = self.seq
        self._batch = Batch(batch.epoch, (batch.number + 1) & COMMIT_MASK, min(batch.frames, FRAMES_CAP))
        return batch

    def _plan(self) -> None:
        """Hand the open batch over at the end of this turn, or when the next commit is due."""
        allowance = self._allowed()
        if allowance >= 1.0 or self._batch.frames >= LARGE:
            self._loop.call_soon(self._hand_over)
        else:
            self._growing = self._loop.call_later((1.0 - allowance) * self._pace, self._hand_over)

    def _allowed(self) -> float:
        """Commits that may begin now; one more every `_pace` seconds, up to BURST."""
        return min(BURST, self._allowance + (self._loop.time() - self._since) / self._pace)

    def _hand_over(self) -> None:
        if self._growing is not None:
            self._growing = None
            self._pace = min(self._pace * 2.0, MOST_SECONDS) if self._batch.frames >= COMPANY else PACE_SECONDS
        self._allowance = max(0.0, self._allowed() - 1.0)
        self._since = self._loop.time()
        self._under_way = self._handed = self._close_batch()
        self._wake.release()

    def stalled(self, seconds: float) -> str:
        """Why nothing becomes durable now, when a commit takes longer than `seconds`; else empty."""
        if self._under_way is None or self._loop.time() - self._since < seconds:
            return ""
        return f"the disk has not answered for {seconds:.0f} s"

    def give_up(self, reason: str, *, held: bool) -> None:
        """Tell whoever waits so, and with `held` those who wait for an outcome too; all of it may become durable yet."""
        error = LedgerUnavailableError(reason)
        for batch in (self._under_way, self._batch):
            if batch is not None:
                for oneshot, _ in [*batch.waiting, *(batch.held if held else ())]:
                    oneshot.fail(error)

    def _committed(self, batch: Batch, error: LedgerUnavailableError | None) -> None:
        self._under_way = None
        if error is not None:
            self._ended(batch, error)
            return
        self.synced_seq = batch.last_seq
        self.synced_bytes += batch.size
        self.on_commit(batch)
        # Before whoever waits goes on: an exchange whose intent is durable reads its request's pieces back at once.
        for call in batch.settled:
            call(batch, None)
        for oneshot, value in batch.waiting:
            oneshot.set(value)
        for oneshot, value in batch.held:
            oneshot.set(value)
        self._go_on()
        if batch.incident is not None:
            self.on_incident(batch.incident)

    def _go_on(self) -> None:
        """The next batch, if there is one."""
        if self._batch.frames:
            self._plan()
        else:
            self._due = False

    def _ended(self, batch: Batch, error: LedgerUnavailableError) -> None:
        """Nothing of this epoch can become durable any more: not this batch, not what was appended since."""
        later = self._close_batch()
        self._due = False
        self.down = str(error)
        for slots in (later.keys, batch.keys):
            if slots:
                self._keys.give_back(slots)
        self.on_down((batch, later))
        for failed in (batch, later):
            for call in failed.settled:
                call(failed, error)
        for failed in (batch, later):
            for oneshot, _ in [*failed.waiting, *failed.held]:
                oneshot.fail(error)

    def _up(self, epoch: int) -> None:
        self.epoch = epoch
        self.seq = self.synced_seq = 0
        self._batch = Batch(epoch, 0, 0)
        self.down = ""
        self.on_up()

    def _run(self) -> None:
        """The thread. A token in the lock and a value in `_handed` always come together."""
        while self._running or self._handed is not None:
            if self._wake.acquire(timeout=WATCH_SECONDS):
                handed, self._handed = self._handed, None
                if isinstance(handed, Batch):
                    error = self._committer.commit(handed)
                    self._tell(self._committed, handed, error)
                elif handed is not None:
                    handed()
                    continue
            if self._running and time.monotonic() >= self._watch_at:
                self._watch_at = time.monotonic() + WATCH_SECONDS
                with contextlib.suppress(Exception):  # a thread that dies would leave every exchange waiting for ever
                    self._look()

    def _look(self) -> None:
        if self._committer.epoch is None:
            epoch = self._committer.probe()
            if epoch is not None:
                self._tell(self._up, epoch.number)
            return
        incident = self._committer.watch()
        if incident is not None:
            self._tell(self.on_incident, incident)

    def _tell(self, call: Callable[..., None], *values: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *values)
        except RuntimeError:  # the loop was closed under us; nobody waits any more
            self._running = False


def _nothing(*_: object) -> None:
    return


def failed(reason: str) -> Oneshot[Any]:
    """A slot that is filled with the ledger's refusal already."""
    oneshot: Oneshot[Any] = Oneshot()
    oneshot.fail(LedgerUnavailableError(reason))
    return oneshot
