"""`tos-proxy db upgrade`."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from proxy.ledger.store_schema import HEAD
from tests.unit.cli.conftest import Command


def test_made_and_left_alone(command: Command) -> None:
    """A database is made in the form this version expects, and a second time nothing happens."""
    assert json.loads(command("db", "upgrade", "--json").out) == {"revision": HEAD, "copy": None}
    assert command("db", "upgrade").out == f"the store is at form {HEAD}\n"


def test_beside_a_running_proxy(command: Command, tmp_path: Path) -> None:
    """Whoever owns the store brought it to its form already."""
    command("db", "upgrade")
    with (tmp_path / "tos-proxy-data" / "store.db.lock").open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        ran = command("db", "upgrade")
    assert (ran.code, "brought it to its own form" in ran.err) == (1, True)
