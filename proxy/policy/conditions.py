"""`when` of a rule as a function of a call: plain as far as possible, else by CEL, whose library (6 MB) is loaded only then."""

from __future__ import annotations

from collections.abc import Callable

from proxy.core.call import Call
from proxy.policy.plain import condition as plain
from proxy.policy.remembering import remembering


def condition(source: str) -> Callable[[Call], bool]:
    """The function of an expression; it raises where the expression has no value.

    Raises: ExpressionError when it does not compile, which loading a policy excludes.
    """
    found = plain(source, _evaluated)
    if found is not None:
        return found
    from proxy.policy.expressions import Expression

    return Expression(source)


def _evaluated(source: str) -> Callable[[Call], bool] | None:
    """The function of an operand that only the evaluator understands, remembered by what it alone speaks of."""
    from proxy.policy.expressions import EvaluationError, Expression, ExpressionError

    try:
        expression = Expression(source)
    except ExpressionError:
        return None
    if not expression.is_condition:
        return None
    known = remembering(expression)

    def test(call: Call) -> bool:
        try:
            return known(call)
        except EvaluationError as error:
            raise LookupError("it has no value for this call") from error

    return test
