"""Files of cases are read with the place of every problem, and describe calls by the names of expressions."""

from __future__ import annotations

import pytest

from proxy.core.call import Call
from proxy.core.decision import Verdict
from proxy.policy.cases import Given, Site, call_of, instant, read_tests
from proxy.policy.names import BY_NAME

FILE = """\
apiVersion: tos-proxy/v1
kind: PolicyTest
metadata: {name: x}
spec:
  given: {on: 2026-11-22, upstream: openai, principal: {name: a}}
  cases:
    - case: one
      given: {n: 5, principal: {project: p}}
      expect: {effect: deny, rules: [x]}
"""


def read(text: str) -> tuple[object, list[str]]:
    """The file and its problems in words."""
    file, problems = read_tests(text.encode(), "x_test.yaml")
    return file, [str(problem) for problem in problems]


def test_a_case_adds_to_what_the_file_gives() -> None:
    """Tables are joined key by key, and a case knows its place."""
    file, problems = read_tests(FILE.encode(), "x_test.yaml")
    assert file is not None
    assert problems == []
    (case,) = file.cases
    assert (case.given.principal.name, case.given.principal.project) == ("a", "p")
    assert case.place == "x_test.yaml:7:13"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("n: 5", "nn: 5", "x_test.yaml:8:15: nn: unknown key (did you mean n?)"),
        ("n: 5", "n: many", "x_test.yaml:8:18: n: should be a whole number"),
        ("on: 2026-11-22", "on: yesterday", "x_test.yaml:5:15: on: should be a date or a time like 2026-05-01T12:00:00Z"),
        ("on: 2026-11-22, ", "", "x_test.yaml:7:7: case 'one' has no date"),
        ("n: 5", "purpose: train", "x_test.yaml:8:24: purpose: should be 'use.product'"),
        ("n: 5", "terms: {verdict: no}", "x_test.yaml:8:32: terms.verdict: should be 'allow'"),
        ("effect: deny", "effect: block", "x_test.yaml:9:24: spec.cases.0.expect.effect: should be 'allow'"),
        ("rules: [x]", "rule: x", "x_test.yaml:9:30: spec.cases.0.expect.rule: unknown key (did you mean rules?)"),
    ],
)
def test_problems_have_places(old: str, new: str, problem: str) -> None:
    """What cannot be meant is refused where it stands."""
    file, problems = read(FILE.replace(old, new))
    assert file is None
    assert any(each.startswith(problem) for each in problems), problems


def test_one_mistake_is_told_once() -> None:
    """Neither for each case that shares it, nor for the list that holds it."""
    again = FILE[FILE.index("    - case:") :].replace("case: one", "case: two")
    assert len(read((FILE + again).replace("on: 2026-11-22", "on: yesterday"))[1]) == 1
    assert len(read(FILE.replace("effect: deny", "effect: block"))[1]) == 1
    assert [each.partition(": ")[2] for each in read(FILE.replace(FILE[FILE.index("  cases:") :], "  cases: []\n"))[1]] == [
        "spec.cases: is empty"
    ]


def given(**values: object) -> Call:
    """A call from values by name, under no terms."""
    call = Given.model_validate({"on": "2026-11-22", **values})
    return call_of(call, {"openai": Site("api.openai.com", "openai", "openai.api")}, lambda _: Verdict("review"))


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"n": 5}, "n", 5),
        ({"model": "m", "logprobs": True}, "model", "m"),
        ({"unresolved": True}, "unresolved", True),
        ({"foreign": True}, "foreign", True),
        ({"references": ["file"]}, "references", ["file"]),
        ({"refers": {"purposes": ["eval.private"]}}, "refers.purposes", ["eval.private"]),
        ({"refers": {"verdicts": ["forbid", "allow"]}}, "refers.verdicts", ["forbid", "allow"]),
        ({"attributes": {"distributed": "true"}}, "attributes", {"distributed": "true"}),
        ({"principal": {"automatic": True}}, "principal.automatic", True),
        ({"credential": {"plan": "coding_plan"}}, "credential.plan", "coding_plan"),
        ({"body_bytes": 7}, "body_bytes", 7),
        ({}, "host", "api.openai.com"),
        ({"host": "other"}, "host", "other"),
        ({"upstream": "mine"}, "host", "mine"),
        ({}, "terms.verdict", "review"),
        ({"terms": {"verdict": "forbid", "clauses": ["c"]}}, "terms.clauses", ("c",)),
        ({"on": "2026-11-22T13:00:00+02:00"}, "time.hour", 11),
        ({}, "time.day", "2026-11-22"),
    ],
)
def test_what_is_given_is_what_expressions_see(values: dict[str, object], name: str, expected: object) -> None:
    """Each name of a case becomes the same name's value in the call."""
    assert BY_NAME[name].get(given(**values)) == expected


def test_every_name_can_be_given() -> None:
    """Whatever a rule can name a case can give, but for what follows from other names."""
    derived = {"declared", "said"} | {name for name in BY_NAME if name.startswith("time.")}
    known = set(Given.model_fields)
    assert {name for name in BY_NAME if name.partition(".")[0] not in known} == derived


def test_instants() -> None:
    """A date is its first moment in UTC."""
    assert instant("1970-01-02") == 86_400_000_000
    assert instant("1969-12-31T23:59:59.999999Z") == -1
