"""Rules that load and yet cannot be meant are named, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.decision import Verdict
from proxy.core.rules import Exemption, Rule
from proxy.documents.checking import checked
from proxy.documents.reading import read_document
from proxy.policy import schema
from proxy.policy.cases import read_tests
from proxy.policy.conditions import condition
from proxy.policy.loader import Source
from proxy.policy.soundness import Placed, uncovered, unfounded, unsound, untested
from proxy.policy.suite import Means, Suite, run

MEANS = Means(condition, lambda _: Verdict(), {})


def placed(rule: Rule) -> Placed:
    """A rule in a file of its own, which has no more in it than places."""
    text = f"""apiVersion: tos-proxy/v1
kind: Policy
metadata: {{name: {rule.name.rpartition("/")[2]}}}
spec:
  effect: flag
  match: {{purpose: [undeclared]}}
  when: "true"
"""
    document = read_document(text.encode(), f"{rule.name}.yaml")
    policy, problems = checked(document, schema.Policy)
    assert policy is not None, problems
    return Placed(rule, Source(rule.name, policy, document))


def complaints(*rules: Rule) -> list[str]:
    """What is wrong with rules beside each other."""
    return [str(problem) for problem in unsound([placed(rule) for rule in rules])]


WIDE = Rule("wide", "deny", match={"purpose": ("train.*",)}, message="No.")
NARROW = Rule("narrow", "flag", match={"purpose": ("train.general",)}, when="n > 3")


def test_sound_rules() -> None:
    """Rules that each decide about something are not complained of."""
    assert complaints(NARROW) == []
    assert complaints(WIDE, Rule("other", "flag", match={"purpose": ("use.product",)})) == []


def test_unreachable() -> None:
    """A rule that no call can match is named where its expression stands, or its match."""
    assert complaints(Rule("r", "flag", match={"purpose": ("undeclared",)}, when="declared")) == [
        "r.yaml:7:9: spec.when: unreachable: no call can match this rule (`when` is false for every call that `match` lets through)"
    ]
    assert complaints(Rule("r", "flag", when="n > 3 && n < 2"))[0].startswith("r.yaml:7:9: spec.when: unreachable")


def test_shadowed() -> None:
    """A rule that a stricter one decides for is named, and where that one is."""
    assert complaints(NARROW, WIDE) == [
        "narrow.yaml:3:18: metadata.name: shadowed by wide: deny for every call that this one matches (it is in wide.yaml:3:18)"
    ]


@pytest.mark.parametrize(
    ("over", "under"),
    [
        (Rule("wide", "deny", mode="shadow", match=WIDE.match, message="No."), NARROW),
        (Rule("wide", "deny", rollout=50, match=WIDE.match, message="No."), NARROW),
        (Rule("wide", "deny", match=WIDE.match, message="No.", exempt=(Exemption(("a",), 1, "b"),)), NARROW),
        (Rule("wide", "allow", match=WIDE.match), NARROW),
        (WIDE, Rule("narrow", "flag", match=NARROW.match, obligations=("label",))),
        (WIDE, Rule("narrow", "flag", match=NARROW.match, drop=("logprobs",))),
        (WIDE, Rule("narrow", "flag", mode="shadow", match=NARROW.match)),
        (Rule("strict/wide", "deny", match=WIDE.match, message="No."), Rule("baseline/narrow", "flag", match=NARROW.match)),
        (WIDE, Rule("narrow", "flag", match={"purpose": ("train.general", "use.product")})),
    ],
)
def test_not_shadowed(over: Rule, under: Rule) -> None:
    """What does not always decide, or does not do all that the other does, does not make it pointless; nor do packs each other."""
    assert complaints(over, under) == []


def test_an_own_rule_shadowed_by_a_pack() -> None:
    """A deployment's own rule that a pack's decides for is pointless all the same."""
    assert complaints(NARROW, Rule("pack/wide", "deny", match=WIDE.match, message="No."))


def test_twins() -> None:
    """Of two rules that say the same of the same calls one is named."""
    twin = Rule("twin", "flag", match=NARROW.match, when=NARROW.when)
    assert [line.partition(": ")[0] for line in complaints(NARROW, twin)] == ["twin.yaml:3:18"]


def test_denial_without_words() -> None:
    """A denial needs a message."""
    assert complaints(Rule("r", "deny", match=WIDE.match)) == [
        "r.yaml:5:11: spec.effect: a denial without message (say what the client can do: message: …)"
    ]


CASES = """apiVersion: tos-proxy/v1
kind: PolicyTest
metadata: {name: x}
spec:
  given: {on: 2026-11-22}
  cases:
    - {case: hit, given: {n: 9}, expect: {effect: flag, rules: [r], clauses: [c.1]}}
    - {case: miss, given: {n: 1}, expect: {effect: allow, rules: [q], shadow: ["p:deny"]}}
"""
RULE = Rule("r", "flag", when="n > 8")


def suite(text: str = CASES) -> Suite:
    """The cases above, about one rule."""
    file, problems = read_tests(text.encode(), "r_test.yaml")
    assert file is not None, problems
    return Suite(file, (RULE,))


def test_untested() -> None:
    """A rule without tests is named, and one that no case makes match."""
    found = suite()
    assert list(untested([placed(RULE)], [found], run(found, MEANS))) == []
    assert [str(problem) for problem in untested([placed(RULE)], [], [])] == [
        "r.yaml:3:18: metadata.name: a rule without tests (write r_test.yaml beside it)"
    ]
    blind = suite(CASES.replace("n: 9", "n: 2"))
    assert [str(problem) for problem in untested([placed(RULE)], [blind], run(blind, MEANS))] == [
        "r.yaml:3:18: metadata.name: no test makes this rule match (add a case that it is for)"
    ]


def test_unfounded() -> None:
    """Cases that expect rules that are not there, or name clauses that nobody knows, are named where they stand."""
    assert [str(problem) for problem in unfounded([suite()], ["c.2"])] == [
        "r_test.yaml:7:14: no clause is named 'c.1' (did you mean c.2?)",
        "r_test.yaml:8:14: expects q, which is no rule here (known: r)",
        "r_test.yaml:8:14: expects p, which is no rule here (known: r)",
    ]
    assert len(list(unfounded([suite()], None))) == 2


def test_uncovered() -> None:
    """An example of which something is expected, and that no rule matches, is named; one that nothing should match is not."""
    text = CASES.replace("n: 9", "n: 2").replace('rules: [q], shadow: ["p:deny"]', "rules: []")
    assert [str(problem) for problem in uncovered(run(suite(text), MEANS))] == [
        "r_test.yaml:7:14: no rule covers this example, which expects flag: hit"
    ]
    assert list(uncovered(run(suite(text.replace("n: 2", "n: 9")), MEANS))) == []


def test_paths_are_those_of_the_files(tmp_path: Path) -> None:
    """The name of the missing test is made of the rule's own file's."""
    each = placed(RULE)
    each.source.document.name = str(tmp_path / "deep" / "r.yml")
    (problem,) = untested([each], [], [])
    assert problem.hint == "write r_test.yml beside it"
