"""How long pages and lists of the admin application take over a large store: `python -m benchmarks.admin_scale [EXCHANGES] [URL]`.

Fills a store by SQL (200,000 exchanges spread over 30 days unless told otherwise, 1 % denied, 2,000 principals, 5,000 findings in
1,000 cases), in a SQLite file that is made for it and removed, or in the empty PostgreSQL database at URL. Then asks the
application in its own process, without a socket, each address so many times in turn, and prints median and p95 in milliseconds.
What it cannot tell is what a browser adds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import TextClause, insert, text

from proxy.admin.app import create
from proxy.admin.parts import AdminParts
from proxy.ledger import store_hourly
from proxy.ledger.review_tables import cases, findings, reader_cursors
from proxy.ledger.store import Store
from proxy.ledger.summary_tables import hourly, hourly_principals
from proxy.ledger.tables import cursors

DAYS = 30
DAY_US = 86_400_000_000
PRINCIPALS = 2000
TURNS = 30
CHUNK = 250_000
TOKEN = "a-token-for-benchmarks"
UPSTREAMS = ("openai", "anthropic", "gemini", "local")
PURPOSES = ("use.product", "eval.private", "train.general", "undeclared")
ADDRESSES = (
    "/",
    "/chart/traffic",
    "/queue",
    "/findings",
    "/exchanges",
    "/exchanges?principal=p7",
    "/exchanges?decision=deny",
    "/exchanges?upstream=local&decision=deny",
    "/principals",
    "/principals/p7",
    "/policies",
    "/terms",
    "/ledger",
    "/alerts",
    "/api/v1/overview",
    "/api/v1/exchanges?limit=100",
    "/api/v1/exchanges?purpose=train.general&limit=100",
    "/api/v1/exchanges?outcome=open",
    "/api/v1/exchanges?dialect=nobody-speaks-it",
    "/api/v1/exchanges?principal=p7&upstream=local&model_requested=model-3",
    "/api/v1/exchanges?purpose=train.general&upstream=local&model_requested=model-3&decision=deny",
    "/api/v1/standings",
    "/api/v1/standing-moves",
    "/api/v1/findings?state=open",
    "/api/v1/cases?state=open",
    "/api/v1/policies",
    "/api/v1/ledger",
)


_HEX = {
    "sqlite": "format('rec_%012x%020x', started / 1000, n)",
    "postgresql": "'rec_' || lpad(to_hex(started / 1000), 12, '0') || lpad(to_hex(n), 20, '0')",
}
_ROWS = """
INSERT INTO exchanges (id, at, instance, epoch, seq, principal, purpose, upstream, endpoint, model_requested, decision, rules,
outcome, status)
WITH RECURSIVE numbers(n) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :behind),
placed AS (SELECT n, CAST(:begin AS BIGINT) + n * CAST(:step AS BIGINT) AS started FROM numbers)
SELECT {id}, started, 'bench-0', 1, 2 * n + 1, 'p' || (n * 7919 % {principals}), {purpose}, {upstream}, 'chat',
'model-' || (n % 9), CASE WHEN n % 100 = 0 THEN 'deny' ELSE 'allow' END,
CASE WHEN n % 100 = 0 THEN '["pack/rule"]' ELSE '' END,
CASE WHEN n % 5000 = 1 THEN NULL WHEN n % 100 = 0 THEN 'refused' ELSE 'completed' END,
CASE WHEN n % 100 = 0 THEN 403 ELSE 200 END FROM placed
"""


def _one_of(number: str, names: Sequence[str]) -> str:
    return f"CASE {number} " + " ".join(f"WHEN {at} THEN '{name}'" for at, name in enumerate(names)) + " END"


def rows(dialect: str) -> TextClause:
    """What inserts exchanges `first` to before `behind`, the oldest first, each `step` after the one before it."""
    upstream, purpose = _one_of("n / 4 % 4", UPSTREAMS), _one_of("n % 4", PURPOSES)
    return text(_ROWS.format(id=_HEX[dialect], principals=PRINCIPALS, purpose=purpose, upstream=upstream))


async def fill(store: Store, number: int, now: int) -> None:
    """Exchanges, their counts as the counter would have kept them, findings and cases."""
    insertion, step = rows(store.dialect), DAYS * DAY_US // number
    for first in range(0, number, CHUNK):
        async with store.write() as connection:
            span = {"first": first, "behind": min(number, first + CHUNK), "begin": now - DAYS * DAY_US, "step": step}
            await connection.execute(insertion, span)
    ended = "FROM exchanges WHERE outcome IS NOT NULL GROUP BY"
    hour = "at - at % 3600000000"
    async with store.write() as connection:
        kinds = f"{hour}, upstream, purpose, decision, outcome"
        await connection.execute(text(f"INSERT INTO {hourly.name} SELECT {kinds}, count(*) {ended} {kinds}"))
        # as many names an hour as the counter keeps
        named = (
            f"CASE WHEN CAST(substr(principal, 2) AS INTEGER) < {store_hourly.MOST_PRINCIPALS} THEN principal ELSE '(others)' END"
        )
        await connection.execute(
            text(f"INSERT INTO {hourly_principals.name} SELECT {hour}, {named}, count(*) {ended} {hour}, {named}")
        )
        place = {"instance": "bench-0", "epoch": 1, "seq": 2 * number, "at": now}
        await connection.execute(
            insert(cursors), [place | {"segment": 1, "offset_bytes": 1, "commit_number": 1, "commit_frames": 1}]
        )
        await connection.execute(insert(reader_cursors), [place | {"reader": store_hourly.READER}])
        await connection.execute(insert(cases), [a_case(at, now) for at in range(1000)])
        await connection.execute(insert(findings), [a_finding(at, now) for at in range(5000)])
    async with store.write() as connection:
        await connection.execute(text("ANALYZE"))


def a_case(at: int, now: int) -> dict[str, Any]:
    """A case; one in five is open."""
    return {
        "id": f"case_{at:032x}",
        "subject_kind": "principal",
        "subject": f"p{at}",
        "state": "open" if at % 5 == 0 else "closed",
        "severity": "medium",
        "opened_at": now - at * 1_000_000,
        "changed_at": now,
    }


def a_finding(at: int, now: int) -> dict[str, Any]:
    """A finding; one in five is open."""
    return {
        "id": f"fnd_{at:032x}",
        "at": now - at * 1_000_000,
        "dedup_key": f"k{at}",
        "kind": "terms",
        "severity": "medium",
        "title": "Declared purpose against terms",
        "principal": f"p{at % 1000}",
        "rule": "pack/rule",
        "case_id": f"case_{at % 1000:032x}",
        "state": "open" if at % 5 == 0 else "decided",
        "decision": "" if at % 5 == 0 else "confirmed",
        "last_at": now,
        "count": 1,
    }


async def measure(store: Store) -> None:
    """Ask for each address, and print how long it took."""

    async def record(_event: str, _detail: dict[str, str | int]) -> None:
        return

    async def published() -> None:
        return

    app = create(AdminParts(store, AESGCM(bytes(32)), TOKEN, record, list, published))
    headers = {"authorization": f"Bearer {TOKEN}"}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://admin", headers=headers, timeout=120) as client:
        found: dict[str, list[float]] = {address: [] for address in ADDRESSES}
        for _ in range(TURNS):
            for address in ADDRESSES:
                began = time.perf_counter()
                answer = await client.get(address)
                found[address].append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, (address, answer.text)
    for address, times in found.items():
        times.sort()
        print(f"{address:92} median {times[len(times) // 2]:7.1f} ms   p95 {times[int(len(times) * 0.95)]:7.1f} ms", flush=True)


async def run(number: int, url: str) -> None:
    """Fill and measure one store."""
    store = await Store.open(url)
    now = time.time_ns() // 1000
    try:
        began = time.perf_counter()
        await fill(store, number, now)
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"{store.dialect}: {number:,} exchanges filled in {time.perf_counter() - began:.0f} s; load {load}", flush=True)
        await measure(store)
    finally:
        await store.close()


def main(arguments: list[str]) -> None:
    """See the module."""
    number = int(arguments[0]) if arguments else 200_000
    if len(arguments) > 1:
        asyncio.run(run(number, arguments[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(number, f"sqlite:///{Path(folder)}/store.sqlite"))


if __name__ == "__main__":
    main(sys.argv[1:])
