"""The result of a backtest as people and programs read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from proxy.cli.tables import print_table
from proxy.policy.backtest import Change, Example, NameCount, Result
from proxy.provenance.calls import Span

MOST_NAMES = 20
MOST_EXAMPLES = 40
MOST_ROWS_OF_JSON = 1000


def show(result: Result, span: Span, *, partial: bool, json_: bool) -> None:
    """Print it. As JSON with every count, the first thousand principals, and all examples that were kept."""
    if json_:
        told = msgspec.to_builtins(result)
        told["principals"] = told["principals"][:MOST_ROWS_OF_JSON]
        print(json.dumps({"partial": partial, "since": span.since, "until": span.until, **told}, indent=2, ensure_ascii=False))
        return
    _head(result, partial=partial)
    _rules(result)
    _names("principal", result.principals)
    _names("purpose", result.purposes)
    if result.examples:
        _examples("What would change", result.examples)
    if result.drifts:
        _examples("What the set in force decides otherwise than was recorded then", result.drifts)


def _head(result: Result, *, partial: bool) -> None:
    if partial:
        print("PARTIAL: interrupted, this is what there was so far")
    entries = "entry" if result.skipped == 1 else "entries"
    skipped = f", {result.skipped:,} {entries} about which no rule was asked" if result.skipped else ""
    print(f"{result.queries:,} queries judged{skipped}")
    share = f" ({result.changed / result.queries:.2%})" if result.queries else ""
    print(f"{result.changed:,} would be decided otherwise{share}{_changes(result.changes)}")
    if result.verdicts:
        print(f"verdicts of the terms{_changes(result.verdicts)}")
    if result.drifted:
        print(f"{result.drifted:,} are decided otherwise by the set in force than was recorded then")
    print(f"{result.in_force_us} µs a query for the set in force, {result.draft_us} µs for the draft")


def _changes(changes: Iterable[Change]) -> str:
    told = ", ".join(f"{each.queries:,} {each.was} to {each.to}" for each in changes)
    return f": {told}" if told else ""


def _rules(result: Result) -> None:
    rows = []
    for rule in result.rules:
        failed = f"{rule.failed_in_force:,} / {rule.failed_draft:,}" if rule.failed_in_force or rule.failed_draft else "-"
        change = f"{rule.draft - rule.in_force:+,}" if rule.draft != rule.in_force else "-"
        effect = f"{rule.effect} (shadow)" if rule.mode == "shadow" else rule.effect
        rows.append((rule.rule, effect, f"{rule.in_force:,}", f"{rule.draft:,}", change, failed))
    if rows:
        print()
        print_table(("rule", "effect", "in force", "draft", "change", "failed"), rows)


def _names(what: str, counts: list[NameCount]) -> None:
    if not counts:
        return
    print()
    shown = [
        (each.name, f"{each.queries:,}", f"{each.changed:,}", f"{each.denied_in_force:,}", f"{each.denied_draft:,}")
        for each in counts[:MOST_NAMES]
    ]
    print_table((what, "queries", "changed", "denied in force", "denied by draft"), shown)
    if len(counts) > MOST_NAMES:
        print(f"and {len(counts) - MOST_NAMES:,} more, with fewer changes")


def _examples(title: str, examples: list[Example]) -> None:
    print(f"\n{title}:\n")
    rows = [
        (each.record, _day(each.at), each.principal, each.purpose, f"{each.was} to {each.to}", each.verdict or "-", _why(each))
        for each in examples[:MOST_EXAMPLES]
    ]
    print_table(("record", "when", "principal", "purpose", "decision", "terms", "rules"), rows)
    if len(examples) > MOST_EXAMPLES:
        print(f"and {len(examples) - MOST_EXAMPLES:,} more with --json")


def _why(example: Example) -> str:
    clauses = f" ({', '.join(example.clauses)})" if example.clauses else ""
    return " ".join(example.rules) + clauses if example.rules else clauses.strip() or "-"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")
