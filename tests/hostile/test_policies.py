"""Files and expressions that are meant to harm: each is refused with its place, and nothing is evaluated before."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.policy import expressions
from proxy.policy.loader import Known, load
from tests.unit.policy.written import policy, write

BILLION = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Nine times nine, nine times: nine lines that stand for 400 million values."""


def refused(folder: Path, text: str | bytes) -> list[str]:
    """What is said of a policy file, the folder's name left out."""
    file = write(folder, "p.yaml", text if isinstance(text, str) else "")
    if isinstance(text, bytes):
        file.write_bytes(text)
    found = load([], [file], Known())
    return [str(problem).removeprefix(f"{folder}/") for problem in found.problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BILLION, "p.yaml:5:4: e: too many values once aliases are expanded"),
        ("a: &a\n  b: *a\n", "p.yaml:1:4: a.b: an alias that contains itself"),
        ("a: " + "[" * 100_000, "p.yaml:1:1: nested deeper than 32 levels"),
        ("a: {" * 1000, "p.yaml:1:1: nested deeper than 32 levels"),
        (policy(effect="deny\n  effect: flag"), "p.yaml:6:3: spec.effect: the same key twice (first in line 5)"),
        (policy() + "spec: {effect: flag}\n", "p.yaml:6:1: spec: the same key twice (first in line 4)"),
        (
            policy(effect="!!python/object:os.system x"),
            "p.yaml:5:11: spec.effect: the tag tag:yaml.org,2002:python/object:os.system is not",
        ),
        (policy(message="*unknown"), "p.yaml:6:12: not YAML: found undefined alias"),
        (policy().encode() + b"  message: \xff\xfe", "p.yaml:6:1: not UTF-8"),
        (policy() + "---\nkind: Policy\n", "p.yaml:6:1: not YAML: but found another document"),
        (policy(when="x" * 10_000_000), "p.yaml:6:9: spec.when: String should have at most 65536 characters"),
        ("#" * (17 * 1024 * 1024), "p.yaml:1:1: larger than 16 MiB (split it)"),
        (policy(match="{" + ", ".join(f"n{at}: x" for at in range(300)) + "}"), "p.yaml:6:11: spec.match.n0: unknown name"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    """Bombs of aliases and nesting, doubled keys, foreign tags and sheer size are told with line and column."""
    problems = refused(tmp_path, text)
    assert problems
    assert problems[0].startswith(told)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("models.all(a, models.all(b, [1].all(c, true)))", "p.yaml:6:41: spec.when: more than 2 comprehensions within each other"),
        ("models.map(a, models.map(b, a + b)).size() > 0", "p.yaml:6:33: spec.when: could take longer than 1 ms"),
        ("r'(x{30}){30}' == model || model.matches(r'(x{30}){30}')", "p.yaml:6:42: spec.when: could take longer than 1 ms"),
        ("model.matches(r'(\\pL{10}){10}')", "p.yaml:6:15: spec.when: could take longer than 1 ms"),
        ('"' + "(" * 30 + "stream" + ")" * 30 + '"', "p.yaml:6:34: spec.when: nested deeper than 24 brackets"),
        ('"' + "(" * 40_000 + '"', "p.yaml:6:4106: spec.when: longer than 4096 characters"),
        ('"' + "!" * 4000 + 'stream"', ""),
        ("n" + " + n" * 900 + " > 1", "p.yaml:6:"),
        ("stream" + " || stream" * 390, ""),
        ('"' + "[" * 20 + "1" + "]" * 20 + ' == 1"', "p.yaml:6:"),
        ("model.matches('a' + host)", "p.yaml:6:15: spec.when: the pattern should stand here as it is"),
    ],
)
def test_hostile_expressions_are_refused(tmp_path: Path, when: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could take long is told by its place; what only looks like it is compiled. Nothing is evaluated to find out."""
    monkeypatch.setattr(expressions.Expression, "__call__", lambda *_: pytest.fail("evaluated"))
    problems = refused(tmp_path, policy(when=when))
    assert bool(problems) == bool(told)
    assert "".join(problems).startswith(told)
