"""Small pieces that the ledger's tests share: one exchange, one reading of what was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from benchmarks.micro_spool import intent, outcome
from proxy.core.snapshot import LedgerOptions
from proxy.ledger.disk import Disk
from proxy.ledger.record import Intent, Mark, Outcome, Position, Refusal
from proxy.ledger.recorder import Recorder, Stream
from proxy.ledger.secrets import load
from tests.ledger_oracle import Written, unrecorded, written
from tests.torture.ledger_load import clock, filled, ids, settled
from tests.waiting import until


def recorder_in(data_dir: Path, *, worker: int = 0, disk: Disk | None = None, **options: float | str) -> Recorder:
    """A recorder on the running loop, ticking every 5 ms unless told otherwise."""
    chosen = LedgerOptions(**{"tick_seconds": 0.005, **options})  # type: ignore[arg-type] # options by name
    return Recorder.open(data_dir, worker, chosen, clock, asyncio.get_running_loop(), disk)


def begin(recorder: Recorder, principal: str = "product-chat", content: str = "full") -> tuple[Stream, Intent]:
    """A stream, and the evidence of its intent."""
    at = clock.utc_us()
    stream = recorder.stream(ids.next(at), principal, content)
    return stream, intent(stream.id, at)


def end(stream: Stream) -> Outcome:
    """The evidence of an ordinary end."""
    return outcome(stream.id, clock.utc_us())


def refused(asked: Intent) -> Refusal:
    """The evidence of a refusal of the same exchange."""
    return Refusal(**{**msgspec.structs.asdict(asked), "status": 503, "error": "ledger_unavailable"})


async def exchange(
    recorder: Recorder, body: bytes = b"question", answer: bytes = b"answer", **of: str
) -> tuple[Position, Position]:
    """A whole exchange; the places of its two entries."""
    stream, asked = begin(recorder, **of)
    first = await filled(stream.intent(asked, body))
    if answer:
        stream.answer(answer)
    return first, await filled(stream.outcome(end(stream)))


def read(data_dir: Path) -> Written:
    """What the spool holds."""
    return written(data_dir / "spool")


def marks(data_dir: Path, event: str) -> list[Mark]:
    """Marks of one kind, in order."""
    return [entry for entry, _ in read(data_dir).entries if isinstance(entry, Mark) and entry.event == event]


def wrong(data_dir: Path, *bodies: bytes) -> list[str]:
    """The oracle's word on bodies that went upstream."""
    return unrecorded(data_dir / "spool", load(data_dir), bodies)


async def killed(recorder: Recorder) -> None:
    """End as a killed process does: the lock is free, nothing was said."""
    done = asyncio.get_running_loop().create_future()

    def drop() -> None:
        recorder._committer.close(whole=False)
        recorder._loop.call_soon_threadsafe(done.set_result, None)

    await until(lambda: recorder.spool.idle)
    recorder.spool.finish(drop)
    await done


async def left_open(tmp_path: Path, answer: bytes = b"half an answer") -> str:
    """A record whose process died in mid-answer."""
    recorder = recorder_in(tmp_path)
    await exchange(recorder)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    stream.answer(answer)
    await until(lambda: not stream.unsynced)
    await killed(recorder)
    return stream.id


async def restarted(tmp_path: Path) -> None:
    """One start and stop."""
    recorder = recorder_in(tmp_path)
    await settled(recorder)
    await recorder.close()
