"""Processor time that shipping costs the control process, per exchange of 1 KB request and 1 KB answer, on SQLite.

    python -m benchmarks.micro_ship [EXCHANGES] [--postgres URL]

A real writer fills a spool; a shipper then drains it as it would under load, in several rounds. Printed are user and system time of
this process per exchange (reading, unsealing, compressing, sealing, writing; for PostgreSQL the server's own time is not in it) and
the median of the rounds. The budget is 60 µs on SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path

from proxy.control.shipper import Shipper
from proxy.ledger import secrets
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from tests.spools import exchange, open_recorder

BUDGET_US = 60.0
_WORDS = Path(__file__).resolve().parent.parent / "README.md"


def _text(chance: random.Random, words: list[str], size: int) -> bytes:
    """About `size` bytes of JSON around plain prose, different each time."""
    start = chance.randrange(len(words))
    prose = " ".join(chance.choice(words) if chance.random() < 0.3 else words[(start + i) % len(words)] for i in range(size // 4))
    return json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": prose}]}).encode()[:size]


async def _fill(data_dir: Path, count: int) -> None:
    words = _WORDS.read_text(encoding="utf-8").split()
    chance = random.Random(1)
    recorder = open_recorder(data_dir)
    for _ in range(count // 50):
        await asyncio.gather(*(exchange(recorder, _text(chance, words, 1000), _text(chance, words, 1000)) for _ in range(50)))
    await recorder.close()


async def _drain(data_dir: Path, url: str) -> tuple[float, float, float, int]:
    """User, system and wall seconds, and batches, of shipping the whole spool into a new database."""
    store = await Store.open(url)
    shipper = Shipper(store, data_dir, KeyringReader(data_dir, secrets.load(data_dir).master), lambda *_, **__: None)
    over = asyncio.Event()
    over.set()
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await shipper.run(over)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await store.close()
    return after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime, ended - begun, shipper.progress.batches


async def main(count: int, rounds: int, postgres: str | None) -> float:
    """Fill once, drain `rounds` times; gives the median of processor microseconds per exchange."""
    costs: list[float] = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        data_dir = Path(folder)
        await _fill(data_dir, count)
        for number in range(rounds):
            url = postgres or f"sqlite:///{folder}/store-{number}.sqlite"
            user, system, wall, batches = await _drain(data_dir, url)
            costs.append((user + system) / count * 1e6)
            print(
                f"round {number}: {user / count * 1e6:5.1f} user + {system / count * 1e6:4.1f} system µs per exchange, "
                f"{count / wall:7.0f} exchanges/s, {count / batches:.0f} per batch"
            )
    median = statistics.median(costs)
    print(f"median {median:.1f} µs of the control process per exchange (budget {BUDGET_US:.0f} on SQLite)")
    return median


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("exchanges", nargs="?", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--postgres", help="URL of an empty database; then one round")
    given = arguments.parse_args()
    asyncio.run(main(given.exchanges, 1 if given.postgres else given.rounds, given.postgres))
