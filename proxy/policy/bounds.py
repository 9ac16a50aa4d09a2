"""How long an expression may take: estimated from its words before it is ever evaluated, and refused when it could be a
millisecond or more.

The evaluator's own bounds (10,000 steps of comprehensions, 32 levels of nesting) leave room for 90 ms: it compiles a pattern anew
each time, and copies a list for each element that `map` or `filter` adds. The estimates are what was measured, doubled.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from proxy.policy import lexing
from proxy.policy.lexing import Token, chain
from proxy.policy.names import LIST, MAP, NAMES

LENGTH_CAP = 4096
"""Characters of an expression."""
LIST_CAP = 48
"""Elements of a list that an expression is given; a call with a longer one makes the expression fail."""
DEPTH_CAP = 24
COMPREHENSION_CAP = 2
PATTERN_CAP = 256
"""Characters of a pattern."""

_BUDGET = 800.0
_TOKEN, _CALL, _SCAN, _COPY, _JOIN, _MATCH, _STATE, _MAP, _MADE = 0.04, 0.4, 1.0, 1.5, 3.0, 5.0, 1.0, 10.0, 1.0
"""Microseconds: a word, a function called, a list or text gone through, an element that `map` or `filter` copies, two texts joined,
a match, a state of a pattern's automaton, a map gone through, a map made."""
_GROWTH_CAP = 64
"""How many times longer than what it is given an expression may make a list or a text."""
_CLASS_STATES = 600
"""States of a Unicode class, such as \\pL."""
_SCANNED = frozenset(name.name.rpartition(".")[2] for name in NAMES if name.type == LIST)
_LISTS, _MAPS = (frozenset(name.name for name in NAMES if name.type == kind) for kind in (LIST, MAP))
_CALLED = frozenset(("string", "timestamp", "duration", "int", "uint", "double", "bytes", "dyn", "type"))
_COMPREHENSIONS = frozenset(["all", "exists", "exists_one", "map", "filter"])
_COPYING = frozenset(["map", "filter"])
_ROOTS = frozenset(("true", "false", "null", "in", *(name.name.partition(".")[0] for name in NAMES)))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ESCAPE = re.compile(r"""(?<!\\)(?:\\\\)*\\[^\\"']""")
_REPEAT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")


class Fault(NamedTuple):
    """Something wrong with an expression, at an offset of its text."""

    at: int
    message: str
    hint: str = ""


def faults(source: str, words: list[Token]) -> list[Fault]:
    """Why an expression is not evaluated at all; empty when it may be. Raises nothing, whatever the text is."""
    if len(source) > LENGTH_CAP:
        return [Fault(LENGTH_CAP, f"longer than {LENGTH_CAP} characters", "use several policies, or match")]
    found = list(_Estimate(words).faults())
    return found[:1] or list(_pattern_faults(words))


def patterns(words: list[Token]) -> Iterator[tuple[int, bool]]:
    """Where `matches(` stands, as the place of its word, and whether a text and nothing else is its argument."""
    for at, word in enumerate(words[:-3]):
        if word.text == "matches" and word.kind == lexing.NAME and words[at + 1].text == "(":
            literal = words[at + 2].kind == lexing.STRING and words[at + 3].text == ")" and words[max(at - 1, 0)].text == "."
            yield at, literal


def states(pattern: str) -> int:
    """States that the automaton of a pattern has, roughly: repetitions count as often as they may happen."""
    sums, last, at = [0], 0, 0
    while at < len(pattern):
        letter = pattern[at]
        repeat = _REPEAT.match(pattern, at) if letter == "{" else None
        width = 1
        if repeat is not None:
            times = max(int(repeat[1]), int(repeat[3] or 0)) + (1 if repeat[2] and not repeat[3] else 0)
            sums[-1] += last * (max(times, 1) - 1)
            last, width = last * max(times, 1), len(repeat[0])
        elif letter == "(":
            sums.append(0)
            last = 0
        elif letter == ")" and len(sums) > 1:
            last = sums.pop()
            sums[-1] += last
        else:
            unicode = letter == "\\" and pattern[at + 1 : at + 2] in ("p", "P")
            last, width = (_CLASS_STATES if unicode else 1), 2 if letter == "\\" else 1
            sums[-1] += last
        at += width
    return sum(sums)


