"""Processor time that each of control's duties costs per exchange of 1 KB, one after the other over the same spool, on SQLite.

    python -m benchmarks.micro_control [EXCHANGES] [--rounds N]

A real writer fills a spool with calls of one undeclared principal as a gateway records them (4,000 unless told otherwise). Then a
shipper drains it, and those who read the store go through it: what records refer to, findings, hourly counts, the detector. Printed
is CPU of this process with its threads, in µs per exchange, the least of the rounds (others may have had the core). The bounds are
60 for shipping and 300 for what is concluded from a record.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.bodies import filling
from proxy.control.analyst import Analyst
from proxy.control.counting import HourlyCounter
from proxy.control.findings import FindingRaiser
from proxy.control.in_force import InForce
from proxy.control.references import ReferencePublisher
from proxy.control.results import ResultTies
from proxy.control.shipper import Shipper
from proxy.control.watching import shipped_weights
from proxy.core.facts import AnswerFacts, Usage
from proxy.core.references import subkey
from proxy.dialects import by_name, find
from proxy.ledger import secrets
from proxy.ledger.record import Versions
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from tests.spools import begin, end, open_recorder

_AT_ONCE = 50


async def fill(data_dir: Path, count: int) -> None:
    """Write the exchanges."""
    _, row, path = find(by_name("openai"), "POST", "/v1/chat/completions")
    text = filling(60_000)
    recorder = open_recorder(data_dir)

    async def one(number: int) -> None:
        start = number * 37 % 50_000
        messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": text[start:][:850]}]
        body = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.7, "max_tokens": 128}
        said = [{"index": 0, "message": {"role": "assistant", "content": text[start + 900 :][:585]}, "finish_reason": "stop"}]
        answer = {"id": "chatcmpl-x", "object": "chat.completion", "model": "gpt-4o-mini", "choices": said}
        whom = {"principal": "key:9645532aeeb7", "key": "9645532aeeb7bc78" * 4, "purpose": "undeclared", "decision": "flag"}
        more = {"target": "/openai/v1/chat/completions", "rows": ("openai.api@2026-01-01",), "basis": "silence"}
        versions = Versions(1, "openai.api", "2026-11-22", "660983a60d4f4ba2")
        request = msgspec.json.encode(body)
        stream = await begin(
            recorder, request, facts=row.read_request(body, path), versions=versions, rules=("baseline/undeclared",), **whom, **more
        )
        facts = AnswerFacts(usage=Usage(input=100, output=120), text_chars=585, choices=1, finish="stop")
        await end(stream, msgspec.json.encode(answer), facts=facts, model_returned="gpt-4o-mini", upstream_request_id="req_0001")

    for first in range(0, count, _AT_ONCE):
        await asyncio.gather(*(one(number) for number in range(first, first + _AT_ONCE)))
    await recorder.close()


async def spent(work: Callable[[], Awaitable[object]]) -> float:
    """CPU in µs."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    await work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e6


async def once(data_dir: Path, database: Path) -> dict[str, float]:
    """Every duty over a new database: µs in all."""
    store, known = await Store.open(f"sqlite:///{database}"), secrets.load(data_dir)
    shipper = Shipper(store, data_dir, KeyringReader(data_dir, known.master), _note)
    over = asyncio.Event()
    over.set()
    in_force, master = InForce(data_dir, tuple), AESGCM(known.master)
    (data_dir / "references").mkdir(exist_ok=True)
    ties = ResultTies(store, master, known.identity)
    references = ReferencePublisher(store, data_dir, subkey(known.identity), lambda: 1, ties.tie, _note)
    findings = FindingRaiser(store, in_force, lambda: 1, _note)
    analyst = Analyst(store, master, shipped_weights(), in_force, _nothing, _nothing, _note)
    analyst.group_key = known.identity
    duties: dict[str, Callable[[], Awaitable[object]]] = {
        "ship": lambda: shipper.run(over),
        "references": references.pass_once,
        "findings": findings.pass_once,
        "hourly counts": HourlyCounter(store, lambda: 1, _note).pass_once,
        "detector": analyst.pass_once,
    }
    found = {name: await spent(work) for name, work in duties.items()}
    await store.close()
    return found


def floor(database: Path, copy: Path) -> float:
    """µs of CPU that SQLite takes to write the same rows into the same tables from another file, 600 in a transaction."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute("ATTACH ? AS shipped", (str(database),))
        tables = ("entries", "exchanges", "contents")
        marks = ", ".join("?" * len(tables))
        made = f"SELECT sql FROM shipped.sqlite_master WHERE tbl_name IN ({marks}) AND sql IS NOT NULL ORDER BY type DESC"
        for (statement,) in connection.execute(made, tables).fetchall():
            connection.execute(statement)
        last = max(connection.execute(f"SELECT max(rowid) FROM shipped.{table}").fetchone()[0] for table in tables)
        before = resource.getrusage(resource.RUSAGE_SELF)
        for first in range(0, last, 600):
            connection.execute("BEGIN IMMEDIATE")
            for table in tables:
                part = f"SELECT * FROM shipped.{table} WHERE rowid > ? AND rowid <= ?"
                connection.execute(f"INSERT INTO main.{table} {part} ORDER BY rowid", (first, first + 600))
            connection.execute("COMMIT")
        after = resource.getrusage(resource.RUSAGE_SELF)
    connection.close()
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e6


def _note(*_: object, **__: object) -> None:
    """Nobody reads it."""


async def _nothing(*_: object) -> None:
    """Nothing is published or recorded."""


async def measure(count: int, rounds: int) -> None:
    """Fill, run, print."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as control has it
    least: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        data_dir = Path(folder) / "data"
        await fill(data_dir, count)
        for number in range(rounds):
            database = Path(folder) / f"{number}.sqlite"
            found = await once(data_dir, database)
            found["SQLite alone, of ship"] = floor(database, Path(folder) / f"{number}-copy.sqlite")
            for name, value in found.items():
                least[name] = min(value, least.get(name, value))
    for name, value in least.items():
        print(f"{name:24}{value / count:7.1f} µs")
    print(f"{'in all':24}{(sum(least.values()) - least['SQLite alone, of ship']) / count:7.1f} µs per exchange")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exchanges", type=int, nargs="?", default=4_000)
    parser.add_argument("--rounds", type=int, default=4)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.exchanges, chosen.rounds))


if __name__ == "__main__":
    main()
