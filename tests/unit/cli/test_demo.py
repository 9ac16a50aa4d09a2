"""`tos-proxy demo`."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Command


def test_every_request_leaves_its_record(command: Command) -> None:
    """The demo ends by itself within its time, and each request that reached the upstream has a record with its purpose."""
    told = json.loads(command("demo", "--json").out)
    assert told["sent"] == told["upstream_saw"] == len(told["records"])
    assert {"use.product", "train.general", "eval.private"} <= {record["purpose"] for record in told["records"]}
