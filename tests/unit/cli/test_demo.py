"""`tos-proxy demo`."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.demo import ended_in_order
from tests.proxy_server import ROOT
from tests.unit.cli.conftest import Command


@pytest.fixture(scope="module")
def told() -> Any:
    """What one demo tells a program."""
    command = [sys.executable, "-m", "proxy.cli", "demo", "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def test_every_request_leaves_its_record(told: Any) -> None:
    """The demo ends by itself within its time, and each request has a record with its purpose; two are denied."""
    denied = [record for record in told["records"] if record["decision"] == "deny"]
    assert {(record["principal"], record["verdict"], record["status"]) for record in denied} == {("weekend-tuner", "forbid", 403)}
    assert told["sent"] == len(told["records"]) == told["upstream_saw"] + len(denied)
    assert {"use.product", "train.general", "eval.private"} <= {record["purpose"] for record in told["records"]}


def test_detection_tells_them_apart(told: Any) -> None:
    """A pipeline is found and slowed down, a sweep asked, linked accounts are tied; people and a benchmark are left alone."""
    found = told["detection"]
    assert (found["pair-factory"]["finding"], found["essay-sweep"]["finding"]) == ("extraction", "question")
    assert found["pair-factory"]["slowed_down"] > found["essay-sweep"]["slowed_down"] == 0
    linked = [said for name, said in found.items() if name.startswith("linked-")]
    assert sum(said["finding"] == "extraction" for said in linked) >= 10
    assert len({said["group"] for said in linked if said["finding"]}) == 1
    for name in ("support-desk", "benchmark"):
        assert (found[name]["finding"], found[name]["slowed_down"]) == (None, 0)


def test_a_person_sees_it_end_well(command: Command) -> None:
    """Who asked by what, and the count at the end."""
    out = " ".join(command("demo").out.split())
    assert "by raw HTTP:" in out
    assert ", 0 without a record; inside them 17 queries of batches and 3 turns" in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_outlives_it(number: signal.Signals, tmp_path: Path) -> None:
    """Whoever ends it, or closes its terminal, ends the proxy and the scripted upstream too, and the folder is gone."""
    command = [sys.executable, "-m", "proxy.cli", "demo"]
    environ = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        said = demo.stdout.readline() + demo.stdout.readline()
        demo.send_signal(number)
        assert demo.wait(60) == 128 + number
    for port in re.findall(r"http://127\.0\.0\.1:([0-9]+)", said):
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", int(port))) != 0
    assert not list(tmp_path.glob("tos-proxy-demo-*"))


def test_a_signal_in_the_midst_of_a_lock() -> None:
    """What the interrupted call makes of it is not what is told; a fault without a signal is."""

    def interrupted(number: signal.Signals) -> None:
        try:
            signal.raise_signal(number)
        finally:
            raise RuntimeError("release unlocked lock")

    calm = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in calm.items()}  # a loop before may have left its own
    try:
        for number in calm:
            with pytest.raises(SystemExit) as ended, ended_in_order():
                interrupted(number)
            assert ended.value.code == 128 + number
        with pytest.raises(RuntimeError), ended_in_order():
            raise RuntimeError("a fault")
        assert {number: signal.getsignal(number) for number in calm} == calm
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
