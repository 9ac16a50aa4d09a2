"""Results of backtests as they are printed."""

from __future__ import annotations

import json

import msgspec
import pytest

from proxy.cli.backtest_shown import MOST_NAMES, show
from proxy.policy.backtest import Change, Example, NameCount, Result, RuleCount
from proxy.provenance.calls import Span

RESULT = Result(
    queries=2000,
    skipped=3,
    changed=12,
    drifted=1,
    in_force_us=1.5,
    draft_us=2.5,
    effects_in_force={"allow": 2000},
    effects_draft={"allow": 1988, "deny": 12},
    changes=[Change("allow", "deny", 12)],
    verdicts=[Change("allow", "forbid", 7)],
    rules=[RuleCount("pack/no", "deny", "enforce", 0, 12, 0, 2), RuleCount("pack/odd", "flag", "shadow", 1234, 1234, 0, 0)],
    principals=[NameCount(f"team-{at}", 10, 1, 0, 1) for at in range(MOST_NAMES + 2)],
    purposes=[NameCount("use.product", 2000, 12, 0, 12)],
    examples=[
        Example("rec_a", 1_790_000_000_000_000, "lab", "use.product", "allow", "deny", ("pack/no", "-pack/old"), ("a.1",), "forbid")
    ],
    drifts=[Example("rec_b", 1_790_000_000_000_000, "lab", "use.product", "deny", "allow")],
)


def printed(capsys: pytest.CaptureFixture[str], result: Result = RESULT, *, partial: bool = False, json_: bool = False) -> str:
    """What stands on stdout."""
    show(result, Span(since=5), partial=partial, json_=json_)
    return capsys.readouterr().out


def test_everything_that_is_asked_for_stands_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts with their words, rules with failures and shadow, names as far as they go, examples with clauses, and drift."""
    out = printed(capsys)
    for line in (
        "2,000 queries judged, 3 entries about which no rule was asked",
        "12 would be decided otherwise (0.60%): 12 allow to deny",
        "verdicts of the terms: 7 allow to forbid",
        "1 are decided otherwise by the set in force than was recorded then",
        "1.5 µs a query for the set in force, 2.5 µs for the draft",
        "and 2 more, with fewer changes",
    ):
        assert line in out.splitlines()
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert rows["pack/no"] == ["pack/no", "deny", "0", "12", "+12", "0", "/", "2"]
    assert rows["pack/odd"] == ["pack/odd", "flag", "(shadow)", "1,234", "1,234", "-", "-"]
    assert rows["rec_a"][-3:] == ["pack/no", "-pack/old", "(a.1)"]
    assert "rec_b" in rows


def test_a_part_of_a_result_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """In the first line, and as JSON."""
    assert printed(capsys, partial=True).startswith("PARTIAL")
    told = json.loads(printed(capsys, partial=True, json_=True))
    assert (told["partial"], told["since"], told["changes"]) == (True, 5, [{"from": "allow", "to": "deny", "queries": 12}])


def test_nothing_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty span prints no empty tables."""
    nothing = msgspec.structs.replace(RESULT, queries=0, skipped=0, changed=0, drifted=0, changes=[], verdicts=[])
    nothing = msgspec.structs.replace(nothing, rules=[], principals=[], purposes=[], examples=[], drifts=[])
    assert printed(capsys, nothing).splitlines() == [
        "0 queries judged",
        "0 would be decided otherwise",
        "1.5 µs a query for the set in force, 2.5 µs for the draft",
    ]
