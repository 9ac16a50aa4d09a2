"""`tos-proxy config`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Command


def test_check_tells_by_its_exit_code(command: Command, tmp_path: Path) -> None:
    """0 usable, 1 usable with warnings, 2 not usable with one line a problem."""
    assert command("config", "check").code == 0
    file = tmp_path / "tos-proxy.yaml"
    file.write_text("principals: {a: {keys: [tp_x]}, b: {keys: [tp_y]}}\n")
    warned = command("config", "check")
    assert warned.code == 1
    assert warned.err.count("warning: tos-proxy.yaml:") == 2
    file.write_text("gatway: {}\nhealth: {port: x}\n")
    bad = command("config", "check")
    assert bad.code == 2
    assert bad.err.splitlines()[0] == "tos-proxy.yaml:1:1: gatway: unknown key (did you mean gateway?)"
    assert len(json.loads(command("config", "check", "--json").out)["problems"]) == 2


def test_show_tells_origins(command: Command, tmp_path: Path) -> None:
    """Every value in force is shown with its origin, as text and as JSON."""
    (tmp_path / "tos-proxy.yaml").write_text("gateway:\n  port: 9000\n")
    shown = {each["path"]: each for each in json.loads(command("config", "show", "--json").out)}
    assert shown["gateway.port"] == {"path": "gateway.port", "value": 9000, "origin": "tos-proxy.yaml:2"}
    assert "gateway.port: 9000" in command("config", "show").out
    (tmp_path / "tos-proxy.yaml").write_text("gateway: [")
    assert command("config", "show").code == 2
