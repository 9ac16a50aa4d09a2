"""Faults planted for the kill -9 torture, each of which must turn it red: `python -m tests.torture.kill9_faults NAME serve`.

Stands in for the command `tos-proxy` and, since it names itself as the way to start children, for every process of the proxy. The
product knows nothing of this.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.torture.planting import main

LATE_SECONDS = 0.05
_ONE_IN = 5


def ack_before_write() -> None:
    """Intents count as durable when they are appended, on a disk that takes its time."""
    from proxy.core.errors import LedgerUnavailableError
    from proxy.core.oneshot import Oneshot
    from proxy.ledger.batch import Batch
    from proxy.ledger.committer import Committer
    from proxy.ledger.record import Intent, Position
    from proxy.ledger.stream import Stream

    write, commit = Stream.intent, Committer.commit

    def intent(self: Stream, intent: Intent, body: bytes, sent: bytes | None = None) -> Oneshot[Position]:
        promised = write(self, intent, body, sent)
        waiting = self._recorder.spool._batch.waiting
        early: Oneshot[Position] = Oneshot()
        for oneshot, position in reversed(waiting):
            if oneshot is promised:
                early.set(position)
                return early
        return promised

    def slowly(self: Committer, batch: Batch) -> LedgerUnavailableError | None:
        time.sleep(LATE_SECONDS)
        return commit(self, batch)

    Stream.intent = intent  # type: ignore[method-assign]
    Committer.commit = slowly  # type: ignore[method-assign]


def drop_outcome() -> None:
    """Some answers end without an outcome being written."""
    from proxy.core.oneshot import Oneshot
    from proxy.ledger.record import Outcome, Position
    from proxy.ledger.stream import Stream

    write, numbers = Stream.outcome, count(1)

    def outcome(self: Stream, outcome: Outcome, withheld: int = 0) -> Oneshot[Position]:
        if next(numbers) % _ONE_IN:
            return write(self, outcome, withheld)
        dropped: Oneshot[Position] = Oneshot()
        dropped.set(Position("", 0, 0))
        return dropped

    Stream.outcome = outcome  # type: ignore[method-assign]


def no_recovery() -> None:
    """What a crash left open is not closed by the successor."""
    from proxy.ledger.mending import Mending

    Mending.start = lambda self: None  # type: ignore[method-assign]


def ship_gaps() -> None:
    """The shipper loses an entry now and then."""
    from proxy.ledger.segments import ENTRIES, Frame
    from proxy.ledger.store_batch import BatchBuilder

    add, numbers = BatchBuilder.add, count(1)

    def lossy(self: BatchBuilder, frame: Frame) -> Any:
        return None if frame.kind in ENTRIES and not next(numbers) % _ONE_IN else add(self, frame)

    BatchBuilder.add = lossy  # type: ignore[method-assign]


def drop_lines() -> None:
    """A carrier goes upstream though one of its lines was not written."""
    from collections.abc import Sequence

    from proxy.core.oneshot import Oneshot
    from proxy.ledger.lines import LineWriter
    from proxy.ledger.record import Line

    write = LineWriter.write

    def lossy(self: LineWriter, lines: Sequence[Line]) -> Oneshot[None]:
        return write(self, lines[1:] if len(lines) > 1 and lines[0].number else lines)

    LineWriter.write = lossy  # type: ignore[method-assign]


def lines_after_intent() -> None:
    """Lines are written once their carrier is on its way."""
    from collections.abc import Sequence

    from proxy.core.oneshot import Oneshot
    from proxy.ledger.lines import LineWriter
    from proxy.ledger.record import Intent, Line, Position
    from proxy.ledger.stream import Stream

    write, ask = LineWriter.write, Stream.intent
    kept: dict[int, list[tuple[LineWriter, list[Line]]]] = {}

    def late(self: LineWriter, lines: Sequence[Line]) -> Oneshot[None]:
        kept.setdefault(id(self._stream), []).append((self, list(lines)))
        early: Oneshot[None] = Oneshot()
        early.set(None)
        return early

    def intent(self: Stream, intent: Intent, body: bytes, sent: bytes | None = None) -> Oneshot[Position]:
        asked = ask(self, intent, body, sent)
        for writer, lines in kept.pop(id(self), []):
            write(writer, lines)
        return asked

    LineWriter.write = late  # type: ignore[method-assign]
    Stream.intent = intent  # type: ignore[method-assign]


def said_before_durable() -> None:
    """What a session's client says goes upstream when it is appended, on a disk that takes its time."""
    from proxy.core.errors import LedgerUnavailableError
    from proxy.core.oneshot import Oneshot
    from proxy.ledger.batch import Batch
    from proxy.ledger.committer import Committer
    from proxy.ledger.session_stream import SessionStream

    say, commit = SessionStream.client_piece, Committer.commit

    def early(self: SessionStream, piece: bytes) -> Oneshot[None]:
        say(self, piece)
        filled: Oneshot[None] = Oneshot()
        filled.set(None)
        return filled

    def slowly(self: Committer, batch: Batch) -> LedgerUnavailableError | None:
        time.sleep(LATE_SECONDS)
        return commit(self, batch)

    SessionStream.client_piece = early  # type: ignore[method-assign]
    Committer.commit = slowly  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "ack_before_write": ack_before_write,
    "drop_lines": drop_lines,
    "drop_outcome": drop_outcome,
    "lines_after_intent": lines_after_intent,
    "no_recovery": no_recovery,
    "said_before_durable": said_before_durable,
    "ship_gaps": ship_gaps,
}


if __name__ == "__main__":
    sys.exit(main("tests.torture.kill9_faults", FAULTS, sys.argv[1:]))
