"""Expressions in CEL: checked when a policy is loaded, evaluated when no plain function will do (`proxy.policy.conditions`).

The library gives errors of evaluation as values, which would count as true: nothing but True and False is taken for an outcome.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]  # it comes without types

from proxy.core.call import Call
from proxy.core.errors import TosProxyError
from proxy.policy import bounds, lexing, names
from proxy.policy.bounds import Fault
from proxy.policy.lexing import Token, chain, tokens

_TYPES = {
    names.STRING: cel.Type.STRING,
    names.INT: cel.Type.INT,
    names.DOUBLE: cel.Type.DOUBLE,
    names.BOOL: cel.Type.BOOL,
    names.LIST: cel.Type.List(cel.Type.STRING),
    names.MAP: cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    names.TIMESTAMP: cel.Type.TIMESTAMP,
}
_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'.*")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\(?(.*?)\)?'")
_TOLD = 3
_SYNTAX = "not an expression"
_DATE_PARTS = frozenset(
    ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes")
)
_DESCRIBED = "what an expression may be is in docs/reference/policy.md"
_WRITTEN = {"and": "&&", "or": "||", "not": "!", "=": "=="}


class ExpressionError(TosProxyError):
    """An expression that does not compile. `faults` is never empty."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


class EvaluationError(TosProxyError):
    """An expression that has no value for a call, and why; never with anything of the call in it."""


@cache
def _environment() -> Any:
    return cel.NewEnv(variables={name.name: _TYPES[name.type] for name in names.NAMES})


class Expression:
    """A compiled expression: a function of a call. `inputs`: what it may speak of. `is_condition`: it is true or false.

    Raises: ExpressionError when it does not compile, EvaluationError when it has no value for a call.
    """

    __slots__ = ("_collections", "_evaluate", "_scalars", "inputs", "is_condition")

    def __init__(self, source: str) -> None:
        compiled = _compiled(source)
        self._evaluate = compiled.eval
        self.is_condition = compiled.return_type() == cel.Type.BOOL
        self.inputs = tuple(_inputs(tokens(source)))
        self._collections = [name for name in self.inputs if name.type in (names.LIST, names.MAP)]
        self._scalars = [(name.name, name.get) for name in self.inputs if name not in self._collections]
        with suppress(RuntimeError):
            self._evaluate(None, {})  # makes the evaluator's plan, a millisecond for a long one, for which no call is to wait

    def __call__(self, call: Call) -> bool:
        given: dict[str, Any] = {}
        for name, get in self._scalars:
            given[name] = get(call)
        if self._collections:
            self._collect(call, given)
        try:
            found = self._evaluate(None, given).value()
        except RuntimeError:
            raise EvaluationError("the evaluation was broken off") from None
        if found is True or found is False:  # an error's value is a text
            return bool(found)
        raise EvaluationError("it has no value for this call")

    def _collect(self, call: Call, given: dict[str, Any]) -> None:
        for name in self._collections:
            value: Any = name.get(call)
            if len(value) > bounds.LIST_CAP:
                raise EvaluationError(f"{name.name} has more than {bounds.LIST_CAP} elements")
            given[name.name] = list(value) if name.type == names.LIST else dict(value)


def check(source: str, words: Mapping[str, Collection[str]]) -> list[Fault]:
    """What is wrong with an expression: that it does not compile, is not a condition, could take too long, or compares a name
    with what it never is. `words`: what names can be, besides what the table of names settles. Never raises.
    """
    found = tokens(source) if len(source) <= bounds.LENGTH_CAP else []
    if limits := bounds.faults(source, found):
        return limits
    try:
        compiled = _compiled(source)
    except ExpressionError as error:
        return error.faults
    if compiled.return_type() != cel.Type.BOOL:
        kind = compiled.return_type().name().lower()
        return [Fault(0, f"should be true or false, this is {kind}", "compare it with something")]
    return [*_bad_patterns(found), *_strange_words(found, words)]


def names_in(words: list[Token]) -> tuple[str, ...]:
    """The names that an expression may speak of, each once."""
    found: dict[str, None] = {}
    for at in range(len(words)):
        parts = chain(words, at)
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            if name in names.BY_NAME:
                found[name] = None
    return tuple(found)


def _inputs(words: list[Token]) -> Iterator[names.Name]:
    """The names, the moment as its minute where nothing but parts of a date is asked of it: offsets of zones are whole minutes."""
    asked = [parts[2:] for parts in (chain(words, at) for at in range(len(words))) if parts[:2] == ["time", "at"]]
    coarse = all(len(rest) == 1 and rest[0] in _DATE_PARTS for rest in asked)
    for name in names_in(words):
        yield names.MINUTE if name == names.MINUTE.name and coarse else names.BY_NAME[name]


