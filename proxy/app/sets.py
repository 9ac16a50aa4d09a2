"""A set of rules and terms as a whole, and the judge of past calls that it makes: the same parts that a gateway judges by."""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from proxy.control.plan import CONTROL, GATEWAY
from proxy.control.presence import who_serves
from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.call import Call
from proxy.core.decision import NO_OBJECTION, Decision
from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Adoption, Models, Row
from proxy.dialects import DIALECTS
from proxy.gateway.transform import MOST, untransformable
from proxy.policy.conditions import condition
from proxy.policy.engine import Engine
from proxy.terms.verdict import TermsJudge

T = TypeVar("T", bound=msgspec.Struct)


class RuleSet(NamedTuple):
    """Rules and rows by name. `bundle` names the set."""

    rules: dict[str, Rule]
    rows: dict[str, Row]
    models: Models
    adoptions: dict[str, Adoption]
    bundle: Bundle

    @property
    def terms(self) -> TermsJudge:
        """The judge of these terms."""
        return TermsJudge(self.rows, self.models, None, self.adoptions)

    def with_rules(self, rules: Iterable[Rule], *, packs: Container[str] = (), alone: bool = False) -> RuleSet:
        """The set with these rules instead of those of the same name and of all those of `packs`, and beside the others unless they
        stand `alone`.
        """
        kept = {name: rule for name, rule in self.rules.items() if not alone and name.rpartition("/")[0] not in packs}
        return self._replace(rules={**kept, **{rule.name: rule for rule in rules}}, bundle=Bundle())


def set_of(entries: Iterable[bytes]) -> RuleSet:
    """The set that a snapshot's framed entries hold."""
    found = _by_section(entries)
    return RuleSet(
        _all(found, "rule", Rule),
        _all(found, "terms", Row),
        _all(found, "models", Models).get("models", Models()),
        _all(found, "adoption", Adoption),
        _all(found, "bundle", Bundle).get("bundle", Bundle()),
    )


def in_force(data_dir: Path, configured: Iterable[bytes]) -> RuleSet:
    """The set in force, of the entries that are. `configured`: the configuration's framed entries."""
    return set_of(entries_in_force(data_dir, configured))


def entries_in_force(data_dir: Path, configured: Iterable[bytes]) -> list[bytes]:
    """What a running proxy has published in `data_dir`, else what the configuration comes to, with what persons have adopted."""
    published = Publisher(data_dir).entries()
    if who_serves(data_dir, CONTROL) is not None or who_serves(data_dir, GATEWAY) is not None:
        return list(published.values())
    adopted = [framed for (section, _), framed in published.items() if section == "adoption"]
    return [*adopted, *configured]


def sections(data_dir: Path, configured: Iterable[bytes]) -> Callable[[str], Mapping[str, Any]]:
    """What gives the entries in force of a section by name, as their types. `configured`: as of `in_force`."""
    found = _by_section(entries_in_force(data_dir, configured))
    return lambda section: _all(found, section, snapshot.SECTIONS[section])


def _by_section(entries: Iterable[bytes]) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for line in snapshot.lines(b"".join(entries)):
        if line.put is not None and line.name is not None:
            found.setdefault(line.put, {})[line.name] = bytes(line.value)
    return found


def _all(found: Mapping[str, Mapping[str, bytes]], section: str, kind: type[T]) -> dict[str, T]:
    return {name: msgspec.json.decode(value, type=kind) for name, value in found.get(section, {}).items()}


@contextmanager
def rare_collection() -> Iterator[None]:
    """Have the collector look at what is new less often: millions of small objects without cycles pass, and looking through them
    costs as much as making them.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class PastJudge:
    """Decides about past calls as a gateway with this set would have: terms, rules, and what cannot be changed is denied.

    Whether a body could have been changed is known as far as evidence says: one with a content coding counts as one that could.
    """

    def __init__(self, given: RuleSet) -> None:
        self._terms = given.terms if given.rows else None
        self._engine = Engine(list(given.rules.values()), given.bundle, condition)
        self._json: dict[tuple[str, str, str], bool] = {}
        self._denials: dict[int, tuple[Decision, Decision]] = {}

    def __call__(self, call: Call) -> Decision:
        """The decision; sets `call.verdict`."""
        call.verdict = self._terms.judge(call) if self._terms is not None else NO_OBJECTION
        decision = self._engine.decide(call)
        if decision.transforms and self._fixed(call):
            return self._denied(decision)
        return decision

    def _fixed(self, call: Call) -> bool:
        """Whether the body of this call cannot be changed."""
        if not call.size:
            return False
        return call.size > MOST or call.facts.inspection == "none" or not self._is_json(call)

    def _is_json(self, call: Call) -> bool:
        """Whether the endpoint's row says that its body is JSON, which no line and no turn of a session is by itself."""
        key = (call.dialect, call.endpoint, call.method)
        found = self._json.get(key)
        if found is None:
            rows = [row for each in DIALECTS if each.name == key[0] for row in each.endpoints if (row.name, row.method) == key[1:]]
            found = any(row.json_body and not row.form_body and not row.carries and row.session is None for row in rows)
            self._json[key] = found
        return found

    def _denied(self, decision: Decision) -> Decision:
        known = self._denials.get(id(decision))
        if known is None:
            known = self._denials[id(decision)] = (decision, untransformable(decision, "a body that is not read as JSON"))
        return known[1]
