"""Expressions that are plain enough, as Python functions of a call: two orders of magnitude less work than the CEL evaluator.

Plain are comparisons of names, literals and moments, sums of whole numbers, parts of the date, `in`, `startsWith`, `endsWith`,
`contains`, `matches` with a simple pattern, `size`, `has`, `string`, joined by `&&`, `||`, `!` and parentheses. All else, and all
that is not certain to mean the same, is left to `proxy.policy.expressions`; tests/property/test_expressions.py holds both against
each other. As in CEL, `&&` and `||` do not care for an operand that fails when the other one settles the matter.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable

from proxy.policy import lexing
from proxy.policy.lexing import Token
from proxy.policy.names import BOOL, BY_NAME, DOUBLE, INT, LIST, MAP, STRING, TIMESTAMP
from proxy.policy.plain_clock import part_of_date, text_of_moment
from proxy.policy.plain_patterns import matcher
from proxy.policy.plain_terms import (
    INT64,
    LITERALS,
    ORDER,
    SAME,
    SUMS,
    BeyondError,
    Term,
    Test,
    compared,
    constant,
    joined,
    matched,
    negated,
    sized,
    summed,
    tested,
    within,
)

Beyond = Callable[[str], Test | None]
"""Makes the function of a condition that is not plain, None of what is none; it raises LookupError where it has no value."""

_DEPTH = 24
_AFTER = ("&&", "||", ")")
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
_CALLS = ("size", "has", "timestamp", "string")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
"""A moment as the evaluator reads it too; microseconds since 1970 UTC are its value here."""
_ESCAPE = re.compile(r"""\\(?:([\\"'`?abfnrtv])|u([0-9a-fA-F]{4})|(.))""", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def condition(source: str, beyond: Beyond | None = None) -> Test | None:
    """The function of an expression, or None when it is not plain. Whoever asks has had the expression checked by CEL.

    `beyond` makes the functions of operands of `&&` and `||` that are not plain; without it, and where there are no others, neither
    is the whole.
    """
    try:
        return _Parser(source, beyond).whole()
    except BeyondError:
        return None


class _Parser:
    """One pass over the words, by CEL's grammar as far as it is plain."""

    def __init__(self, source: str, beyond: Beyond | None) -> None:
        self._source = source
        self._beyond = beyond
        self._words = lexing.tokens(source)
        self._at = 0
        self._depth = 0

    def whole(self) -> Test:
        """The whole text as a condition."""
        found = self._or()
        if self._next.kind != lexing.END or found.type != BOOL:
            raise BeyondError
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
            raise BeyondError

    def _or(self) -> Term:
        parts = [self._and()]
        while self._is("||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else joined(parts, decisive=True)

    def _and(self) -> Term:
        parts = [self._relation()]
        while self._is("&&"):
            parts.append(self._relation())
        return parts[0] if len(parts) == 1 else joined(parts, decisive=False)

    def _relation(self) -> Term:
        begin, depth = self._at, self._depth
        try:
            found = self._plain_relation()
            if self._beyond is None or self._next.kind == lexing.END or self._next.text in _AFTER:
                return found
        except BeyondError:
            if self._beyond is None:
                raise
        self._at, self._depth = begin, depth
        return self._other(self._beyond)

    def _other(self, beyond: Beyond) -> Term:
        """An operand that is not plain, up to where it ends."""
        begin, depth = self._at, 0
        while (word := self._next).kind != lexing.END:
            if depth == 0 and word.text in _AFTER:
                break
            if depth == 0 and word.text == "?":  # it takes in what stands behind, `&&` and all
                raise BeyondError
            depth += (word.text in _OPENING) - (word.text in _CLOSING) if word.kind == lexing.MARK else 0
            self._at += 1
        if begin == 0 and self._next.kind == lexing.END:
            raise BeyondError
        test = beyond(self._source[self._words[begin].at : self._next.at])
        if test is None:
            raise BeyondError
        return Term(BOOL, test, fails=True)

    def _plain_relation(self) -> Term:
        left = self._sum()
        word = self._next
        if word.text == "in" and word.kind == lexing.NAME:
            self._at += 1
            return within(left, self._sum())
        if word.kind == lexing.MARK and (word.text in ORDER or word.text in ("==", "!=")):
            self._at += 1
            return compared(word.text, left, self._sum())
        return left

    def _sum(self) -> Term:
        return self._series(("+", "-"), lambda: self._series(("*", "/", "%"), self._operand))

    def _series(self, marks: tuple[str, ...], part: Callable[[], Term]) -> Term:
        found = part()
        while self._next.kind == lexing.MARK and self._next.text in marks:
            found = summed(SUMS[self._take().text], found, part())
        return found

    def _operand(self) -> Term:
        turned = odd = self._is("!")
        while turned and self._is("!"):
            odd = not odd
        found = self._member()
        if not turned:
            return found
        if found.type != BOOL:
            raise BeyondError
        return negated(found) if odd else found

    def _member(self) -> Term:
        word = self._take()
        if word.kind == lexing.MARK:
            found = self._bracketed(word.text)
        elif word.kind == lexing.NAME:
            found = self._named(word)
        else:
            found = _literal(word)
        if self._next.kind == lexing.MARK and self._next.text in (".", "[", "{", "("):
            raise BeyondError
        return found

    def _bracketed(self, mark: str) -> Term:
        self._depth += 1
        if self._depth > _DEPTH:
            raise BeyondError
        if mark == "(":
            found = self._or()
            self._expect(")")
        elif mark == "[":
            found = self._list()
        elif mark == "-":
            found = _literal(self._take(), sign="-")
        else:
            raise BeyondError
        self._depth -= 1
        return found

    def _list(self) -> Term:
        items: list[Term] = []
        while not self._is("]"):
            items.append(_literal(self._take(), sign="-") if self._is("-") else _literal(self._take()))
            if not self._is(","):
                self._expect("]")
                break
        types = {item.type for item in items}
        if len(types) > 1:
            raise BeyondError
        return constant(LITERALS, frozenset([item.value for item in items]), kind=types.pop() if types else "")

    def _named(self, word: Token) -> Term:
        if word.text in ("true", "false"):
            return constant(BOOL, word.text == "true")
        if word.text in _CALLS and self._is("("):
            forms = {"size": self._sized, "has": self._present, "timestamp": self._moment, "string": self._text}
            found = forms[word.text]()
            self._expect(")")
            return self._method(found, self._chain()) if word.text == "string" and self._is(".") else found
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
            raise BeyondError
        self._at += 2 * len(found) - 1
        return found

    def _sized(self) -> Term:
        found, rest = _resolved(self._chain())
        if rest:
            raise BeyondError
        return sized(found)

    def _text(self) -> Term:
        found = self._sum()
        if found.type == TIMESTAMP and not found.constant:
            return text_of_moment()
        if found.type == INT:
            get = found.get
            return Term(STRING, lambda call: str(get(call)), found.fails)
        raise BeyondError

    def _present(self) -> Term:
        parts = self._chain()
        if len(parts) != 2 or parts[0] != "attributes":
            raise BeyondError
        return within(constant(STRING, parts[1]), _name("attributes"))

    def _moment(self) -> Term:
        word = self._take()
        if word.kind != lexing.STRING or (found := _MOMENT.fullmatch(_unquoted(word))) is None:
            raise BeyondError
        try:
            at = dt.datetime.fromisoformat(found[0]) - _EPOCH
        except (ValueError, OverflowError):
            raise BeyondError from None
        return constant(TIMESTAMP, at // dt.timedelta(microseconds=1))

    def _zone(self) -> str:
        word = self._take()
        if word.kind != lexing.STRING:
            raise BeyondError
        return _unquoted(word)

    def _method(self, found: Term, rest: list[str]) -> Term:
        """`name.startsWith("…")` and its like; `rest` is what stands behind the name."""
        if len(rest) != 1 or not self._is("("):
            raise BeyondError
        if rest[0] == "size":
            self._expect(")")
            return sized(found)
        if found.type == TIMESTAMP:
            zone = "" if self._next.text == ")" else self._zone()
            self._expect(")")
            return part_of_date(rest[0], zone)
        test = _TEXT_TESTS.get(rest[0])
        given = self._operand()
        self._expect(")")
        if rest[0] == "matches" and found.type == given.type == STRING and given.constant:
            return matched(matcher(given.value), found)
        if test is None or found.type != STRING or given.type != STRING:
            raise BeyondError
        return tested(test, found, given)


def _resolved(parts: list[str]) -> tuple[Term, list[str]]:
    """The longest name that a chain begins with, an attribute if it is that of one, and what stands behind it."""
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in BY_NAME:
            found, rest = _name(".".join(parts[:length])), parts[length:]
            if found.type == MAP and rest and rest[0] not in ("size", *_TEXT_TESTS):
                return _attribute(constant(STRING, rest[0])), rest[1:]
            return found, rest
    raise BeyondError


def _name(name: str) -> Term:
    known = BY_NAME[name]
    if known.type == TIMESTAMP:
        return Term(TIMESTAMP, lambda call: call.at)
    if known.type not in (*SAME, LIST, MAP):
        raise BeyondError
    return Term(known.type, known.get)


def _attribute(key: Term) -> Term:
    if key.type != STRING:
        raise BeyondError
    name: str = key.value
    return Term(STRING, lambda call: call.principal.attributes[name], fails=True)


def _literal(word: Token, sign: str = "") -> Term:
    if word.kind == lexing.INT:
        number = int(sign + word.text, 16 if word.text.startswith("0x") else 10)
        if number in INT64:
            return constant(INT, number)
    elif word.kind == lexing.DOUBLE:
        return constant(DOUBLE, float(sign + word.text))
    elif word.kind == lexing.STRING and not sign:
        return constant(STRING, _unquoted(word))
    elif word.kind == lexing.NAME and word.text in ("true", "false") and not sign:
        return constant(BOOL, word.text == "true")
    raise BeyondError


def _unquoted(word: Token) -> str:
    text = word.text[len(word.prefix) :]
    if text.startswith(('"""', "'''")):
        raise BeyondError
    return text[1:-1] if word.prefix else _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    simple, code = found[1], found[2]
    if simple:
        return _ESCAPED.get(simple, simple)
    if code is None or 0xD800 <= int(code, 16) <= 0xDFFF:
        raise BeyondError
    return chr(int(code, 16))
