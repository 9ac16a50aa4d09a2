"""`tos-proxy policy check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.cli.tables import counted
from tests.unit.cli.conftest import Command
from tests.unit.cli.drafted import CASES, RULE, changed, write

EXCEPTION = "  exceptions: [{principals: [nightly], until: 2026-11-01, approver: counsel@example.com}]\n"


def check(command: Command, folder: Path, rule: str = RULE, cases: str = CASES, on: str = "2026-11-22") -> list[str]:
    """What is complained of, each line; the exit code says whether anything is."""
    write(folder, rule, cases)
    ran = command("policy", "check", folder.name, "--on", on)
    *lines, last = ran.out.splitlines()
    assert ran.err == ""
    assert ran.code == (1 if lines else 0)
    assert last.endswith("nothing to complain of" if not lines else counted(len(lines), "problem"))
    return lines


def test_sound_policies(command: Command, tmp_path: Path) -> None:
    """Of sound policies nothing is said but how many there are."""
    assert check(command, tmp_path / "own") == []


UNREADABLE = [
    (changed(RULE, "n > 8", "n + 8"), CASES, "big.yaml:6:9: spec.when: "),
    (changed(RULE, "n > 8", 'n > "8"'), CASES, "big.yaml:6:11: spec.when: "),
    (changed(RULE, "openai.services.3.3e", "openai.services.3.3x"), CASES, "big.yaml:8:13: spec.clauses.0: no clause is named"),
    (changed(RULE, "train.*", "train.genral"), CASES, "big.yaml:5:21: spec.match.purpose.0: unknown purpose"),
    (changed(RULE, "effect: deny", "effect: block"), CASES, "big.yaml:7:11: spec.effect: "),
    (RULE, changed(CASES, "effect: deny", "effect: block"), "big_test.yaml:9:24: spec.cases.0.expect.effect: "),
]
UNSOUND = [
    (changed(RULE, "n > 8", "n > 8 && n < 8"), CASES, "big.yaml:6:9: spec.when: unreachable"),
    (changed(RULE, "n > 8", "declared == false"), CASES, "big.yaml:6:9: spec.when: unreachable"),
    (changed(RULE, "  message: Too many answers.\n", ""), CASES, "big.yaml:7:11: spec.effect: a denial without message"),
    (RULE + EXCEPTION, CASES, "big.yaml:10:47: spec.exceptions.0.until: has passed"),
    (RULE, "", "big.yaml:3:18: metadata.name: a rule without tests (write big_test.yaml beside it)"),
    (RULE, changed(CASES, "{n: 9}", "{n: 7}"), "big.yaml:3:18: metadata.name: no test makes this rule match"),
    ("", CASES, "big_test.yaml:1:1: a test of no rule"),
    (RULE, changed(CASES, "rules: [big]", "rules: [bgi]"), "big_test.yaml:7:13: expects bgi, which is no rule here"),
    (RULE, changed(CASES, "clauses: [openai.services.3.3e]", "clauses: [c]"), "big_test.yaml:7:13: no clause is named 'c'"),
]


@pytest.mark.parametrize("faults", [UNREADABLE, UNSOUND], ids=["unreadable", "unsound"])
def test_each_fault_has_its_line(command: Command, tmp_path: Path, faults: list[tuple[str, str, str]]) -> None:
    """Every planted fault is told in a line of its own, with file, line and column, all at once."""
    for at, (rule, cases, _) in enumerate(faults):
        own = rule.replace("{name: big,", f"{{name: b{at:02},") if rule else ""
        write(tmp_path / "own" / f"{at}", own, cases.replace("[big]", f"[b{at:02}]"))
    lines = command("policy", "check", "own", "--on", "2026-11-22").out.splitlines()
    missing = [told for at, (_, _, told) in enumerate(faults) if not any(line.startswith(f"own/{at}/{told}") for line in lines)]
    assert not missing, lines


def test_a_shadowed_rule(command: Command, tmp_path: Path) -> None:
    """A rule that a stricter one always decides for is told, with the place of that one."""
    narrow = changed(changed(RULE, "name: big", "name: huge"), "n > 8", "n > 80")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "huge.yaml").write_text(changed(narrow, "effect: deny", "effect: flag"))
    lines = check(command, tmp_path / "own")
    shadowed = "own/huge.yaml:3:18: metadata.name: shadowed by big: deny for every call that this one matches"
    assert f"{shadowed} (it is in own/big.yaml:3:18)" in lines


def test_an_upstream_that_is_none_here(command: Command, tmp_path: Path) -> None:
    """Where a configuration says which upstreams there are, one with a slip in its name is told; without, it may be another's."""
    rule = changed(RULE, 'purpose: ["train.*"]', 'upstream: [opnai, openai], purpose: ["train.*"]')
    cases = changed(CASES, "purpose: train.general", "upstream: openai, purpose: train.general")
    assert check(command, tmp_path / "own", rule, cases) == []
    (tmp_path / "tos-proxy.yaml").write_text("packs: [baseline]\n")
    slip = "own/big.yaml:5:22: spec.match.upstream.0: no upstream is named 'opnai': this matches nothing (did you mean openai?)"
    assert check(command, tmp_path / "own", rule, cases) == [slip]


def test_exceptions_end_on_their_day(command: Command, tmp_path: Path) -> None:
    """Before the day of its end an exception is nothing to complain of; the day is given, not today's."""
    assert check(command, tmp_path / "own", RULE + EXCEPTION, on="2026-10-31") == []


def test_json_and_usage(command: Command, tmp_path: Path) -> None:
    """The same for programs; a day that is none is wrong usage."""
    write(tmp_path / "own", cases="")
    told = json.loads(command("policy", "check", "own", "--json").out)
    assert (told["rules"], told["tests"], len(told["problems"])) == (1, 0, 1)
    assert told["problems"][0]["place"] == "own/big.yaml:3:18"
    assert command("policy", "check", "--on", "someday").code == 2


def test_one_file(command: Command, tmp_path: Path) -> None:
    """Of a file that is named, only it and its tests are looked at."""
    write(tmp_path / "own")
    (tmp_path / "own" / "other.yaml").write_text(changed(RULE, "name: big", "name: other"))
    assert command("policy", "check", "own/big.yaml").code == 0
    assert command("policy", "check", "own/big_test.yaml").code == 0
    assert command("policy", "check", "own").code == 1
