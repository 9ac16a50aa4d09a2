"""What it costs control to show a record to the detector, and what the duty weighs in memory.

    python -m benchmarks.micro_analyst [RECORDS]

A store of so many shipped exchanges of 1 KB and as much of an answer (5,000 unless told otherwise; by 50 principals, a tenth of the
calls is a pipeline's) is gone through once by the analyst: contents are opened, read by the dialects, measured. Printed are
microseconds of this process per record over slices (median and 95th percentile), the share of reading and detector, and memory.
SQLite in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.clock import SystemClock
from proxy.core.facts import AnswerFacts, Usage
from proxy.dialects import by_name, find
from proxy.ledger.store import Store
from proxy.ledger.store_keys import stored_name
from proxy.ledger.store_ship import ship, ship_keys
from proxy.review.standing import LIMITS
from tests.ledgers import Writer
from tests.unit.detection.traffic import filling

_BATCH = 500
_MASTER = AESGCM(b"m" * 32)
_MAKING = "Come up with ten diverse instructions to make training data. Avoid repetition. The seed is this. {}."
_SYSTEM = "You answer the customers of a shop for lamps, in a few friendly words, by the handbook alone. " * 4


class Told:
    """Findings may limit."""

    def enforce(self) -> str:
        """See `control.analyst.Told`."""
        return LIMITS


async def filled(store: Store, records: int) -> None:
    """Ship the exchanges."""
    writer = Writer(at=SystemClock.utc_us())
    _, row, path = find(by_name("openai"), "POST", "/v1/chat/completions")
    for number in range(records):
        maker = number % 10 == 0
        texts = [_SYSTEM, *(filling(number * 9 + part, 12) + "." for part in range(4))]
        messages = [{"role": "system", "content": texts[0]}, {"role": "user", "content": "\n".join(texts[1:])}]
        if maker:
            messages = [{"role": "user", "content": _MAKING.replace("{}", texts[1])}]
        body = {"model": "gpt-5", "temperature": 0.8, "messages": messages}
        answer = "\n".join(filling(-number * 9 - part, 12) + "." for part in range(6))
        said = {"id": "x" * 40, "object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": answer}}]}
        facts = row.read_request(body, path)
        name = f"principal-{number % 50}"
        target = "/openai/v1/chat/completions"
        intent = writer.intent(writer.new_id(), msgspec.json.encode(body), principal=name, facts=facts, target=target)
        usage = AnswerFacts(usage=Usage(input=200, output=150), text_chars=len(answer), choices=1)
        writer.outcome(intent, msgspec.json.encode(said), facts=usage)
        if number % _BATCH == _BATCH - 1:
            await ship(store, writer.batch())
            writer.frames.clear()
    await ship(store, writer.batch())
    for key, secret in writer.ring.keys.items():
        name, nonce = stored_name(writer.instance, key), os.urandom(12)
        await ship_keys(store, [(name, writer.instance, "p", "2026-09", nonce + _MASTER.encrypt(nonce, secret, name.encode()))])


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


async def _nothing(*_: Any) -> None:
    return None


async def measure(records: int, url: str) -> None:
    """Fill, look, print."""
    store = await Store.open(url)
    await filled(store, records)
    light = _resident()
    from proxy.control.analyst import SLICE, Analyst
    from proxy.control.watching import shipped_weights

    duty = Analyst(store, _MASTER, shipped_weights(), Told(), _nothing, _nothing, lambda *_, **__: None)
    loaded = _resident()
    slices: list[float] = []
    shown: list[float] = []
    show, slice_ = duty._look, duty._slice

    async def timed(epoch: Any) -> None:
        begun, before = time.process_time(), duty.looked
        await slice_(epoch)
        if duty.looked > before:
            slices.append((time.process_time() - begun) / (duty.looked - before) * 1e6)

    def looked(*args: Any, **named: Any) -> None:
        begun = time.perf_counter()
        show(*args, **named)
        shown.append((time.perf_counter() - begun) * 1e6)

    duty._slice, duty._look = timed, looked  # type: ignore[method-assign]  # the real ones, timed
    await duty.pass_once()
    ranked = sorted(slices)
    print(
        f"{duty.looked} records in slices of {SLICE}: {statistics.median(ranked):.0f} us a record at the median slice, "
        f"{ranked[int(len(ranked) * 0.95)]:.0f} at the 95th percentile; of it reading and detector {statistics.median(shown):.0f}"
    )
    print(f"memory: {loaded - light:.1f} MB for the code and an empty population, {_resident() - loaded:.1f} MB more at the end")
    await store.close()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=int, nargs="?", default=5_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(options.records, f"sqlite:///{folder}/store.db"))


if __name__ == "__main__":
    main()
