"""kill -9 while batch files are uploaded: `python -m tests.torture.carriers --cycles 1000 [--sabotage drop_lines]`.

As `tests.torture.kill9`, with carriers among the load: files of a few lines, which stay in memory, and of some hundred, which are
spooled; some clients leave in the middle. Whatever the upstream saw of a file, all of its lines are on record before its intent.
"""

from __future__ import annotations

import random
import sys
from typing import ClassVar

from tests.torture.carriers_load import BatchFile, MessageBatch
from tests.torture.kill9 import main
from tests.torture.kill9_load import Load

_LINES = {"few": (1, 20), "many": (50, 400)}


class Uploads(Load):
    """Every other request is an upload."""

    kinds: ClassVar[tuple[str, ...]] = ("few", "few", "many", "many", "leave_early", "json", "stream")

    def _request(self, kind: str, rng: random.Random) -> bytes:
        if kind == "leave_early":
            kind = rng.choice(("few", "many"))
        if kind not in _LINES:
            return super()._request(kind, rng)
        make = rng.choice((BatchFile, MessageBatch))
        file = make(rng.randrange(*_LINES[kind]), rng.randrange(20, 3000), f"{self.seed}/{next(self._numbers)}", rng.random() < 0.5)
        body = b"".join(file.pieces())
        return file.head(len(body)) + body


if __name__ == "__main__":
    sys.exit(main(Uploads, "carriers"))
