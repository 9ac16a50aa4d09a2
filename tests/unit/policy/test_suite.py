"""Cases are decided by the rules that they are about, and notice when a rule is changed."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core.decision import Verdict
from proxy.core.rules import Rule
from proxy.policy.cases import TestFile, read_tests
from proxy.policy.conditions import condition
from proxy.policy.suite import Means, Suite, mutants, run, suites, survivors

MEANS = Means(condition, lambda _: Verdict("forbid", ("c.1",), obligations=("say so",)), {})
RULE = Rule("pack/big", "deny", match={"purpose": ("train.*",)}, when="n > 8 && logprobs", clauses=("c.2",), message="Too many.")
FULL = """
  - {case: hit, given: {n: 9}, expect: {effect: deny, rules: [big], clauses: [c.1, c.2], message: Too, obligations: [say so]}}
  - {case: few, given: {n: 8}, expect: {effect: allow, rules: []}}
  - {case: plain, given: {n: 9, logprobs: false}, expect: {effect: allow}}
  - {case: product, given: {n: 9, purpose: use.product}, expect: {effect: allow}}
"""


def file_of(cases: str, file: str = "policies/pack/big_test.yaml", rules: str = "") -> TestFile:
    """A file of these cases."""
    head = "apiVersion: tos-proxy/v1\nkind: PolicyTest\nmetadata: {name: x}\nspec:\n"
    given = "  given: {on: 2026-11-22, purpose: train.general, logprobs: true}\n"
    found, problems = read_tests(f"{head}{given}{rules}  cases:{cases}".encode(), file)
    assert found is not None, problems
    return found


def failures(case: str, rule: Rule = RULE) -> list[str]:
    """What one case complains of."""
    return [text for result in run(Suite(file_of(f"\n  - {case}\n"), (rule,)), MEANS) for text in result.failures]


def test_good_cases_pass() -> None:
    """A rule that does what its cases expect is not complained of."""
    assert [result.failures for result in run(Suite(file_of(FULL), (RULE,)), MEANS)] == [()] * 4


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ("effect: flag", "effect: flag expected, deny by pack/big found"),
        ("effect: deny, rules: []", "rules: none expected, pack/big found"),
        ("effect: deny, shadow: [big:deny]", "shadow: big:deny expected, none found"),
        ("effect: deny, clauses: [c.3]", "clauses: c.3 expected, c.2, c.1 found"),
        ("effect: deny, obligations: [x]", "obligations: x expected, say so found"),
        ("effect: deny, verdict: allow", "verdict: allow expected, forbid found"),
        ("effect: deny, message: few", "message: 'few' expected, 'Too many. (rule pack/big; clause c.2)' found"),
        ("effect: deny, drop: [logprobs]", "drop: logprobs expected, none found"),
        ("effect: deny, set: {a.b: true}", 'set: {"a.b": true} expected, {} found'),
    ],
)
def test_each_difference_is_told(expect: str, failure: str) -> None:
    """Whatever differs from what a case expects is said in words."""
    assert failure in failures(f"{{case: x, given: {{n: 9}}, expect: {{{expect}}}}}")


def test_transforms_are_compared() -> None:
    """Members that are dropped and set count with their values."""
    rule = msgspec.structs.replace(RULE, effect="allow", drop=("logprobs",), set={"provider.flag": "true"})
    assert failures("{case: x, given: {n: 9}, expect: {effect: allow, drop: [logprobs], set: {provider.flag: true}}}", rule) == []


def test_an_expression_that_fails_is_no_success() -> None:
    """A case whose expression cannot be evaluated fails, whatever effect that has."""
    rule = msgspec.structs.replace(RULE, when='attributes["a"] == "b"')
    assert failures("{case: x, expect: {effect: deny}}", rule) == ["expression: pack/big could not be evaluated"]


def test_which_rules_a_file_is_about() -> None:
    """The rule beside it, else those it names, else all of its folder; a file about none is a problem."""
    rules = [Rule("pack/big", "flag", source="p/big.yaml"), Rule("pack/other", "flag", source="p/other.yaml")]

    def about(file: str, named: str = "") -> list[str]:
        found, problems = suites([file_of(FULL, file, named)], rules, lambda rule: rule.source)
        return [rule.name for suite in found for rule in suite.rules] or [str(problem) for problem in problems]

    assert about("p/big_test.yaml") == ["pack/big"]
    assert about("p/all_test.yaml") == ["pack/big", "pack/other"]
    assert about("p/all_test.yaml", "  rules: [other]\n") == ["pack/other"]
    assert about("elsewhere/x_test.yaml") == ["elsewhere/x_test.yaml:1:1: a test of no rule (put it beside the rule)"]


def test_full_tests_leave_no_mutant_alive() -> None:
    """Tests with a case on each side of every test notice any change of the rule."""
    assert survivors([Suite(file_of(FULL), (RULE,))], MEANS) == []


@pytest.mark.parametrize(
    ("left_out", "alive"),
    [("few", "when: always n > 8"), ("plain", "when: always logprobs"), ("product", "match: without purpose")],
)
def test_a_missing_case_lets_a_mutant_live(left_out: str, alive: str) -> None:
    """Without the case on the other side of it, the change of a test goes unnoticed, and is named."""
    fewer = "\n".join(line for line in FULL.splitlines() if f"case: {left_out}" not in line)
    assert [mutant.change for mutant in survivors([Suite(file_of(f"{fewer}\n"), (RULE,))], MEANS)] == [alive]


def test_nothing_expected_lets_all_live() -> None:
    """A test that checks a call which the rule has nothing to do with notices hardly anything."""
    blind = file_of("\n  - {case: blind, given: {purpose: use.product, n: 1, logprobs: false}, expect: {effect: allow}}\n")
    assert len(survivors([Suite(blind, (RULE,))], MEANS)) == len(list(mutants(RULE)))


def test_mutants() -> None:
    """Every part of a rule is changed once."""
    rule = msgspec.structs.replace(RULE, drop=("a",))
    assert [mutant.change for mutant in mutants(rule)] == [
        "rule left out",
        "effect: allow for deny",
        "mode: shadow for enforce",
        "match: without purpose",
        "when: not n > 8",
        "when: always n > 8",
        "when: never n > 8",
        "when: not logprobs",
        "when: always logprobs",
        "when: never logprobs",
        "transform: left out",
    ]
