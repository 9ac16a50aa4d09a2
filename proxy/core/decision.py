"""What may happen to an exchange, and who said so."""

from __future__ import annotations

import msgspec


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the terms say of a call: `allow | allow_with_obligations | review | forbid`, with every clause that took part.

    `basis`, of the strictest row: `express_grant | exception | silence | prohibition`; empty where there are no terms. `rows`:
    the rows that took part, each with the version of its text (`openai.api@2026-01-01`). `confirmed`: what decided was seen in
    the primary text, or a person adopted it. `conflict`: rows or clauses contradict each other. `assumed`: the purpose that was
    judged in place of `undeclared`, so that a release never goes by it.
    """

    verdict: str = "allow"
    clauses: tuple[str, ...] = ()
    basis: str = ""
    obligations: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    confirmed: bool = True
    conflict: bool = False
    assumed: str = ""


class Transform(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A change to a JSON body: members to leave out and to set (JSON values), by dotted path; `rule` asked for it."""

    rule: str
    drop: tuple[str, ...] = ()
    set: dict[str, str] = {}


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The strictest effect of all matching rules: `allow | flag | throttle | deny`. `message` is for a denied client.

    `rules` matched and count; `shadow` matched and would have counted, each as `rule:effect`. `failed`: rules whose expression
    could not be evaluated. `throttles`: names of the throttling rules among `rules`. `exempt`: rules that matched and spare this
    principal for a time. `carried`: of `rules` and `shadow`, what matched nothing but queries that the call carries.
    """

    effect: str = "allow"
    rules: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    message: str = ""
    shadow: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    transforms: tuple[Transform, ...] = ()
    throttles: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()


class Grant(msgspec.Struct, frozen=True, gc=False):
    """The limiter's answer; `wait` is in seconds, meaningful when not `granted`; `limit` names what is used up, `message` stands in
    its place. `held` is what the limiter knows it by later (`core.buckets.Reservation`); None where nothing was counted. `coming`:
    more is on its way, and it is worth while to ask again once that `Oneshot` is filled. `uncounted`: nobody can say what is left.
    """

    granted: bool = True
    wait: float = 0.0
    limit: str = ""
    held: object | None = None
    message: str = ""
    coming: object | None = None
    uncounted: bool = False


ALLOWED = Decision()
NO_OBJECTION = Verdict()
GRANTED = Grant()

VERDICTS = ("allow", "allow_with_obligations", "review", "forbid")
EFFECTS = ("allow", "flag", "throttle", "deny")
"""Both from the mildest to the strictest."""


def stricter_verdict(one: Verdict, other: Verdict) -> Verdict:
    """What holds of two calls that can only be made together: the stricter verdict, the clauses of both."""
    if other == NO_OBJECTION or one is other:
        return one
    strictest = max(one, other, key=lambda verdict: VERDICTS.index(verdict.verdict))
    return Verdict(
        strictest.verdict,
        united(one.clauses, other.clauses),
        strictest.basis,
        united(one.obligations, other.obligations),
        united(one.rows, other.rows),
        any(each.confirmed for each in (one, other) if each.verdict == strictest.verdict),
        one.conflict or other.conflict,
        one.assumed or other.assumed,
    )


def stricter_decision(one: Decision, other: Decision) -> Decision:
    """The same of decisions: the stricter effect and its message, the rules and clauses of both."""
    if other == ALLOWED or one is other:
        return one
    strictest = max(one, other, key=lambda decision: EFFECTS.index(decision.effect))
    return Decision(
        strictest.effect,
        united(one.rules, other.rules),
        united(one.clauses, other.clauses),
        strictest.message,
        united(one.shadow, other.shadow),
        united(one.obligations, other.obligations),
        one.transforms + tuple([each for each in other.transforms if each not in one.transforms]),
        united(one.throttles, other.throttles),
        united(one.failed, other.failed),
        united(one.exempt, other.exempt),
    )


def united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Both, each once, in the order in which they came."""
    return tuple(dict.fromkeys(one + other))
