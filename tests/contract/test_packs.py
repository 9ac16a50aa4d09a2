"""The shipped packs: every rule is tested from both sides, sound, and denies only for clauses that somebody has read."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.app.drafts import Drafts, Ground, drafts, ground
from proxy.policy import loader
from proxy.policy.soundness import unfounded, unsound, untested
from proxy.policy.suite import Suite, run, survivors

PACKS = Path(__file__).resolve().parents[2] / "policies" / "packs"
ALL = sorted(file.parent.name for file in PACKS.glob("*/pack.yaml"))


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A configuration that says nothing, read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("ground"))
        return ground()


def pack(name: str, on: Ground) -> Drafts:
    """A shipped pack, as it would be on the first of days: no exception has ended."""
    found = drafts([PACKS / name], 0, on)
    assert not [*found.problems, *found.lost, *found.warnings]
    return found


@pytest.mark.parametrize("name", ALL)
def test_a_pack_does_what_its_tests_say(name: str, on: Ground) -> None:
    """Every case of a pack passes, and every change of one of its rules is noticed."""
    found = pack(name, on)
    assert found.suites
    for suite in found.suites:
        assert [(result.case.place, result.failures) for result in run(suite, found.means) if result.failures] == []
    assert [(mutant.original.name, mutant.change) for mutant in survivors(found.suites, found.means)] == []


@pytest.mark.parametrize("name", ALL)
def test_a_packs_release_is_kept(name: str) -> None:
    """A shipped version is kept as it is, so that it stays in force where it is; other rules are another version."""
    folder = PACKS / name
    version = loader.read(folder / loader.PACK_FILE).at(("metadata", "version"))
    kept = loader.contents(folder / loader.RELEASES / version)
    assert kept == loader.contents(folder), "scripts/release-packs says what to do"


@pytest.mark.parametrize("name", ALL)
def test_a_pack_is_sound(name: str, on: Ground) -> None:
    """No rule of a pack is unreachable, shadowed, untested, silent to whom it denies, or rests on a clause that does not exist."""
    found = pack(name, on)
    results = [result for suite in found.suites for result in run(suite, found.means)]
    problems = [*unsound(found.placed), *untested(found.placed, found.suites, results), *unfounded(found.suites, found.clauses)]
    assert [str(problem) for problem in problems] == []


def test_a_pack_whose_case_is_taken_away_is_noticed(on: Ground) -> None:
    """The first test above can fail: without its cases of one side, a pack's rule can be changed unnoticed."""
    found = pack("baseline", on)
    (suite,) = [each for each in found.suites if each.test.name == "large-n"]
    fewer = type(suite.test)(suite.test.name, suite.test.file, suite.test.rules, suite.test.cases[:1])
    assert [mutant.change for mutant in survivors([Suite(fewer, suite.rules)], found.means)] == ["when: always n > 8"]


def unread(found: Drafts, on: Ground) -> list[str]:
    """Rules that deny for clauses which nobody has seen in the primary text."""
    seen = {clause.id for clause in on.terms.clauses if clause.confidence == "stored_primary"}
    return [each.rule.name for each in found.placed if each.rule.effect == "deny" and set(each.rule.clauses) - seen]


@pytest.mark.parametrize("name", ALL)
def test_a_pack_denies_for_clauses_that_were_read(name: str, on: Ground) -> None:
    """A rule that denies names no clause that is known from hearsay or memory; those flag."""
    assert unread(pack(name, on), on) == []


def test_a_denial_by_hearsay_is_noticed(on: Ground) -> None:
    """The test above can fail: a rule on a clause that was read second-hand must not deny."""
    import msgspec

    found = pack("moonshot", on)
    strict = [type(each)(msgspec.structs.replace(each.rule, effect="deny"), each.source) for each in found.placed]
    assert unread(Drafts(strict, [], [], [], [], found.means, found.clauses), on)


@pytest.mark.parametrize("name", ["baseline"])
def test_the_first_start_denies_only_what_was_declared(name: str, on: Ground) -> None:
    """Of what is in force without configuration, one rule denies, and only calls whose purpose somebody declared."""
    assert [each.rule.name for each in pack(name, on).placed if each.rule.effect == "deny"] == ["baseline/terms-forbid"]


def test_observing_does_nothing(on: Ground) -> None:
    """Every rule of `observe` is in shadow."""
    assert {each.rule.mode for each in pack("observe", on).placed} == {"shadow"}
