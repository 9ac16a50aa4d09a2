"""A full disk: exchanges are refused at once, those under way still end on record, and work goes on when there is space again.

`python -m tests.torture.diskfull [--seconds N] [--sabotage forward_anyway]`: one line, exit 1 on anything wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import msgspec

from benchmarks.micro_spool import intent, outcome
from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import committer, secrets
from proxy.ledger.recorder import Recorder, Stream
from tests.ledger_oracle import open_intents, unrecorded, written
from tests.torture.fault_disk import SmallDisk
from tests.torture.ledger_load import Load, Promised, broken_promises, clock, filled, ids, open_recorder, settled
from tests.torture.powercut import small_files

SPACE = 256 * 1024
REFUSED_WITHIN = 0.1


class Result(msgspec.Struct):
    """Times in seconds: `refusal` is how long a refusal took at most, `resumed` how long after space came back work went on."""

    forwarded: int = 0
    refused: int = 0
    refusal: float = 0.0
    resumed: float = 0.0
    wrong: list[str] = []

    def line(self) -> str:
        """One line for people."""
        verdict = "ok" if not self.wrong else "WRONG: " + "; ".join(self.wrong[:3])
        times = f"refused within {self.refusal * 1000:.1f} ms, went on after {self.resumed * 1000:.0f} ms"
        return f"diskfull: {verdict}: {self.forwarded} forwarded, {self.refused} refused, {times}"


def run(sabotage: str | None = None) -> Result:
    """Fill a small disk, give space back, judge what is on it."""
    result = Result()
    scratch = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with (
        small_files(),
        mock.patch.object(committer, "RESERVE_BYTES", 64 * 1024),
        tempfile.TemporaryDirectory(dir=scratch) as folder,
    ):
        promised = asyncio.run(_run(Path(folder), result, sabotage))
        place = Path(folder) / "spool"
        result.wrong += broken_promises(written(place), promised.entries)
        result.wrong += unrecorded(place, secrets.load(Path(folder)), [body for _, body in promised.forwarded])
        result.wrong += [f"still open: {name}" for name in open_intents(place)]
        result.forwarded = len(promised.forwarded)
    return result


async def _run(folder: Path, result: Result, sabotage: str | None) -> Promised:
    disk = SmallDisk(SPACE)
    recorder = open_recorder(folder, disk)
    promised = Promised()
    load = Load(recorder, 1, lambda: 0, promised)
    under_way = await _begin(recorder, promised)
    while not promised.refused:
        await load.run(20)
    await _refused(recorder, result)
    if sabotage == "forward_anyway":
        promised.forwarded.append((0, b"sent although the ledger said no"))
    await _end(under_way, result)
    disk.size += 4 * SPACE
    start = time.monotonic()
    try:
        await settled(recorder)
    except TimeoutError:
        result.wrong.append("does not go on after space came back")
    result.resumed = time.monotonic() - start
    result.refused, promised.refused = promised.refused, 0
    await load.run(8)
    if promised.refused:
        result.wrong.append("still refuses although there is space")
    await recorder.close()
    recorder = open_recorder(folder, disk)
    await settled(recorder)
    await recorder.close()
    return promised


async def _begin(recorder: Recorder, promised: Promised) -> list[Stream]:
    """Exchanges that are in the middle of their answer when the disk fills."""
    streams = []
    for number in range(10):
        at = clock.utc_us()
        stream = recorder.stream(ids.next(at), "early", "full")
        await filled(stream.intent(intent(stream.id, at), b"early %d" % number))
        promised.forwarded.append((0, b"early %d" % number))
        stream.answer(b"the first half, ")
        streams.append(stream)
    return streams


async def _refused(recorder: Recorder, result: Result) -> None:
    """How long a client waits for its 503."""
    for _ in range(20):
        at = clock.utc_us()
        start = time.monotonic()
        try:
            await filled(recorder.stream(ids.next(at), "late", "full").intent(intent(ids.next(at), at), b"late"))
            result.wrong.append("an intent was taken by a full disk")
        except LedgerUnavailableError:
            result.refusal = max(result.refusal, time.monotonic() - start)
    if result.refusal > REFUSED_WITHIN:
        result.wrong.append(f"a refusal took {result.refusal * 1000:.0f} ms")


async def _end(under_way: list[Stream], result: Result) -> None:
    """The reserve lets what is under way end on record."""
    for stream in under_way:
        stream.answer(b"the second")
        try:
            await filled(stream.outcome(outcome(stream.id, clock.utc_us())))
        except LedgerUnavailableError as error:
            result.wrong.append(f"an exchange under way could not end on record: {error}")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sabotage", choices=["forward_anyway"])
    options = parser.parse_args()
    result = run(options.sabotage)
    print(result.line())  # noqa: T201 - a command's output
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
