"""A long request's body read back from the spool, so that what goes upstream is what the ledger holds, at bounded memory."""

from __future__ import annotations

import queue
import threading
from array import array
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import LedgerUnavailableError, TosProxyError
from proxy.core.oneshot import Oneshot
from proxy.ledger.sealing import unseal
from proxy.ledger.segment_file import Segment


class PieceList:
    """Where the durable pieces of one body lie, and what opens them: 12 bytes a piece, since a slow upload has very many.

    Holds the descriptors of their segments open, so that a removed file still reads.
    """

    __slots__ = ("_cipher", "_places", "_record_id", "_segments")

    def __init__(self, cipher: AESGCM, record_id: str) -> None:
        self._cipher = cipher
        self._record_id = record_id
        self._segments: list[Segment] = []
        self._places = array("I")

    def __len__(self) -> int:
        return len(self._places) // 3

    def add(self, segment: Segment, offset: int, size: int) -> None:
        """A piece became durable, the one that follows those before."""
        if not self._segments or self._segments[-1] is not segment:
            self._segments.append(segment)
        self._places.extend((len(self._segments) - 1, offset, size))

    def read(self, number: int) -> bytes:
        """A piece as it came. Raises: OSError, SealBrokenError."""
        segment, offset, size = self._places[3 * number : 3 * number + 3]
        return unseal(self._cipher, self._segments[segment].read(size, offset), self._record_id)


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

    def __init__(self, pieces: PieceList | None, reading: Reading) -> None:
        self._pieces = pieces
        self._reading = reading
        self._next = 0

    def next(self) -> Oneshot[bytes]:
        """The next piece, empty when there is none that is durable."""
        if self._pieces is None or self._next == len(self._pieces):
            end: Oneshot[bytes] = Oneshot()
            end.set(b"")
            return end
        self._next += 1
        return self._reading.read(partial(self._pieces.read, self._next - 1))
