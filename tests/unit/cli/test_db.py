"""`tos-proxy db upgrade`."""

from __future__ import annotations

import json

from proxy.ledger.store_schema import HEAD
from tests.unit.cli.conftest import Command


def test_made_and_left_alone(command: Command) -> None:
    """A database is made in the form this version expects, and a second time nothing happens."""
    assert json.loads(command("db", "upgrade", "--json").out) == {"revision": HEAD, "copy": None}
    assert command("db", "upgrade").out == f"the store is at form {HEAD}\n"
