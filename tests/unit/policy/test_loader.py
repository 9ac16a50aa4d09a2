"""Policies from files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.policy.loader import Known, Wanted, files_of, load, released, shown
from tests.unit.policy.written import PACK, POLICY, policy, write

KNOWN = Known(
    clauses=["openai.services.3.3e"],
    words={"endpoint": ["chat", "responses", "batch_line"]},
    upstreams=["openai"],
    now=1_795_354_200_000_000,
)


def lines(folder: Path, text: str, known: Known = KNOWN) -> list[str]:
    """Problems and warnings of one policy."""
    found = load([], [write(folder, "p.yaml", text)], known)
    return [str(each).removeprefix(f"{folder}/") for each in (*found.problems, *found.warnings)]


def test_packs_and_own_policies_are_read(tmp_path: Path) -> None:
    """A pack's policies carry its name; tests, hidden files and files of terms are passed over."""
    write(tmp_path, "house/pack.yaml", PACK)
    write(tmp_path, "house/b.yaml", policy("b"))
    write(tmp_path, "house/inner/a.yml", policy("a"))
    write(tmp_path, "house/b_test.yaml", "not: a policy")
    write(tmp_path, "own/.hidden/c.yaml", "not: a policy")
    write(tmp_path, "own/contract.yaml", "kind: Contract")
    write(tmp_path, "own/pack.yaml", PACK)
    write(tmp_path, "own/b.yaml", POLICY)
    found = load([Wanted(tmp_path / "house")], [tmp_path / "own"], KNOWN)
    assert found.problems == []
    assert [source.name for source in found.sources] == ["house/b", "house/a", "no-training"]
    assert [pack.pack.metadata.version for pack in found.packs] == ["1.2.0"]
    assert ["pack's file means nothing here" in str(each) for each in found.warnings] == [True]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (policy(match="{endpont: [chat]}"), "p.yaml:6:11: spec.match.endpont: unknown name (did you mean endpoint?)"),
        (
            policy(match="{messages: ['1']}"),
            "p.yaml:6:11: spec.match.messages: messages is a int, which cannot be matched (say it in when)",
        ),
        (policy(match="{endpoint: [caht]}"), "p.yaml:6:22: spec.match.endpoint.0: unknown endpoint 'caht' (did you mean chat?)"),
        (
            policy(match="{endpoint: ['x*']}"),
            "p.yaml:6:22: spec.match.endpoint.0: unknown endpoint 'x*' (known: chat, responses, batch_line)",
        ),
        (policy(match="{endpoint: '*'}"), ""),
        (
            policy(match="{purpose: train.genral}"),
            "p.yaml:6:20: spec.match.purpose.0: unknown purpose 'train.genral' (did you mean train.general?)",
        ),
        (
            policy(clauses="[openai.services.33e]"),
            "p.yaml:6:13: spec.clauses.0: no clause is named 'openai.services.33e' (did you mean openai.services.3.3e?)",
        ),
        (
            policy(match="{upstream: opnai}"),
            "p.yaml:6:21: spec.match.upstream.0: no upstream is named 'opnai': this matches nothing (did you mean openai?)",
        ),
        (
            policy(exceptions="[{principals: x, until: 2026-11-22, approver: y}]"),
            "p.yaml:6:39: spec.exceptions.0.until: has passed: the exception has ended (remove it, or renew it)",
        ),
        (policy(exceptions="[{principals: x, until: 2026-11-23, approver: y}]"), ""),
    ],
)
def test_what_others_know_is_checked(tmp_path: Path, text: str, told: str) -> None:
    """Names, words, clauses, upstreams and dates are checked against what is known, each with its place."""
    assert lines(tmp_path, text) == [told] * bool(told)
    assert [line for line in lines(tmp_path, text, Known()) if "clauses" in line or "upstream" in line or "until" in line] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (policy(when="n > 1 && temprature < 0.1"), "p.yaml:6:18: spec.when: unknown name temprature (did you mean temperature?)"),
        (
            policy(when="|\n    n > 1 &&\n    (n > 2"),
            (
                "p.yaml:8:11: spec.when: not an expression: missing ')' at '<EOF>' "
                "(what an expression may be is in docs/reference/policy.md)"
            ),
        ),
        (policy(when="n"), "p.yaml:6:9: spec.when: should be true or false, this is int (compare it with something)"),
        (policy(when="'endpoint == \"caht\"'"), "p.yaml:6:22: spec.when: endpoint is never 'caht' (did you mean chat?)"),
        (policy(when="5"), "p.yaml:6:9: spec.when: should be text (put it in quotes)"),
        (policy(when="''"), ""),
    ],
)
def test_expressions_are_checked(tmp_path: Path, text: str, told: str) -> None:
    """What is wrong with an expression is told by line and column of the file, whatever style it is written in."""
    assert lines(tmp_path, text) == [told] * bool(told)


