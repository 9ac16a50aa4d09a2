"""`tos-proxy ledger`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.proxy_server import ProxyServer
from tests.unit.cli.conftest import Command
from tests.unit.control.test_supervisor import exchange


def test_status_of_nothing(command: Command) -> None:
    """A folder without records has a status too."""
    ran = command("ledger", "status", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["epochs"] == 0


def test_status_and_reindex(command: Command, proxy_server: ProxyServer) -> None:
    """Status tells what a running proxy wrote; reindex waits for its end and then rebuilds the whole store."""
    file = str(proxy_server.folder / "tos-proxy.yaml")
    assert exchange(proxy_server) == 200
    running = json.loads(command("ledger", "status", "--json", "--config", file).out)
    assert running["writing"] == 1
    assert running["bytes"] > 0
    assert "stop it first" in command("ledger", "reindex", "--config", file).err
    assert proxy_server.stop() == 0
    assert "unknown while no proxy runs" in command("ledger", "status", "--config", file).out
    rebuilt = json.loads(command("ledger", "reindex", "--json", "--config", file).out)
    assert rebuilt["entries"] >= 3


def test_a_damaged_store_is_put_aside(command: Command, tmp_path: Path) -> None:
    """Where SQLite's file is none any more, reindex says what to do; done, it rebuilds what the segments have."""
    data = tmp_path / "tos-proxy-data"
    data.mkdir()
    (data / "store.db").write_text("no database, but long enough to be looked at as if it were one" * 20)
    ran = command("ledger", "reindex")
    assert ran.code == 1
    assert f"file is not a database; put {data}/store.db aside" in ran.err
    (data / "store.db").unlink()
    assert command("ledger", "reindex").code == 0
