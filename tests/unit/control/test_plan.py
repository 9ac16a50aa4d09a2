"""What a supervisor is told."""

from __future__ import annotations

import pytest

from proxy.control.plan import Plan


def test_written_and_read() -> None:
    """A plan survives its way through one argument."""
    plan = Plan(role="all", data_dir="/d", workers=3, token_file="/d/t")
    assert Plan.read(plan.write()) == plan


@pytest.mark.parametrize(
    ("role", "ships", "gateways", "control"),
    [("all", True, True, True), ("gateway", False, True, False), ("gateway", True, True, True), ("control", True, False, True)],
)
def test_who_runs(role: str, ships: bool, gateways: bool, control: bool) -> None:
    """A role says which processes run; a gateway that ships to a database for many has a control process too."""
    plan = Plan(role=role, data_dir="/d", ships=ships)
    assert (plan.gateways, plan.control) == (gateways, control)
