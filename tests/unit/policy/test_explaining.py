"""An explanation says of every rule why it matched or did not, and never contradicts the engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.core.call import Call
from proxy.core.decision import Verdict
from proxy.core.rules import Bundle, Exemption, Rule
from proxy.policy.cases import Given, call_of
from proxy.policy.conditions import condition
from proxy.policy.engine import Engine
from proxy.policy.explaining import Explained, explain, values_of


def call(**values: object) -> Call:
    """A call of 2026-11-22 by `someone`."""
    return call_of(Given.model_validate({"on": "2026-11-22", **values}), {}, lambda _: Verdict())


def explained(rule: Rule, **values: object) -> Explained:
    """What is said of one rule."""
    return explain(call(**values), [rule], Bundle(), condition).rules[0]


@pytest.mark.parametrize(
    ("rule", "values", "state", "why"),
    [
        (Rule("r", "deny", when="n > 8"), {"n": 9}, "matched", ""),
        (Rule("r", "deny", when="n > 8"), {"n": 2}, "not matched", "n > 8 is false (n = 2)"),
        (Rule("r", "deny", when="logprobs"), {}, "not matched", "logprobs is false"),
        (Rule("r", "deny", when="n > 1 && (logprobs || tools > 3)"), {"n": 2}, "not matched",
         "logprobs is false and tools > 3 is false (tools = 0)"),
        (Rule("r", "deny", when="!(n > 1)"), {"n": 2}, "not matched", "!(n > 1) is false (n = 2)"),
        (Rule("r", "deny", match={"upstream": ("anthropic", "x*")}), {}, "not matched", "upstream is openai, not anthropic or x*"),
        (Rule("r", "deny", match={"flags": ("odd",)}), {}, "not matched", "flags is none, not odd"),
        (Rule("r", "deny", match={"upstream": ("xai",)}, when="n > 8"), {}, "not matched", "upstream is openai, not xai"),
        (Rule("r", "deny", mode="shadow"), {}, "shadow", ""),
        (Rule("r", "deny", rollout=0), {}, "shadow", ""),
        (Rule("r", "deny", exempt=(Exemption(("some*",), 2**60, "me"),)), {}, "exempt", ""),
    ],
)  # fmt: skip
def test_states_and_reasons(rule: Rule, values: dict[str, object], state: str, why: str) -> None:
    """Each way in which a rule can stand to a call has its word, and the first thing that did not hold is named with its value."""
    said = explained(rule, **values)
    assert (said.state, said.why) == (state, why)


def test_an_expression_that_fails() -> None:
    """What an expression stumbles over is told beside the rule, which counts with its `on_error`."""
    said = explained(Rule("r", "flag", when='attributes["a"] == "b" && n > 0'))
    assert said.state == "failed"
    assert said.why.startswith('attributes["a"] == "b" could not be evaluated: ')


def test_parts_have_values() -> None:
    """Every part of an expression comes with its value and the names in it."""
    said = explained(Rule("r", "deny", when='n > 8 || purpose == "use.product"'), n=3)
    assert said.when is not None
    assert [(part.text, part.value, part.names) for part in said.when.parts] == [
        ("n > 8", False, {"n": 3}),
        ('purpose == "use.product"', False, {"purpose": "undeclared"}),
    ]


def test_matching_rules_come_first() -> None:
    """Among many rules those that matched are read first, each group by name."""
    rules = [Rule("a", "deny", when="n > 8"), Rule("b", "flag"), Rule("c", "deny", mode="shadow")]
    assert [each.name for each in explain(call(), rules, Bundle(), condition).rules] == ["b", "c", "a"]


def test_values_that_say_something() -> None:
    """Of a call those values are shown that are not empty, as JSON has them."""
    shown = values_of(call(n=3, attributes={"distributed": "true"}))
    assert shown["attributes"] == {"distributed": "true"}
    assert shown["time.at"] == "2026-11-22T00:00:00Z"
    assert "logprobs" not in shown


def contradictions(states: Callable[[list[Rule], Call], dict[str, str]]) -> list[str]:
    """Rules of which an explanation and the engine say different things, over some rules and calls."""
    rules = [
        Rule("a", "deny", match={"purpose": ("train.*",)}, when="n > 2"),
        Rule("b", "flag", match={"purpose": ("use.*",), "upstream": ("openai",)}),
        Rule("c", "flag", when='model.startsWith("gpt")'),
    ]
    bad = []
    for purpose in ("train.general", "use.product", "undeclared"):
        for n in (1, 3):
            asked = call(purpose=purpose, n=n, model="gpt-4.1" if n == 1 else "o5")
            matched = Engine(rules, Bundle(), condition).decide(asked).rules
            bad += [name for name, why in states(rules, asked).items() if (why == "") != (name in matched)]
    return bad


def test_no_contradiction() -> None:
    """A rule has a reason not to match exactly if the engine says that it does not; a reason too many is noticed."""

    def states(rules: list[Rule], asked: Call) -> dict[str, str]:
        return {each.name: each.why for each in explain(asked, rules, Bundle(), condition).rules}

    assert contradictions(states) == []
    assert contradictions(lambda rules, asked: dict.fromkeys(states(rules, asked), "because"))
