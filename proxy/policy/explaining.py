"""Says of one call why each rule matched or did not: which value each name had, and which part of an expression was false.

The decision is the engine's own; the reasons are found by asking the same tables of names and the same expressions, part by part.
Pure: a call in, an explanation out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from proxy.core.call import Call
from proxy.core.decision import Decision, Verdict
from proxy.core.rules import Bundle, Rule
from proxy.policy.anatomy import TEST, Part, anatomy
from proxy.policy.engine import Engine
from proxy.policy.globs import holds
from proxy.policy.names import BY_NAME, LIST, Value
from proxy.policy.remembering import Expression

_WORD = re.compile(r"(?<![\w.\"'])[a-z_]+(?:\.[a-z_]+)?")


class Field(msgspec.Struct, frozen=True):
    """One name under `match`: the values of which one must hold, the one that the call has, and whether one does."""

    name: str
    wanted: tuple[str, ...]
    found: Any
    holds: bool


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of an expression: what it came to (None: it could not be evaluated, `error` says why), the names in it with their
    values, and its own parts.
    """

    text: str
    kind: str
    value: bool | None
    names: dict[str, Any] = {}
    parts: tuple[Seen, ...] = ()
    error: str = ""


class Explained(msgspec.Struct, frozen=True):
    """One rule. `state`: `matched | shadow | exempt | failed | not matched`; a rule that failed counts with its `on_error`."""

    name: str
    title: str
    state: str
    effect: str
    mode: str
    fields: tuple[Field, ...]
    when: Seen | None
    clauses: tuple[str, ...]
    source: str

    @property
    def why(self) -> str:
        """The first thing that did not hold, in one line; empty where all of it did."""
        for field in self.fields:
            if not field.holds:
                return f"{field.name} is {shown(field.found)}, not {' or '.join(field.wanted)}"
        return "" if self.when is None else _first_false(self.when)


class Explanation(msgspec.Struct, frozen=True):
    """A call, what came of it, and every rule: those that matched first."""

    call: dict[str, Any]
    verdict: Verdict
    decision: Decision
    rules: tuple[Explained, ...]
    bundle: Bundle


def explain(call: Call, rules: Sequence[Rule], bundle: Bundle, compile_expression: Callable[[str], Expression]) -> Explanation:
    """Why the rules say of a call what they say; `call.verdict` is set already."""
    decision = Engine(rules, bundle, compile_expression).decide(call)
    explained = [_explained(rule, call, decision, compile_expression) for rule in sorted(rules, key=lambda rule: rule.name)]
    explained.sort(key=lambda each: each.state == "not matched")
    return Explanation(values_of(call), call.verdict, decision, tuple(explained), bundle)


def values_of(call: Call) -> dict[str, Any]:
    """Every name with the value that expressions see, but for those that say nothing (empty, zero, false)."""
    values = {name: plain(each.get(call)) for name, each in BY_NAME.items()}
    return {name: value for name, value in values.items() if value not in ("", 0, False, [], {}) or name == "n"}


def plain(value: Value) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    return value if isinstance(value, str | int | float) else list(value)


def shown(value: Any) -> str:
    """A value for people."""
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={inner}" for name, inner in value.items()) or "none"
    if value == "":
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _explained(rule: Rule, call: Call, decision: Decision, compile_expression: Callable[[str], Expression]) -> Explained:
    fields = tuple(_field(name, wanted, call) for name, wanted in rule.match.items())
    when = _seen(anatomy(rule.when), call, compile_expression) if rule.when and all(field.holds for field in fields) else None
    return Explained(rule.name, rule.title, _state(rule, decision), rule.effect, rule.mode, fields, when, rule.clauses, rule.source)


def _state(rule: Rule, decision: Decision) -> str:
    if rule.name in decision.failed:
        return "failed"
    if rule.name in decision.rules:
        return "matched"
    if rule.name in decision.exempt:
        return "exempt"
    shadow = (each.rpartition(":")[0] for each in decision.shadow)
    return "shadow" if rule.name in shadow else "not matched"


def _field(name: str, wanted: tuple[str, ...], call: Call) -> Field:
    found = plain(BY_NAME[name].get(call))
    each = found if BY_NAME[name].type == LIST else [found]
    return Field(name, wanted, found, any(holds(value, word) for value in wanted for word in each))


def _seen(part: Part, call: Call, compile_expression: Callable[[str], Expression]) -> Seen:
    value: bool | None = None
    error = ""
    try:
        value = compile_expression(part.text)(call)
    except Exception as failure:  # noqa: BLE001 - whatever it stumbles over is what is to be shown
        error = str(failure) or type(failure).__name__
    if part.kind == TEST:
        names = {name: plain(BY_NAME[name].get(call)) for name in dict.fromkeys(_WORD.findall(part.text)) if name in BY_NAME}
        return Seen(part.text, part.kind, value, names, (), error)
    parts = tuple(_seen(each, call, compile_expression) for each in part.parts)
    return Seen(part.text, part.kind, value, {}, parts, error)


def _first_false(seen: Seen) -> str:
    """The smallest part that decided for false, with the values in it."""
    if seen.value is True:
        return ""
    if seen.error and not seen.parts:
        return f"{seen.text} could not be evaluated: {seen.error}"
    if seen.kind == "and":
        return next((_first_false(part) for part in seen.parts if part.value is not True), seen.text)
    if seen.kind == "or":
        return " and ".join(filter(None, map(_first_false, seen.parts)))
    values = _values(seen)
    return f"{seen.text} is {shown(bool(seen.value))}" + (f" ({values})" if values and values != seen.text else "")


def _values(seen: Seen) -> str:
    names = dict(seen.names)
    for part in seen.parts:
        names |= part.names
    return ", ".join(f"{name} = {shown(value)}" for name, value in names.items() if name != seen.text)
