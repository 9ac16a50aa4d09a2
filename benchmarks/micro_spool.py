"""CPU and latency of the spool: an intent and an outcome per exchange, made durable, with many exchanges at once.

`python -m benchmarks.micro_spool [--writers 1 16 100] [--seconds 2] [--folder DIR]`. Prints one line per number of concurrent
exchanges: microseconds of CPU per exchange on the loop's thread and on the spool's, exchanges per second and per commit,
time from `intent` to durable at p50 and p99. The loop's figure contains the driver's own part, printed as `driver`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import uvloop

from proxy.core.clock import SystemClock
from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.core.ids import RecordIds
from proxy.core.oneshot import Oneshot, drive
from proxy.core.snapshot import LedgerOptions
from proxy.ledger.record import Content, Intent, Outcome, Position, Versions
from proxy.ledger.recorder import Recorder

BODY = b"q" * 1024
ANSWER = b"a" * 1024
_ids = RecordIds()
_clock = SystemClock()
_facts = RequestFacts(model="gpt-4o-mini", messages=2, system_chars=80, prompt_chars=800, temperature=0.7, max_tokens=256)
_versions = Versions(snapshot=3, contract="openai-services", terms="2026-01-01", policies="9f1c")
_nowhere = Position("", 0, 0)


def intent(record: str, at: int) -> Intent:
    """The evidence of an ordinary chat call."""
    return Intent(
        v=1,
        id=record,
        instance="",
        epoch=0,
        seq=0,
        at=at,
        mono=0,
        principal="product-chat",
        credential="bearer",
        key="key:0123456789ab",
        purpose="use.product",
        upstream="openai",
        host="api.openai.com",
        dialect="openai",
        endpoint="chat",
        method="POST",
        target="/v1/chat/completions",
        agent="OpenAI/Python 3.54.0",
        model_requested="gpt-4o-mini",
        facts=_facts,
        request_bytes=0,
        received="",
        versions=_versions,
        verdict="allow",
        decision="allow",
        content=Content("full", ""),
    )


def outcome(record: str, at: int) -> Outcome:
    """The evidence of its ordinary end."""
    facts = AnswerFacts(
        model="gpt-4o-mini-2024", upstream_id="chatcmpl-123", finish="stop", usage=Usage(200, 100), choices=1, text_chars=700
    )
    return Outcome(
        v=1,
        id=record,
        instance="",
        epoch=0,
        seq=0,
        at=at,
        mono=0,
        intent=_nowhere,
        outcome="completed",
        status=200,
        model_returned="gpt-4o-mini-2024",
        upstream_request_id="req_123",
        facts=facts,
        delivered_bytes=1000,
        first_byte_us=1000,
        duration_us=2000,
    )


class _NoStream:
    """Does nothing, so that the driver's own cost can be taken off."""

    def intent(self, _intent: Intent, _body: bytes) -> Oneshot[Position]:
        return self.outcome()

    def answer(self, _piece: bytes) -> int:
        return 0

    def outcome(self, _outcome: Outcome | None = None) -> Oneshot[Position]:
        oneshot: Oneshot[Position] = Oneshot()
        asyncio.get_running_loop().call_soon(oneshot.set, _nowhere)
        return oneshot


async def _exchange(recorder: Recorder | None, waits: list[int]) -> None:
    at = _clock.utc_us()
    record = _ids.next(at)
    stream = _NoStream() if recorder is None else recorder.stream(record, "product-chat", "full")
    start = time.perf_counter_ns()
    await stream.intent(intent(record, at), BODY)
    waits.append(time.perf_counter_ns() - start)
    stream.answer(ANSWER)
    await stream.outcome(outcome(record, at))


async def measure(recorder: Recorder | None, writers: int, seconds: float) -> tuple[int, float, float, float, list[int]]:
    """Exchanges, CPU seconds of this thread, of the process, elapsed seconds, waits in nanoseconds."""
    loop = asyncio.get_running_loop()
    waits: list[int] = []
    done = loop.create_future()
    running = writers
    end = time.perf_counter() + seconds

    async def writer() -> None:
        nonlocal running
        while time.perf_counter() < end:
            await _exchange(recorder, waits)
        running -= 1
        if not running:
            loop.call_soon(done.set_result, None)

    def broken(error: BaseException) -> None:
        done.set_exception(error)

    begin, thread, process = time.perf_counter(), time.thread_time(), time.process_time()
    for _ in range(writers):
        drive(writer(), broken)
    await done
    return len(waits), time.thread_time() - thread, time.process_time() - process, time.perf_counter() - begin, waits


async def _main(writers: list[int], seconds: float, folder: str | None) -> None:
    _, *_rest = await measure(None, 16, 0.2)
    count, driver_cpu, *_ = await measure(None, 16, 0.5)
    driver = driver_cpu / count * 1e6
    print(f"driver {driver:.1f} us per exchange, taken off the loop's figure below")
    print(
        f"{'writers':>8} {'loop us':>8} {'thread us':>9} {'sum us':>7} {'exch/s':>8} {'per commit':>10} {'p50 ms':>7} {'p99 ms':>7}"
    )
    for n in writers:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            recorder = Recorder.open(Path(place), 0, LedgerOptions(max_bytes=1 << 40), _clock, asyncio.get_running_loop())
            await measure(recorder, n, 0.3)
            commits = recorder.stats["commits"]
            count, thread, process, elapsed, waits = await measure(recorder, n, seconds)
            commits = recorder.stats["commits"] - commits
            await recorder.close()
        waits.sort()
        loop_us, thread_us = thread / count * 1e6 - driver, (process - thread) / count * 1e6
        print(
            f"{n:>8} {loop_us:>8.1f} {thread_us:>9.1f} {loop_us + thread_us:>7.1f} {count / elapsed:>8.0f} "
            f"{count / commits:>10.1f} "
            f"{waits[len(waits) // 2] / 1e6:>7.2f} {waits[len(waits) * 99 // 100] / 1e6:>7.2f}"
        )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 16, 32, 100])
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--folder")
    options = parser.parse_args()
    uvloop.run(_main(options.writers, options.seconds, options.folder))


if __name__ == "__main__":
    main()
