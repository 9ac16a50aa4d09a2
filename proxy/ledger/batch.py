"""Frames on their way to disk together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import Oneshot
from proxy.ledger.content_keys import NewSlots

if TYPE_CHECKING:
    from proxy.ledger.segment_file import Segment

Settled = Callable[["Batch", LedgerUnavailableError | None], None]


class Piece:
    """Bytes of an answer on their way to disk ahead of the outcome: `offset` in the answer, `size` before sealing."""

    __slots__ = ("key", "offset", "sealed", "size")

    def __init__(self, key: str, offset: int, size: int, sealed: bytes) -> None:
        self.key = key
        self.offset = offset
        self.size = size
        self.sealed = sealed


class Batch:
    """What one commit of `epoch` writes, and who waits for it.

    `number` (modulo 128) and `before` (frames of the commit before) are in each of its frames. `buffers` in file order, `size`
    bytes in all, `frames` of them; `last_seq` numbers the last entry at the end of the batch.
    `waiting`: slots with what fills them; `held`: those of outcomes, which wait however long the disk takes.
    `settled`: called on the loop with the batch and its error, or None.
    `ending`: exchanges whose outcome is in it. `keys`: slots of content keys to be stored first.
    The thread fills `segment` and `base` (where the first frame lies), and `incident` when it had to leave a segment.
    """

    __slots__ = (
        "base",
        "before",
        "buffers",
        "ending",
        "epoch",
        "frames",
        "held",
        "incident",
        "keys",
        "last_seq",
        "number",
        "segment",
        "settled",
        "size",
        "waiting",
    )

    def __init__(self, epoch: int, number: int, before: int) -> None:
        self.epoch = epoch
        self.number = number
        self.before = before
        self.buffers: list[bytes] = []
        self.size = 0
        self.frames = 0
        self.last_seq = 0
        self.waiting: list[tuple[Oneshot[Any], Any]] = []
        self.held: list[tuple[Oneshot[Any], Any]] = []
        self.settled: list[Settled] = []
        self.ending: list[Any] = []
        self.keys: NewSlots | None = None
        self.segment: Segment | None = None
        self.base = 0
        self.incident: dict[str, str | int] | None = None
