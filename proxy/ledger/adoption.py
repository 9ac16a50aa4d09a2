"""Instances that no worker writes any more, as after the number of workers was lowered: what they left open is closed.

An ordinary asyncio coroutine, for the first worker to run once it serves. Done under the instance's own name, in an epoch of its
own, so it does not matter if that worker comes back meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from asyncio import AbstractEventLoop
from pathlib import Path

from proxy.core.clock import Clock
from proxy.core.snapshot import LedgerOptions
from proxy.ledger import reader
from proxy.ledger.disk import Disk
from proxy.ledger.recorder import Recorder, instance_id

_INSTANCE = re.compile(r"([0-9a-f]{16})-(\d{1,7})")


def left_behind(data_dir: Path, deployment: str) -> list[int]:
    """Numbers of the workers that are gone and left an epoch unclosed."""
    states: dict[int, list[bool]] = {}
    for epoch in reader.epochs(data_dir / "spool"):
        match = _INSTANCE.fullmatch(epoch.instance)
        if match is not None and match[1] == deployment and reader.closed(epoch.folder) is None:
            states.setdefault(int(match[2]), []).append(reader.is_live(epoch.folder))
    return sorted(worker for worker, live in states.items() if not any(live))


async def adopt(
    data_dir: Path, options: LedgerOptions, clock: Clock, loop: AbstractEventLoop, disk: Disk | None = None
) -> list[int]:
    """Recover and close what absent workers left; their numbers. Raises: OSError."""
    disk = disk or Disk()
    workers = await asyncio.to_thread(left_behind, data_dir, instance_id(data_dir, disk))
    for worker in workers:
        recorder = Recorder.open(data_dir, worker, options, clock, loop, disk)
        while recorder.mending:  # noqa: ASYNC110 - a thread's state, looked at some times in a process's life
            await asyncio.sleep(0.01)
        await recorder.close()
    return workers
