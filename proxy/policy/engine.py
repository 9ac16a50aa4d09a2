"""Decides about a call: which rules of one bundle match it, and what the strictest of them says. Runs for every query.

`match` is answered by tables: for each field, the set of rules that each value lets through, as the bits of a number; what
stands in all of them is reachable, and only its expressions are evaluated. Values met are remembered with their sets, which
answers globs; decisions are remembered by the rules that they come from, so that they are made once.

An engine is built anew for each bundle and never changes, but for what it remembers, which is bounded.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from re import Pattern
from typing import cast

from proxy.core.call import Call
from proxy.core.decision import ALLOWED, EFFECTS, Decision, Transform
from proxy.core.rules import Bundle, Exemption, Rule
from proxy.policy.globs import holds, is_glob, pattern
from proxy.policy.names import BY_NAME, LIST, Value
from proxy.policy.remembering import Expression, remembering

_REMEMBERED = 4096


class _Compiled:
    """A rule with its bit and its expression, None where it always holds."""

    __slots__ = ("bit", "rule", "when")

    def __init__(self, rule: Rule, bit: int, when: Expression | None) -> None:
        self.rule = rule
        self.bit = bit
        self.when = when


class _Table:
    """One name that rules match by: which rules a value lets through. Of a list, each value lets through what it would alone."""

    __slots__ = ("_exact", "_free", "_globs", "_known", "_lists", "_of")

    def __init__(self, field: str, rules: Sequence[_Compiled]) -> None:
        name = BY_NAME[field]
        self._of: Callable[[Call], Value] = name.get
        self._lists = name.type == LIST
        self._known: dict[str, int] = {}
        self._free = 0
        self._exact: dict[str, int] = {}
        self._globs: list[tuple[Pattern[str], int]] = []
        for each in rules:
            values = each.rule.match.get(field)
            if values is None:
                self._free |= each.bit
                continue
            for value in values:
                self._let(value, each.bit)

    def _let(self, value: str, bit: int) -> None:
        if is_glob(value):
            self._globs.append((pattern(value), bit))
        else:
            self._exact[value] = self._exact.get(value, 0) | bit

    def reachable(self, call: Call) -> int:
        """The rules that a call can reach, as far as this name goes."""
        value = self._of(call)
        if self._lists:
            found = self._free
            for each in cast("Iterable[str]", value):
                found |= self._find(each)
            return found
        return self._find(cast("str", value))

    def _find(self, value: str) -> int:
        found = self._known.get(value)
        if found is not None:
            return found
        found = self._free | self._exact.get(value, 0)
        for each, bit in self._globs:
            if each.fullmatch(value) is not None:
                found |= bit
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[value] = found
        return found


class _Reach:
    """Rules that one combination of values lets through: those that hold already, and those whose expression is asked."""

    __slots__ = ("asked", "certain")

    def __init__(self, rules: Sequence[_Compiled]) -> None:
        self.certain = 0
        self.asked: list[_Compiled] = []
        for each in rules:
            if each.when is None:
                self.certain |= each.bit
            else:
                self.asked.append(each)


class _Spared:
    """What is particular about a principal: rules whose roll-out has not come to it, and those that spare it until a date."""

    __slots__ = ("exempt", "waiting")

    def __init__(self, waiting: int, exempt: list[tuple[int, int]]) -> None:
        self.waiting = waiting
        self.exempt = exempt


class Engine:
    """The rules of one bundle.

    `compile_expression` makes a function of a `when`; it is called here, for each rule that has one, and raises what it likes.
    Raises KeyError for a rule that matches by a name that this version does not know.
    """

    __slots__ = ("_all", "_decisions", "_particular", "_reaches", "_rules", "_spared", "_tables", "bundle")

    def __init__(self, rules: Sequence[Rule], bundle: Bundle, compile_expression: Callable[[str], Expression]) -> None:
        self.bundle = bundle
        self._rules: list[_Compiled] = []
        for at, rule in enumerate(sorted(rules, key=_name)):
            self._rules.append(_Compiled(rule, 1 << at, remembering(compile_expression(rule.when)) if rule.when else None))
        self._all = (1 << len(self._rules)) - 1
        named = {field for rule in rules for field in rule.match}
        self._tables = [_Table(field, self._rules) for field in sorted(named)]
        self._particular = 0
        for each in self._rules:
            if each.rule.rollout < 100 or each.rule.exempt:
                self._particular |= each.bit
        self._reaches: dict[int, _Reach] = {}
        self._spared: dict[str, _Spared] = {}
        self._decisions: dict[tuple[int, int, int, int], Decision] = {}

    def decide(self, call: Call) -> Decision:
        """What may become of a call; `call.verdict` is what the terms say of it."""
        reachable = self._all
        for table in self._tables:
            reachable &= table.reachable(call)
        if not reachable:
            return ALLOWED
        reach = self._reaches.get(reachable)
        if reach is None:
            reach = self._reach(reachable)
        hit = reach.certain
        failed = 0
        for each in reach.asked:
            when = each.when
            assert when is not None, "those without one are certain"
            try:
                if when(call):
                    hit |= each.bit
            except Exception:  # noqa: BLE001 - whatever an expression stumbles over, the rule says what counts then
                failed |= each.bit
        if not hit | failed:
            return ALLOWED
        waiting = exempt = 0
        if (hit | failed) & self._particular:
            waiting, exempt = self._spares(call)
        key = (hit, failed, waiting & (hit | failed), exempt & (hit | failed))
        decision = self._decisions.get(key)
        return self._decide(key) if decision is None else decision

    def _reach(self, reachable: int) -> _Reach:
        if len(self._reaches) >= _REMEMBERED:
            self._reaches.clear()
        reach = self._reaches[reachable] = _Reach([each for each in self._rules if each.bit & reachable])
        return reach

    def _spares(self, call: Call) -> tuple[int, int]:
        """(rules in shadow for this principal, rules that spare it now)."""
        name = call.principal.name
        spared = self._spared.get(name)
        if spared is None:
            spared = _spared(self._rules, name)
            if len(self._spared) >= _REMEMBERED:
                self._spared.clear()
            self._spared[name] = spared
        exempt = 0
        for bit, until in spared.exempt:
            if call.at < until:
                exempt |= bit
        return spared.waiting, exempt

    def _decide(self, key: tuple[int, int, int, int]) -> Decision:
        hit, failed, waiting, exempt = key
        outcome = _Outcome()
        for each in self._rules:
            if each.bit & exempt:
                outcome.exempt.append(each.rule.name)
            elif each.bit & (hit | failed):
                outcome.take(each.rule, failed=each.bit & failed != 0, waits=each.bit & waiting != 0)
        if len(self._decisions) >= _REMEMBERED:
            self._decisions.clear()
        decision = self._decisions[key] = outcome.decision()
        return decision


class _Outcome:
    """What matching rules come to together."""

    __slots__ = (
        "clauses",
        "effect",
        "exempt",
        "failed",
        "messages",
        "obligations",
        "rules",
        "shadow",
        "throttles",
        "transforms",
    )

    def __init__(self) -> None:
        self.effect = 0
        self.rules: list[str] = []
        self.clauses: list[str] = []
        self.messages: list[str] = []
        self.shadow: list[str] = []
        self.obligations: list[str] = []
        self.transforms: list[Transform] = []
        self.throttles: list[str] = []
        self.failed: list[str] = []
        self.exempt: list[str] = []

    def take(self, rule: Rule, *, failed: bool, waits: bool) -> None:
        """Take in a rule that matches, or whose expression failed."""
        shadow = waits or rule.mode == "shadow"
        effect = rule.effect_on_error if failed else rule.effect
        if failed:
            self.failed.append(rule.name)
        if shadow:
            self.shadow.append(f"{rule.name}:{effect}")
            return
        self.effect = max(self.effect, EFFECTS.index(effect))
        self.rules.append(rule.name)
        self.clauses += rule.clauses
        if effect == "deny":
            self.messages.append(_message(rule, failed=failed))
        if effect == "throttle" and (rule.requests is not None or rule.tokens is not None):
            self.throttles.append(rule.name)
        if not failed:
            self.obligations += rule.obligations
            if rule.drop or rule.set:
                self.transforms.append(Transform(rule.name, rule.drop, rule.set))

    def decision(self) -> Decision:
        """All of it."""
        return Decision(
            EFFECTS[self.effect],
            tuple(self.rules),
            _once(self.clauses),
            " ".join(self.messages),
            tuple(self.shadow),
            _once(self.obligations),
            tuple(self.transforms),
            tuple(self.throttles),
            tuple(self.failed),
            tuple(self.exempt),
        )


def in_rollout(rule: str, principal: str, percent: int) -> bool:
    """Whether a rule that counts for so many percent of principals counts for this one: always the same ones, others by rule."""
    return zlib.crc32(f"{rule}\0{principal}".encode()) % 100 < percent


def _message(rule: Rule, *, failed: bool) -> str:
    """What a denied client reads of one rule: its own words, its name, and the clauses that it rests on."""
    said = rule.message or rule.title or "Not allowed here."
    if failed:
        said = "A rule could not be evaluated for this call, and is strict then."
    named = f"rule {rule.name}"
    if rule.clauses:
        named += f"; {'clause' if len(rule.clauses) == 1 else 'clauses'} {', '.join(rule.clauses)}"
    return f"{said} ({named})"


def _spared(rules: Sequence[_Compiled], principal: str) -> _Spared:
    waiting = 0
    exempt: list[tuple[int, int]] = []
    for each in rules:
        rule = each.rule
        if rule.rollout < 100 and not in_rollout(rule.name, principal, rule.rollout):
            waiting |= each.bit
        until = max((one.until for one in rule.exempt if _names(one, principal)), default=0)
        if until:
            exempt.append((each.bit, until))
    return _Spared(waiting, exempt)


def _names(exemption: Exemption, principal: str) -> bool:
    return any(holds(each, principal) for each in exemption.principals)


def _name(rule: Rule) -> str:
    return rule.name


def _once(values: list[str]) -> tuple[str, ...]:
    """Each once, in the order in which they came."""
    return tuple(dict.fromkeys(values))
