"""Rules of a bundle and the calls that they decide."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from proxy.core.call import Call
from proxy.core.decision import ALLOWED, Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.rules import Bundle, Exemption, Rate, Rule
from proxy.policy.engine import Engine, in_rollout
from proxy.policy.globs import holds

DAY = 86_400_000_000
NOW = 20_000 * DAY


def a_call(at: int = NOW, principal: str = "team", **facts: Any) -> Call:
    """A chat by a team, for a product."""
    who = Principal(principal, attributes={"distributed": "false"})
    call = Call(
        at,
        "openai",
        "api.openai.com",
        "openai",
        "chat",
        "POST",
        RequestFacts(**facts),
        who,
        Credential("bearer", ""),
        "use.product",
    )
    call.verdict = Verdict("forbid", ("c.1",), "prohibition", rows=("openai.api@2026-01-01",))
    return call


def expressions(**outcomes: Callable[[Call], bool]) -> Callable[[str], Callable[[Call], bool]]:
    """Compiles the words that are expressions here."""
    return outcomes.__getitem__


def engine(*rules: Rule, **outcomes: Callable[[Call], bool]) -> Engine:
    """Of these rules."""
    return Engine(rules, Bundle("d" * 64), expressions(**outcomes))


def fails(_call: Call) -> bool:
    """What an expression does where it has no value."""
    raise ValueError("no such key")


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({}, True),
        ({"upstream": ("openai", "azure")}, True),
        ({"upstream": ("azure",)}, False),
        ({"upstream": ("open*",), "endpoint": ("c?at",)}, True),
        ({"upstream": ("openai",), "endpoint": ("batch_line",)}, False),
        ({"model": ("gpt-4*",)}, True),
        ({"model": ("gpt-4",)}, False),
        ({"model": ("gpt-4[o]*",)}, False),
        ({"principal.name": ("Team",)}, False),
        ({"flags": ("media",)}, True),
        ({"flags": ("media", "reference")}, True),
        ({"flags": ("odd*",)}, False),
        ({"references": ("*",)}, False),
        ({"terms.verdict": ("forbid",), "terms.rows": ("openai.*",)}, True),
    ],
)
def test_all_names_of_a_match_must_hold_one_of_their_values(match: dict[str, tuple[str, ...]], matches: bool) -> None:
    """Values are whole, globs where they have wild cards."""
    judge = engine(Rule("r", "deny", match=match))
    call = a_call(model="gpt-4o", flags=["media"])
    assert [judge.decide(call).effect for _ in range(2)] == ["deny" if matches else "allow"] * 2


def test_the_strictest_effect_counts_and_every_match_is_told() -> None:
    """Rules are told in the order of their names, with all clauses and obligations, each once."""
    judge = engine(
        Rule("c", "deny", clauses=("x", "y"), message="Ask legal.", obligations=("label",)),
        Rule("a", "flag", clauses=("y",), obligations=("label", "cite")),
        Rule("b", "throttle", requests=Rate(1, 1.0)),
        Rule("d", "deny", mode="shadow", clauses=("z",)),
        Rule("e", "allow", drop=("logprobs",), set={"a.b": "true"}),
        Rule("f", "deny", when="no"),
        no=lambda _: False,
    )
    decision = judge.decide(a_call())
    assert (decision.effect, decision.rules, decision.shadow) == ("deny", ("a", "b", "c", "e"), ("d:deny",))
    assert (decision.clauses, decision.obligations, decision.throttles) == (("y", "x"), ("label", "cite"), ("b",))
    assert decision.message == "Ask legal. (rule c; clauses x, y)"
    assert [(each.rule, each.drop, each.set) for each in decision.transforms] == [("e", ("logprobs",), {"a.b": "true"})]
    assert judge.decide(a_call()) is decision, "it is made once"


def test_nothing_that_matches_is_nothing_said() -> None:
    """Without a rule, and with none that holds."""
    assert engine().decide(a_call()) is ALLOWED
    assert engine(Rule("r", "deny", when="no"), no=lambda _: False).decide(a_call()) is ALLOWED


@pytest.mark.parametrize(
    ("rule", "effect", "shadow"),
    [
        (Rule("r", "flag", when="bad"), "deny", ()),
        (Rule("r", "deny", when="bad", on_error="flag"), "flag", ()),
        (Rule("r", "deny", when="bad", on_error="allow"), "allow", ()),
        (Rule("r", "deny", mode="shadow", when="bad"), "allow", ("r:flag",)),
    ],
)
def test_an_expression_that_fails_is_the_safe_side_of_the_mode(rule: Rule, effect: str, shadow: tuple[str, ...]) -> None:
    """Unless the rule says what counts then; that it failed is told either way."""
    decision = engine(rule, bad=fails).decide(a_call())
    assert (decision.effect, decision.shadow, decision.failed) == (effect, shadow, ("r",))
    assert decision.effect != "deny" or "could not be evaluated" in decision.message


def test_only_reachable_rules_are_evaluated() -> None:
    """What does not match is not asked."""
    asked: list[str] = []

    def notes(word: str) -> Callable[[Call], bool]:
        return lambda _: asked.append(word) is not None

    rules = [Rule(f"r{number}", "flag", match={"upstream": (f"u{number}",)}, when=f"w{number}") for number in range(200)]
    rules.append(Rule("mine", "flag", match={"upstream": ("openai",)}, when="mine"))
    engine(*rules, **{rule.when: notes(rule.when) for rule in rules}).decide(a_call())
    assert asked == ["mine"]


def test_an_exemption_ends_on_its_day() -> None:
    """The call's own time decides, however often it was asked before; the rule says that it would have counted."""
    exempt = (Exemption(("nightly", "ci-*"), NOW, "counsel"),)
    judge = engine(Rule("r", "deny", exempt=exempt))
    assert judge.decide(a_call(NOW - 1, "nightly")).exempt == ("r",)
    assert judge.decide(a_call(NOW - 1, "ci-7")).effect == "allow"
    assert judge.decide(a_call(NOW, "ci-7")).effect == "deny"
    assert judge.decide(a_call(NOW - 1, "ci-7")).effect == "allow"
    assert judge.decide(a_call(NOW - 1, "daily")).effect == "deny"


