"""Plain expressions as functions; tests/property/test_expressions.py holds them against CEL."""

from __future__ import annotations

import pytest

from proxy.core.facts import RequestFacts
from proxy.core.principal import Principal
from proxy.policy.plain import condition
from tests.unit.policy.calls import call

CALL = call(
    RequestFacts(model="gpt-4o", n=3, logprobs=True, models=["a"]),
    principal=Principal("p", attributes={"competes": "false"}),
    purpose="train.general",
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('purpose == "train.general" && n > 2', True),
        ('purpose in ["train.general", "data.publish"]', True),
        ("n == 1 || logprobs", True),
        ("!(n == 3) || !logprobs", False),
        ('model.startsWith("gpt-") && model.endsWith("4o") && model.contains("-")', True),
        ('"a" in models && size(models) == 1', True),
        ('has(attributes.competes) && attributes.competes == "false"', True),
        ('attributes["competes"] != "false"', False),
        ('"distributed" in attributes', False),
        ('attributes.distributed == "true" || n == 3', True),
        ('n == 4 && attributes.distributed == "true"', False),
        ("temperature < 0.5", False),
        ("n * 2 + 1 == 7 && 7 - n * 2 == 1 && (n + 1) % 2 == 0", True),
        ('model.matches("^gpt-[0-9]+o$") && string(n + 1) == "4"', True),
        ('string(n).matches("^[0-9]$") && time.at.getFullYear("Europe/Berlin") > 1970', True),
    ],
)
def test_plain_expressions_are_functions(source: str, expected: bool) -> None:
    """Comparisons and what joins them are compiled, and come to what they say."""
    test = condition(source)
    assert test is not None
    assert test(CALL) is expected


def test_what_has_no_value_fails() -> None:
    """An attribute that the principal has not makes the condition fail where it matters."""
    test = condition('attributes.distributed == "true" || n == 4')
    assert test is not None
    with pytest.raises(LookupError):
        test(CALL)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "temperature + 1.0 > 2.0",
        'model + "a" == "b"',
        "n > 1.0",
        "n in [1, 2.0]",
        "logprobs ? stream : declared",
        'models.exists(m, m == "a")',
        'model.matches("a+")',
        "model.matches(purpose)",
        'model == "\\x41"',
        "model",
        'time.at > timestamp("2026-01-01")',
        'time.at > timestamp("2026-01-01T00:00:60Z")',
        'time.at > timestamp("2026-01-01T00:00:00.1234567Z")',
        "time.at > timestamp(model)",
        "time.at.getSeconds() > 3",
        "time.at.getHours(model) > 3",
        "-n < 3",
        "n > 1 and logprobs",
        "(" * 5000 + "logprobs" + ")" * 5000,
        "n > 99999999999999999999",
    ],
)
def test_the_rest_is_left_to_the_evaluator(source: str) -> None:
    """What is not certain to mean the same is not plain."""
    assert condition(source) is None
