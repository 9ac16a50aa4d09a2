"""`durability: local+db`: on a volume that may die with its pod, the end waits until the database has everything."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.proxy_server import ProxyServer, StartProxy
from tests.servers import Postgres
from tests.unit.control.test_supervisor import exchange
from tests.waiting import PATIENCE


@pytest.fixture
def away(postgres: Postgres) -> Iterator[Postgres]:
    """A database that the test takes away; it is there again afterwards."""
    yield postgres
    with suppress(RuntimeError):  # it runs
        postgres.start()


def second_place(start_proxy: StartProxy, postgres: Postgres, **durability: str) -> ProxyServer:
    """A proxy with its database elsewhere."""
    server = start_proxy(
        configuration={"database_url": postgres.database(), "ledger": {"durability": {"copies": "local+db", **durability}}}
    )
    server.until(lambda: "0 entries are not there yet" in server.get("/readyz")[1])
    return server


def test_the_end_waits_for_the_database(start_proxy: StartProxy, away: Postgres) -> None:
    """Readiness tells what is only here; a database that is away at the end is waited for, and then the end is in order."""
    server = second_place(start_proxy, away)
    away.stop()
    assert [exchange(server) for _ in range(5)] == [200] * 5
    status, text = server.get("/readyz")
    assert status == 200
    assert text.startswith("ready\nrecords survive process death")
    assert "until they are in the database" in text
    assert server.process is not None
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(2)
    assert server.process.poll() is None
    away.start()
    assert server.process.wait(PATIENCE) == 0


def test_what_did_not_reach_it_is_told(start_proxy: StartProxy, away: Postgres) -> None:
    """An end that left records on this volume alone is none in order: a line of diagnostics, and exit code 1."""
    server = second_place(start_proxy, away, ship="1s")
    away.stop()
    assert exchange(server) == 200
    assert server.stop() == 1
    assert "not everything is in the database" in server.stderr
