"""Expressions as functions of a call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proxy.core.facts import RequestFacts
from proxy.policy.conditions import condition
from proxy.policy.expressions import ExpressionError
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


def test_the_evaluator_is_loaded_when_it_is_needed() -> None:
    """A process whose rules are all plain does not carry the library."""
    subprocess.run([sys.executable, "-c", LOADED], check=True, timeout=60)
