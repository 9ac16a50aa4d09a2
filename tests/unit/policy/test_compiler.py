"""From policies to rules and to the digest of what is in force together."""

from __future__ import annotations

from pathlib import Path

from proxy.core.rules import Bundle, Exemption, Rate, Rule
from proxy.core.terms import Cell, Models, Row
from proxy.policy.compiler import bundle, rules
from proxy.policy.loader import Found, Known, Wanted, load
from tests.unit.policy.written import PACK, POLICY, policy, write


def loaded(folder: Path, *texts: str) -> Found:
    """These policies, which must be right."""
    for at, text in enumerate(texts):
        write(folder, f"{at}.yaml", text)
    found = load([], [folder], Known())
    assert not found.problems
    return found


def test_a_policy_becomes_a_rule(tmp_path: Path) -> None:
    """Everything that a policy says is in its rule, in the engine's units."""
    full = policy(
        "full",
        mode="shadow",
        match="{upstream: [openai], model: 'gpt-*'}",
        when='"n > 1 \\n"',
        effect="{throttle: {requests: 30/m, tokens: 50k/h}}",
        on_error="allow",
        transform="{drop: logprobs, set: {a.b: {z: 1, y: é}}}",
        obligations="label it",
        exceptions="[{principals: [x, y], until: 2027-01-01, approver: me, reason: so}]",
        rollout="25%",
        clauses="[a.1]",
        message="no",
    )
    assert rules(loaded(tmp_path, full)) == [
        Rule(
            name="full",
            effect="throttle",
            mode="shadow",
            source=f"{tmp_path}/0.yaml",
            match={"upstream": ("openai",), "model": ("gpt-*",)},
            when="n > 1",
            on_error="allow",
            clauses=("a.1",),
            obligations=("label it",),
            message="no",
            rollout=25,
            exempt=(Exemption(("x", "y"), 1_798_761_600_000_000, "me", "so"),),
            drop=("logprobs",),
            set={"a.b": '{"y":"é","z":1}'},
            requests=Rate(30, 60.0),
            tokens=Rate(50_000, 3600.0),
        )
    ]


def test_rules_come_by_name(tmp_path: Path) -> None:
    """The order of files is no part of what they say; a flag says what it becomes a finding for."""
    made = rules(loaded(tmp_path, policy("b"), policy("a", effect="flag", once="principal")))
    assert [(rule.name, rule.once, rule.mode) for rule in made] == [("a", "principal", "enforce"), ("b", "", "enforce")]


def test_what_stands_beside_a_pinned_release_is_in_shadow(tmp_path: Path) -> None:
    """The shipped release of a pinned pack says what it would do, and does nothing."""
    write(tmp_path, "house/pack.yaml", PACK)
    write(tmp_path, "house/a.yaml", policy("a", when="n > 2"))
    write(tmp_path, "house/releases/1.0.0/pack.yaml", PACK.replace("1.2.0", "1.0.0"))
    write(tmp_path, "house/releases/1.0.0/a.yaml", policy("a"))
    made = rules(load([Wanted(tmp_path / "house", "1.0.0")], [], Known()))
    assert [(rule.name, rule.mode) for rule in made] == [("house/a", "enforce"), ("house@1.2.0/a", "shadow")]


def test_the_digest_is_of_what_is_said(tmp_path: Path) -> None:
    """Files elsewhere and in another order have the same digest; another word, row, model or version has another."""
    one = rules(loaded(tmp_path / "one", POLICY, policy("b")))
    same = rules(loaded(tmp_path / "two", policy("b"), POLICY))
    rows = {"a": Row("a", "contract", cells={"use.product": (Cell("allow"),)}), "b": Row("b", "licence")}
    packs = {"baseline": "1.0.0"}
    made = bundle(one, rows, Models(), "2026-11-22", packs)
    assert made == bundle(same, dict(reversed(rows.items())), Models(), "2026-11-22", packs)
    assert made == Bundle(made.digest, "2026-11-22", packs)
    others = [
        bundle(one[1:], rows, Models(), "2026-11-22", packs),
        bundle(one, {**rows, "b": Row("b", "overlay")}, Models(), "2026-11-22", packs),
        bundle(one, rows, Models(version="x"), "2026-11-22", packs),
        bundle(one, rows, Models(), "2026-11-23", packs),
        bundle(one, rows, Models(), "2026-11-22", {}),
    ]
    assert len({made.digest, *(other.digest for other in others)}) == 6
