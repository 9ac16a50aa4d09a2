"""What it costs control to look at a record and raise what its evidence gives rise to.

    python -m benchmarks.micro_findings [RECORDS] [--database URL]

A store of so many shipped exchanges (20,000 unless told otherwise; a tenth of them without purpose, every fiftieth flagged by a
rule) is gone through once by the duty that raises findings. Printed are microseconds of this process per record, and by the clock.
The database is SQLite in a temporary folder, or a PostgreSQL that is empty.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.control.findings import FindingRaiser
from proxy.core.rules import Rule
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.review.raised import Raised
from tests.ledgers import Writer

_BATCH = 500
_RULES = {"large": Rule("large", "flag")}


class Told:
    """One rule is in force, and no clause is due."""

    def rules(self) -> Mapping[str, Rule]:
        """See `control.findings.Told`."""
        return _RULES

    def due(self, now: int) -> Iterable[Raised]:  # noqa: ARG002
        """See `control.findings.Told`."""
        return ()

    def declared(self) -> Mapping[str, str]:
        """See `control.findings.Told`."""
        return {}


async def filled(store: Store, records: int) -> None:
    """Ship the exchanges."""
    writer = Writer()
    for number in range(records):
        flagged: dict[str, Any] = {"rules": ("large",), "decision": "flag"} if number % 50 == 0 else {}
        writer.exchange(purpose="undeclared" if number % 10 == 0 else "use.product", **flagged)
        if number % _BATCH == _BATCH - 1:
            await ship(store, writer.batch())
            writer.frames.clear()
    await ship(store, writer.batch())


async def measure(records: int, url: str) -> None:
    """Fill, read, print."""
    store = await Store.open(url)
    await filled(store, records)
    duty = FindingRaiser(store, Told(), lambda: 1, lambda *_, **__: None)
    cpu, clock = time.process_time(), time.perf_counter()
    await duty.pass_once()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    print(
        f"{store.dialect}: {cpu / records * 1e6:.1f} us of this process a record, {clock / records * 1e6:.1f} us by the clock; "
        f"{duty.raised} findings of {records} records"
    )
    await store.close()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=int, nargs="?", default=20_000)
    parser.add_argument("--database", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(options.records, options.database or f"sqlite:///{folder}/store.db"))


if __name__ == "__main__":
    main()
