"""What is said of a rule without any call holds for every call: held against the engine over rules and calls of all kinds."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.core.decision import Verdict
from proxy.core.rules import Bundle, Rule
from proxy.policy.cases import Given, call_of
from proxy.policy.conditions import condition
from proxy.policy.domains import can_match, covers
from proxy.policy.engine import Engine
from proxy.policy.explaining import explain

TESTS = (
    "n > 2", "n >= 3", "n == 2", "2 < n", "n < 3", "logprobs", "declared", "declared == false", 'purpose == "use.product"',
    'purpose != "train.general"', 'purpose in ["train.general", "undeclared"]', 'purpose.startsWith("train.")', '"odd" in flags',
    '"not_json" in flags', 'model == "a"', 'model.startsWith("a")', 'terms.verdict == "forbid"',
    'terms.verdict in ["review", "forbid"]',
    "temperature > 1.0", "temperature < 1.5", 'attributes["x"] == "y"', 'model < "b"',
)  # fmt: skip
MATCHES: dict[str, Any] = {
    "purpose": ["train.*", "train.general", "use.product", "undeclared", "*"],
    "model": ["a", "a*", "b?"],
    "flags": ["odd", "not_json", "o*"],
    "terms.verdict": ["forbid", "review"],
}

texts = st.recursive(
    st.sampled_from(TESTS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
        inner.map(lambda text: f"!({text})"),
    ),
    max_leaves=4,
)
matches = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from(values), min_size=1, max_size=2).map(tuple) for name, values in MATCHES.items()}
)
rules = st.builds(lambda name, match, when: Rule(name, "flag", match=match, when=when), st.just("r"), matches, st.just("") | texts)
calls = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["train.general", "train.self_distill", "use.product", "undeclared"]),
        "model": st.sampled_from(["a", "ab", "b1", "c", None]),
        "flags": st.lists(st.sampled_from(["odd", "not_json", "o2"]), unique=True),
        "n": st.integers(1, 4),
        "logprobs": st.booleans(),
        "temperature": st.sampled_from([None, 0.5, 1.2, 1.5]),
        "attributes": st.sampled_from([{}, {"x": "y"}, {"x": "z"}]),
        "terms": st.fixed_dictionaries({"verdict": st.sampled_from(["allow", "review", "forbid"])}),
    }
)


def matched(rule: Rule, values: dict[str, Any]) -> bool:
    """Whether the engine says that the rule matches; an expression without value matches nothing here."""
    call = call_of(Given.model_validate({"on": "2026-11-22", **values}), {}, lambda _: Verdict())
    decision = Engine([rule], Bundle(), condition).decide(call)
    return bool(decision.rules) and not decision.failed


def wrong(one: Rule, other: Rule, values: dict[str, Any]) -> list[str]:
    """Where what was said of the rules does not hold for a call."""
    hits = matched(one, values), matched(other, values)
    bad = [f"{rule} cannot match" for rule, hit in zip((one, other), hits, strict=True) if hit and can_match(rule) is False]
    if hits[0] and not hits[1] and "attributes" not in other.when and covers(other, one):
        bad.append(f"{other} covers {one}")
    return bad


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(one=rules, other=rules, values=calls)
def test_never_means_never(one: Rule, other: Rule, values: dict[str, Any]) -> None:
    """A rule that is said to match nothing matches no call, and one that covers another matches whatever that matches."""
    assert not wrong(one, other, values)


@settings(max_examples=150, deadline=None)
@given(rule=rules, values=calls)
def test_a_reason_exactly_where_nothing_matches(rule: Rule, values: dict[str, Any]) -> None:
    """An explanation gives a reason not to match exactly where the engine finds no match."""
    call = call_of(Given.model_validate({"on": "2026-11-22", **values}), {}, lambda _: Verdict())
    explained = explain(call, [rule], Bundle(), condition).rules[0]
    assert (explained.why == "") == (explained.state == "matched")


def test_a_wrong_word_would_be_noticed(monkeypatch: Any) -> None:
    """The first test can fail: were everything said to match nothing, or to cover all, calls would show it."""
    import tests.property.test_policy_domains as this

    values = {"purpose": "use.product", "n": 3}
    assert not this.wrong(Rule("a", "flag"), Rule("b", "flag", when="n > 3"), values)
    monkeypatch.setattr(this, "can_match", lambda _: False)
    monkeypatch.setattr(this, "covers", lambda _wider, _narrower: True)
    assert len(this.wrong(Rule("a", "flag"), Rule("b", "flag", when="n > 3"), values)) == 2
