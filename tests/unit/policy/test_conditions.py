"""Expressions as functions of a call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proxy.core.facts import RequestFacts
from proxy.policy.conditions import condition
from proxy.policy.expressions import Expression, ExpressionError
from tests.unit.policy.calls import call

LOADED = """
import sys
from proxy.policy.conditions import condition
condition("n > 1 && terms.verdict == 'forbid'")
assert "cel_expr_python" not in sys.modules
condition('models.exists(m, m == "a")')
assert "cel_expr_python" in sys.modules
"""


def test_every_expression_becomes_a_function() -> None:
    """Plain ones and others alike; what does not compile says so."""
    facts = RequestFacts(n=3)
    assert condition("n > 2")(call(facts)) is True
    assert condition("n + 1 > 4")(call(facts)) is False
    with pytest.raises(ExpressionError):
        condition("n + ")


def test_what_is_plain_in_part_asks_the_evaluator_only_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that once for values that come again, whatever else differs; a choice takes in all that stands behind it."""
    asked = []
    evaluate = Expression.__call__
    monkeypatch.setattr(Expression, "__call__", lambda self, given: asked.append(1) or evaluate(self, given))
    test = condition('models.exists(m, m == "a") && prompt_chars > 3')
    assert [test(call(RequestFacts(models=["a"], prompt_chars=chars))) for chars in (1, 2, 4, 5)] == [False, False, True, True]
    assert len(asked) == 1
    assert condition("stream ? logprobs : n > 1 && logprobs")(call(RequestFacts(n=3))) is False
    assert condition("stream ? logprobs : n > 1 || logprobs")(call(RequestFacts(n=3))) is True
    failing = condition("models.exists(m, attributes.x == m) || n > 1")
    assert failing(call(RequestFacts(n=3, models=["a"]))) is True
    with pytest.raises(LookupError):
        failing(call(RequestFacts(models=["a"])))


def test_the_evaluator_is_loaded_when_it_is_needed() -> None:
    """A process whose rules are all plain does not carry the library."""
    subprocess.run([sys.executable, "-c", LOADED], check=True, timeout=60)
