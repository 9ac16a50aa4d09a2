"""Backtest: what one set of rules and terms decides about queries of the past, beside what another decides about them.

Pure: takes calls one by one, in the order of the ledger, and counts; whoever feeds it can ask for the result at any time, so that
an interrupted backtest still says what it had. Memory is bounded whatever the number of queries: names beyond `MOST_NAMES` are
counted together.

A carrier (a batch, an upload) is decided by the strictest of its lines, as on the day; its lines come before it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from proxy.core.call import Call
from proxy.core.decision import ALLOWED, EFFECTS, VERDICTS, Decision, stricter_decision
from proxy.core.rules import Rule
from proxy.policy.replay import Seen

MOST_NAMES = 10_000
OTHERS = "(others)"


class Judge(Protocol):
    """One set of rules and terms: sets `call.verdict` and says what may become of the call."""

    def __call__(self, call: Call, /) -> Decision: ...


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """One query that would be decided otherwise: by which rules that do not match now, or no longer match (`-name`)."""

    record: str
    at: int
    principal: str
    purpose: str
    was: str = msgspec.field(name="from")
    to: str
    rules: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    verdict: str = ""


class RuleCount(msgspec.Struct, frozen=True):
    """Queries that a rule matched, in force and in the draft. `mode`: `shadow` where it did not count (its own mode, or roll-out).
    `failed`: of those, queries for which its expression could not be evaluated.
    """

    rule: str
    effect: str
    mode: str
    in_force: int
    draft: int
    failed_in_force: int
    failed_draft: int


class NameCount(msgspec.Struct, frozen=True):
    """Queries of one principal or purpose: how many, how many are decided otherwise, and how many are denied by either set."""

    name: str
    queries: int
    changed: int
    denied_in_force: int
    denied_draft: int


class Change(msgspec.Struct, frozen=True):
    """So many queries go from one effect (or verdict) to another."""

    was: str = msgspec.field(name="from")
    to: str
    queries: int


class Result(msgspec.Struct, frozen=True):
    """What a backtest found so far.

    `skipped`: entries that no rule was asked about then. `changed`: queries that the draft decides otherwise than the set in force
    (another effect, or another body sent). `drifted`: queries that the set in force decides otherwise than was recorded.
    `in_force_us` and `draft_us`: microseconds per query, terms and rules.
    """

    queries: int
    skipped: int
    changed: int
    drifted: int
    in_force_us: float
    draft_us: float
    effects_in_force: dict[str, int]
    effects_draft: dict[str, int]
    changes: list[Change]
    verdicts: list[Change]
    rules: list[RuleCount]
    principals: list[NameCount]
    purposes: list[NameCount]
    examples: list[Example]
    drifts: list[Example]


class _Side:
    """One of the two sets, and what it came to."""

    def __init__(self, judge: Judge, clock: Callable[[], int]) -> None:
        self.nanoseconds = 0
        self.decisions: Counter[int] = Counter()
        self.known: dict[int, Decision] = {}
        self._judge = judge
        self._clock = clock

    def decide(self, call: Call) -> Decision:
        begun = self._clock()
        decision = self._judge(call)
        self.nanoseconds += self._clock() - begun
        return decision

    def count(self, decision: Decision) -> None:
        """Decisions repeat and are told apart by identity: their fields are looked at once, when they are counted up."""
        key = id(decision)
        if key not in self.known:
            self.known[key] = decision  # kept, so that no other gets its identity
        self.decisions[key] += 1

    def effects(self) -> dict[str, int]:
        found = dict.fromkeys(EFFECTS, 0)
        for key, count in self.decisions.items():
            found[self.known[key].effect] += count
        return found

    def rules(self) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
        """Queries by (rule, effect if that was in shadow, else empty), and those of them whose expression failed."""
        matched: Counter[tuple[str, str]] = Counter()
        failed: Counter[tuple[str, str]] = Counter()
        for key, count in self.decisions.items():
            decision = self.known[key]
            shadows = [(rule, effect) for rule, _, effect in (each.rpartition(":") for each in decision.shadow)]
            for name in [*((rule, "") for rule in decision.rules), *shadows]:
                matched[name] += count
                if name[0] in decision.failed:
                    failed[name] += count
        return matched, failed


class _Named:
    """Counts by principal or purpose: queries, changed, denied in force, denied by the draft."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def add(self, name: str, changed: bool, before: Decision, after: Decision) -> None:
        counts = self._counts.get(name)
        if counts is None:
            if len(self._counts) >= MOST_NAMES:
                name = OTHERS
            counts = self._counts.setdefault(name, [0, 0, 0, 0])
        counts[0] += 1
        counts[1] += changed
        counts[2] += before.effect == "deny"
        counts[3] += after.effect == "deny"

    def told(self) -> list[NameCount]:
        """Those with most changes first, then those with most queries."""
        rows = [NameCount(name, *counts) for name, counts in self._counts.items()]
        return sorted(rows, key=lambda row: (-row.changed, -row.queries, row.name))


