"""`tos-proxy demo`."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Command


def test_every_request_leaves_its_record(command: Command) -> None:
    """The demo ends by itself within its time, and each request has a record with its purpose; two are denied."""
    told = json.loads(command("demo", "--json").out)
    denied = [record for record in told["records"] if record["decision"] == "deny"]
    assert {(record["principal"], record["verdict"], record["status"]) for record in denied} == {("weekend-tuner", "forbid", 403)}
    assert told["sent"] == len(told["records"]) == told["upstream_saw"] + len(denied)
    assert {"use.product", "train.general", "eval.private"} <= {record["purpose"] for record in told["records"]}


def test_a_person_sees_it_end_well(command: Command) -> None:
    """Who asked by what, and the count at the end."""
    out = " ".join(command("demo").out.split())
    assert "by raw HTTP:" in out
    assert ", 0 without a record; inside them 17 queries of batches and 3 turns" in out


def test_detection_tells_them_apart(command: Command) -> None:
    """A pipeline is found and slowed down, a sweep asked, linked accounts are tied; people and a benchmark are left alone."""
    told = json.loads(command("demo", "--json").out)["detection"]
    assert (told["pair-factory"]["finding"], told["essay-sweep"]["finding"]) == ("extraction", "question")
    assert told["pair-factory"]["slowed_down"] > told["essay-sweep"]["slowed_down"] == 0
    linked = [said for name, said in told.items() if name.startswith("linked-")]
    assert sum(said["finding"] == "extraction" for said in linked) >= 10
    assert len({said["group"] for said in linked if said["finding"]}) == 1
    for name in ("support-desk", "benchmark"):
        assert (told[name]["finding"], told[name]["slowed_down"]) == (None, 0)
