"""`tos-proxy policy`."""

from __future__ import annotations

import pytest

from proxy.cli import run
from proxy.cli.policy import COMMANDS


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """The group's help names each command in the order of the table."""
    assert run(["policy", "--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "] == list(COMMANDS)
