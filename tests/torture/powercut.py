"""Power cuts on a simulated disk: nothing that was acknowledged is lost, nothing wrong is called intact.

`python -m tests.torture.powercut --cycles 1000 [--seed N] [--sabotage NAME]` runs a load once per hundred cuts (plain and long
requests, streams, carriers with lines, sessions with turns), cuts at random calls, and prints one line with the 95 % bound 3/N.
Exit 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import msgspec

from proxy.core.errors import TosProxyError
from proxy.core.oneshot import Oneshot
from proxy.ledger import committer, reader, secrets, segment_file, segments
from proxy.ledger.record import Outcome, Turn
from proxy.ledger.recorder import Stream
from proxy.ledger.session_stream import SessionStream
from tests.ledger_oracle import open_intents, unrecorded, unsaid, written
from tests.torture.ledger_load import Load, Promised, broken_promises, open_recorder, settled
from tests.torture.sim_disk import Device, RecordingDisk

CUTS_PER_RUN = 100
FULL_CHECK_EVERY = 10
SABOTAGES = ("skip_fsync", "ack_before_sync", "drop_outcome", "no_crc", "said_before_durable")


class SkipSync(RecordingDisk):
    """Planted fault: segments are never synced."""

    def sync(self, fd: int) -> None:
        """Pretend."""


class LateSync(RecordingDisk):
    """Planted fault: sync returns at once, the work is done when the next one is asked for."""

    late: int | None = None

    def sync(self, fd: int) -> None:
        """Do what was asked last time."""
        if self.late is not None:
            with contextlib.suppress(OSError):
                super().sync(self.late)
        self.late = fd


class Result(msgspec.Struct):
    """Of `cuts`, how many acknowledged entries, answer bytes and bodies were missing; `wrong` has the first few in words."""

    cuts: int = 0
    promised: int = 0
    lost: int = 0
    wrong: list[str] = []

    def line(self) -> str:
        """One line for people."""
        verdict = "ok" if not self.lost else "LOST"
        bound = f"95 % bound {3 / self.cuts:.4f} per cut" if not self.lost and self.cuts else "; ".join(self.wrong[:3])
        return f"powercut: {verdict}: {self.cuts} cuts, {self.promised} promises checked, {self.lost} broken; {bound}"


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """Segments of 48 KiB, so that a short load rotates; little space ahead and in reserve, so that states are quick to build."""
    with (
        mock.patch.object(segments, "SEGMENT_BYTES", 48 * 1024),
        mock.patch.object(segment_file, "EXTEND_BYTES", 8192),
        mock.patch.object(segment_file, "_ZEROS", bytes(8192)),
        mock.patch.object(committer, "RESERVE_BYTES", 4096),
    ):
        yield


@contextlib.contextmanager
def planted(sabotage: str | None) -> Iterator[type[RecordingDisk]]:
    """The disk to run on; faults that are not the disk's are in force meanwhile."""
    if sabotage == "drop_outcome":

        def dropped(stream: Stream, outcome: Outcome, withheld: int = 0) -> Oneshot[object]:
            oneshot: Oneshot[object] = Oneshot()
            oneshot.set(stream.position)
            return oneshot

        with mock.patch.object(Stream, "outcome", dropped):
            yield RecordingDisk
    elif sabotage == "said_before_durable":
        client_piece = SessionStream.client_piece

        def early(stream: SessionStream, piece: bytes) -> Oneshot[None]:
            client_piece(stream, piece)
            oneshot: Oneshot[None] = Oneshot()
            oneshot.set(None)
            return oneshot

        with mock.patch.object(SessionStream, "client_piece", early):
            yield RecordingDisk
    elif sabotage == "no_crc":
        unchecked = mock.Mock(crc32=lambda *_: 0)
        with mock.patch.object(segments, "zlib", unchecked), mock.patch("proxy.ledger.spool.crc32", unchecked.crc32):
            yield RecordingDisk
    else:
        yield {"skip_fsync": SkipSync, "ack_before_sync": LateSync}.get(sabotage or "", RecordingDisk)


