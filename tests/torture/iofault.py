"""Every file call of the ledger fails once, in each way it can: nothing is forwarded without intent, nothing wrongly acknowledged.

`python -m tests.torture.iofault [--all] [--sabotage swallow_eio]` counts the calls of a load, then repeats it with the k-th one
failing, for every k (without `--all`: a sample), and with the disk staying sick for a while. One line, exit 1 on anything wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import msgspec

from proxy.core.errors import TosProxyError
from proxy.ledger import committer, secrets, spool
from tests.ledger_oracle import open_intents, unrecorded, written
from tests.torture.fault_disk import FAULTS, FaultDisk
from tests.torture.ledger_load import Load, Promised, broken_promises, open_recorder, settled
from tests.torture.powercut import small_files

SICK_SECONDS = 0.05


class Result(msgspec.Struct):
    """Of `runs`, each with one fault, `wrong` says what went wrong; `slowest` is the longest time to recovery in seconds."""

    runs: int = 0
    calls: int = 0
    promised: int = 0
    slowest: float = 0.0
    wrong: list[str] = []

    def line(self) -> str:
        """One line for people."""
        verdict = "ok" if not self.wrong else "WRONG: " + "; ".join(self.wrong[:3])
        figures = (
            f"{self.runs} runs over {self.calls} calls, {self.promised} promises, slowest recovery {self.slowest * 1000:.0f} ms"
        )
        return f"iofault: {verdict}: {figures}, 95 % bound {3 / max(1, self.runs):.4f}"


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Look at the disk every 10 ms, so that many runs take little time."""
    with small_files(), mock.patch.object(spool, "WATCH_SECONDS", 0.01), mock.patch.object(committer, "USAGE_SECONDS", 0.01):
        yield


def run(step: int, sabotage: str | None = None, faults: tuple[str, ...] = tuple(FAULTS)) -> Result:
    """One run for every `step`-th call and each kind of fault."""
    result = Result()
    with quick():
        disk = FaultDisk()
        _one(disk, result, seed=0)
        result.calls = disk.count
        for number in range(0, disk.count, step):
            for turn, fault in enumerate(faults):
                lasting = -1 if turn == number % len(faults) else 1
                _one(FaultDisk(fault, number, lasting, swallow=sabotage == "swallow_eio"), result, seed=number)
    return result


def _one(disk: FaultDisk, result: Result, seed: int) -> None:
    what = f"call {disk.at}, {disk.fault}, {'until well' if disk.lasting < 0 else 'once'}"
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        promised = Promised()
        wrong = asyncio.run(_run(Path(folder), disk, promised, seed, result))
        result.runs += 1
        result.promised += len(promised.entries)
        result.wrong += [f"{what} {disk.failed[:1]}: {one}" for one in wrong + _judge(Path(folder), promised)]


async def _run(folder: Path, disk: FaultDisk, promised: Promised, seed: int, result: Result) -> list[str]:
    async def heal() -> float:
        while disk.at >= 0 and not disk.failed:  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.002)
        await asyncio.sleep(SICK_SECONDS)
        disk.heal()
        return time.monotonic()

    try:
        recorder = open_recorder(folder, disk)
    except OSError:  # ids and secrets must be there before anything: the process is started again
        disk.heal()
        recorder = open_recorder(folder, disk)
    healing = asyncio.ensure_future(heal())
    load = Load(recorder, seed, disk_stamp(disk), promised)
    await load.run(16, together=4)
    if not disk.failed:
        disk.heal()
    healed = await healing
    try:
        await settled(recorder)
    except TimeoutError:
        return ["did not recover after the disk was well again"]
    result.slowest = max(result.slowest, time.monotonic() - healed)
    before = promised.refused
    await load.run(4, together=2)
    wrong = ["still refuses once the disk is well again"] if promised.refused > before else []
    await recorder.close()
    recorder = open_recorder(folder, FaultDisk())
    await settled(recorder)
    await recorder.close()
    return wrong


def disk_stamp(disk: FaultDisk) -> Callable[[], int]:
    """The stamp of a load on this disk."""
    return lambda: disk.count


def _judge(folder: Path, promised: Promised) -> list[str]:
    """What the ledger owes after the process ended and started again."""
    place = folder / "spool"
    try:
        wrong = broken_promises(written(place), promised.entries)
        wrong += unrecorded(place, secrets.load(folder), [body for _, body in promised.forwarded])
        return wrong + [f"still open: {name}" for name in open_intents(place)]
    except (OSError, TosProxyError, msgspec.MsgspecError) as error:
        return [f"cannot be read: {error!r}"]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--step", type=int, default=7)
    parser.add_argument("--sabotage", choices=["swallow_eio"])
    options = parser.parse_args()
    result = run(1 if options.all else options.step, options.sabotage)
    print(result.line())  # noqa: T201 - a command's output
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
