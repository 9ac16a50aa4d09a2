"""Parts of plain expressions (`plain.py`) as functions of a call, and what joins them: tests, comparisons, sums.

Each means what CEL means by it, failures among them: an attribute that a principal has not, a sum beyond 64 bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.core.call import Call
from proxy.policy.names import BOOL, DOUBLE, INT, LIST, MAP, STRING, TIMESTAMP

Test = Callable[[Call], bool]
"""A condition as a function. Raises LookupError where it has no value: an attribute that a principal has not."""

LITERALS = "list of literals"
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
INT64 = range(_LOWEST, _HIGHEST + 1)
ORDERED = (STRING, INT, DOUBLE, TIMESTAMP)
SAME = (STRING, INT, DOUBLE, BOOL, TIMESTAMP)
ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Term(NamedTuple):
    """A part with its type and the function that finds its value. `constant`: the value is `value` for every call. `fails`: the
    function may raise LookupError.
    """

    type: str
    get: Callable[[Call], Any]
    fails: bool = False
    constant: bool = False
    value: Any = None


class BeyondError(Exception):
    """Something that is not plain."""


def constant(type_: str, value: Any, *, kind: str = "") -> Term:
    return Term(type_ if not kind else f"{type_}: {kind}", lambda _call: value, constant=True, value=value)


def sized(found: Term) -> Term:
    if found.type not in (STRING, LIST, MAP):
        raise BeyondError
    get = found.get
    return Term(INT, lambda call: len(get(call)), found.fails)


def tested(test: Callable[[str, str], bool], found: Term, given: Term) -> Term:
    get, other = found.get, given.get
    if given.constant:
        value = given.value
        return Term(BOOL, lambda call: test(get(call), value), found.fails)
    return Term(BOOL, lambda call: test(get(call), other(call)), found.fails or given.fails)


def matched(found_in: Callable[[str], bool] | None, found: Term) -> Term:
    """Whether a pattern is found in a text. Raises: BeyondError when it is not simple."""
    if found_in is None:
        raise BeyondError
    get = found.get
    return Term(BOOL, lambda call: found_in(get(call)), found.fails)


def summed(operation: Callable[[int, int], int], left: Term, right: Term) -> Term:
    """Of whole numbers, which fails beyond 64 bits. Raises: BeyondError of anything else."""
    if left.type != INT or right.type != INT:
        raise BeyondError
    get, other = left.get, right.get

    def found(call: Call) -> int:
        value = operation(get(call), other(call))
        if _LOWEST <= value <= _HIGHEST:
            return value
        raise LookupError("beyond 64 bits")

    return Term(INT, found, fails=True)


def _divided(one: int, other: int) -> int:
    """Towards zero. Raises: LookupError, by nothing."""
    if not other:
        raise LookupError("divided by zero")
    found = abs(one) // abs(other)
    return found if (one < 0) == (other < 0) else -found


def _left_over(one: int, other: int) -> int:
    """With the sign of what is divided. Raises: LookupError, where the quotient has none."""
    quotient = _divided(one, other)
    if quotient > _HIGHEST:
        raise LookupError("beyond 64 bits")
    return one - quotient * other


SUMS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _left_over,
}


def within(left: Term, right: Term) -> Term:
    get, other = left.get, right.get
    if right.type in (LIST, MAP) and left.type == STRING:
        return Term(BOOL, lambda call: get(call) in other(call), left.fails)
    if right.type not in (LITERALS, f"{LITERALS}: {left.type}"):
        raise BeyondError
    values = right.value
    return Term(BOOL, lambda call: get(call) in values, left.fails)


def compared(mark: str, left: Term, right: Term) -> Term:
    if left.type != right.type or left.type not in (SAME if mark in ("==", "!=") else ORDERED):
        raise BeyondError
    get, other, value, fails = left.get, right.get, right.value, left.fails or right.fails
    if mark == "==":
        return Term(BOOL, (lambda call: get(call) == value) if right.constant else (lambda call: get(call) == other(call)), fails)
    if mark == "!=":
        return Term(BOOL, (lambda call: get(call) != value) if right.constant else (lambda call: get(call) != other(call)), fails)
    compare = ORDER[mark]
    return Term(BOOL, lambda call: compare(get(call), other(call)), fails)


def negated(found: Term) -> Term:
    get = found.get
    return Term(BOOL, lambda call: not get(call), found.fails)


def joined(parts: list[Term], *, decisive: bool) -> Term:
    """`||` for decisive True, `&&` for False: that value as soon as one part has it."""
    if any(part.type != BOOL for part in parts):
        raise BeyondError
    tests = [part.get for part in parts]
    if any(part.fails for part in parts):
        return Term(BOOL, _patient(tests, decisive), fails=True)
    if len(tests) == 2:
        one, two = tests
        if decisive:
            return Term(BOOL, lambda call: one(call) or two(call))
        return Term(BOOL, lambda call: one(call) and two(call))
    return Term(BOOL, _hasty(tests, decisive))


def _hasty(tests: list[Test], decisive: bool) -> Test:
    def found(call: Call) -> bool:
        for test in tests:
            if test(call) is decisive:
                return decisive
        return not decisive

    return found


def _patient(tests: list[Test], decisive: bool) -> Test:
    def found(call: Call) -> bool:
        failed: LookupError | None = None
        for test in tests:
            try:
                if test(call) is decisive:
                    return decisive
            except LookupError as error:
                failed = error
        if failed is not None:
            raise failed
        return not decisive

    return found
