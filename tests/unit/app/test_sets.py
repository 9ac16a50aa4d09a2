"""Sets of rules and terms, and the judges of past calls that they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.app.sets import PastJudge, RuleSet, in_force, sections, set_of
from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.call import Call
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.rules import Bundle, Limit, Rule
from proxy.core.terms import Adoption, Cell, ModelGlob, Models, Row

ROW = Row(
    "acme.api", "contract", cells={"train.general": (Cell("forbid", "prohibition", clauses=("acme.3",)),)}, hosts=("acme.example",)
)
ENTRIES = [
    snapshot.put("rule", "pack/no", Rule("pack/no", "deny", when='terms.verdict == "forbid"')),
    snapshot.put("terms", "acme.api", ROW),
    snapshot.put("models", "models", Models((ModelGlob("a-*", "acme.api"),), "2026.01")),
    snapshot.put("bundle", "bundle", Bundle("ab" * 32)),
]
ADOPTED = snapshot.put("adoption", "acme.api", Adoption("acme.api", "d", "zoe", 5))


def call(purpose: str = "train.general", *, endpoint: str = "chat", method: str = "POST", size: int = 100) -> Call:
    """A query to the row's host."""
    asker = (Principal("alice"), Credential("bearer", "ab"), purpose)
    return Call(1, "acme", "acme.example", "openai", endpoint, method, RequestFacts(model="a-1"), *asker, size=size)


def test_a_set_is_read_from_what_a_snapshot_holds() -> None:
    """Rules, rows, models and the digest; what else is in a snapshot does not matter."""
    found = set_of([*ENTRIES, snapshot.put("principal", "alice", Principal("alice"))])
    assert list(found.rules) == ["pack/no"]
    assert found.rows == {"acme.api": ROW}
    assert (found.models.version, found.bundle.digest) == ("2026.01", "ab" * 32)


def test_terms_and_rules_decide_about_a_past_call() -> None:
    """The verdict is set on the call, as the rules see it."""
    judge = PastJudge(set_of(ENTRIES))
    barred, other = call(), call("use.product")
    assert (judge(barred).effect, barred.verdict.clauses) == ("deny", ("acme.3",))
    assert (judge(other).effect, other.verdict.verdict) == ("allow", "review")
    assert PastJudge(RuleSet({}, {}, Models(), {}, Bundle()))(barred).effect == barred.verdict.verdict == "allow"


def test_sections_of_what_no_proxy_has_published(tmp_path: Path) -> None:
    """Where none runs they are those that the configuration comes to, with what persons have adopted."""
    Publisher(tmp_path).configure([snapshot.put("limit", "limited", Limit({}, 2)), ADOPTED])
    section = sections(tmp_path, [*ENTRIES, snapshot.put("limit", "principal/lab", Limit({}, 4))])
    assert section("limit") == {"principal/lab": Limit({}, 4)}
    assert (list(section("rule")), list(section("adoption")), section("standing")) == (["pack/no"], ["acme.api"], {})


def test_a_draft_lies_over_the_set_or_stands_alone() -> None:
    """A rule of the same name is replaced, the terms stay."""
    draft = [Rule("pack/no", "flag"), Rule("new", "flag")]
    base = set_of(ENTRIES)
    assert {rule.name: rule.effect for rule in base.with_rules(draft).rules.values()} == {"pack/no": "flag", "new": "flag"}
    assert list(base.with_rules(draft[1:], alone=True).rules) == ["new"]
    assert list(base.with_rules(draft[1:]).rules) == ["pack/no", "new"]
    assert list(base.with_rules(draft[1:], packs={"pack"}).rules) == ["new"]
    assert base.with_rules(draft).rows == base.rows


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        ({}, "flag"),
        ({"size": 0, "method": "GET", "endpoint": "models"}, "flag"),
        ({"endpoint": "batch_line"}, "deny"),
        ({"endpoint": "file_create"}, "deny"),
        ({"endpoint": "realtime", "method": "GET"}, "deny"),
        ({"endpoint": "responses", "method": "GET"}, "deny"),
        ({"endpoint": "responses"}, "flag"),
        ({"size": 5 * 1024 * 1024}, "deny"),
        ({"endpoint": "of-later"}, "deny"),
    ],
)
def test_what_cannot_be_changed_is_denied_as_on_the_day(changes: dict[str, object], effect: str) -> None:
    """Lines, uploads, sessions and bodies that are too long; the same decision for the same call."""
    judge = PastJudge(RuleSet({"drop": Rule("drop", "flag", drop=("logprobs",))}, {}, Models(), {}, Bundle()))
    asked = call(**changes)  # type: ignore[arg-type] # by name
    assert judge(asked).effect == effect
    assert judge(asked) is judge(asked)


def test_what_is_in_force_without_a_proxy(tmp_path: Path) -> None:
    """The configuration, and what persons have adopted before."""
    Publisher(tmp_path).configure([ADOPTED, snapshot.put("rule", "old", Rule("old", "deny"))])
    found = in_force(tmp_path, ENTRIES)
    assert list(found.rules) == ["pack/no"]
    assert found.adoptions["acme.api"].by == "zoe"