def run(cycles: int, seed: int, sabotage: str | None = None) -> Result:
    """Cut `cycles` times."""
    result = Result()
    scratch = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with small_files(), planted(sabotage) as disk_type, tempfile.TemporaryDirectory(dir=scratch) as folder:
        while result.cuts < cycles:
            place = Path(folder) / str(result.cuts)
            place.mkdir()
            disk = disk_type(place)
            promised = Promised()
            asyncio.run(_load(place, disk, seed + result.cuts, promised))
            _cut(place, disk, promised, seed, min(CUTS_PER_RUN, cycles - result.cuts), result)
    return result


async def _load(place: Path, disk: RecordingDisk, seed: int, promised: Promised) -> None:
    for part in range(2):  # two runs of the process, so that cuts fall into recovery too
        recorder = open_recorder(place, disk)
        await Load(recorder, seed * 2 + part, disk.stamp, promised).run(40)
        await settled(recorder)
        await recorder.close()


def _cut(place: Path, disk: RecordingDisk, promised: Promised, seed: int, cuts: int, result: Result) -> None:
    """Cut at `cuts` random calls, in order."""
    choose = random.Random(seed + result.cuts)
    device = Device(place, disk.calls)
    for call in sorted(choose.randrange(len(disk.calls) + 1) for _ in range(cuts)):
        device.forward(call)
        result.cuts += 1
        with tempfile.TemporaryDirectory(dir=place.parent) as image:
            device.image(Path(image), seed + result.cuts)
            wrong = _judge(Path(image), promised, call, result)
            if not wrong and result.cuts % FULL_CHECK_EVERY == 0:
                wrong = _restart(Path(image), promised, call)
        if wrong:
            result.lost += len(wrong)
            result.wrong += [f"cut {result.cuts} at call {call}: {one}" for one in wrong[:3]]


def _judge(image: Path, promised: Promised, call: int, result: Result) -> list[str]:
    """What is missing of all that had been promised before `call`."""
    try:
        ledger = written(image / "spool")
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        return [f"the spool cannot be read: {error!r}"]
    wrong = [f"called damaged, but only never acknowledged bytes are bad: {fault}" for _, fault in ledger.faults]
    due = [promise for promise in promised.entries if promise.stamp <= call]
    wrong += broken_promises(ledger, due)
    result.promised += len(due)
    bodies = [body for stamp, body in promised.forwarded if stamp <= call]
    said = {record: said for stamp, record, said in promised.said if stamp <= call}
    result.promised += len(said)
    try:
        wrong += unrecorded(image / "spool", secrets.load(image), bodies) if bodies else []
        wrong += unsaid(image / "spool", secrets.load(image), said.values()) if said else []
    except TosProxyError as error:
        wrong.append(str(error))
    return wrong


def _restart(image: Path, promised: Promised, call: int) -> list[str]:
    """Start on what the cut left: every exchange ends, with as much of its answer as had been called durable."""
    try:
        asyncio.run(_recover(image))
    except (TosProxyError, TimeoutError) as error:
        return [f"does not start again: {error!r}"]
    spool = image / "spool"
    wrong = [f"still open after recovery: {name}" for name in open_intents(spool)]
    wrong += unrecorded(spool, secrets.load(image), [body for stamp, body in promised.forwarded if stamp <= call])
    turns = {entry.id: entry for entry, _ in written(spool).entries if isinstance(entry, Turn)}
    wrong += [f"a turn still open after recovery: {turn.id}" for turn in turns.values() if not turn.outcome]
    wrong += [f"not closed: {epoch.folder.name}" for epoch in reader.epochs(spool) if reader.closed(epoch.folder) is None]
    synced: dict[str, int] = {}
    for stamp, record, size in promised.synced:
        if stamp <= call:
            synced[record] = max(size, synced.get(record, 0))
    for entry, _ in written(spool).of(Outcome):
        assert isinstance(entry, Outcome)
        if entry.answer_bytes < synced.get(entry.id, 0):
            wrong.append(f"{entry.id}: {synced[entry.id]} bytes of the answer were durable, {entry.answer_bytes} are there")
    return wrong


async def _recover(image: Path) -> None:
    recorder = open_recorder(image, RecordingDisk(image))
    await settled(recorder)
    await recorder.close()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", choices=SABOTAGES)
    options = parser.parse_args()
    result = run(options.cycles, options.seed, options.sabotage)
    print(result.line())  # noqa: T201 - a command's output
    return 1 if result.lost else 0


if __name__ == "__main__":
    sys.exit(main())
