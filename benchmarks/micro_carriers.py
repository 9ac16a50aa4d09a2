"""What a line costs the gateway, and for how long its reading holds the loop: `python -m benchmarks.micro_carriers`.

The real reader, judges that allow everything and a real recorder in one process, on a spooled body; no wire. A slice is the time
between two turns of the loop, taken by a callback that comes back in every turn. Prints µs of CPU a line of the loop's thread, and
how long slices were; CPU time, so that another process on the same core does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import uvloop

from proxy.core.clock import SystemClock
from proxy.core.exchange import Exchange
from proxy.core.oneshot import Oneshot, drive
from proxy.core.snapshot import LedgerOptions
from proxy.dialects.multipart import FormReader
from proxy.gateway.carrier import Carriers
from proxy.gateway.receive import Body
from proxy.ledger.recorder import Recorder
from tests.torture.carriers_load import BatchFile
from tests.unit.gateway.stage import Stage, aside

_PIECE = 128 * 1024


class Head:
    """A request as far as a carrier asks for it."""

    def __init__(self, received: int) -> None:
        self.received = received
        self.gone = False
        self.head = self
        self.values = {b"content-type": b"multipart/form-data; boundary=carriers"}


class Turns:
    """How much CPU time the thread spent between two turns of the loop, in µs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.slices: list[int] = []
        self._loop = loop
        self._at = time.thread_time_ns()
        self._running = True
        loop.call_soon(self._turn)

    def _turn(self) -> None:
        now = time.thread_time_ns()
        self.slices.append((now - self._at) // 1000)
        self._at = now
        if self._running:
            self._loop.call_soon(self._turn)

    def stop(self) -> list[int]:
        """No more."""
        self._running = False
        return sorted(self.slices)


async def run(folder: Path, lines: int, chars: int) -> None:
    """One carrier, as fast as it goes."""
    loop = asyncio.get_running_loop()
    clock = SystemClock()
    recorder = Recorder.open(folder, 0, LedgerOptions(), clock, loop)
    stage = Stage()
    file = BatchFile(lines, chars)
    whole = b"".join(file.pieces())
    exchange = Exchange("rec_" + "0" * 32, clock.utc_us(), clock.monotonic_ns(), Head(len(whole)))
    exchange.route = stage.house.routes.find("POST", b"/openai/v1/files")
    exchange.stream = recorder.stream(exchange.id, "p", "full")
    form = FormReader("multipart/form-data; boundary=carriers")
    for at in range(0, len(whole), _PIECE):
        piece = whole[at : at + _PIECE]
        form.feed(piece)
        await _filled(exchange.stream.request_piece(piece))
    exchange.body = Body(b"", spooled=True, form=form)

    def pause() -> Oneshot[None]:
        oneshot: Oneshot[None] = Oneshot()
        loop.call_soon(oneshot.set, None)
        return oneshot

    carrier = Carriers(recorder, clock, aside, pause).of(exchange, stage.house)
    done = loop.create_future()

    async def walk() -> None:
        done.set_result(await carrier.read())

    turns, cpu, began = Turns(loop), time.thread_time_ns(), time.monotonic()
    drive(walk(), done.set_exception)
    facts = await done
    slices = turns.stop()
    idle = len(slices) * 1.0
    spent = (time.thread_time_ns() - cpu) / 1000
    shares = ", ".join(f"p{share * 100:g} {slices[int(len(slices) * share)]}" for share in (0.5, 0.99, 0.999))
    seconds = time.monotonic() - began
    print(f"{facts.lines} lines, {len(whole) / 1e6:.0f} MB in {seconds:.2f} s: {(spent - idle) / lines:.0f} µs a line")
    print(f"{len(slices)} slices, µs: {shares}, most {slices[-1]}; {sum(each > 2000 for each in slices)} over 2 ms")
    await recorder.close()


async def _filled(oneshot: Oneshot[None]) -> None:
    while not oneshot.done:  # noqa: ASYNC110 - a Oneshot belongs to no loop
        await asyncio.sleep(0)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro_carriers", description=__doc__)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--chars", type=int, default=4000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(run(Path(folder), told.lines, told.chars))


if __name__ == "__main__":
    main()
