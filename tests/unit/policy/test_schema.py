"""Policy files as models."""

from __future__ import annotations

import pytest

from proxy.core.rules import Rate
from proxy.documents.checking import checked
from proxy.documents.reading import read_document
from proxy.policy import schema
from tests.unit.policy.written import PACK, POLICY, policy


def problems(text: str) -> list[str]:
    """What is wrong with a policy, one line each."""
    return [str(each) for each in checked(read_document(text.encode(), "p.yaml"), schema.Policy)[1]]


def read(text: str) -> schema.Policy:
    """A policy that must be right."""
    model, wrong = checked(read_document(text.encode(), "p.yaml"), schema.Policy)
    assert model is not None, wrong
    return model


def test_the_documented_form_is_read() -> None:
    """A policy as the documents show it has its defaults."""
    spec = read(POLICY).spec
    assert (spec.mode, spec.effect.word, spec.failing, spec.rollout) == ("enforce", "deny", "deny", 100)
    assert spec.match == {"endpoint": ["chat", "responses"], "purpose": ["train.general"]}
    assert read(policy(transform="[]")).spec.transform is None
    assert read(policy(mode="shadow")).spec.failing == "flag"


def test_everything_a_policy_can_say() -> None:
    """Rates, shares, dates, transforms and exceptions come out in the units of the engine."""
    spec = read(
        policy(
            effect="{throttle: {requests: 30/m, tokens: 50k/2h}}",
            rollout="25%",
            transform="{drop: logprobs, set: {provider.enforce_distillable_text: true}}",
            exceptions="[{principals: nightly, until: 2027-01-01, approver: counsel@example.com, reason: agreed}]",
        )
    ).spec
    assert spec.effect.throttle is not None
    assert (spec.effect.word, spec.effect.throttle.requests, spec.effect.throttle.tokens) == (
        "throttle",
        Rate(30, 60.0),
        Rate(50_000, 7200.0),
    )
    assert spec.rollout == 25
    assert spec.transform is not None
    assert (spec.transform.drop, spec.transform.set) == (["logprobs"], {"provider.enforce_distillable_text": True})
    assert spec.exceptions[0].until == 1_798_761_600_000_000
    assert schema.moment("2027-01-01T01:00:00+01:00") == schema.moment("2027-01-01")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"effect": "denny"}, "p.yaml:5:11: spec.effect: should be allow, flag, deny or throttle: {…}, did you mean deny?"),
        ({"effect": "throttle"}, "p.yaml:5:11: spec.effect: a throttle says how fast"),
        ({"effect": "{throttle: {}}"}, "p.yaml:5:22: spec.effect.throttle: a throttle needs requests or tokens"),
        ({"effect": "{throttle: {requests: 30}}"}, "p.yaml:5:33: spec.effect.throttle.requests: should be a rate such as 30/m"),
        ({"effect": "{throttle: {requests: 0/m}}"}, "to refuse all, write effect: deny"),
        ({"rollout": "25"}, ""),
        ({"rollout": "125%"}, "p.yaml:6:12: spec.rollout: should be between 0% and 100%"),
        ({"rollout": "some"}, "p.yaml:6:12: spec.rollout: should be a share"),
        ({"mode": "shadows"}, "p.yaml:6:9: spec.mode: should be 'enforce' or 'shadow' (did you mean shadow?)"),
        ({"once": "principal"}, "p.yaml:5:3: spec: once is for effect: flag"),
        ({"wen": "true"}, "p.yaml:6:3: spec.wen: unknown key (did you mean when?)"),
        ({"transform": "{drop: n, set: {n: 1}}"}, "p.yaml:6:14: spec.transform: n cannot be both dropped and set"),
        ({"transform": "{drop: a..b}"}, "p.yaml:6:21: spec.transform.drop.0: should be a member"),
        ({"match": "{purpose: []}"}, "p.yaml:6:20: spec.match.purpose: should name at least one"),
        ({"exceptions": "[{principals: x, until: soon, approver: y}]"}, "p.yaml:6:39: spec.exceptions.0.until: should be a date"),
        ({"exceptions": "[{principals: x, until: 2027-01-01T00:00, approver: y}]"}, "should say its time zone"),
        ({"exceptions": "[{principals: x, until: 2027-01-01}]"}, "p.yaml:6:16: spec.exceptions.0.approver: is missing"),
    ],
)
def test_mistakes_are_told_with_their_place(spec: dict[str, str], told: str) -> None:
    """One problem each, with line and column, in words."""
    found = problems(policy(**spec))
    assert len(found) == bool(told)
    assert told in "".join(found)


def test_a_pack_says_its_version() -> None:
    """A pack's file names the release; a version that YAML reads as a number needs quotes."""
    pack, wrong = checked(read_document(PACK.encode(), "pack.yaml"), schema.Pack)
    assert not wrong
    assert pack is not None
    assert pack.metadata.version == "1.2.0"
    _, wrong = checked(read_document(PACK.replace("1.2.0", "1.2").encode(), "pack.yaml"), schema.Pack)
    assert [str(each) for each in wrong] == ["pack.yaml:3:54: metadata.version: should be text (put it in quotes)"]


def test_the_json_schema_says_how_effects_are_written() -> None:
    """Editors are told the written form, words or a throttle, not the kept one."""
    effect = schema.Policy.model_json_schema()["$defs"]["Effect"]
    assert effect["anyOf"][0] == {"enum": ["allow", "flag", "deny"]}
    assert effect["anyOf"][1]["required"] == ["throttle"]
