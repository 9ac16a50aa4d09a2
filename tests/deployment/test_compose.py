"""The compose file: true of the image and of the product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.cli import build as command_line
from proxy.control.plan import CUTTING_SECONDS
from proxy.settings.compiling import compile_configuration
from proxy.settings.units import seconds
from tests.architecture.tree import ROOT
from tests.deployment.dockerfile import parse
from tests.deployment.options import wrong_options

IMAGE = parse((ROOT / "Dockerfile").read_text())[-1]


def faults(text: str, folder: Path) -> list[str]:
    """What is wrong with a compose file."""
    told: dict[str, Any] = yaml.safe_load(text.replace("${POSTGRES_PASSWORD:?set it in your shell or in .env}", "word"))
    ours = told["services"]["tos-proxy"]
    example = (ROOT / "deploy" / "compose.env.example").read_text().splitlines()
    file = dict(line.split("=", 1) for line in example if line and not line.startswith("#"))
    found = compile_configuration({**IMAGE.environment, **file, **ours["environment"]}, folder, make=False)
    settings = found.settings
    bad = [str(each) for each in found.warnings] + wrong_options(command_line(), ours["command"])
    ports = {int(port.rpartition(":")[2]) for port in ours["ports"]}
    bad += [] if ports == {settings.gateway.port, settings.health.port} else [f"ports {ports}"]
    bad += [f"{port} is open to everybody" for port in ours["ports"] if not port.startswith("127.0.0.1:")]
    places = {volume.partition(":")[0]: volume.partition(":")[2] for volume in ours["volumes"]}
    bad += [] if str(settings.data_dir) in places.values() else ["records are on no volume"]
    bad += [f"no volume {name}" for name in places if name not in told["volumes"]]
    bad += [f"no service {name}" for name in ours["depends_on"] if name not in told["services"]]
    bad += [] if ours["read_only"] and ours["cap_drop"] == ["ALL"] else ["has more rights than it needs"]
    bad += [] if (settings.database_url or "").split("@")[-1].split("/")[0] in told["services"] else ["no such database"]
    bad += [] if (settings.redis_url or "").split("//")[-1].split(":")[0] in told["services"] else ["no such Redis"]
    bad += [
        f"{name} tells nobody when it is ready"
        for name in ours["depends_on"]
        if "test" not in told["services"][name].get("healthcheck", ())
    ]
    needed = settings.gateway.deadlines.drain + CUTTING_SECONDS + settings.ledger.durability.ship + 5
    return bad + ([] if seconds(ours["stop_grace_period"]) >= needed else [f"is killed before its end of {needed} s"])


def test_true(tmp_path: Path) -> None:
    """Nothing is wrong with it."""
    assert faults((ROOT / "deploy" / "compose.yaml").read_text(), tmp_path) == []


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("command: [serve]", "command: [server]"),
        ("127.0.0.1:8082:8082", "127.0.0.1:8082:8083"),
        ("127.0.0.1:8080:8080", "8080:8080"),
        ("records:/var/lib/tos-proxy", "records:/data"),
        ("read_only: true", "read_only: false"),
        ("@database/", "@elsewhere/"),
        ("redis://redis:", "redis://elsewhere:"),
        ("test: [CMD, redis-cli, ping]", "disable: true"),
        ("stop_grace_period: 2m", "stop_grace_period: 30s"),
    ],
)
def test_what_is_wrong_is_found(there: str, instead: str, tmp_path: Path) -> None:
    """Each kind of mistake is found."""
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    assert there in text
    assert faults(text.replace(there, instead), tmp_path) != []