def test_a_roll_out_takes_the_same_principals_each_time() -> None:
    """A share of them, which only grows with the percentage and differs from rule to rule; the rest see a shadow."""
    judge = engine(Rule("r", "deny", rollout=25))
    denied = {name for name in map(str, range(2000)) if judge.decide(a_call(principal=name)).effect == "deny"}
    assert 400 < len(denied) < 600
    assert denied == {name for name in map(str, range(2000)) if in_rollout("r", name, 25)}
    assert denied < {name for name in map(str, range(2000)) if in_rollout("r", name, 40)}
    assert denied != {name for name in map(str, range(2000)) if in_rollout("other", name, 25)}
    spared = next(name for name in map(str, range(2000)) if name not in denied)
    assert judge.decide(a_call(principal=spared)).shadow == ("r:deny",)


def test_the_index_says_what_each_rule_would_say() -> None:
    """For any rules and calls: what is reachable is what matches one by one, also once more is met than is remembered."""
    chance = random.Random(7)
    words = ["a", "b", "ab", "a*", "?", "*b"]
    names = ["upstream", "model", "flags", "principal.name"]
    rules = [
        Rule(f"r{at}", "flag", match={name: tuple(chance.sample(words, 2)) for name in chance.sample(names, chance.randrange(4))})
        for at in range(60)
    ]
    judge = engine(*rules)
    for _ in range(6000):
        call = a_call(principal=chance.choice(["a", "b", "c", str(chance.random())]), model=chance.choice(["a", "ab", None]))
        call.facts.flags = chance.sample(["a", "b", "ba"], chance.randrange(3))
        call.upstream = chance.choice(["a", "ab", "x"])
        assert set(judge.decide(call).rules) == {rule.name for rule in rules if matches(rule, call)}


def matches(rule: Rule, call: Call) -> bool:
    """The meaning of `match`, one name after the other."""
    said = {
        "upstream": [call.upstream],
        "model": [call.facts.model or ""],
        "flags": call.facts.flags,
        "principal.name": [call.principal.name],
    }
    return all(any(holds(value, each) for value in values for each in said[name]) for name, values in rule.match.items())


def test_a_name_of_a_later_version_is_no_rule_of_this_one() -> None:
    """Nothing is let through because what would stop it is not understood."""
    with pytest.raises(KeyError):
        engine(Rule("r", "deny", match={"phase_of_the_moon": ("full",)}))
