"""From a snapshot's entries to judges."""

from __future__ import annotations

import msgspec
import pytest

from proxy.app.judging import Judging
from proxy.core.call import Call
from proxy.core.decision import ALLOWED, GRANTED, NO_OBJECTION
from proxy.core.exchange import NOBODY, Caller, Exchange
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential
from proxy.core.rules import Bundle, Rate, Rule
from proxy.core.snapshot import Line
from proxy.core.terms import Cell, Models, Row
from proxy.policy.expressions import ExpressionError

CREDENTIAL = Credential("bearer", "")


def entries(*rules: Rule, **rows: Row) -> dict[str, dict[str, Line]]:
    """Of a snapshot."""
    return {
        "rule": {rule.name: line(rule) for rule in rules},
        "bundle": {"bundle": line(Bundle("d" * 64, "2026.11"))},
        "terms": {row.id: line(row) for row in rows.values()},
        "models": {"models": line(Models())} if rows else {},
    }


def line(value: msgspec.Struct) -> Line:
    """An entry."""
    return Line(value=msgspec.Raw(msgspec.json.encode(value)))


def exchange(model: str = "m", tokens: int = 0) -> Exchange:
    """A chat that has come to its judges."""
    found = Exchange("rec_1", 1, 2, None)
    found.facts = RequestFacts(model=model, max_tokens=tokens)
    found.caller = Caller(NOBODY, CREDENTIAL, "train.general")
    found.call = Call(1, "openai", "api.openai.com", "openai", "chat", "POST", found.facts, NOBODY, CREDENTIAL, "train.general")
    return found


def test_an_empty_set_has_no_objection() -> None:
    """Nothing is asked of anybody."""
    judges, asked = Judging()({}), exchange()
    assert judges.terms(asked) is NO_OBJECTION
    assert judges.policy(asked) is ALLOWED
    assert judges.limit(asked) is GRANTED
    assert judges.bundle == Bundle()


def test_terms_speak_before_rules() -> None:
    """A rule sees what the terms say of the call."""
    row = Row(
        "openai.api",
        "contract",
        cells={"train.general": (Cell("forbid", "prohibition", clauses=("c",)),)},
        hosts=("api.openai.com",),
    )
    judges = Judging()(entries(Rule("r", "deny", when='terms.verdict == "forbid"'), row=row))
    asked = exchange()
    asked.verdict = judges.terms(asked)
    assert (asked.verdict.verdict, asked.verdict.clauses) == ("forbid", ("c",))
    assert judges.policy(asked).rules == ("r",)
    assert judges.bundle.digest == "d" * 64


def test_newer_terms_are_told_where_they_say_something_else() -> None:
    """In shadow, by their version, until a person adopts them; what counts is said by those in force."""
    cells = {"train.general": (Cell("review", starts=0),)}
    held = Row("openai.api", "contract", cells=cells, hosts=("api.openai.com",))
    made = entries(Rule("r", "deny", match={"terms.verdict": ("forbid",)}), row=held)
    made["models"]["shadow"] = line(Models(version="2027.1"))
    for verdict, told in (("forbid", ("terms@2027.1:forbid",)), ("review", ())):
        row = Row("openai.api", "contract", cells={"train.general": (Cell(verdict),)}, hosts=("api.openai.com",))
        judges = Judging()({**made, "terms_shadow": {row.id: line(row)}})
        asked = exchange()
        asked.verdict = judges.terms(asked)
        decision = judges.policy(asked)
        assert (asked.verdict.verdict, decision.effect, decision.shadow) == ("review", "allow", told)


def test_judges_stay_while_their_set_does() -> None:
    """Another snapshot with the same rules and rows has the same judges, and what they remember."""
    judging = Judging()
    first = judging(entries(Rule("r", "flag", when='model == "m"')))
    assert judging({**entries(Rule("r", "flag", when='model == "m"')), "principal": {"x": line(NOBODY)}}) is first
    second = judging(entries(Rule("r", "deny", when='model == "m"')))
    assert second is not first
    asked = exchange()
    assert (first.policy(asked).effect, second.policy(asked).effect) == ("flag", "deny")


def test_terms_that_stay_keep_their_judge() -> None:
    """And with it what it remembers; those of a set that could not be made are forgotten with it."""
    judging, asked = Judging(), exchange()
    mild, strict = (
        Row("openai.api", "contract", cells={"train.general": (Cell(verdict),)}, hosts=("api.openai.com",))
        for verdict in ("allow", "forbid")
    )
    remembered = judging(entries(Rule("r", "flag"), row=mild)).terms(asked)
    assert judging(entries(Rule("r", "deny"), row=mild)).terms(asked) is remembered
    with pytest.raises(KeyError):
        judging(entries(Rule("r", "deny", match={"nonsense": ("x",)}), row=strict))
    assert judging(entries(Rule("other", "deny"), row=mild)).terms(asked) is remembered
    assert judging(entries(Rule("other", "deny"), row=strict)).terms(asked).verdict == "forbid"


def test_what_a_set_no_longer_has_is_let_go_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the loop drops the last set, none of its expressions dies with it: they do one by one in the thread that reads the next
    snapshot. One that both sets have is the same, with what it remembers.
    """
    alive: list[str] = []

    class Tracked:
        def __init__(self, source: str) -> None:
            self.source = source
            alive.append(source)

        def __del__(self) -> None:
            alive.remove(self.source)

        def __call__(self, call: Call) -> bool:
            return call.facts.model == "m"

    monkeypatch.setattr("proxy.app.judging.condition", Tracked)
    judging = Judging()
    judging(entries(Rule("a", "flag", when="kept"), Rule("b", "flag", when="gone")))
    judges = judging(entries(Rule("a", "deny", when="kept")))
    assert alive == ["kept", "gone"]
    assert judging(entries(Rule("a", "deny", when="kept"))) is judges
    assert alive == ["kept"]


def test_what_limits_count_outlives_the_set() -> None:
    """A reload gives nobody their rate anew."""
    judging, asked = Judging(), exchange()
    for title in ("one", "two"):
        judges = judging(entries(Rule("t", "throttle", title=title, requests=Rate(1, 3600.0))))
        asked.decision = judges.policy(asked)
        assert judges.limit(asked).granted is (title == "one")


def test_a_rule_that_cannot_be_understood_makes_no_judges() -> None:
    """So that the last good set stays; the one before it is still there."""
    judging = Judging()
    first = judging(entries(Rule("r", "flag")))
    with pytest.raises(ExpressionError):
        judging(entries(Rule("r", "flag", when="nonsense(")))
    with pytest.raises(KeyError):
        judging(entries(Rule("r", "flag", match={"nonsense": ("x",)})))
    assert judging(entries(Rule("r", "flag"))) is first