def _pattern_faults(words: list[Token]) -> Iterator[Fault]:
    for at, literal in patterns(words):
        if not literal:
            yield Fault(words[at].at, "the pattern should stand here as it is", 'write name.matches("pattern")')
        elif len(words[at + 2].text) > PATTERN_CAP:
            yield Fault(words[at + 2].at, f"a pattern longer than {PATTERN_CAP} characters", "use startsWith, contains or in")
        elif not words[at + 2].prefix and _ESCAPE.search(words[at + 2].text):
            yield Fault(words[at + 2].at, "an escape that the pattern hides behind", 'write it as it is: r"…"')


class _Scope(NamedTuple):
    """Between brackets: how often it is evaluated, and within how many comprehensions."""

    times: float
    comprehensions: int


class _Estimate:
    """One pass over the words, with the brackets around the present one."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._cost = 0.0
        growth = _growth(words)
        self._longer = max(1.0, growth / 2)
        self._longest = max(LIST_CAP, 1 + sum(word.text == "," for word in words)) * growth
        join = _JOIN if growth <= _GROWTH_CAP else _BUDGET + 1
        self._dear = dict.fromkeys(_SCANNED, _SCAN) | {"+": join, "{": _MADE, "size": _SCAN * self._longer}
        self._variables = frozenset(words[at + 1].text for at in range(len(words) - 1) if _is_comprehension(words, at))
        self._variable = _within_values(words) * self._longer

    def faults(self) -> Iterator[Fault]:
        """What is nested too deeply, and where the estimate passes the budget."""
        scopes = [_Scope(1.0, 0)]
        for at, word in enumerate(self._words):
            if word.kind == lexing.MARK and word.text in _OPENING:
                scopes.append(self._opened(at, scopes[-1]))
                if len(scopes) > DEPTH_CAP + 1:
                    yield Fault(word.at, f"nested deeper than {DEPTH_CAP} brackets")
                    return
                if scopes[-1].comprehensions > COMPREHENSION_CAP:
                    yield Fault(self._words[at - 1].at, f"more than {COMPREHENSION_CAP} comprehensions within each other")
                    return
            elif word.kind == lexing.MARK and word.text in _CLOSING and len(scopes) > 1:
                scopes.pop()
            self._cost += scopes[-1].times * self._weight(at)
            if self._cost > _BUDGET:
                yield Fault(word.at, "could take longer than 1 ms", "fewer comprehensions within each other, or a smaller pattern")
                return

    def _opened(self, at: int, around: _Scope) -> _Scope:
        if not _is_comprehension(self._words, at):
            return around
        times = around.times * self._elements(at - 3)
        if self._words[at - 1].text in _COPYING:
            self._cost += times * _COPY
        return _Scope(times, around.comprehensions + 1)

    def _elements(self, at: int) -> int:
        """How many elements the list can have whose last word is at `at`; a variable, an element, a field: as many as any list."""
        if at < 0 or self._words[at].text not in _CLOSING:
            return LIST_CAP if self._is_given(at) else self._longest
        depth, commas, joined, start, text = 0, 0, 0, at, ""
        while start >= 0:
            text = self._words[start].text
            depth += (text in _CLOSING) - (text in _OPENING)
            if depth == 0:
                break
            commas += text == ","
            joined += text == "+"
            start -= 1
        if _is_applied(self._words, start) or (text == "(" and any(map(self._is_variable, range(start, at)))):
            return self._longest
        return max(LIST_CAP, commas + 1) * (joined + 1) if self._words[at].text == ")" else commas + 1

    def _is_given(self, at: int) -> bool:
        """Whether a list or map that an expression is given ends at `at`."""
        start = at
        while start >= 2 and self._words[start - 1].text == "." and self._words[start - 2].kind == lexing.NAME:
            start -= 2
        found = chain(self._words, start)[: (at - start) // 2 + 1]
        return self._words[start - 1].text != "." and found[:1] != [] and self._given(found)

    def _given(self, names: list[str]) -> bool:
        return names[0] not in self._variables and ".".join(names) in _LISTS | _MAPS

    def _weight(self, at: int) -> float:
        word = self._words[at]
        if word.text in _CALLED or word.text.startswith("get"):
            return _CALL if self._words[at + 1].text == "(" else _TOKEN
        if _is_whole(self._words, at, _MAPS):
            return _MAP
        if self._variable and self._is_variable(at):
            return self._variable
        if word.text == "matches" and self._words[at + 1].text == "(" and self._words[at + 2].kind == lexing.STRING:
            return _MATCH * self._longer + _STATE * states(_written(self._words[at + 2]))
        return self._dear.get(word.text, _TOKEN)

    def _is_variable(self, at: int) -> bool:
        word = self._words[at]
        if word.kind != lexing.NAME or self._words[at - 1].text == "." or self._words[at + 1].text == "(":
            return False
        return word.text not in _ROOTS or word.text in self._variables


def _is_comprehension(words: list[Token], at: int) -> bool:
    """Whether the bracket at `at` is that of `.all(` and the like."""
    return at >= 2 and words[at].text == "(" and words[at - 1].text in _COMPREHENSIONS and words[at - 2].text == "."


def _is_applied(words: list[Token], at: int) -> bool:
    """Whether the bracket at `at` asks what stands before it, `models[0]`, `models.filter(…)`, rather than begin a value."""
    before = words[at - 1] if at > 0 else None
    if before is None or before.text == "in":
        return False
    return before.kind in (lexing.NAME, lexing.STRING) or before.text in _CLOSING


def _growth(words: list[Token]) -> int:
    """How many times longer than what it is given a list or text can become: each comprehension can join again what the one before
    it joined, so that lengths multiply.
    """
    growth, joined, around = 1, [1], list[bool]()
    for at, word in enumerate(words):
        if word.kind == lexing.MARK and word.text in _OPENING:
            around.append(_is_comprehension(words, at))
            joined.extend([1] * around[-1])
        elif word.kind == lexing.MARK and word.text in _CLOSING and around:
            growth *= joined.pop() if around.pop() else 1
        elif word.text == "+":
            joined[-1] += 1
    return growth * math.prod(joined)


def _is_whole(words: list[Token], at: int, among: frozenset[str]) -> bool:
    """Whether a list or map that an expression is given is a value here: gone through, compared, put into another."""
    found = chain(words, at)
    if not found or ".".join(found) not in among or words[at - 1].text in ((".", "in") if at else ()):
        return False
    return words[at + 2 * len(found) - 1].text != "["


def _within_values(words: list[Token]) -> float:
    """What a variable costs each time where lists and maps are elements of others, so that to compare one goes through all of it;
    0 where they are not.
    """
    lists = maps = literals = 0
    around: list[bool] = []
    for at, word in enumerate(words):
        if word.kind == lexing.MARK and word.text in _OPENING:
            index = word.text == "[" and _is_applied(words, at)
            literals += word.text != "(" and not index and any(around)
            mapped = word.text == "(" and at > 0 and words[at - 1].text == "map"
            around.append((word.text != "(" and not index) or mapped)
        elif word.kind == lexing.MARK and word.text in _CLOSING and around:
            around.pop()
        elif any(around):
            lists += _is_whole(words, at, _LISTS)
            maps += _is_whole(words, at, _MAPS)
    if not (lists or maps or literals):
        return 0.0
    return _MAP * maps + 2 * _SCAN * lists + 1.5 * _TOKEN * len(words)


def _written(word: Token) -> str:
    """The pattern that a literal stands for; other escapes than of backslash and quotes are refused elsewhere."""
    return word.text if word.prefix else word.text.replace("\\\\", "\\")
