"""What may happen to an exchange, and who said so."""

from __future__ import annotations

import msgspec


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the terms say of a call: `allow | allow_with_obligations | review | forbid`, with the clauses that took part."""

    verdict: str = "allow"
    clauses: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The strictest effect of all matching rules: `allow | flag | throttle | deny`. `message` is for a denied client."""

    effect: str = "allow"
    rules: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    message: str = ""


class Grant(msgspec.Struct, frozen=True, gc=False):
    """The limiter's answer; `wait` is in seconds, meaningful when not `granted`."""

    granted: bool = True
    wait: float = 0.0
    limit: str = ""


ALLOWED = Decision()
NO_OBJECTION = Verdict()
GRANTED = Grant()

_VERDICTS = ("allow", "allow_with_obligations", "review", "forbid")
_EFFECTS = ("allow", "flag", "throttle", "deny")


def stricter_verdict(one: Verdict, other: Verdict) -> Verdict:
    """What holds of two calls that can only be made together: the stricter verdict, the clauses of both."""
    if other == NO_OBJECTION or one is other:
        return one
    strictest = max(one.verdict, other.verdict, key=_VERDICTS.index)
    return Verdict(strictest, tuple(dict.fromkeys(one.clauses + other.clauses)))


def stricter_decision(one: Decision, other: Decision) -> Decision:
    """The same of decisions: the stricter effect and its message, the rules and clauses of both."""
    if other == ALLOWED or one is other:
        return one
    strictest = max(one, other, key=lambda decision: _EFFECTS.index(decision.effect))
    rules = tuple(dict.fromkeys(one.rules + other.rules))
    return Decision(strictest.effect, rules, tuple(dict.fromkeys(one.clauses + other.clauses)), strictest.message)
