"""What `tos-proxy policy explain` shows people of one call: a tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.text import Text
from rich.tree import Tree

from proxy.app.explaining import Told
from proxy.policy.explaining import Explained, Seen, shown

_STYLES = {"deny": "bold red", "forbid": "bold red", "throttle": "yellow", "flag": "yellow", "review": "yellow", "allow": "green"}
_USUAL = {"inspection": "full", "prompts": 1, "n": 1, "temperature": 1.0, "top_p": 1.0, "principal.standing": "normal"}
_ABOUT = ("upstream", "endpoint", "model", "purpose", "principal.name", "credential.plan", "time.day")


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
    less = {rule.name for rule in told.explanation.rules if rule.state == "matched" and rule.effect != decision.effect}
    by = [name for name in decision.rules if name not in less]
    beside = [name for name in decision.rules if name in less]
    said = [f"{word} {_listed(names)}" for word, names in (("by", by), ("beside", beside)) if names]
    branch = root.add(_headed("decision", decision.effect, *said))
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
