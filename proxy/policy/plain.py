"""Expressions that are plain enough, as Python functions of a call: two orders of magnitude less work than the CEL evaluator.

Plain are comparisons of names, literals and moments, `in`, `startsWith`, `endsWith`, `contains`, `size`, `has`, joined by `&&`,
`||`, `!` and parentheses. All else, and all that is not certain to mean the same, is left to `proxy.policy.expressions`;
tests/property/test_expressions.py holds both against each other. As in CEL, `&&` and `||` do not care for an operand that fails
when the other one settles the matter.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.core.call import Call
from proxy.policy import lexing
from proxy.policy.lexing import Token
from proxy.policy.names import BOOL, BY_NAME, DOUBLE, INT, LIST, MAP, STRING, TIMESTAMP

Test = Callable[[Call], bool]
"""A condition as a function. Raises LookupError where it has no value: an attribute that a principal has not."""

_DEPTH = 24
_INT64 = range(-(2**63), 2**63)
_LITERALS = "list of literals"
_ORDERED = (STRING, INT, DOUBLE, TIMESTAMP)
_SAME = (STRING, INT, DOUBLE, BOOL, TIMESTAMP)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
_CALLS = ("size", "has", "timestamp")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
"""A moment as the evaluator reads it too; microseconds since 1970 UTC are its value here."""
_ESCAPE = re.compile(r"""\\(?:([\\"'`?abfnrtv])|u([0-9a-fA-F]{4})|(.))""", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Term(NamedTuple):
    """A part with its type and the function that finds its value. `constant`: the value is `value` for every call. `fails`: the
    function may raise LookupError.
    """

    type: str
    get: Callable[[Call], Any]
    fails: bool = False
    constant: bool = False
    value: Any = None


class _BeyondError(Exception):
    """Something that is not plain."""


def condition(source: str) -> Test | None:
    """The function of an expression, or None when it is not plain. Whoever asks has had the expression checked by CEL."""
    try:
        return _Parser(lexing.tokens(source)).whole()
    except _BeyondError:
        return None


class _Parser:
    """One pass over the words, by CEL's grammar as far as it is plain."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    def whole(self) -> Test:
        """The whole text as a condition."""
        found = self._or()
        if self._next.kind != lexing.END or found.type != BOOL:
            raise _BeyondError
        return found.get

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def _take(self) -> Token:
        taken = self._words[self._at]
        self._at += 1
        return taken

    def _is(self, mark: str) -> bool:
        """Take a mark if it comes next."""
        word = self._next
        if word.kind != lexing.MARK or word.text != mark:
            return False
        self._at += 1
        return True

    def _expect(self, mark: str) -> None:
        if not self._is(mark):
            raise _BeyondError

    def _or(self) -> _Term:
        parts = [self._and()]
        while self._is("||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else _joined(parts, decisive=True)

    def _and(self) -> _Term:
        parts = [self._relation()]
        while self._is("&&"):
            parts.append(self._relation())
        return parts[0] if len(parts) == 1 else _joined(parts, decisive=False)

    def _relation(self) -> _Term:
        left = self._operand()
        word = self._next
        if word.text == "in" and word.kind == lexing.NAME:
            self._at += 1
            return _within(left, self._operand())
        if word.kind == lexing.MARK and (word.text in _ORDER or word.text in ("==", "!=")):
            self._at += 1
            return _compared(word.text, left, self._operand())
        return left

    def _operand(self) -> _Term:
        negated = False
        turned = self._is("!")
        if turned:
            negated = True
            while self._is("!"):
                negated = not negated
        found = self._member()
        if not turned:
            return found
        if found.type != BOOL:
            raise _BeyondError
        return _negated(found) if negated else found

    def _member(self) -> _Term:
        word = self._take()
        if word.kind == lexing.MARK:
            found = self._bracketed(word.text)
        elif word.kind == lexing.NAME:
            found = self._named(word)
        else:
            found = _literal(word)
        if self._next.kind == lexing.MARK and self._next.text in (".", "[", "{", "("):
            raise _BeyondError
        return found

    def _bracketed(self, mark: str) -> _Term:
        self._depth += 1
        if self._depth > _DEPTH:
            raise _BeyondError
        if mark == "(":
            found = self._or()
            self._expect(")")
        elif mark == "[":
            found = self._list()
        elif mark == "-":
            found = _literal(self._take(), sign="-")
        else:
            raise _BeyondError
        self._depth -= 1
        return found

    def _list(self) -> _Term:
        items: list[_Term] = []
        while not self._is("]"):
            items.append(_literal(self._take(), sign="-") if self._is("-") else _literal(self._take()))
            if not self._is(","):
                self._expect("]")
                break
        types = {item.type for item in items}
        if len(types) > 1:
            raise _BeyondError
        return _constant(_LITERALS, frozenset([item.value for item in items]), kind=types.pop() if types else "")

    def _named(self, word: Token) -> _Term:
        if word.text in ("true", "false"):
            return _constant(BOOL, word.text == "true")
        if word.text in _CALLS and self._is("("):
            found = {"size": self._sized, "has": self._present, "timestamp": self._moment}[word.text]()
            self._expect(")")
            return found
        self._at -= 1
        parts = self._chain()
        found, rest = _resolved(parts)
        if found.type == MAP and self._is("["):
            key = _literal(self._take())
            self._expect("]")
            found = _attribute(key)
            return self._method(found, self._chain()) if self._is(".") else found
        return self._method(found, rest) if rest else found

    def _chain(self) -> list[str]:
        found = lexing.chain(self._words, self._at)
        if not found:
            raise _BeyondError
        self._at += 2 * len(found) - 1
        return found

    def _sized(self) -> _Term:
        found, rest = _resolved(self._chain())
        if rest:
            raise _BeyondError
        return _size(found)

    def _present(self) -> _Term:
        parts = self._chain()
        if len(parts) != 2 or parts[0] != "attributes":
            raise _BeyondError
        return _within(_constant(STRING, parts[1]), _name("attributes"))

    def _moment(self) -> _Term:
        word = self._take()
        if word.kind != lexing.STRING or (found := _MOMENT.fullmatch(_unquoted(word))) is None:
            raise _BeyondError
        try:
            at = dt.datetime.fromisoformat(found[0]) - _EPOCH
        except (ValueError, OverflowError):
            raise _BeyondError from None
        return _constant(TIMESTAMP, at // dt.timedelta(microseconds=1))

    def _method(self, found: _Term, rest: list[str]) -> _Term:
        """`name.startsWith("…")` and its like; `rest` is what stands behind the name."""
        if len(rest) != 1 or not self._is("("):
            raise _BeyondError
        if rest[0] == "size":
            self._expect(")")
            return _size(found)
        test = _TEXT_TESTS.get(rest[0])
        given = self._operand()
        self._expect(")")
        if test is None or found.type != STRING or given.type != STRING:
            raise _BeyondError
        return _tested(test, found, given)


def _resolved(parts: list[str]) -> tuple[_Term, list[str]]:
    """The longest name that a chain begins with, an attribute if it is that of one, and what stands behind it."""
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in BY_NAME:
            found, rest = _name(".".join(parts[:length])), parts[length:]
            if found.type == MAP and rest and rest[0] not in ("size", *_TEXT_TESTS):
                return _attribute(_constant(STRING, rest[0])), rest[1:]
            return found, rest
    raise _BeyondError


def _name(name: str) -> _Term:
    known = BY_NAME[name]
    if known.type == TIMESTAMP:
        return _Term(TIMESTAMP, lambda call: call.at)
    if known.type not in (*_SAME, LIST, MAP):
        raise _BeyondError
    return _Term(known.type, known.get)


def _attribute(key: _Term) -> _Term:
    if key.type != STRING:
        raise _BeyondError
    name: str = key.value
    return _Term(STRING, lambda call: call.principal.attributes[name], fails=True)


def _constant(type_: str, value: Any, *, kind: str = "") -> _Term:
    return _Term(type_ if not kind else f"{type_}: {kind}", lambda _call: value, constant=True, value=value)


def _literal(word: Token, sign: str = "") -> _Term:
    if word.kind == lexing.INT:
        number = int(sign + word.text, 16 if word.text.startswith("0x") else 10)
        if number in _INT64:
            return _constant(INT, number)
    elif word.kind == lexing.DOUBLE:
        return _constant(DOUBLE, float(sign + word.text))
    elif word.kind == lexing.STRING and not sign:
        return _constant(STRING, _unquoted(word))
    elif word.kind == lexing.NAME and word.text in ("true", "false") and not sign:
        return _constant(BOOL, word.text == "true")
    raise _BeyondError


def _unquoted(word: Token) -> str:
    text = word.text[len(word.prefix) :]
    if text.startswith(('"""', "'''")):
        raise _BeyondError
    return text[1:-1] if word.prefix else _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    simple, code = found[1], found[2]
    if simple:
        return _ESCAPED.get(simple, simple)
    if code is None or 0xD800 <= int(code, 16) <= 0xDFFF:
        raise _BeyondError
    return chr(int(code, 16))


def _size(found: _Term) -> _Term:
    if found.type not in (STRING, LIST, MAP):
        raise _BeyondError
    get = found.get
    return _Term(INT, lambda call: len(get(call)), found.fails)


def _tested(test: Callable[[str, str], bool], found: _Term, given: _Term) -> _Term:
    get, other = found.get, given.get
    if given.constant:
        value = given.value
        return _Term(BOOL, lambda call: test(get(call), value), found.fails)
    return _Term(BOOL, lambda call: test(get(call), other(call)), found.fails or given.fails)


def _within(left: _Term, right: _Term) -> _Term:
    get, other = left.get, right.get
    if right.type in (LIST, MAP) and left.type == STRING:
        return _Term(BOOL, lambda call: get(call) in other(call), left.fails)
    if right.type not in (_LITERALS, f"{_LITERALS}: {left.type}"):
        raise _BeyondError
    values = right.value
    return _Term(BOOL, lambda call: get(call) in values, left.fails)


def _compared(mark: str, left: _Term, right: _Term) -> _Term:
    if left.type != right.type or left.type not in (_SAME if mark in ("==", "!=") else _ORDERED):
        raise _BeyondError
    get, other, value, fails = left.get, right.get, right.value, left.fails or right.fails
    if mark == "==":
        return _Term(BOOL, (lambda call: get(call) == value) if right.constant else (lambda call: get(call) == other(call)), fails)
    if mark == "!=":
        return _Term(BOOL, (lambda call: get(call) != value) if right.constant else (lambda call: get(call) != other(call)), fails)
    compare = _ORDER[mark]
    return _Term(BOOL, lambda call: compare(get(call), other(call)), fails)


def _negated(found: _Term) -> _Term:
    get = found.get
    return _Term(BOOL, lambda call: not get(call), found.fails)


def _joined(parts: list[_Term], *, decisive: bool) -> _Term:
    """`||` for decisive True, `&&` for False: that value as soon as one part has it."""
    if any(part.type != BOOL for part in parts):
        raise _BeyondError
    tests = [part.get for part in parts]
    if any(part.fails for part in parts):
        return _Term(BOOL, _patient(tests, decisive), fails=True)
    if len(tests) == 2:
        one, two = tests
        if decisive:
            return _Term(BOOL, lambda call: one(call) or two(call))
        return _Term(BOOL, lambda call: one(call) and two(call))
    return _Term(BOOL, _hasty(tests, decisive))


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
