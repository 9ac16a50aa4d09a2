"""The systemd unit: well-formed to systemd, and true of the product."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.cli import build as command_line
from proxy.control.plan import CUTTING_SECONDS
from proxy.settings.loading import load
from tests.architecture.tree import ROOT
from tests.deployment.options import wrong_options

UNIT = ROOT / "deploy" / "systemd" / "tos-proxy.service"


def faults(text: str, folder: Path) -> list[str]:
    """What is wrong with a unit."""
    told: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            told.setdefault(name, []).append(value)
    environ = dict(value.split("=", 1) for value in told["Environment"])
    settings = load({name: value for name, value in environ.items() if name.startswith("TOS_PROXY_")}, folder).settings
    bad = wrong_options(command_line(), shlex.split(told["ExecStart"][0])[1:])
    bad += [] if str(settings.data_dir) == f"/var/lib/{told['StateDirectory'][0]}" else ["records are not in its state folder"]
    bad += [] if told["Type"] == ["notify"] and told["KillMode"] == ["mixed"] else ["all processes are told to end at once"]
    needed = settings.gateway.deadlines.drain + CUTTING_SECONDS + settings.ledger.durability.ship + 5
    bad += [] if float(told["TimeoutStopSec"][0]) >= needed else [f"is killed before its end of {needed} s"]
    return bad + [f"{name} is missing" for name in ("DynamicUser", "ProtectSystem", "NoNewPrivileges") if name not in told]


def test_true(tmp_path: Path) -> None:
    """Nothing is wrong with it."""
    assert faults(UNIT.read_text(), tmp_path) == []


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("tos-proxy serve", "tos-proxy start"),
        ("StateDirectory=tos-proxy", "StateDirectory=proxy"),
        ("KillMode=mixed", "KillMode=control-group"),
        ("TimeoutStopSec=180", "TimeoutStopSec=90"),
        ("ProtectSystem=strict", "#"),
    ],
)
def test_what_is_wrong_is_found(there: str, instead: str, tmp_path: Path) -> None:
    """Each kind of mistake is found."""
    assert there in UNIT.read_text()
    assert faults(UNIT.read_text().replace(there, instead), tmp_path) != []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_it(tmp_path: Path) -> None:
    """Systemd knows every directive of it."""
    program = tmp_path / "tos-proxy"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copied = tmp_path / UNIT.name
    copied.write_text(UNIT.read_text().replace("/usr/local/lib/tos-proxy/bin/tos-proxy", str(program)))
    ran = subprocess.run(["systemd-analyze", "verify", str(copied)], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, [line for line in ran.stderr.splitlines() if UNIT.name in line]) == (0, [])
