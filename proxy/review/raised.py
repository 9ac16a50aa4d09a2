"""What a finding is before it is kept: plain values, made by whoever noticed something, merged by their key.

`key` decides what is one finding: whatever is raised again under it counts as a repeat.
"""

from __future__ import annotations

import msgspec

SEVERITIES = ("notice", "low", "medium", "high")
"""From the mildest to the strictest."""

KINDS = ("extraction", "question", "terms", "integrity")
UNACCEPTED = "unaccepted"
"""Under whom made-up credentials go together: keys that no upstream has ever accepted are nobody's, and cost nothing to make."""


class Contribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much one signal moved the score, in nats, and the sentence that says why."""

    signal: str
    nats: float
    sentence: str = ""


class Raised(msgspec.Struct):
    """A finding as it was noticed in `count` records, from `first_*` to `last_*` (times in microseconds since 1970 UTC).

    `sentences` are the evidence in plain words, `exculpatory` what speaks for the principal, `detail` what else a kind of finding
    has to show. `gathers`: it opens a case; what does not (questions, rules in shadow, clauses) is shown with its principal's case
    where there is one.
    """

    key: str
    kind: str
    severity: str
    title: str
    first_record: str
    last_record: str
    first_at: int
    last_at: int
    count: int = 1
    principal: str = ""
    project: str = ""
    group_key: str = ""
    rule: str = ""
    purpose: str = ""
    upstream: str = ""
    endpoint: str = ""
    clauses: tuple[str, ...] = ()
    policies: str = ""
    detector: str = ""
    sentences: tuple[str, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    exculpatory: tuple[str, ...] = ()
    detail: dict[str, str | int | float] = {}
    shadow: bool = False
    gathers: bool = False


def merge(into: dict[str, Raised], raised: Raised) -> None:
    """Add to what was raised before; a repeat is counted and moves the end."""
    known = into.get(raised.key)
    if known is None:
        into[raised.key] = raised
        return
    repeat(known, raised.last_record, raised.last_at, raised.policies, raised.count)


def repeat(known: Raised, record: str, at: int, policies: str, count: int = 1) -> None:
    """What was raised came up again, lastly in this record."""
    known.count += count
    known.policies = known.policies or policies  # a line does not say what was in force, its carrier does
    if at >= known.last_at:
        known.last_at, known.last_record = at, record


def stricter(one: str, other: str) -> str:
    """The stricter of two severities."""
    return max(one, other, key=SEVERITIES.index)
