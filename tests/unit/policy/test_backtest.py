"""Two sets of rules over the same calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxy.core.call import Call
from proxy.core.decision import ALLOWED, Decision, Verdict
from proxy.core.facts import RequestFacts
from proxy.core.rules import Rule
from proxy.policy import backtest
from proxy.policy.backtest import Backtest, Change, RuleCount
from proxy.policy.replay import Replay, Seen

DENIED = Decision("deny", ("pack/no",), ("a.1",), "no")
FLAGGED = Decision("flag", ("pack/odd",))
SHADOWED = Decision(shadow=("pack/no:deny",))
FAILED = Decision("deny", ("pack/broken",), failed=("pack/broken",))
RULES = {rule.name: rule for rule in (Rule("pack/no", "deny"), Rule("pack/odd", "flag"), Rule("pack/broken", "flag"))}


def entry(number: int, **changes: Any) -> Seen:
    """One query of the past."""
    values = {"principal": "alice", "purpose": "use.product", "upstream": "openai", "dialect": "openai", "endpoint": "chat"}
    facts = changes.pop("facts", RequestFacts(model="gpt-5"))
    return Seen(f"rec_{number}", 1000 + number, facts=facts, **(values | changes))


def saying(decide: Callable[[Call], Decision], verdict: str = "allow") -> backtest.Judge:
    """A set that says this."""

    def judge(call: Call, /) -> Decision:
        call.verdict = Verdict(verdict)
        return decide(call)

    return judge


def always(decision: Decision) -> backtest.Judge:
    """A set that says the same of every call."""
    return saying(lambda _: decision)


def run(before: backtest.Judge, after: backtest.Judge, *entries: Seen, **options: Any) -> Backtest:
    """A backtest over these."""
    ticks = iter(range(0, 10_000_000, 2000))
    test = Backtest(before, after, RULES, clock=lambda: next(ticks), **options)
    replay = Replay()
    for each in entries:
        test.take(each, replay.call(each))
    return test


def test_what_changes_is_counted_by_rule_principal_and_purpose() -> None:
    """From which effect to which, with examples that say which rules made it."""
    draft = saying(lambda call: DENIED if call.purpose == "train.general" else FLAGGED, "review")
    entries = [entry(1), entry(2, purpose="train.general"), entry(3, principal="bob", purpose="train.general", decision="flag")]
    result = run(always(FLAGGED), draft, *entries).result()
    assert (result.queries, result.changed, result.drifted) == (3, 2, 2)
    assert result.changes == [Change("flag", "deny", 2)]
    assert result.verdicts == [Change("allow", "review", 3)]
    assert result.effects_in_force == {"allow": 0, "flag": 3, "throttle": 0, "deny": 0}
    assert result.effects_draft == {"allow": 0, "flag": 1, "throttle": 0, "deny": 2}
    assert result.rules == [
        RuleCount("pack/no", "deny", "enforce", 0, 2, 0, 0),
        RuleCount("pack/odd", "flag", "enforce", 3, 1, 0, 0),
    ]
    assert [(row.name, row.queries, row.changed, row.denied_draft) for row in result.principals] == [
        ("alice", 2, 1, 1),
        ("bob", 1, 1, 1),
    ]
    assert [(row.name, row.changed) for row in result.purposes] == [("train.general", 2), ("use.product", 0)]
    assert [(each.record, each.was, each.to, each.rules, each.clauses, each.verdict) for each in result.examples] == [
        ("rec_2", "flag", "deny", ("pack/no", "-pack/odd"), ("a.1",), "review"),
        ("rec_3", "flag", "deny", ("pack/no", "-pack/odd"), ("a.1",), "review"),
    ]


def test_a_rule_in_shadow_changes_nothing_and_is_counted() -> None:
    """With the effect that it would have had."""
    result = run(always(ALLOWED), always(SHADOWED), entry(1), entry(2)).result()
    assert result.changed == 0
    assert result.rules == [RuleCount("pack/no", "deny", "shadow", 0, 2, 0, 0)]


def test_expressions_that_failed_are_counted() -> None:
    """By rule and set."""
    result = run(always(FAILED), always(FAILED), entry(1)).result()
    assert result.rules == [RuleCount("pack/broken", "flag", "enforce", 1, 1, 1, 1)]


@pytest.mark.parametrize("denied", [0, 1])
def test_a_carrier_is_decided_by_its_lines(denied: int) -> None:
    """One line that is denied denies the upload, as on the day; lines of another carrier do not."""
    lines = [entry(number, carrier="rec_9", length=10, principal=str(number)) for number in range(2)]
    carrier = entry(9, facts=RequestFacts(lines=2), decision="deny")
    other = entry(8, facts=RequestFacts(lines=2))
    draft = saying(lambda call: DENIED if call.principal.name == str(denied) else ALLOWED)
    result = run(always(ALLOWED), draft, *lines, carrier, other).result()
    assert result.changed == 2
    assert {each.record for each in result.examples} == {f"rec_{denied}", "rec_9"}


def test_the_same_set_twice_changes_nothing() -> None:
    """And what was recorded then is held against the set in force."""
    same = always(FLAGGED)
    result = run(same, same, entry(1, decision="flag"), entry(2, decision="deny")).result()
    assert result.changed == 0
    assert [(each.record, each.was, each.to) for each in result.drifts] == [("rec_2", "deny", "flag")]


def test_another_body_sent_is_a_change() -> None:
    """Though the effect is the same."""
    from proxy.core.decision import Transform

    changed = Decision("flag", ("pack/odd",), transforms=(Transform("pack/odd", ("logprobs",)),))
    assert run(always(FLAGGED), always(changed), entry(1)).result().changed == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names beyond the bound are counted together, examples are as many as asked for."""
    monkeypatch.setattr(backtest, "MOST_NAMES", 2)
    result = run(always(ALLOWED), always(DENIED), *(entry(each, principal=f"p{each}") for each in range(9)), examples=4).result()
    assert {row.name: row.queries for row in result.principals} == {"p0": 1, "p1": 1, "(others)": 7}
    assert len(result.examples) == 4


def test_cost_is_told_per_query() -> None:
    """Each look at this clock takes two microseconds."""
    result = run(always(ALLOWED), always(ALLOWED), entry(1), entry(2)).result()
    assert (result.in_force_us, result.draft_us) == (2.0, 2.0)
