"""A linked group as people look at it."""

from __future__ import annotations

from typing import Any

from proxy.review.linked import TEXT, linked


def _finding(principal: str, **given: Any) -> dict[str, Any]:
    found = {"id": f"fnd_{principal}", "principal": principal, "group_key": "linked-1", "severity": "high", "state": "open"}
    found |= {"decision": "", "first_at": 5, "last_at": 9, "detail": {"prompts": 7}}
    return found | {"contributions": [{"signal": "linkage", "nats": 3.25}]} | given


def test_members_have_the_ties_that_hold_them() -> None:
    """The text weighs what the finding says; what the host knows ties where two have it in common, and only members count."""
    traits = [("a", "payment", "k1"), ("b", "payment", "k1"), ("c", "payment", "k2"), ("stranger", "payment", "k2")]
    found = linked([_finding("a"), _finding("b", contributions=[]), _finding("c")], traits, {"b": "limited"})
    assert [(one.principal, one.standing, [(tie.name, tie.says) for tie in one.ties]) for one in found.members] == [
        ("a", "normal", [(TEXT, "+3.2 nats"), ("same payment · k1", "")]),
        ("b", "limited", [(TEXT, "by text"), ("same payment · k1", "")]),
        ("c", "normal", [(TEXT, "+3.2 nats")]),
    ]
    assert found.ties == {TEXT: 3, "same payment · k1": 2}


def test_a_member_is_there_once_however_much_was_found_about_it() -> None:
    """The newest finding is linked to; what is open is counted, what is about nobody left out."""
    older = _finding("a", id="fnd_0", state="decided", first_at=1, severity="low")
    found = linked([_finding("a"), older, _finding("")], [], {})
    assert [(one.finding, one.open_findings, one.first_at, one.severity) for one in found.members] == [("fnd_a", 1, 1, "high")]
