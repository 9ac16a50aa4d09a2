"""Policies of a configuration: packs and their releases, one's own files, and what of it is published."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from proxy.core import snapshot
from proxy.core.rules import Bundle, Rule
from proxy.documents.problems import ConfigurationError
from proxy.settings.compiling import compile_configuration
from proxy.settings.loading import load
from proxy.settings.policies import Policies, compiled_policies, words
from tests.unit.policy.written import PACK, policy, write

NOW = 1_795_354_200_000_000
"""2026-11-22 13:30 UTC."""
AT_HAND = "at hand: 1.2.0, 1.0.0; the files of another can stand in a folder of policies"


def compiled(folder: Path, text: str = "") -> Policies:
    """The policies of a configuration file, with packs in `packs/` beside it."""
    write(folder, "tos-proxy.yaml", text)
    loaded = load({}, folder)
    return compiled_policies(loaded.settings, folder, loaded.document.place, None, folder / "packs", NOW)


def complaints(folder: Path, text: str) -> list[str]:
    """What is wrong with it, one line each."""
    with pytest.raises(ConfigurationError) as caught:
        compiled(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.fixture(autouse=True)
def packs(tmp_path: Path) -> None:
    """Two packs, one with a former release."""
    write(tmp_path, "packs/baseline/pack.yaml", PACK.replace("house", "baseline"))
    write(tmp_path, "packs/baseline/a.yaml", policy("a", when="n > 2"))
    write(tmp_path, "packs/baseline/releases/1.0.0/pack.yaml", PACK.replace("house", "baseline").replace("1.2.0", "1.0.0"))
    write(tmp_path, "packs/baseline/releases/1.0.0/a.yaml", policy("a", when="n > 1"))
    write(tmp_path, "packs/strict/pack.yaml", PACK.replace("house", "strict").replace("1.2.0", "0.1.0"))
    write(tmp_path, "packs/strict/b.yaml", policy("b"))


def test_the_baseline_is_in_force_if_nothing_else_is_said(tmp_path: Path) -> None:
    """Without `packs` it is baseline, with an empty list none."""
    assert [rule.name for rule in compiled(tmp_path).rules] == ["baseline/a"]
    assert compiled(tmp_path, "packs: []").rules == []


def test_packs_and_ones_own_policies_are_one_set(tmp_path: Path) -> None:
    """They are published as rules by name, and as one bundle that says which packs it holds and has a digest of all of it."""
    write(tmp_path, "own/mine.yaml", policy("mine"))
    found = compiled(tmp_path, "packs: [strict, baseline]\npolicies: [own]\n")
    lines = [line for framed in found.entries() for line in snapshot.lines(framed)]
    rules = [msgspec.json.decode(line.value, type=Rule) for line in lines if line.put == "rule"]
    assert [rule.name for rule in rules] == ["baseline/a", "mine", "strict/b"]
    assert msgspec.json.decode(lines[-1].value, type=Bundle) == found.bundle
    assert found.bundle.packs == {"strict": "0.1.0", "baseline": "1.2.0"}
    other = compiled(tmp_path, "packs: [strict@0.1.0, baseline@1.0.0]\npolicies: [own]\n")
    assert other.bundle.digest != found.bundle.digest
    assert [(rule.name, rule.mode) for rule in other.rules] == [
        ("baseline/a", "enforce"),
        ("baseline@1.2.0/a", "shadow"),
        ("mine", "enforce"),
        ("strict/b", "enforce"),
    ]


def test_what_was_in_force_stays_so_when_the_program_is_newer(tmp_path: Path) -> None:
    """A pack without a pin begins at the shipped release; a later program's waits in shadow until somebody names its version."""
    assert [rule.name for rule in compiled(tmp_path, "packs: [strict]").rules] == ["strict/b"]
    part = tmp_path / "tos-proxy-data" / "snapshot" / "configured"
    part.parent.mkdir(parents=True)
    part.write_bytes(snapshot.base(1, 1, compiled(tmp_path, "packs: [baseline@1.0.0]").entries()))
    later = compiled(tmp_path, "packs: [baseline, strict]")
    assert [(rule.name, rule.mode) for rule in later.rules] == [
        ("baseline/a", "enforce"),
        ("baseline@1.2.0/a", "shadow"),
        ("strict/b", "enforce"),
    ]
    assert later.bundle.packs == {"baseline": "1.0.0", "strict": "0.1.0"}
    assert [(each.message, each.hint) for each in later.found.warnings] == [
        ("baseline stays at 1.0.0; what 1.2.0 says otherwise is in shadow", "baseline@1.2.0 puts it in force")
    ]
    assert compiled(tmp_path, "packs: [baseline@1.2.0]").bundle.packs == {"baseline": "1.2.0"}


