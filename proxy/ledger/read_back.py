"""A long request's body read back from the spool, so that what goes upstream is what the ledger holds, at bounded memory."""

from __future__ import annotations

import queue
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import LedgerUnavailableError, TosProxyError
from proxy.core.oneshot import Oneshot
from proxy.ledger.sealing import unseal
from proxy.ledger.segment_file import Segment


class PieceAt(NamedTuple):
    """Where a durable piece lies, and what opens it. Holds the segment's descriptor open, so that a removed file still reads."""

    segment: Segment
    offset: int
    size: int
    cipher: AESGCM
    record_id: str

    def read(self) -> bytes:
        """The piece as it came. Raises: OSError, SealBrokenError."""
        return unseal(self.cipher, self.segment.read(self.size, self.offset), self.record_id)


class Reading:
    """A thread that reads, started when first needed, so that a slow disk never holds the loop."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: queue.SimpleQueue[tuple[Callable[[], bytes], Oneshot[bytes]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def read(self, job: Callable[[], bytes]) -> Oneshot[bytes]:
        """What `job` returns; fails with LedgerUnavailableError when it raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="spool-reading", daemon=True)
            self._thread.start()
        oneshot: Oneshot[bytes] = Oneshot()
        self._jobs.put((job, oneshot))
        return oneshot

    def stop(self) -> None:
        """End the thread once it has done what it was asked."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, oneshot = item
            try:
                content = job()
            except (OSError, TosProxyError) as error:
                self._tell(oneshot.fail, LedgerUnavailableError(f"the request cannot be read back: {error}"))
            else:
                self._tell(oneshot.set, content)

    def _tell(self, call: Callable[[Any], None], value: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, value)
        except RuntimeError:  # the loop was closed under us; nobody waits any more
            return


class ReadBack:
    """The pieces of one request, in order. Pieces that become durable later are found too."""

    __slots__ = ("_next", "_pieces", "_reading")

    def __init__(self, pieces: list[PieceAt], reading: Reading) -> None:
        self._pieces = pieces
        self._reading = reading
        self._next = 0

    def next(self) -> Oneshot[bytes]:
        """The next piece, empty when there is none that is durable."""
        if self._next == len(self._pieces):
            end: Oneshot[bytes] = Oneshot()
            end.set(b"")
            return end
        piece = self._pieces[self._next]
        self._next += 1
        return self._reading.read(piece.read)
