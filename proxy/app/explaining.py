"""What decides about a call, whole: the rows of the terms with their clauses in words, every rule, and what was recorded then.

The one way for the command and the admin API; both show what `as_json` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from proxy.app.sets import PastJudge, RuleSet
from proxy.core.call import Call
from proxy.core.decision import EFFECTS
from proxy.core.errors import TosProxyError
from proxy.core.terms import Adoption, Clause, Row
from proxy.ledger import store_lines
from proxy.ledger.store import Store
from proxy.ledger.store_records import exchanges_named, lines_named, turns_named
from proxy.policy.conditions import condition
from proxy.policy.explaining import Explanation, explain, shown
from proxy.policy.replay import Replay, seen, was_judged
from proxy.policy.replay import Seen as Entry
from proxy.terms.verdict import TermsJudge

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 1 << 52


class NoSuchRecordError(TosProxyError):
    """No record of this id is in the store."""


@dataclass(frozen=True)
class Told:
    """One explanation. `rows`: what each row of the terms said. `recorded`: what the record says, where there is one; `carried`:
    how often each decision fell among the queries in its body, and `strictest`, the first about which the strictest one did.
    """

    explanation: Explanation
    rows: list[dict[str, Any]]
    recorded: dict[str, Any] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)
    strictest: Told | None = None

    @property
    def differs(self) -> list[str]:
        """In what the decision of today is another than the recorded one. A carrier's is that of the strictest query in it, too. Of
        what was refused before anybody judged it, that alone: its body, and what its header declares, was not read.
        """
        if refused := self.recorded.get("refused"):
            return [f"nobody judged it then: it was refused before, {refused}"]
        within = [] if self.strictest is None else [self.strictest.explanation.decision.effect]
        effect = max([self.explanation.decision.effect, *within], key=EFFECTS.index)
        now = {"verdict": self.explanation.verdict.verdict, "decision": effect}
        rules = list(self.explanation.decision.rules)
        found = [
            f"{name}: {self.recorded[name]} then, {value} now" for name, value in now.items() if self.recorded.get(name) != value
        ]
        if not within and sorted(self.recorded.get("rules", rules)) != sorted(rules):
            found.append(f"rules: {shown(self.recorded['rules'])} then, {shown(rules)} now")
        return found if self.recorded else []


def told_of(call: Call, rules: RuleSet, clauses: Iterable[Clause], **more: Any) -> Told:
    """The explanation of a call whose verdict is set. `more`: as `Told`."""
    explanation = explain(call, list(rules.rules.values()), rules.bundle, condition)
    if explanation.decision.transforms and call.size:  # where a body cannot be changed, the call is denied
        explanation = msgspec.structs.replace(explanation, decision=PastJudge(rules)(call))
    return Told(explanation, row_views(rules.terms, call, clauses, current(rules.adoptions, rules.rows)), **more)


async def of_record(store: Store, record: str, rules: RuleSet, clauses: Iterable[Clause], at: int | None = None) -> Told:
    """A recorded call, judged by these rules, at its own time or at `at` (microseconds since 1970 UTC). Of a carrier with how its
    lines were decided, and the first about which the strictest decision fell.

    Raises: NoSuchRecordError, StoreUnavailableError, msgspec.MsgspecError (written by a later version).
    """
    own, carrier = await _evidence(store, record)
    entry, brought = seen(own), seen(carrier) if carrier is not None else None
    counts = await store_lines.decided(store, record) if carrier is None and entry.facts.lines else {}
    if not counts:
        return _judged(entry, brought, rules, clauses, at)
    strictest = max(counts, key=EFFECTS.index)
    line = seen(await store_lines.evidence_of(store, record, counts[strictest][1]))
    carried = {effect: counts[effect][0] for effect in sorted(counts, key=EFFECTS.index)}
    return _judged(entry, None, rules, clauses, at, carried=carried, strictest=_judged(line, entry, rules, clauses, at))


def _judged(entry: Entry, brought: Entry | None, rules: RuleSet, clauses: Iterable[Clause], at: int | None, **more: Any) -> Told:
    """What a recorded call comes to, beside what its record says. `more`: as `Told`."""
    call = Replay().call(entry, brought)
    call.at = entry.at if at is None else at
    call.verdict = rules.terms.judge(call)
    then = {"id": entry.id, "verdict": entry.verdict, "decision": entry.decision, "rules": list(entry.rules)}
    then["policies"] = (brought or entry).versions.policies
    if not was_judged(entry):
        then["refused"] = f"{entry.status} {entry.error}"
    return told_of(call, rules, clauses, recorded=then, **more)


async def recorded(store: Store, record: str) -> tuple[Call, Entry]:
    """The call of a record, and its entry. Raises: as `of_record`."""
    own, carrier = await _evidence(store, record)
    entry, brought = seen(own), seen(carrier) if carrier is not None else None
    return Replay().call(entry, brought), entry


async def _evidence(store: Store, record: str) -> tuple[bytes, bytes | None]:
    """The entry of a record, and, of a line or turn, that of the exchange that brought it."""
    for exchange, _ in (await exchanges_named(store, [record])).values():
        return exchange, None
    for own in ((await lines_named(store, [record])) or (await turns_named(store, [record]))).values():
        carriers = await exchanges_named(store, [seen(own).carrier])
        return own, next((intent for intent, _ in carriers.values()), None)
    raise NoSuchRecordError(f"no record {record} in the store (what has just been written is shipped within seconds)")


def current(adoptions: Mapping[str, Adoption], rows: Mapping[str, Row]) -> dict[str, Adoption]:
    """Adoptions of rows that are still as they were read; another text is unread again."""
    return {name: each for name, each in adoptions.items() if name in rows and rows[name].digest == each.digest}


def row_views(judge: TermsJudge, call: Call, clauses: Iterable[Clause], adoptions: Mapping[str, Adoption]) -> list[dict[str, Any]]:
    """What each row says of a call, with its clauses in words, from when until when, and who has read it."""
    known = {clause.id: clause for clause in clauses}
    rows = []
    for part in judge.parts(call):
        adopted = adoptions.get(part.row.partition("@")[0])
        rows.append(
            {
                "row": part.row,
                "verdict": part.verdict,
                "basis": part.basis if part.row else "",
                "since": day(part.since),
                "until": day(part.until),
                "why": part.why,
                "confirmed": part.confirmed,
                "read_by": adopted.by if adopted is not None else None,
                "obligations": list(part.obligations),
                "clauses": [_clause(known[name]) if name in known else {"id": name} for name in part.clauses],
            }
        )
    return rows


def _clause(clause: Clause) -> dict[str, Any]:
    return {
        "id": clause.id,
        "section": clause.section,
        "document": clause.document,
        "url": clause.url,
        "summary": clause.summary,
        "confidence": clause.confidence,
        "review_by": day(clause.review_by),
        "gone": day(clause.gone),
    }


def day(microseconds: int | None) -> str | None:
    """A date, None for one that is beyond all days."""
    if microseconds is None or abs(microseconds) > _FAR:
        return None
    return (_EPOCH + timedelta(microseconds=microseconds)).date().isoformat()


def as_json(told: Told) -> dict[str, Any]:
    """All of it."""
    explanation = told.explanation
    built: dict[str, Any] = msgspec.to_builtins(explanation)
    for rule, each in zip(built["rules"], explanation.rules, strict=True):
        rule["why"] = each.why
    built["verdict"] = _whole(explanation.verdict)
    built["decision"] = _whole(explanation.decision)
    built["bundle"] = _whole(explanation.bundle)
    built["rows"] = told.rows
    if told.carried:
        built["carried"] = told.carried
    if told.strictest is not None:
        built["strictest"] = as_json(told.strictest)
    if told.recorded:
        built["recorded"] = told.recorded
        built["differs"] = told.differs
    return built


def _whole(value: msgspec.Struct) -> dict[str, Any]:
    """With fields at their defaults, which the record leaves out."""
    return {name: msgspec.to_builtins(getattr(value, name)) for name in value.__struct_fields__}
