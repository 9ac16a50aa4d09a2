"""What `tos-proxy policy explain` shows of one call: a tree for people, or the same as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from rich.text import Text
from rich.tree import Tree

from proxy.core.call import Call
from proxy.core.terms import Adoption, Clause, Row
from proxy.policy.explaining import Explained, Explanation, Seen, shown
from proxy.terms.verdict import TermsJudge

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 1 << 52
_STYLES = {"deny": "bold red", "forbid": "bold red", "throttle": "yellow", "flag": "yellow", "review": "yellow", "allow": "green"}
_USUAL = {"inspection": "full", "prompts": 1, "n": 1, "temperature": 1.0, "top_p": 1.0, "principal.standing": "normal"}
_ABOUT = ("upstream", "endpoint", "model", "purpose", "principal.name", "credential.plan", "time.day")


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
        """In what the decision of today is another than the recorded one."""
        now = {"verdict": self.explanation.verdict.verdict, "decision": self.explanation.decision.effect}
        rules = list(self.explanation.decision.rules)
        found = [
            f"{name}: {self.recorded[name]} then, {value} now" for name, value in now.items() if self.recorded.get(name) != value
        ]
        if sorted(self.recorded.get("rules", rules)) != sorted(rules):
            found.append(f"rules: {_listed(self.recorded['rules'])} then, {_listed(rules)} now")
        return found if self.recorded else []


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


def tree(told: Told) -> Tree:
    """The same for people."""
    explanation = told.explanation
    values = explanation.call
    root = Tree(Text(" · ".join(str(values[name]) for name in _ABOUT if values.get(name))))
    rest = [f"{name} = {shown(value)}" for name, value in values.items() if name not in _ABOUT and not _is_dull(name, value)]
    if rest:
        root.add(Text(", ".join(rest), style="dim"))
    _terms(root, told)
    _decision(root, told)
    matched = [rule for rule in explanation.rules if rule.state != "not matched"]
    branch = root.add(Text(f"rules: {len(matched)} of {len(explanation.rules)} matched"))
    for rule in explanation.rules:
        _rule(branch, rule)
    bundle = explanation.bundle
    packs = ", ".join(f"{name} {version}" for name, version in bundle.packs.items())
    words = [f"bundle {bundle.digest[:16] or 'without digest'}", f"terms {bundle.terms}" if bundle.terms else "", packs]
    if told.strictest is None:
        root.add(Text(" · ".join(filter(None, words)), style="dim"))
    else:
        count = ", ".join(f"{count} {effect}" for effect, count in told.carried.items())
        root.add(Text(f"queries in the body: {count}; they count with the decision above, and the strictest of them is")).add(
            tree(told.strictest)
        )
    return root


def _is_dull(name: str, value: Any) -> bool:
    """What follows from something else that is shown, or is as it usually is."""
    derived = ("declared", "said", "principal.purposes", "method", "dialect", "host", "credential.kind")
    return name.startswith(("terms.", "time.")) or name in derived or _USUAL.get(name) == value


def _terms(root: Tree, told: Told) -> None:
    verdict = told.explanation.verdict
    branch = root.add(_headed("terms", verdict.verdict, verdict.basis, "" if verdict.confirmed else "unconfirmed"))
    if verdict.conflict:
        branch.add(Text("clauses contradict each other", style="yellow"))
    for row in told.rows:
        span = " ".join(
            filter(None, (f"since {row['since']}" if row["since"] else "", f"until {row['until']}" if row["until"] else ""))
        )
        each = branch.add(_headed(row["row"] or "no row", row["verdict"], row["basis"], span, row["why"]))
        for clause in row["clauses"]:
            _clause_lines(each, clause)
        for obligation in row["obligations"]:
            each.add(Text(f"obligation: {obligation}"))
        if row["row"]:
            each.add(Text(f"read by counsel: {row['read_by'] or 'none'}", style="dim"))


def _clause_lines(branch: Tree, clause: dict[str, Any]) -> None:
    section = f" §{clause['section']}" if clause.get("section") else ""
    each = branch.add(Text(f"{clause['id']}{section}" + (f": {clause['summary']}" if clause.get("summary") else "")))
    seen = (clause.get("confidence"), _by("review by", clause.get("review_by")), _by("gone since", clause.get("gone")))
    if where := ", ".join(filter(None, (*seen, clause.get("url")))):
        each.add(Text(where, style="dim"))


def _by(word: str, date: str | None) -> str:
    return f"{word} {date}" if date else ""


def _decision(root: Tree, told: Told) -> None:
    decision = told.explanation.decision
    branch = root.add(_headed("decision", decision.effect, f"by {_listed(decision.rules)}" if decision.rules else ""))
    if decision.message:
        branch.add(Text(decision.message))
    for transform in decision.transforms:
        changes = [f"drop {path}" for path in transform.drop] + [f"set {path} = {value}" for path, value in transform.set.items()]
        branch.add(Text(f"{transform.rule}: {', '.join(changes)}"))
    for obligation in decision.obligations:
        branch.add(Text(f"obligation: {obligation}"))
    if told.recorded:
        for line in told.differs or ["as it was recorded"]:
            branch.add(Text(line, style="yellow" if told.differs else "dim"))
        if (then := told.recorded.get("policies", "")) and not told.explanation.bundle.digest.startswith(then):
            branch.add(Text(f"recorded under another set of rules and terms: {then}", style="dim"))


def _rule(branch: Tree, rule: Explained) -> None:
    if rule.state == "not matched":
        branch.add(Text.assemble((f"{rule.name}: not matched", "dim"), (f" — {rule.why}" if rule.why else "", "dim")))
        return
    each = branch.add(_headed(rule.name, rule.effect, _states(rule), rule.title))
    for name in rule.fields:
        each.add(Text(f"{name.name} is {shown(name.found)} ({' or '.join(name.wanted)})"))
    if rule.when is not None:
        _when(each, rule.when)
    if rule.clauses:
        each.add(Text(f"clauses: {_listed(rule.clauses)}"))
    if rule.source:
        each.add(Text(rule.source, style="dim"))


def _states(rule: Explained) -> str:
    if rule.state == "shadow":
        return "in shadow" if rule.mode == "shadow" else "in shadow for this principal (roll-out)"
    return {"matched": "", "exempt": "spares this principal", "failed": "its expression could not be evaluated"}[rule.state]


def _when(branch: Tree, seen: Seen) -> None:
    value = "could not be evaluated" if seen.value is None else shown(seen.value)
    names = ", ".join(f"{name} = {shown(found)}" for name, found in seen.names.items() if name != seen.text)
    each = branch.add(Text(f"{seen.text}: {value}" + (f" ({names})" if names else "") + (f": {seen.error}" if seen.error else "")))
    for part in seen.parts:
        _when(each, part)


def _headed(what: str, word: str, *rest: str | None) -> Text:
    """`what: word, rest …`, the word in its colour."""
    more = ", ".join(filter(None, rest))
    return Text.assemble(f"{what}: ", (word, _STYLES.get(word, "")), f", {more}" if more else "")


def _listed(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"
