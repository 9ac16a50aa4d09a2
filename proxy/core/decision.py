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
