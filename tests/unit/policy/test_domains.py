"""What a rule can match is decided from its text."""

from __future__ import annotations

import pytest

from proxy.core.rules import Rule
from proxy.policy.domains import can_match, covers


def rule(when: str = "", **match: list[str]) -> Rule:
    """A rule by its expression and what it matches; `_` in names stands for a dot."""
    return Rule("r", "flag", match={name.replace("_", "."): tuple(values) for name, values in match.items()}, when=when)


@pytest.mark.parametrize(
    "never",
    [
        rule('terms.verdict == "forbidden"'),
        rule("n > 8 && n < 3"),
        rule("n > 2 && n < 3"),
        rule("logprobs && !logprobs"),
        rule("declared", purpose=["undeclared"]),
        rule("declared == false", purpose=["train.*"]),
        rule('declared && purpose == "undeclared"'),
        rule('purpose == "use.product"', purpose=["train.*"]),
        rule('purpose.startsWith("train.")', purpose=["use.*", "eval.private"]),
        rule('purpose in ["eval.private"]', purpose=["train.general"]),
        rule('upstream == "openai"', upstream=["anthropic"]),
        rule('upstream == "openai"', upstream=["anth*"]),
        rule('time.day >= "2027-01-01" && time.day < "2026-01-01"'),
        rule('"a" in flags && !("a" in flags)'),
        rule('model.matches("a") && !model.matches("a")'),
        rule("8 < n && n == 8"),
    ],
    ids=lambda each: each.when,
)
def test_what_nothing_can_satisfy(never: Rule) -> None:
    """Contradictions within an expression, and between it and `match`, are seen."""
    assert can_match(never) is False


@pytest.mark.parametrize(
    "sometimes",
    [
        rule(),
        rule("n > 8 && n < 10"),
        rule("temperature > 1.0 && temperature < 1.5"),
        rule("declared", purpose=["*"]),
        rule('terms.basis == ""'),
        rule('"a" in flags && "b" in flags'),
        rule('"b" in flags', flags=["a"]),
        rule('model.matches("a") && !model.matches("b")'),
        rule('upstream == "openai"', upstream=["open*"]),
        rule('upstream.startsWith("a")', upstream=["anth*"]),
        rule('attributes["a"] == "b" && n > 1'),
        rule('time.day >= "2026-01-01" && time.day < "2026-01-02"'),
        rule('model < "b" && model > "a"'),
        rule('model == "a*"'),
        rule('"a*" in flags'),
    ],
    ids=lambda each: each.when,
)
def test_what_something_can_satisfy(sometimes: Rule) -> None:
    """What can be satisfied, or cannot be read, is not called unreachable."""
    assert can_match(sometimes) is not False


def test_too_much_to_tell() -> None:
    """Where there are too many combinations nothing is claimed."""
    assert can_match(rule(" && ".join(f'model.matches("{at}")' for at in range(40)))) is None


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        (rule(), rule("n > 3")),
        (rule(purpose=["train.*"]), rule(purpose=["train.general"])),
        (rule("n > 3"), rule("n > 4", upstream=["openai"])),
        (rule("declared"), rule(purpose=["train.general"], when="declared")),
        (rule('model.matches("a")'), rule('model.matches("a") && n > 1')),
    ],
)
def test_covering(wider: Rule, narrower: Rule) -> None:
    """A rule covers another of the same or less, and not the other way round."""
    assert covers(wider, narrower)
    assert not covers(narrower, wider)


def test_not_covering() -> None:
    """Rules of different calls do not cover each other, nor do expressions that cannot be compared."""
    assert not covers(rule(purpose=["use.product"]), rule(purpose=["train.general"]))
    assert not covers(rule('model.matches("a")'), rule('model.matches("b")'))
    assert covers(rule("n >= 2"), rule("n > 1"))
