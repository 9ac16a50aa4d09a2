"""What is shown of an explanation."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from proxy.app.explaining import Told, as_json, row_views
from proxy.cli.explained import tree
from proxy.core.rules import Bundle, Exemption, Rule
from proxy.core.terms import Adoption, Cell, Clause, Models, Row
from proxy.policy.cases import Given, call_of
from proxy.policy.conditions import condition
from proxy.policy.explaining import explain
from proxy.terms.verdict import TermsJudge

DAY = 86_400_000_000
ROW = Row(
    "openai.api", "contract", cells={"use.product": (Cell("review", "silence", clauses=("c.1", "c.2"), obligations=("label",)),)}
)
CLAUSES = [Clause("c.1", "doc", "3.3", "https://example.com", "Not for that.", "memory", review_by=400 * DAY, gone=30 * DAY)]


def told(*rules: Rule, recorded: dict[str, Any] | None = None, adopted: bool = False, **values: object) -> Told:
    """One call of 1970-02-10 under one row, told."""
    adoptions = {"openai.api": Adoption("openai.api", "", "Zoe", 0)} if adopted else {}
    judge = TermsJudge({"openai.api": ROW}, Models(), None, adoptions)
    given = Given.model_validate({"on": "1970-02-10", "contract": "openai.api", "purpose": "use.product", **values})
    call = call_of(given, {}, judge.judge)
    explanation = explain(call, list(rules), Bundle("ab" * 32, "2026", {"baseline": "1.0.0"}), condition)
    return Told(explanation, row_views(judge, call, CLAUSES, adoptions), recorded or {})


def printed(shown: Told) -> str:
    """The tree as text."""
    out = io.StringIO()
    Console(file=out, width=200, highlight=False).print(tree(shown))
    return out.getvalue()


def test_clauses_are_shown_with_their_standing() -> None:
    """A clause has its section, words, confidence and dates; one that the catalogue does not know has its id."""
    out = printed(told())
    assert "c.1 §3.3: Not for that." in out
    assert "memory, review by 1971-02-05, gone since 1970-01-31, https://example.com" in out
    assert "── c.2" in out
    assert "obligation: label" in out
    assert "read by counsel: none" in out


def test_who_has_read_a_row() -> None:
    """A row that a named person adopted says who."""
    assert told(adopted=True).rows[0]["read_by"] == "Zoe"
    assert "read by counsel: Zoe" in printed(told(adopted=True))


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (Rule("r", "deny", mode="shadow"), "r: deny, in shadow"),
        (Rule("r", "deny", rollout=0), "r: deny, in shadow for this principal (roll-out)"),
        (Rule("r", "deny", exempt=(Exemption(("*",), 2**60, "me"),)), "r: deny, spares this principal"),
        (Rule("r", "flag", when='attributes["a"] == "b"'), "r: flag, its expression could not be evaluated"),
        (Rule("r", "allow", drop=("logprobs",), set={"a.b": "true"}), "r: drop logprobs, set a.b = true"),
        (Rule("r", "flag", obligations=("tell",)), "obligation: tell"),
        (Rule("r", "flag", clauses=("c.1",), source="own/r.yaml"), "own/r.yaml"),
    ],
)
def test_every_state_has_its_words(rule: Rule, line: str) -> None:
    """Whatever a rule did is said beside its name."""
    assert line in printed(told(rule))


def test_who_decided() -> None:
    """A denial is by the rules that deny; those that only flag are beside it."""
    assert "decision: deny, by no, beside mark" in printed(told(Rule("no", "deny"), Rule("mark", "flag")))


def test_what_differs_from_the_record() -> None:
    """Where today's set decides otherwise than was recorded, each difference is told; where it does not, that."""
    same = {"verdict": "review", "decision": "flag", "rules": ["r"]}
    rule = Rule("r", "flag")
    assert told(rule, recorded=same).differs == []
    assert "as it was recorded" in printed(told(rule, recorded=same))
    other = {"verdict": "allow", "decision": "allow", "rules": []}
    differs = ["verdict: allow then, review now", "decision: allow then, flag now", "rules: none then, r now"]
    assert told(rule, recorded=other).differs == differs
    assert as_json(told(rule, recorded=other))["differs"] == differs
    assert all(line in printed(told(rule, recorded=other)) for line in differs)
    assert "another set" not in printed(told(rule, recorded=same | {"policies": "abab"}))
    assert "recorded under another set of rules and terms: cdcd" in printed(told(rule, recorded=same | {"policies": "cdcd"}))
