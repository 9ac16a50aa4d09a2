"""`when` of a rule as a function of a call: plain where that is possible, else by CEL, whose library (6 MB) is loaded only then."""

from __future__ import annotations

from collections.abc import Callable

from proxy.core.call import Call
from proxy.policy.plain import condition as plain


def condition(source: str) -> Callable[[Call], bool]:
    """The function of an expression; it raises where the expression has no value.

    Raises: ExpressionError when it does not compile, which loading a policy excludes.
    """
    found = plain(source)
    if found is not None:
        return found
    from proxy.policy.expressions import Expression

    return Expression(source)
