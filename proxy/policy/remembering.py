"""What an expression came to for the same values: most queries of a client differ in few of the names that an expression speaks of.

Worth its while only where evaluation is dear and values come again; an expression whose values do not is evaluated each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from proxy.core.call import Call
from proxy.policy.names import LIST, MAP, Name

MOST = 1024
"""Combinations of values that are remembered of one expression."""
_LONGEST = 256
_WORTH = 4
"""How often, at least, each remembered combination must have been asked for, on average, for memory to go on."""

Expression = Callable[[Call], bool]


class Remembered:
    """An expression and what it came to, by the values of `inputs`, all that it speaks of. Failures are not remembered."""

    __slots__ = ("_asked", "_evaluate", "_known", "_of", "given_up")

    def __init__(self, evaluate: Expression, inputs: Iterable[Name]) -> None:
        self._evaluate = evaluate
        self._of = [(name.get, name.type) for name in inputs]
        self._known: dict[tuple[Any, ...], bool] = {}
        self._asked = 0
        self.given_up = False

    def __call__(self, call: Call) -> bool:
        """Whether it holds. Raises what the expression raises."""
        if self.given_up:
            return self._evaluate(call)
        key = self._values(call)
        self._asked += 1
        found = self._known.get(key)
        if found is None:
            found = self._evaluate(call)
            self._remember(key, found)
        return found

    def _values(self, call: Call) -> tuple[Any, ...]:
        values: list[Any] = []
        for get, kind in self._of:
            value = get(call)
            if kind == LIST:
                values.append(tuple(cast("Iterable[str]", value)))
            elif kind == MAP:
                values.append(tuple(sorted(cast("dict[str, str]", value).items())))
            else:
                values.append(value)
        return tuple(values)

    def _remember(self, key: tuple[Any, ...], found: bool) -> None:
        """Take it in. Texts that clients make up must not fill the memory."""
        if any(type(value) is str and len(value) > _LONGEST for value in key):
            return
        if len(self._known) >= MOST:
            self._known.clear()
            self.given_up = self._asked < MOST * _WORTH
            self._asked = 0
        self._known[key] = found


def remembering(evaluate: Expression) -> Expression:
    """The same expression with a memory, if it says which names it speaks of: then it is one that is dear to evaluate."""
    inputs = getattr(evaluate, "inputs", None)
    return evaluate if inputs is None else Remembered(evaluate, inputs)
