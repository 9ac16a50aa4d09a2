"""What can be wrong with rules that load: they match nothing, another decides in their place, nobody has tested them.

What stands in one file is the loader's business (types, words, clauses, expired exceptions); this looks at rules beside each other
and beside their tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from proxy.core.decision import EFFECTS
from proxy.core.rules import Rule
from proxy.documents.problems import Problem
from proxy.policy.cases import Case
from proxy.policy.domains import can_match, covers
from proxy.policy.loader import Source, meant
from proxy.policy.suite import Result, Suite


@dataclass(frozen=True)
class Placed:
    """A rule and the file that it comes from."""

    rule: Rule
    source: Source


def unsound(rules: Sequence[Placed]) -> Iterator[Problem]:
    """Rules that nothing can match, that a stricter one decides for, and denials without a word to the denied."""
    reached = [each for each in rules if can_match(each.rule) is not False]
    for each in rules:
        if each not in reached:
            path = ("spec", "when") if each.rule.when else ("spec", "match")
            hint = "`when` is false for every call that `match` lets through" if each.rule.match else "`when` is never true"
            yield each.source.problem(path, "unreachable: no call can match this rule", hint)
        elif over := next((other for other in reached if _decides_for(other.rule, each.rule)), None):
            same = over.rule.effect == each.rule.effect
            what = "says the same of the same calls" if same else f"{over.rule.effect} for every call that this one matches"
            there = over.source.document.place(("metadata", "name"))
            yield each.source.problem(("metadata", "name"), f"shadowed by {over.rule.name}: {what}", f"it is in {there}")
        if each.rule.effect == "deny" and not each.rule.message:
            yield each.source.problem(("spec", "effect"), "a denial without message", "say what the client can do: message: …")


def _decides_for(over: Rule, rule: Rule) -> bool:
    """Whether one rule makes another pointless. One of a pack may do so for another pack's: whoever has both wants that."""
    if over is rule or _family(rule) not in ("", _family(over)) or over.mode != "enforce" or over.rollout < 100 or over.exempt:
        return False
    if rule.obligations or rule.drop or rule.set or rule.mode == "shadow":
        return False
    stricter = EFFECTS.index(over.effect) - EFFECTS.index(rule.effect)
    if stricter < 0 or (stricter == 0 and over.name > rule.name):
        return False
    return covers(over, rule) and (stricter > 0 or covers(rule, over))


def _family(rule: Rule) -> str:
    return rule.name.rpartition("/")[0]


def untested(rules: Sequence[Placed], found: Iterable[Suite], results: Iterable[Result]) -> Iterator[Problem]:
    """Rules that no test file is about, or that no case makes match."""
    about = {rule.name for suite in found for rule in suite.rules}
    met: set[str] = set()
    for result in results:
        met.update(result.decision.rules, result.decision.failed, result.decision.exempt)
        met.update(each.rpartition(":")[0] for each in result.decision.shadow)
    for each in rules:
        name = each.rule.name
        if name not in about:
            beside = each.source.document.name.rpartition("/")[2].replace(".y", "_test.y")
            yield each.source.problem(("metadata", "name"), "a rule without tests", f"write {beside} beside it")
        elif name not in met and can_match(each.rule) is not False:
            yield each.source.problem(("metadata", "name"), "no test makes this rule match", "add a case that it is for")


def uncovered(results: Iterable[Result]) -> Iterator[Problem]:
    """Cases that expect something to be done about a call which no rule matches."""
    for result in results:
        decision, wanted = result.decision, result.case.expect
        silent = not (decision.rules or decision.shadow or decision.failed or decision.exempt)
        if silent and (wanted.effect != "allow" or wanted.rules or wanted.shadow):
            expected = wanted.effect if wanted.effect != "allow" else ", ".join([*(wanted.rules or ()), *(wanted.shadow or ())])
            yield Problem(result.case.place, "", f"no rule covers this example, which expects {expected}: {result.case.name}")


def unfounded(found: Iterable[Suite], clauses: Collection[str] | None) -> Iterator[Problem]:
    """Cases that expect rules or name clauses which do not exist."""
    for suite in found:
        known = list(dict.fromkeys(name for rule in suite.rules for name in (rule.name, rule.name.rpartition("/")[2])))
        for case in suite.test.cases:
            expected = [*(case.expect.rules or ()), *(each.rpartition(":")[0] for each in case.expect.shadow or ())]
            for name in expected:
                if name not in known:
                    yield Problem(case.place, "", f"expects {name}, which is no rule here", meant(name, known))
            yield from _clauses(case, clauses)


def _clauses(case: Case, clauses: Collection[str] | None) -> Iterator[Problem]:
    named = [*case.expect.clauses, *(case.given.terms.clauses if case.given.terms is not None else ())]
    for clause in named:
        if clauses is not None and clause not in clauses:
            yield Problem(case.place, "", f"no clause is named {clause!r}", meant(clause, clauses))
