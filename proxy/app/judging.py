"""The judges of each snapshot, made from its entries: terms, rules, and the limits that outlive both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from proxy.core.call import Call
from proxy.core.decision import ALLOWED, NO_OBJECTION, Decision, Verdict
from proxy.core.rules import Bundle, Limit, Rule
from proxy.core.snapshot import GatewayOptions, Line
from proxy.core.terms import Adoption, Models, Row
from proxy.gateway.allowances import Allowances
from proxy.gateway.house import Entries
from proxy.gateway.judges import Judges, Limiter
from proxy.gateway.retries import Retries
from proxy.limits import resp
from proxy.limits.leases import Leases
from proxy.limits.memory import MemoryLimiter
from proxy.policy.conditions import condition
from proxy.policy.engine import Engine
from proxy.policy.remembering import remembering
from proxy.telemetry.diagnostics import Diagnostics
from proxy.terms.verdict import TermsJudge

if TYPE_CHECKING:
    from proxy.limits.redis import Leasing

_TERMS = ("terms", "models", "terms_shadow", "adoption")
SECTIONS = (*_TERMS, "rule", "bundle", "limit", "gateway")
NEWER = "shadow"
"""The entry of section `models` that goes with `terms_shadow`."""

T = TypeVar("T", bound=msgspec.Struct)


class NoTerms:
    """Where no terms are in force, they have no objection."""

    def judge(self, call: Call) -> Verdict:  # noqa: ARG002 - the judges' common form
        """See `gateway.judges.Terms`."""
        return NO_OBJECTION


class NoRules:
    """Where no rules are in force, all is allowed."""

    def decide(self, call: Call) -> Decision:  # noqa: ARG002
        """See `gateway.judges.Policy`."""
        return ALLOWED


class Judging:
    """Makes judges; called with the entries of each snapshot, in a thread. While terms and rules stay the same, so do the judges;
    terms that stay keep their judge, an expression that stays its function, and both what they remember.

    Expressions that a set no longer has are kept until the next snapshot, and then let go one by one, here: else the loop would
    take apart all of them, and what they remember, in the turn in which it swaps sets.
    """

    def __init__(self, leases: Leases | None = None) -> None:
        """`leases`: of budgets that other workers share; without, this process counts by itself."""
        self._leases = leases is not None
        self._limiter: Limiter = MemoryLimiter() if leases is None else leases
        self._retries = Retries()
        self._conditions: dict[str, Callable[[Call], bool]] = {}
        self._former: list[Callable[[Call], bool]] = []
        self._made_of: dict[str, dict[str, bytes]] = {}
        self._judges: Judges | None = None
        self._terms: tuple[TermsJudge | NoTerms, TermsJudge | None] = (NoTerms(), None)

    def __call__(self, entries: Entries) -> Judges:
        """The judges of a snapshot. Raises what a rule or row raises that this version does not understand."""
        made_of = {section: {name: bytes(line.value) for name, line in entries.get(section, {}).items()} for section in SECTIONS}
        while self._former:
            self._former.pop()
        if self._judges is not None and made_of == self._made_of:
            return self._judges
        stay = all(made_of[section] == self._made_of.get(section) for section in _TERMS)
        terms = self._terms if stay else _terms(entries)
        judges = self._make(entries, *terms)
        # At once: a set that cannot be made leaves nothing behind.
        self._judges, self._made_of, self._terms = judges, made_of, terms
        return judges

    def _make(self, entries: Entries, terms: TermsJudge | NoTerms, newer: TermsJudge | None) -> Judges:
        rules = list(_all(entries, "rule", Rule).values())
        bundle = _all(entries, "bundle", Bundle).get("bundle", Bundle())
        compiled: dict[str, Callable[[Call], bool]] = {}

        def compile_once(source: str) -> Callable[[Call], bool]:
            found = compiled[source] = compiled.get(source) or self._conditions.get(source) or remembering(condition(source))
            return found

        policy = Engine(rules, bundle, compile_once) if rules else NoRules()
        self._former = [when for source, when in self._conditions.items() if source not in compiled]
        self._conditions = compiled
        allowances = self._allowances(entries, rules)
        version = f"terms@{newer.version if newer else ''}"
        return Judges(terms, policy, self._limiter, allowances, bundle, newer, version, self._retries)

    def _allowances(self, entries: Entries, rules: list[Rule]) -> Allowances:
        throttles = {rule.name: rule for rule in rules if rule.requests is not None or rule.tokens is not None}
        options = _all(entries, "gateway", GatewayOptions).get("options", GatewayOptions())
        return Allowances(throttles, _all(entries, "limit", Limit), options.workers, leased=self._leases)


def _terms(entries: Entries) -> tuple[TermsJudge | NoTerms, TermsJudge | None]:
    """Who judges by the terms in force, and by newer ones that nobody adopted."""
    rows, models, newer = _all(entries, "terms", Row), _all(entries, "models", Models), _all(entries, "terms_shadow", Row)
    terms = TermsJudge(rows, models.get("models", Models()), None, _all(entries, "adoption", Adoption)) if rows else NoTerms()
    return terms, TermsJudge(newer, models.get(NEWER, Models())) if newer else None


def leasing_of(environ: Mapping[str, str], data_dir: Path, process: str) -> Leasing | None:
    """What leases limits from the Redis that `serve` named; None where this process counts by itself."""
    url = environ.get(resp.VARIABLE)
    if not url:
        return None
    from proxy.limits.redis import Leasing

    return Leasing(url, data_dir / "run" / "leases-epoch", Diagnostics(process).error)


def _all(entries: Mapping[str, Mapping[str, Line]], section: str, kind: type[T]) -> dict[str, T]:
    return {name: msgspec.json.decode(line.value, type=kind) for name, line in entries.get(section, {}).items()}