class Backtest:
    """Compares two sets. `rules`: those of both by name, for the effects that they have. `examples`: kept of each kind of change.

    `clock` gives nanoseconds.
    """

    def __init__(
        self,
        in_force: Judge,
        draft: Judge,
        rules: Mapping[str, Rule],
        *,
        examples: int = 3,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.queries = 0
        self.skipped = 0
        self.changed = 0
        self._before = _Side(in_force, clock)
        self._after = _Side(draft, clock)
        self._rules = rules
        self._most = examples
        self._drifted = 0
        self._changes: Counter[tuple[str, str]] = Counter()
        self._verdicts: Counter[tuple[str, str]] = Counter()
        self._principals = _Named()
        self._purposes = _Named()
        self._examples: dict[tuple[Any, ...], list[Example]] = {}
        self._drifts: list[Example] = []
        self._carriers: dict[str, tuple[Decision, Decision]] = {}
        self._unions: dict[tuple[int, int], tuple[Decision, Decision, Decision]] = {}

    def skip(self) -> None:
        """An entry that no rule was asked about."""
        self.skipped += 1

    def take(self, entry: Seen, call: Call) -> None:
        """Judge a query by both sets, and count."""
        before = self._before.decide(call)
        verdict = call.verdict
        after = self._after.decide(call)
        if entry.facts.lines and (of_lines := self._carriers.pop(entry.id, None)) is not None:
            before, after = self._united(before, of_lines[0]), self._united(after, of_lines[1])
        elif entry.carrier and entry.length:
            self._carry(entry.carrier, before, after)
        self.queries += 1
        self._before.count(before)
        self._after.count(after)
        if verdict.verdict != call.verdict.verdict:
            self._verdicts[verdict.verdict, call.verdict.verdict] += 1
        changed = before is not after and (before.effect != after.effect or before.transforms != after.transforms)
        self._principals.add(entry.principal, changed, before, after)
        self._purposes.add(entry.purpose, changed, before, after)
        if changed:
            self._change(entry, call, before, after)
        if before.effect != entry.decision:
            self._drifted += 1
            if len(self._drifts) < self._most:
                self._drifts.append(_example(entry, call, entry.decision, entry.rules, before))

    def _carry(self, carrier: str, before: Decision, after: Decision) -> None:
        """A line's decision counts for its carrier too, which comes later; most lines say nothing worth keeping."""
        if before is ALLOWED and after is ALLOWED:
            return
        kept = self._carriers.get(carrier, (ALLOWED, ALLOWED))
        self._carriers[carrier] = (self._united(kept[0], before), self._united(kept[1], after))

    def _united(self, one: Decision, other: Decision) -> Decision:
        """The stricter of two, the same object for the same two."""
        key = (id(one), id(other))
        if key not in self._unions:
            self._unions[key] = (one, other, stricter_decision(one, other))
        return self._unions[key][2]

    def _change(self, entry: Seen, call: Call, before: Decision, after: Decision) -> None:
        self.changed += 1
        self._changes[before.effect, after.effect] += 1
        key = (before.effect, after.effect, before.rules, after.rules)
        if key not in self._examples and len(self._examples) >= MOST_NAMES:
            return
        kept = self._examples.setdefault(key, [])
        if len(kept) < self._most:
            kept.append(_example(entry, call, before.effect, before.rules, after))

    def result(self) -> Result:
        """What was found so far."""
        queries = max(1, self.queries)
        return Result(
            queries=self.queries,
            skipped=self.skipped,
            changed=self.changed,
            drifted=self._drifted,
            in_force_us=round(self._before.nanoseconds / 1000 / queries, 2),
            draft_us=round(self._after.nanoseconds / 1000 / queries, 2),
            effects_in_force=self._before.effects(),
            effects_draft=self._after.effects(),
            changes=_changes(self._changes, EFFECTS),
            verdicts=_changes(self._verdicts, VERDICTS),
            rules=self._rule_counts(),
            principals=self._principals.told(),
            purposes=self._purposes.told(),
            examples=[example for kept in self._examples.values() for example in kept],
            drifts=self._drifts,
        )

    def _rule_counts(self) -> list[RuleCount]:
        matched, failed = self._before.rules()
        matched_after, failed_after = self._after.rules()
        rows = []
        for name, shadow in sorted({*matched, *matched_after}):
            rule = self._rules.get(name)
            effect = shadow or (rule.effect if rule is not None else "")
            key = (name, shadow)
            counts = (matched[key], matched_after[key], failed[key], failed_after[key])
            rows.append(RuleCount(name, effect, "shadow" if shadow else "enforce", *counts))
        return rows


def _changes(counts: Counter[tuple[str, str]], order: Iterable[str]) -> list[Change]:
    """Those that become strictest first."""
    rank = {word: at for at, word in enumerate(order)}
    pairs = sorted(counts, key=lambda pair: (-rank.get(pair[1], 0), rank.get(pair[0], 0)))
    return [Change(was, to, counts[was, to]) for was, to in pairs]


def _example(entry: Seen, call: Call, was: str, had: tuple[str, ...], now: Decision) -> Example:
    rules = [*(name for name in now.rules if name not in had), *(f"-{name}" for name in had if name not in now.rules)]
    return Example(
        entry.id,
        entry.at,
        entry.principal,
        entry.purpose,
        was=was,
        to=now.effect,
        rules=tuple(rules),
        clauses=now.clauses,
        verdict=call.verdict.verdict,
    )
