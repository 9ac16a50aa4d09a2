"""Someone deletes, moves, replaces or truncates the open segment, or the whole spool: noticed and marked, nothing silently lost.

`python -m tests.torture.spoolgone [--sabotage never_look]`: one line, exit 1 on anything wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest import mock

import msgspec

from proxy.ledger.disk import Disk
from proxy.ledger.record import Mark
from proxy.ledger.recorder import Recorder
from proxy.ledger.segment_file import Segment
from tests.ledger_oracle import written
from tests.torture.ledger_load import Load, Promised, broken_promises, open_recorder
from tests.torture.powercut import small_files

NOTICED_WITHIN = 1.0


def _moved(path: Path) -> None:
    path.rename(path.with_suffix(".gone"))


def _replaced(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def _truncated(path: Path) -> None:
    os.truncate(path, 100)


def _spool_removed(path: Path) -> None:
    shutil.rmtree(path.parents[2])


WAYS: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "moved": _moved,
    "replaced": _replaced,
    "truncated": _truncated,
    "spool removed": _spool_removed,
}


class Result(msgspec.Struct):
    """`slowest`: seconds until the mark `incident` was durable, at most."""

    slowest: float = 0.0
    wrong: list[str] = []

    def line(self) -> str:
        """One line for people."""
        verdict = "ok" if not self.wrong else "WRONG: " + "; ".join(self.wrong[:3])
        return f"spoolgone: {verdict}: {len(WAYS)} ways, noticed within {self.slowest * 1000:.0f} ms"


def run(sabotage: str | None = None, ways: Iterable[str] = tuple(WAYS)) -> Result:
    """Each way, once while idle and once under load."""
    result = Result()
    look_away = mock.patch.object(Segment, "check")
    with small_files():
        if sabotage == "never_look":
            look_away.start()
        try:
            for way in ways:
                for busy in (False, True):
                    with tempfile.TemporaryDirectory() as folder:
                        asyncio.run(_one(Path(folder), way, result, busy=busy))
        finally:
            if sabotage == "never_look":
                look_away.stop()
    return result


async def _one(folder: Path, way: str, result: Result, *, busy: bool) -> None:
    recorder = open_recorder(folder, Disk())
    await Load(recorder, 1, lambda: 0, Promised()).run(6)
    promised = Promised()
    load = Load(recorder, 2, lambda: 0, promised)
    running = asyncio.ensure_future(load.run(60, together=2)) if busy else None
    start = time.monotonic()
    WAYS[way](folder / "spool" / recorder.instance / f"{recorder.epoch:08d}" / f"{recorder.segment:08d}.seg")
    noticed = await _noticed(folder / "spool", start)
    if running is not None:
        await running
    if noticed is None:
        result.wrong.append(f"{way}, {'busy' if busy else 'idle'}: no incident within {NOTICED_WITHIN} s")
    else:
        result.slowest = max(result.slowest, noticed)
    await _goes_on(folder, recorder, result, way)


async def _noticed(spool: Path, start: float) -> float | None:
    while time.monotonic() - start < NOTICED_WITHIN:
        marks = [entry for entry, _ in written(spool).entries if isinstance(entry, Mark)]
        if any(mark.event == "incident" or mark.detail.get("after") for mark in marks):
            return time.monotonic() - start
        await asyncio.sleep(0.02)
    return None


async def _goes_on(folder: Path, recorder: Recorder, result: Result, way: str) -> None:
    """What is acknowledged from now on is there."""
    promised = Promised()
    await Load(recorder, 3, lambda: 0, promised).run(6)
    missing = broken_promises(written(folder / "spool"), promised.entries)
    result.wrong += [f"{way}: {one}" for one in missing[:1]]
    if promised.refused:
        result.wrong.append(f"{way}: refuses although the disk is well")
    await recorder.close()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sabotage", choices=["never_look"])
    options = parser.parse_args()
    result = run(options.sabotage)
    print(result.line())  # noqa: T201 - a command's output
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
