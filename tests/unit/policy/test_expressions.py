"""Expressions in CEL."""

from __future__ import annotations

import pytest

from proxy.core.decision import Verdict
from proxy.core.facts import RequestFacts
from proxy.policy.bounds import LIST_CAP, Fault
from proxy.policy.expressions import EvaluationError, Expression, ExpressionError, check
from tests.unit.policy.calls import call

WORDS = {"endpoint": ["chat", "responses"]}
DESCRIBED = "what an expression may be is in docs/reference/policy.md"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('terms.verdct == "x"', Fault(0, "unknown name terms.verdct", "did you mean terms.verdict?")),
        ("n > 1 &&\n  temprature < 0.1", Fault(11, "unknown name temprature", "did you mean temperature?")),
        ("nothing_known", Fault(0, "unknown name nothing_known", "names are in docs/reference/policy.md")),
        ('model.split("x") == 1', Fault(6, "unknown function split", "functions and names are in docs/reference/policy.md")),
        ('n > "a"', Fault(2, "> does not take int and string")),
        ("temperature > 1", Fault(12, "> does not take double and int", "write whole numbers with a point there: 1.0")),
        ("terms.verdict", Fault(0, "should be true or false, this is string", "compare it with something")),
        ("n > ", Fault(4, "not an expression: mismatched input '<EOF>'", DESCRIBED)),
        ("n = 1", Fault(2, "not an expression: token recognition error at: '= '", "did you mean ==?")),
        ("n > 1 and stream", Fault(6, "not an expression: mismatched input 'and'", "did you mean &&?")),
        (
            'model.matches("(")',
            Fault(14, "not a pattern: missing ): (", "the syntax is https://github.com/google/re2/wiki/Syntax"),
        ),
        ('purpose == "train.genral"', Fault(11, "purpose is never 'train.genral'", "did you mean train.general?")),
        ('"forbiden" != terms.verdict', Fault(0, "terms.verdict is never 'forbiden'", "did you mean forbid?")),
        ('endpoint in ["chat", "respones"]', Fault(21, "endpoint is never 'respones'", "did you mean responses?")),
        ('"train" in principal.purposes', Fault(0, "principal.purposes is never 'train'")),
        ("model == '\ud800'", Fault(10, "not Unicode")),
    ],
)
def test_mistakes_are_told_with_their_offset(source: str, fault: Fault) -> None:
    """What does not compile, is no condition or never matches is one fault, in words, at its place."""
    assert check(source, WORDS) == [fault]


@pytest.mark.parametrize("source", ['endpoint == "chat"', 'purpose != ""', 'models.exists(m, m == "a")', "time.at.getHours() < 6"])
def test_what_is_right_has_no_faults(source: str) -> None:
    """Known words, the empty text and what only the evaluator knows pass."""
    assert check(source, WORDS) == []


def test_a_bomb_is_not_even_compiled() -> None:
    """Bounds are looked at first."""
    assert [fault.message for fault in check("(" * 100_000, WORDS)] == ["longer than 4096 characters"]


def test_expressions_are_evaluated() -> None:
    """Names of every type reach the evaluator, and only those that the expression speaks of."""
    made = call(RequestFacts(models=["gpt-4o", "o3"]), verdict=Verdict("forbid", clauses=("a", "b")))
    expression = Expression('models.exists(m, m.matches("^o[0-9]")) && terms.clauses.size() + 1 == 3')
    assert expression(made) is True
    assert [name.name for name in expression.inputs] == ["models", "terms.clauses"]
    assert Expression("time.at.getDayOfWeek() == 0 && time.weekday + 0 == 7")(made) is True


@pytest.mark.parametrize("source", ["1 / (n - 1) == 1", 'attributes.x + "" == ""', "int(model) == 1"])
def test_errors_are_no_values(source: str) -> None:
    """An evaluation that fails raises, and what it was about is not in the message."""
    with pytest.raises(EvaluationError, match="it has no value for this call"):
        Expression(source)(call(RequestFacts(model="secret")))


def test_long_lists_fail() -> None:
    """A list longer than estimates reckon with makes the expression fail instead of taking long."""
    with pytest.raises(EvaluationError, match="models has more than"):
        Expression("models.all(m, m == '')")(call(RequestFacts(models=[""] * (LIST_CAP + 1))))


def test_what_does_not_compile_raises() -> None:
    """The exception carries the faults."""
    with pytest.raises(ExpressionError) as error:
        Expression("n >")
    assert error.value.faults[0].at == 3