def test_a_pinned_release_holds_and_the_shipped_one_stands_beside(tmp_path: Path) -> None:
    """A pack of which a former release is pinned has its policies; what the shipped one says otherwise is marked as beside."""
    write(tmp_path, "house/pack.yaml", PACK)
    write(tmp_path, "house/a.yaml", policy("a"))
    write(tmp_path, "house/b.yaml", policy("b", when="n > 2"))
    write(tmp_path, "house/releases/1.0.0/pack.yaml", PACK.replace("1.2.0", "1.0.0"))
    write(tmp_path, "house/releases/1.0.0/a.yaml", policy("a"))
    write(tmp_path, "house/releases/1.0.0/b.yaml", policy("b", when="n > 1"))
    assert released(tmp_path / "house") == ["1.0.0"]
    found = load([Wanted(tmp_path / "house", "1.0.0")], [], KNOWN)
    assert found.problems == []
    assert [(source.name, source.policy.spec.when, source.beside) for source in found.sources] == [
        ("house/a", "", False),
        ("house/b", "n > 1", False),
        ("house@1.2.0/b", "n > 2", True),
    ]
    assert [pack.pack.metadata.version for pack in found.packs] == ["1.0.0"]
    for version in ("", "1.2.0"):
        assert [source.name for source in load([Wanted(tmp_path / "house", version)], [], KNOWN).sources] == ["house/a", "house/b"]


def test_a_pack_may_name_a_clause_that_pinned_terms_have_not(tmp_path: Path) -> None:
    """It is warned of and stops nobody: the terms that are pinned may be older than the pack."""
    write(tmp_path, "house/pack.yaml", PACK)
    write(tmp_path, "house/a.yaml", policy("a", clauses="openai.services.9"))
    found = load([Wanted(tmp_path / "house")], [], KNOWN)
    assert found.problems == []
    assert [problem.path for problem in found.warnings] == ["spec.clauses.0"]


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    """The second policy of a name is a problem that says where the first is."""
    write(tmp_path, "a.yaml", POLICY)
    write(tmp_path, "b.yaml", POLICY)
    (problem,) = load([], [tmp_path], KNOWN).problems
    assert str(problem) == (
        f"{tmp_path}/b.yaml:3:18: metadata.name: no-training is the name of another policy (it is in {tmp_path}/a.yaml:3:18)"
    )


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing path, a pack without its file and a pack of another name are problems."""
    write(tmp_path, "other/pack.yaml", PACK)
    found = load([Wanted(tmp_path / "none"), Wanted(tmp_path / "other")], [tmp_path / "gone.yaml"], KNOWN)
    assert [str(each).removeprefix(f"{tmp_path}/") for each in found.problems] == [
        "none/pack.yaml: cannot be read: No such file or directory",
        "other/pack.yaml:3:18: metadata.name: should be the folder's name, other",
        "gone.yaml: no such file or folder",
    ]


def test_files_are_named_as_compilers_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the current folder where that is shorter; a folder's files come in order."""
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a.yaml") == "a.yaml"
    assert shown(Path("/etc/a.yaml")) == "/etc/a.yaml"
    write(tmp_path, "z.yaml", "")
    write(tmp_path, "a/b.yaml", "")
    assert [shown(file) for file in files_of(tmp_path, [])] == ["a/b.yaml", "z.yaml"]
