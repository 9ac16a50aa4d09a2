"""A backtest of the set in force over records that were made under it changes nothing, whatever the rules and the calls."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.app.sets import PastJudge, RuleSet
from proxy.core.call import Call
from proxy.core.facts import RequestFacts
from proxy.core.principal import PURPOSES, Credential, Principal
from proxy.core.references import Refer
from proxy.core.rules import Bundle, Exemption, Rule
from proxy.core.terms import Cell, ModelGlob, Models, Row
from proxy.ledger.record import Entry, Intent, Refusal, Versions, encode
from proxy.policy.backtest import Backtest, Result
from proxy.policy.replay import Replay, Seen, seen
from tests.unit.policy.test_replay import intent

NOON = 1_790_000_000_000_000
EXPRESSIONS = (
    "",
    'terms.verdict == "forbid"',
    "n > 1 && logprobs",
    'credential.plan == "oauth_subscription"',
    'principal.standing != "normal"',
    '"train.general" in principal.purposes && body_bytes > 100',
    'attributes["distributed"] == "true"',
    "foreign || unresolved",
    'refers.verdicts.exists(v, v == "forbid")',
    "principal.automatic || time.hour > 12",
    'terms.rows == ["acme.api"]',
)
ROWS = {
    "acme.api": Row(
        "acme.api",
        "contract",
        cells={
            "train.general": (
                Cell("allow", until=NOON, unless="approval_id"),
                Cell("forbid", "prohibition", starts=NOON, clauses=("acme.3",)),
            ),
            "use.product": (Cell("allow", requires={"distributed": "false"}),),
            "eval.private": (Cell("model"),),
        },
        plans={"oauth_subscription": "acme.consumer"},
        hosts=("acme.example",),
        versions=((NOON - 10, "2026-01-01"),),
    ),
    "acme.consumer": Row("acme.consumer", "contract", cells={"use.product": (Cell("forbid"),)}),
    "licence.closed": Row("licence.closed", "licence", cells={"eval.private": (Cell("forbid", clauses=("closed.1",)),)}),
}
MODELS = Models((ModelGlob("closed-*", "licence.closed"),), "2026.01")

matches = st.fixed_dictionaries(
    {},
    optional={
        "upstream": st.sampled_from([("acme",), ("ac*", "other")]),
        "host": st.just(("ACME.example",)),
        "purpose": st.sampled_from([("train.*",), ("use.product", "undeclared")]),
        "model": st.sampled_from([("closed-*",), ("open-1",)]),
        "principal.standing": st.just(("watched",)),
        "terms.verdict": st.sampled_from([("forbid",), ("review", "allow")]),
        "references": st.just(("file",)),
        "credential.plan": st.just(("oauth_*",)),
    },
)
rules = st.builds(
    Rule,
    name=st.sampled_from([f"pack/r{at}" for at in range(6)]),
    effect=st.sampled_from(["allow", "flag", "deny", "throttle"]),
    mode=st.sampled_from(["enforce", "shadow"]),
    match=matches,
    when=st.sampled_from(EXPRESSIONS),
    on_error=st.sampled_from(["", "flag", "deny"]),
    rollout=st.sampled_from([0, 50, 100]),
    exempt=st.sampled_from([(), (Exemption(("al*",), NOON + 5, "zoe"),)]),
    drop=st.sampled_from([(), (), ("logprobs",)]),
)
facts = st.builds(
    RequestFacts,
    model=st.sampled_from([None, "open-1", "closed-1", "clösed-1"]),
    inspection=st.sampled_from(["full", "none"]),
    n=st.sampled_from([None, 1, 5]),
    logprobs=st.booleans(),
    references=st.sampled_from([[], ["file:f"]]),
    flags=st.sampled_from([[], ["reference_unknown"]]),
)
principals = st.builds(
    Principal,
    name=st.sampled_from(["alice", "key:0123456789ab", "anonymous", "bob"]),
    purposes=st.sampled_from([("undeclared",), ("train.general", "use.product")]),
    attributes=st.sampled_from([{}, {"distributed": "true"}, {"distributed": "false", "approval_id": "A until 2027-01-01"}]),
    project=st.sampled_from([None, "lab"]),
    standing=st.sampled_from(["normal", "watched"]),
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Any call."""
    principal = draw(principals)
    automatic = principal.name.startswith(("key:", "anonymous"))
    principal = msgspec.structs.replace(principal, automatic=automatic)
    asked = draw(facts)
    refers = draw(st.sampled_from([(), (Refer("file:f", "rec_1", "bob", "use.product", "forbid", foreign=True),)]))
    return Call(
        NOON + draw(st.integers(-20, 20)),
        draw(st.sampled_from(["acme", "other"])),
        draw(st.sampled_from(["acme.example", "other.example"])),
        "openai",
        draw(st.sampled_from(["chat", "batch_line", "responses"])),
        "POST",
        asked,
        principal,
        Credential("bearer", "ab", draw(st.sampled_from(["", "api_key", "oauth_subscription"]))),
        draw(st.sampled_from(PURPOSES)),
        contract=draw(st.sampled_from(["", "acme.api"])),
        licence=draw(st.sampled_from(["", "licence.closed"])),
        refers=refers if asked.references else (),
        size=draw(st.sampled_from([0, 50, 5000])),
    )


def recorded(call: Call, in_force: RuleSet) -> Entry:
    """The entry that a gateway with this set leaves of a call."""
    decision = PastJudge(in_force)(call)
    kind: type[Intent] = Refusal if decision.effect == "deny" else Intent
    values: dict[str, Any] = {"verdict": call.verdict.verdict, "decision": decision.effect, "rules": decision.rules}
    values["versions"] = Versions(contract=call.contract, licence=call.licence)
    if kind is Refusal:
        values |= {"status": 403, "error": "policy_violation"}
    return intent(call, kind, **values)


def backtested(entries: list[Seen], in_force: RuleSet) -> Result:
    """What comes of the set over its own records."""
    test = Backtest(PastJudge(in_force), PastJudge(in_force), in_force.rules)
    replay = Replay()
    for entry in entries:
        test.take(entry, replay.call(entry))
    return test.result()


@settings(max_examples=150, deadline=None)
@given(st.lists(rules, max_size=6, unique_by=lambda rule: rule.name), st.lists(calls(), min_size=1, max_size=8))
def test_the_set_in_force_changes_nothing_about_its_own_records(some: list[Rule], made: list[Call]) -> None:
    """Neither against itself nor against what was recorded."""
    in_force = RuleSet({rule.name: rule for rule in some}, ROWS, MODELS, {}, Bundle())
    entries = [seen(encode(recorded(call, in_force))) for call in made]
    result = backtested(entries, in_force)
    assert (result.queries, result.changed, result.drifted) == (len(made), 0, 0)


def test_evidence_that_lost_a_field_would_show() -> None:
    """The property sees what is not recorded: here, the plan of a credential."""
    rule = Rule("no-plans", "deny", match={"credential.plan": ("oauth_*",)})
    in_force = RuleSet({rule.name: rule}, {}, Models(), {}, Bundle())
    asker = Principal("alice"), Credential("bearer", "ab", "oauth_subscription"), "use.product"
    call = Call(NOON, "acme", "acme.example", "openai", "chat", "POST", RequestFacts(model="open-1"), *asker, size=5)
    entry = seen(encode(recorded(call, in_force)))
    assert backtested([entry], in_force).drifted == 0
    entry.plan = ""
    assert backtested([entry], in_force).drifted == 1
