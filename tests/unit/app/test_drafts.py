"""Paths lead to the rules and tests that somebody means by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.app.drafts import Drafts, Ground, drafts, ground
from tests.unit.cli.drafted import CASES, RULE, changed, write

PACK = "apiVersion: tos-proxy/v1\nkind: Pack\nmetadata: {name: mine, version: 1.0.0}\n"


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A configuration that says nothing, read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("ground"))
        return ground()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack with a released version of its own, and policies beside it."""
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "packs" / "mine", tmp_path / "packs" / "mine" / "releases" / "0.9"):
        write(place)
        (place / "pack.yaml").write_text(PACK)
    write(tmp_path / "own", changed(RULE, "name: big", "name: own"), changed(CASES, "[big]", "[own]"))
    (tmp_path / "own" / "other.yaml").write_text(changed(RULE, "name: big", "name: other"))
    return tmp_path


def names(found: Drafts) -> tuple[list[str], list[str]]:
    """Rules, and files of tests."""
    assert not [*found.problems, *found.lost]
    return [each.rule.name for each in found.placed], [suite.test.file for suite in found.suites]


@pytest.mark.parametrize(
    ("path", "rules", "tests"),
    [
        ("packs", ["mine/big"], ["packs/mine/big_test.yaml"]),
        ("packs/mine", ["mine/big"], ["packs/mine/big_test.yaml"]),
        ("packs/mine/big_test.yaml", ["mine/big"], ["packs/mine/big_test.yaml"]),
        ("own", ["own", "other"], ["own/big_test.yaml"]),
        (".", ["mine/big", "own", "other"], ["packs/mine/big_test.yaml", "own/big_test.yaml"]),
        ("own/big.yaml", ["own"], ["own/big_test.yaml"]),
        ("own/big_test.yaml", ["own"], ["own/big_test.yaml"]),
        ("own/other.yaml", ["other"], []),
    ],
)
def test_paths(folder: Path, on: Ground, path: str, rules: list[str], tests: list[str]) -> None:
    """A pack, a folder of packs, of policies or of both, a policy and a test each mean what lies there; kept releases do not."""
    assert names(drafts([folder.relative_to(Path.cwd()) / path], 0, on)) == (rules, tests)


def test_a_path_that_is_not_there(folder: Path, on: Ground) -> None:
    """A path that leads nowhere is a problem, not silence."""
    assert [str(each) for each in drafts([Path("nowhere")], 0, on).problems] == ["nowhere: no such file or folder"]


def test_the_configuration_names_what_is_in_force(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without paths it is the packs and policies of the configuration."""
    (folder / "tos-proxy.yaml").write_text("packs: [observe]\npolicies: [own]\n")
    rules, _ = names(drafts([], 0))
    assert {name.partition("/")[0] for name in rules} == {"observe", "own", "other"}
