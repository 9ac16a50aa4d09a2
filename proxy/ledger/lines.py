"""The lines of one carrier on their way into the spool, ahead of its intent (docs/adr/0007-carried-lines.md).

Runs on the event loop's thread and never waits. What cannot be made durable here makes the carrier's intent fail too, so that no
carrier goes upstream whose lines are not all on disk.
"""

# ruff: noqa: SLF001 - a carrier's stream and its lines are two halves of one record

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from proxy.core.oneshot import Oneshot
from proxy.ledger import segments
from proxy.ledger.batch import Batch
from proxy.ledger.record import Line, encode, line_salt
from proxy.ledger.spool import failed

if TYPE_CHECKING:
    from proxy.core.errors import LedgerUnavailableError
    from proxy.ledger.recorder import Recorder
    from proxy.ledger.stream import Stream


class LineWriter:
    """Writes the lines of `stream`, a carrier whose pieces are all given to it and whose intent is not.

    `unsynced`: bytes of lines appended and not known to be durable.
    """

    __slots__ = ("_epoch", "_recorder", "_salt", "_stream", "unsynced")

    def __init__(self, recorder: Recorder, stream: Stream) -> None:
        self._recorder = recorder
        self._stream = stream
        if not stream._salt:
            stream._salt = recorder.sealer.salt()
        self._salt = stream._salt
        self._epoch = 0
        self.unsynced = 0

    def begin(self, number: int) -> Any:
        """The digest of line `number`, its salt already in it."""
        return hashlib.sha256(line_salt(self._salt, number))

    def write(self, lines: Sequence[Line]) -> Oneshot[None]:
        """Append lines, one or more, and set their places. Filled when they are durable.

        Fails with LedgerUnavailableError, and from then on every later call and the carrier's intent.
        """
        recorder, stream = self._recorder, self._stream
        stream._broken = stream._broken or recorder.refuses(0) or self._left_behind()
        if stream._broken:
            return failed(stream._broken)
        spool = recorder.spool
        number = stream.number_here()
        instance, epoch = recorder.instance, recorder.epoch
        self._epoch = epoch
        size = 0
        for line in lines:
            line.instance = instance
            line.epoch = epoch
            line.seq = spool.seq + 1
            evidence = encode(line)
            size += len(evidence)
            batch = spool.append(segments.LINE, 0, line.seq, number, evidence, b"")
        recorder.entries += len(lines)
        self.unsynced += size
        oneshot: Oneshot[None] = Oneshot()
        batch.waiting.append((oneshot, None))

        def settled(_: Batch, error: LedgerUnavailableError | None) -> None:
            self.unsynced -= size
            if error is not None:
                stream._broken = str(error)

        spool.settled(settled)
        return oneshot

    def _left_behind(self) -> str:
        """Why no more lines can be written, when earlier ones are in an epoch that ended; else empty."""
        if self._epoch in (0, self._recorder.epoch):
            return self._stream._left_behind()
        return "an earlier line of the request is in an epoch that ended"
