"""Which calls a rule can match, as far as that is decidable: can it match any at all, and does another match all of the same?

Every name gets so many values that each way in which the rules' tests can come out is among them: all words of a settled name, the
constants that it is compared with and what lies beside them, all sets of the constants that a list is asked for. Values that answer
every test alike are one; trying all combinations of what is left then decides. A test of a form that is not read here counts as
free, equal texts alike, so that the answer "never" is right whenever it is given.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations, pairwise, product
from math import prod
from typing import Any

from proxy.core.principal import UNDECLARED
from proxy.core.rules import Rule
from proxy.policy.anatomy import Part, anatomy, leaves, outcome
from proxy.policy.globs import holds, is_glob, pattern
from proxy.policy.names import BOOL, BY_NAME, DOUBLE, INT, LIST, STRING

COMBINATIONS = 20_000
_MOST_OF_A_LIST = 6
_HIGHEST = chr(0x10FFFF)
_TEXT_METHOD = re.compile(r"([a-z_.]+)\.(startsWith|endsWith|contains)\((\"[^\"\\]*\"|'[^'\\]*')\)")
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "in": lambda one, other: one in other,
}


class _Asked:
    """A test as a function of one name's value, and the constants in it; `name` is the test's own text where it is not read."""

    __slots__ = ("constants", "holds", "name")

    def __init__(self, name: str, holds: Callable[[Any], bool], constants: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.holds = holds
        self.constants = constants


Truth = Mapping[_Asked, bool]
"""What every test comes to for calls of one kind."""


@dataclass(frozen=True, eq=False)
class _Condition:
    """All that a rule demands: of names (`match`), and its expression, whose tests are `asked` by their texts."""

    match: tuple[_Asked, ...]
    when: Part | None
    asked: Mapping[str, _Asked]

    def __call__(self, truth: Truth) -> bool:
        """Whether the rule matches calls of this kind."""
        if not all(truth[each] for each in self.match):
            return False
        return self.when is None or bool(outcome(self.when, lambda test: truth[self.asked[test.text]]))

    def all(self) -> Iterable[_Asked]:
        """Everything that it asks."""
        return chain(self.match, self.asked.values())


def can_match(rule: Rule) -> bool | None:
    """Whether any call matches the rule; None where there are too many possibilities to tell."""
    condition = _condition(rule)
    return _exists([condition], condition)


def covers(wider: Rule, narrower: Rule) -> bool:
    """Whether every call that the narrower rule matches matches the wider one as well; False also where that cannot be told."""
    outer, inner = _condition(wider), _condition(narrower)
    named = {each.name for each in inner.all()}
    if any(each.name not in named and "*" not in each.constants for each in outer.match):
        return False  # the narrower one leaves this name free
    return _exists([outer, inner], lambda truth: inner(truth) and not outer(truth)) is False


def _exists(conditions: list[_Condition], wanted: Callable[[Truth], bool]) -> bool | None:
    by_name: dict[str, list[_Asked]] = {}
    for each in chain.from_iterable(condition.all() for condition in conditions):
        by_name.setdefault(each.name, []).append(each)
    kinds: list[list[Truth]] = []
    for name, asked in by_name.items():
        values = _values(name, list(dict.fromkeys(constant for each in asked for constant in each.constants)))
        if values is None:
            return None
        answers = dict.fromkeys(tuple(bool(each.holds(value)) for each in asked) for value in values)
        kinds.append([dict(zip(asked, answer, strict=True)) for answer in answers])
    if prod(map(len, kinds)) > COMBINATIONS:
        return None
    for combination in product(*kinds):
        truth: dict[_Asked, bool] = {}
        for part in combination:
            truth.update(part)
        if wanted(truth):
            return True
    return False


def _values(name: str, constants: list[Any]) -> list[Any] | None:
    known = BY_NAME.get(name)
    if known is None or known.type == BOOL:
        return [False, True]
    if known.type == LIST:
        words = sorted({word for each in constants for word in _words(each, known.words)})
        if len(words) > _MOST_OF_A_LIST:
            return None
        return [frozenset(some) for count in range(len(words) + 1) for some in combinations(words, count)]
    if known.type in (INT, DOUBLE):
        ordered = sorted(constants)
        between = [(one + other) / 2 for one, other in pairwise(ordered)] if known.type == DOUBLE else []
        return sorted({0, *between, *(each + beside for each in ordered for beside in (-1, 0, 1))})
    if known.words:
        return [*known.words, ""]
    return sorted({"", _HIGHEST, *(word for each in constants for word in (*_words(each, ()), f"{each}\0"))})


def _words(constant: str, words: Iterable[str]) -> Iterator[str]:
    """The constant itself, and what it stands for as a glob under `match`; over an open name, a word that nobody else names."""
    yield constant
    if not is_glob(constant):
        return
    among = [word for word in words if holds(constant, word)]
    yield from among or [constant.replace("*", "\1").replace("?", "\1")]


def _condition(rule: Rule) -> _Condition:
    return _read(tuple(rule.match.items()), rule.when)


@lru_cache(maxsize=1024)
def _read(match: tuple[tuple[str, tuple[str, ...]], ...], expression: str) -> _Condition:
    when = anatomy(expression) if expression else None
    asked = {test.text: _asked(test) for test in leaves(when)} if when is not None else {}
    return _Condition(tuple(_matched(name, values) for name, values in match), when, asked)


def _matched(name: str, values: tuple[str, ...]) -> _Asked:
    exact = frozenset(value for value in values if not is_glob(value))
    globs = [pattern(value).fullmatch for value in values if is_glob(value)]

    def held(word: str) -> bool:
        return word in exact or any(matches(word) is not None for matches in globs)

    if BY_NAME[name].type == LIST:
        return _Asked(name, lambda found: any(held(word) for word in found), values)
    return _Asked(name, held, values)


def _asked(test: Part) -> _Asked:
    """A test, read if it has a plain form: a name, a name and a constant compared, a text's beginning, end or part."""
    text = test.text
    if text == "declared":
        return _Asked("purpose", lambda found: found != UNDECLARED)
    if text in BY_NAME and BY_NAME[text].type == BOOL:
        return _Asked(text, bool)
    called = _TEXT_METHOD.fullmatch(text)
    if called is not None and called[1] in BY_NAME and BY_NAME[called[1]].words:
        method, constant = _METHODS[called[2]], called[3][1:-1]
        return _Asked(called[1], lambda found: method(found, constant))
    return _compared(test) or _Asked(text, bool)


def _compared(test: Part) -> _Asked | None:
    left, operator, right = test.left, test.comparison, test.right
    if operator == "in" and right in BY_NAME and BY_NAME[right].type == LIST:
        constant = _constant(left)
        return _Asked(right, lambda found: constant in found, (constant,)) if isinstance(constant, str) else None
    if right in BY_NAME and operator != "in":
        left, operator, right = right, _FLIPPED.get(operator, operator), left
    constant = _constant(right)
    name = BY_NAME.get(left)
    if name is None or constant is None or name.type not in (STRING, INT, DOUBLE, BOOL) or operator not in _COMPARE:
        return None
    compare = _COMPARE[operator]
    if left == "declared":
        return _Asked("purpose", lambda found: compare(found != UNDECLARED, constant))
    constants = tuple(constant) if isinstance(constant, list) else (constant,)
    return _Asked(left, lambda found: compare(found, constant), constants if name.type != BOOL else ())


def _constant(text: str) -> Any:
    """A CEL literal of a text, number, truth value or list of such; None for anything else."""
    if text in ("true", "false"):
        return text == "true"
    if "\\" in text:
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return found if isinstance(found, str | int | float | list) else None
