"""Runs tests of rules, and tells whether the tests would notice if a rule were another one.

A test file is about the rule beside it (`large-n_test.yaml` about `large-n.yaml`), or about the rules that it names, or, where
neither is so, about all rules of its folder. Each case is decided by an engine of these rules alone. Pure: files are read by
whoever asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import msgspec

from proxy.core.call import Call
from proxy.core.decision import Decision
from proxy.core.rules import Bundle, Rule
from proxy.documents.problems import Problem
from proxy.policy.anatomy import anatomy, leaves, negated, replaced
from proxy.policy.cases import Case, Expect, Judge, Site, TestFile, call_of
from proxy.policy.engine import Engine
from proxy.policy.globs import holds
from proxy.policy.remembering import Expression

ENDING = "_test"
_OPPOSITE = {"deny": "allow", "throttle": "allow", "flag": "allow", "allow": "deny"}


@dataclass(frozen=True)
class Means:
    """What deciding takes: how an expression becomes a function, what the terms say, and what is known of upstreams."""

    compile_expression: Callable[[str], Expression]
    judge: Judge
    sites: Mapping[str, Site]


@dataclass(frozen=True)
class Result:
    """One case as it went; `failures` say in words what differs, none is good."""

    case: Case
    verdict: str
    decision: Decision
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """A test file and the rules that it is about."""

    test: TestFile
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Mutant:
    """A rule as it should not be. `change` says what was done to it."""

    original: Rule
    change: str
    rule: Rule | None


def suites(tests: Iterable[TestFile], rules: Sequence[Rule], file_of: Callable[[Rule], str]) -> tuple[list[Suite], list[Problem]]:
    """Which rules each test file is about; a file that is about none is a problem."""
    found: list[Suite] = []
    problems: list[Problem] = []
    for test in tests:
        about = _about(test, rules, file_of)
        if about:
            found.append(Suite(test, tuple(about)))
        else:
            hint = f"no rule here is called {', '.join(test.rules)}" if test.rules else "put it beside the rule"
            problems.append(Problem(f"{test.file}:1:1", "", "a test of no rule", hint))
    return found, problems


def _about(test: TestFile, rules: Sequence[Rule], file_of: Callable[[Rule], str]) -> list[Rule]:
    path = PurePath(test.file)
    if test.rules:
        return [rule for rule in rules if any(holds(name, rule.name) or holds(name, _short(rule.name)) for name in test.rules)]
    beside = path.with_name(path.stem.removesuffix(ENDING) + path.suffix)
    return [rule for rule in rules if PurePath(file_of(rule)) == beside] or [
        rule for rule in rules if PurePath(file_of(rule)).is_relative_to(path.parent)
    ]


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def run(suite: Suite, means: Means) -> list[Result]:
    """Every case of a suite, in its order."""
    engine = Engine(suite.rules, Bundle(), means.compile_expression)
    results = []
    for case in suite.test.cases:
        call = call_of(case.given, means.sites, means.judge)
        decision = engine.decide(call)
        results.append(Result(case, call.verdict.verdict, decision, tuple(_differences(case.expect, call, decision))))
    return results


def _differences(expect: Expect, call: Call, decision: Decision) -> Iterator[str]:
    if decision.effect != expect.effect:
        by = f" by {', '.join(decision.rules)}" if decision.rules else ""
        yield f"effect: {expect.effect} expected, {decision.effect}{by} found"
    if expect.verdict is not None and call.verdict.verdict != expect.verdict:
        yield f"verdict: {expect.verdict} expected, {call.verdict.verdict} found"
    for what, wanted, found in (("rules", expect.rules, decision.rules), ("shadow", expect.shadow, decision.shadow)):
        if wanted is not None and sorted(map(_short, wanted)) != sorted(map(_short, found)):
            yield f"{what}: {_listed(wanted)} expected, {_listed(found)} found"
    for what, wanted, found in (
        ("clauses", expect.clauses, decision.clauses + call.verdict.clauses),
        ("obligations", expect.obligations, decision.obligations + call.verdict.obligations),
    ):
        if missing := [each for each in wanted if each not in found]:
            yield f"{what}: {_listed(missing)} expected, {_listed(found)} found"
    if expect.message is not None and expect.message not in decision.message:
        yield f"message: {expect.message!r} expected, {decision.message!r} found"
    yield from _transformed(expect, decision)
    if decision.failed:
        yield f"expression: {_listed(decision.failed)} could not be evaluated"


def _transformed(expect: Expect, decision: Decision) -> Iterator[str]:
    dropped = sorted(path for each in decision.transforms for path in each.drop)
    members = {path: json.loads(value) for each in decision.transforms for path, value in each.set.items()}
    if expect.drop is not None and sorted(expect.drop) != dropped:
        yield f"drop: {_listed(expect.drop)} expected, {_listed(dropped)} found"
    if expect.set is not None and expect.set != members:
        yield f"set: {json.dumps(expect.set)} expected, {json.dumps(members)} found"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values)) or "none"


def mutants(rule: Rule) -> Iterator[Mutant]:
    """The rule with one thing about it changed: left out, effect or mode turned over, a field of `match` dropped, the transform
    left out, a test of `when` negated, always true or never.
    """
    change = msgspec.structs.replace
    yield Mutant(rule, "rule left out", None)
    opposite = _OPPOSITE[rule.effect]
    yield Mutant(rule, f"effect: {opposite} for {rule.effect}", change(rule, effect=opposite))
    other = "shadow" if rule.mode == "enforce" else "enforce"
    yield Mutant(rule, f"mode: {other} for {rule.mode}", change(rule, mode=other))
    for name in rule.match:
        kept = {field: values for field, values in rule.match.items() if field != name}
        yield Mutant(rule, f"match: without {name}", change(rule, match=kept))
    for part in leaves(anatomy(rule.when)) if rule.when else ():
        yield Mutant(rule, f"when: not {part.text}", change(rule, when=negated(rule.when, part)))
        yield Mutant(rule, f"when: always {part.text}", change(rule, when=replaced(rule.when, part, "true")))
        yield Mutant(rule, f"when: never {part.text}", change(rule, when=replaced(rule.when, part, "false")))
    if rule.drop or rule.set:
        yield Mutant(rule, "transform: left out", change(rule, drop=(), set={}))


def survivors(found: Sequence[Suite], means: Means, done: Callable[[int], None] = lambda _: None) -> list[Mutant]:
    """Mutants that no case notices, of every rule that any suite is about. `done` is told how many were tried."""
    rules = {rule.name: rule for suite in found for rule in suite.rules}
    alive = []
    tried = 0
    for name, rule in sorted(rules.items()):
        about = [suite for suite in found if any(each.name == name for each in suite.rules)]
        for mutant in mutants(rule):
            if not any(_notices(suite, mutant, means) for suite in about):
                alive.append(mutant)
            tried += 1
            done(tried)
    return alive


def _notices(suite: Suite, mutant: Mutant, means: Means) -> bool:
    rules = [mutant.rule if rule.name == mutant.original.name else rule for rule in suite.rules]
    changed = Suite(suite.test, tuple(rule for rule in rules if rule is not None))
    return any(result.failures for result in run(changed, means))