def _compiled(source: str) -> Any:
    try:
        source.encode()
        return _environment().compile(source)
    except UnicodeEncodeError as error:
        raise ExpressionError([Fault(error.start, "not Unicode")]) from None
    except RuntimeError as error:
        raise ExpressionError(_told(str(error), source)) from None


def _told(text: str, source: str) -> list[Fault]:
    """The compiler's complaints in words for whoever wrote the expression, follow-ups left out."""
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    words = tokens(source)
    found: dict[int, Fault] = {}
    for line, column, message in _ERROR.findall(text.removesuffix(" [INVALID_ARGUMENT]")):
        row, offset = int(line) - 1, int(column) - 1
        at = min(starts[row] + offset, len(source)) if 0 <= row < len(starts) and offset >= 0 else 0
        if "*error*" not in message and at not in found:
            found[at] = _complaint(at, message, words)
    first = text.split("\n", maxsplit=1)[0]
    told = sorted(found.values())
    syntax = [fault for fault in told if fault.message.startswith(_SYNTAX)]
    return syntax[:1] or told[:_TOLD] or [Fault(0, "nested too deeply" if "ecursion" in text else first)]


def _complaint(at: int, message: str, words: list[Token]) -> Fault:
    if undeclared := _UNDECLARED.match(message):
        return _unknown(at, undeclared[1], words)
    if overload := _OVERLOAD.match(message):
        mark, given = overload[1].strip("_").replace("_", "…"), overload[2].split(", ")
        hint = "write whole numbers with a point there: 1.0" if set(given) == {"double", "int"} else ""
        return Fault(at, f"{mark} does not take {' and '.join(given)}", hint)
    if message.startswith("Syntax error"):
        text = message.removeprefix("Syntax error: ").partition(" expecting ")[0]
        wrong = next((word.text for word in words if word.at >= at), "")
        return Fault(at, f"{_SYNTAX}: {text}", f"did you mean {_WRITTEN[wrong]}?" if wrong in _WRITTEN else _DESCRIBED)
    return Fault(at, message)


def _unknown(at: int, name: str, words: list[Token]) -> Fault:
    for place, word in enumerate(words):
        if word.text == name and words[place + 1].text == "(":
            return Fault(word.at, f"unknown function {name}", "functions and names are in docs/reference/policy.md")
        written = ".".join(chain(words, place))
        if written and word.at <= at <= word.at + len(written) and name in (word.text, written):
            close = difflib.get_close_matches(written, names.BY_NAME, n=1)
            return Fault(word.at, f"unknown name {written}", f"did you mean {close[0]}?" if close else _listed(name))
    return Fault(at, f"unknown name {name}", _listed(name))


def _listed(group: str) -> str:
    """The names of a group, if it is one."""
    inside = [name for name in names.BY_NAME if name.startswith(f"{group}.")]
    return f"known: {', '.join(inside)}" if inside else "names are in docs/reference/policy.md"


def _bad_patterns(words: list[Token]) -> Iterator[Fault]:
    for at, _literal in bounds.patterns(words):
        pattern = words[at + 2]
        result = _environment().compile(f'"".matches({pattern.text})').eval(data={})
        if result.type() != cel.Type.BOOL:
            text = str(result.value()).partition("invalid regular expression: ")[2]
            yield Fault(pattern.at, f"not a pattern: {text}", "the syntax is https://github.com/google/re2/wiki/Syntax")


def _strange_words(words: list[Token], known: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    """Comparisons of a name with a text that it never is, which are mistakes that would silently never (or always) match."""
    for at in range(len(words)):
        name = ".".join(chain(words, at))
        if name not in names.BY_NAME or (at and words[at - 1].text == "."):
            continue
        possible = known.get(name) or names.BY_NAME[name].words
        for literal in _compared(words, at, 2 * name.count(".") + 1) if possible else ():
            written = literal.text[len(literal.prefix) + 1 : -1]
            if written and "\\" not in written and written not in possible:
                close = difflib.get_close_matches(written, possible, n=1)
                yield Fault(literal.at, f"{name} is never {written!r}", f"did you mean {close[0]}?" if close else "")


def _compared(words: list[Token], at: int, length: int) -> Iterator[Token]:
    """The texts that a name is compared with: `name == "a"`, `"a" == name`, `name in ["a", "b"]`, `"a" in name`."""
    after = words[at + length :]
    if after[0].text in ("==", "!=") and after[1].kind == lexing.STRING:
        yield after[1]
    if at >= 2 and words[at - 1].text in ("==", "!=", "in") and words[at - 2].kind == lexing.STRING:
        yield words[at - 2]
    if after[0].text == "in" and after[1].text == "[":
        for word in after[2:]:
            if word.text == "]":
                return
            if word.kind == lexing.STRING:
                yield word