def test_a_former_release_that_is_gone_is_told(tmp_path: Path) -> None:
    """What was in force and is not kept gives way to what is shipped, with a warning."""
    part = tmp_path / "tos-proxy-data" / "snapshot" / "configured"
    part.parent.mkdir(parents=True)
    part.write_bytes(snapshot.base(1, 1, [snapshot.put("bundle", "bundle", Bundle(packs={"strict": "0.0.9"}))]))
    found = compiled(tmp_path, "packs: [strict]")
    assert found.bundle.packs == {"strict": "0.1.0"}
    assert [each.message for each in found.found.warnings] == ["strict 0.0.9 was in force and is not at hand, now 0.1.0 is"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("packs: [baselin]", "tos-proxy.yaml:1:9: packs.0: no pack is named 'baselin' (did you mean baseline?)"),
        ("packs: [../packs/strict]", "tos-proxy.yaml:1:9: packs.0: no pack is named '../packs/strict' (known: baseline, strict)"),
        ("packs: [strict, strict@0.1.0]", "tos-proxy.yaml:1:17: packs.1: strict is named twice"),
        ("packs: [baseline@2.0.0]", f"tos-proxy.yaml:1:9: packs.0: there is no release 2.0.0 of baseline ({AT_HAND})"),
        ("policies: [gone]", "tos-proxy.yaml:1:12: policies.0: there is no gone"),
        ("packs: []\npolicies: bad.yaml", "bad.yaml:6:9: spec.when: unknown name m (names are in docs/reference/policy.md)"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, text: str, told: str) -> None:
    """Names that lead nowhere have their place in the configuration, mistakes in policies theirs in the file."""
    write(tmp_path, "bad.yaml", policy("bad", when="m > 1"))
    assert complaints(tmp_path, text) == [told]


def test_endpoints_and_dialects_are_known() -> None:
    """The words of this version's dialects, lines of carriers among them."""
    assert {"chat", "responses", "messages", "generate", "batch_line", "training_line", "other"} <= set(words()["endpoint"])
    assert "openai" in words()["dialect"]


def test_the_shipped_configuration_can_be_used(tmp_path: Path) -> None:
    """Without a configuration the shipped baseline is in force beside the shipped terms, and neither gives a warning."""
    found = compile_configuration({}, tmp_path, make=False)
    assert "baseline/terms-forbid" in [rule.name for rule in found.policies.rules]
    assert found.policies.bundle.terms == found.terms.version
    assert found.policies.found.warnings == []
    assert [line.put for framed in found.entries for line in snapshot.lines(framed)].count("bundle") == 1


def test_problems_of_terms_and_policies_are_told_together(tmp_path: Path) -> None:
    """Nobody mends one file to learn of the next, and what may mend it is named for whoever watches."""
    write(tmp_path, "own/a.yaml", policy("a", when="m > 1"))
    write(tmp_path, "tos-proxy.yaml", "policies: [own]\nupstreams: {openai: {contract: nothing}}\n")
    with pytest.raises(ConfigurationError) as caught:
        compile_configuration({}, tmp_path, make=False)
    assert [problem.path for problem in caught.value.problems] == ["upstreams.openai.contract", "spec.when"]
    assert str(tmp_path / "own") in caught.value.followed
