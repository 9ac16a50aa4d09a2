"""`tos-proxy policy test`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.drafted import CASES, RULE, changed, write


def test_good_tests_pass(command: Command, tmp_path: Path) -> None:
    """A table names each file of tests with its rule and cases, and the sum."""
    write(tmp_path / "own")
    ran = command("policy", "test", "own", "--mutate")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "TESTS              OF   CASES  RESULT",
        "own/big_test.yaml  big  3      passed",
        "3 cases, all passed, every change of a rule is noticed",
    ]


def test_a_failed_case_is_named_with_its_place(command: Command, tmp_path: Path) -> None:
    """What came out otherwise than expected is told with file, line and column, and the exit code is 1."""
    write(tmp_path / "own", changed(RULE, "n > 8", "n > 9"))
    ran = command("policy", "test", "own")
    assert ran.code == 1
    failed = "own/big_test.yaml:7:13: nine answers are refused: "
    assert f"{failed}effect: deny expected, allow found\n{failed}rules: big expected, none found\n" in ran.out
    assert ran.out.endswith("3 cases, 1 failed\n")


def test_unnoticed_changes_are_named(command: Command, tmp_path: Path) -> None:
    """With a case missing, the change that it would have noticed is listed, and the exit code is 1."""
    case = "    - case: eight are not\n      given: {n: 8}\n      expect: {effect: allow, rules: []}\n"
    write(tmp_path / "own", cases=changed(CASES, case, ""))
    assert command("policy", "test", "own").code == 0
    ran = command("policy", "test", "own", "--mutate")
    assert ran.code == 1
    assert "own/big.yaml: big: no test notices: when: always n > 8\n2 cases, all passed, 1 change unnoticed\n" in ran.out


def test_json(command: Command, tmp_path: Path) -> None:
    """The same for programs."""
    write(tmp_path / "own", changed(RULE, "effect: deny", "effect: flag"))
    ran = command("policy", "test", "own", "--mutate", "--json")
    told = json.loads(ran.out)
    assert (told["passed"], told["failed"], ran.code) == (2, 1, 1)
    assert told["cases"][0]["failures"][0] == "effect: deny expected, flag by big found"
    assert told["cases"][0]["place"] == "own/big_test.yaml:7:13"
    assert {"rule": "big", "source": "own/big.yaml", "change": "match: without purpose"} not in told["survivors"]


@pytest.mark.parametrize(
    ("rule", "cases", "told"),
    [
        (RULE, "", "no tests there"),
        (changed(RULE, "n > 8", "n > eight"), CASES, "own/big.yaml:6:13: spec.when: "),
        (RULE, changed(CASES, "n: 8", "m: 8"), "own/big_test.yaml:11:15: m: unknown key"),
        ("", CASES, "own/big_test.yaml:1:1: a test of no rule (put it beside the rule)"),
    ],
)
def test_what_cannot_be_read(command: Command, tmp_path: Path, rule: str, cases: str, told: str) -> None:
    """Files that cannot be used are told with their places, and the exit code is 2."""
    write(tmp_path / "own", rule, cases)
    ran = command("policy", "test", "own")
    assert ran.code == 2
    assert told in ran.err


def test_what_is_in_force_is_tested_without_paths(command: Command) -> None:
    """Without paths the packs that the configuration names are tested: the baseline, if it names none."""
    ran = command("policy", "test", "--json")
    assert ran.code == 0
    assert {case["rules"][0].partition("/")[0] for case in json.loads(ran.out)["cases"]} == {"baseline"}
