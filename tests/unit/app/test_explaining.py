"""What is told of a call, without the ways of showing it."""

from __future__ import annotations

from dataclasses import replace

from proxy.app.explaining import Told, as_json, current, day, told_of
from proxy.app.sets import RuleSet
from proxy.core.decision import Verdict
from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Adoption, Cell, Models, Row
from proxy.policy.cases import Given, call_of

DAY = 86_400_000_000
ROW = Row("openai.api", "contract", cells={"use.product": (Cell("review", "silence"),)})


def explained(*rules: Rule, **values: object) -> Told:
    """One call under one row."""
    known = RuleSet({rule.name: rule for rule in rules}, {"openai.api": ROW}, Models(), {}, Bundle())
    given = Given.model_validate({"on": "1970-02-10", "contract": "openai.api", "purpose": "use.product", **values})
    return told_of(call_of(given, {}, known.terms.judge), known, ())


def test_a_change_that_cannot_be_made_is_told_as_a_denial() -> None:
    """A body too large to be changed is denied by the rule that would change it, as the gateway does."""
    rule = Rule("r", "allow", drop=("logprobs",))
    assert explained(rule, dialect="openai", body_bytes=1 << 40).explanation.decision.effect == "deny"
    assert explained(rule, dialect="openai", body_bytes=10).explanation.decision.effect == "allow"


def test_what_was_refused_before_anybody_judged_it() -> None:
    """Is told as that: its body was not read, so that today's rules see another call than there was."""
    then = {"verdict": "allow", "decision": "allow", "rules": []}
    assert replace(explained(), recorded=then).differs == ["verdict: allow then, review now"]
    refused = replace(explained(), recorded={**then, "refused": "401 no_provider_key"})
    assert refused.differs == ["nobody judged it then: it was refused before, 401 no_provider_key"]


def test_another_text_is_unread() -> None:
    """Who read a row as it was has not read it as it is."""
    adoption = Adoption("openai.api", "", "Zoe", 0)
    assert current({"openai.api": adoption, "gone": adoption}, {"openai.api": ROW}) == {"openai.api": adoption}
    assert current({"openai.api": adoption}, {"openai.api": Row("openai.api", "contract", digest="ab")}) == {}


def test_days() -> None:
    """Times without end are no days."""
    assert (day(None), day(1 << 62), day(-(1 << 62)), day(DAY)) == (None, None, None, "1970-01-02")


def test_defaults_are_in_json() -> None:
    """Fields that a record would leave out are there."""
    shown = as_json(explained())
    assert (shown["decision"]["effect"], shown["decision"]["rules"]) == ("allow", ())
    assert set(shown["verdict"]) == set(Verdict.__struct_fields__)
