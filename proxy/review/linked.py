"""A linked group as people look at it: the accounts that findings put in it, and what ties each of them. Pure.

Two kinds of ties are known: the text that members share and others do not, as it was counted when something was found, and what
the host knows of several of them. Text is everybody's to copy; so the two stand apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from proxy.review.raised import stricter
from proxy.review.ties import Ties

TEXT = "one work list"
"""The tie by text."""

_LINKAGE = "linkage"


class Tie(msgspec.Struct, frozen=True):
    """What ties an account: `name` of the tie, and `says` how strongly; empty for what the host knows."""

    name: str
    says: str


class Member(msgspec.Struct):
    """An account. `finding`: its newest; `open_findings`: those nobody has decided; `decision` of the newest, empty for none."""

    principal: str
    finding: str
    severity: str
    decision: str
    prompts: int
    first_at: int
    last_at: int
    open_findings: int = 0
    standing: str = "normal"
    ties: list[Tie] = []


class Linked(msgspec.Struct, frozen=True):
    """A group: members by name, and names of ties with how many members each has."""

    members: list[Member]
    ties: dict[str, int]


def linked(
    findings: Iterable[Mapping[str, Any]],
    traits: Sequence[tuple[str, str, str]],
    stands: Mapping[str, str],
    ties: Ties | None = None,
) -> Linked:
    """The group of these findings (newest first), with what was counted of its text, what the host knows of its accounts, and how
    they stand.
    """
    shares = _shares(ties) if ties is not None else {}
    members: dict[str, Member] = {}
    for found in findings:
        name = found["principal"]
        if not name:
            continue
        if name not in members:
            members[name] = _member(found, stands.get(name, "normal"), shares.get(name, ""))
        member = members[name]
        member.open_findings += found["state"] == "open"
        member.severity = stricter(member.severity, found["severity"])
        member.first_at = min(member.first_at, found["first_at"])
    for name, tie in _by_host(traits, members):
        members[name].ties.append(tie)
    counts: dict[str, int] = defaultdict(int)
    for member in members.values():
        for each in member.ties:
            counts[each.name] += 1
    return Linked([members[name] for name in sorted(members)], dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))))


def _shares(ties: Ties) -> dict[str, str]:
    """What each account shares, in words."""
    return {one.name: f"{one.prompts:,} of {one.sent:,} prompts" for one in ties.accounts if one.prompts}


def _member(found: Mapping[str, Any], standing: str, shares: str) -> Member:
    nats = next((each["nats"] for each in found["contributions"] if each["signal"] == _LINKAGE), 0)
    says = shares or (f"{nats:+.1f} nats" if nats else "by text")
    ties = [Tie(TEXT, says)] if found["group_key"] else []
    prompts = found["detail"].get("prompts", 0)
    return Member(
        found["principal"],
        found["id"],
        found["severity"],
        found["decision"],
        prompts if isinstance(prompts, int) else 0,
        found["first_at"],
        found["last_at"],
        standing=standing,
        ties=ties,
    )


def _by_host(traits: Sequence[tuple[str, str, str]], members: Mapping[str, Member]) -> list[tuple[str, Tie]]:
    """What at least two members have in common, by its name and the beginning of its key."""
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, trait, value in traits:
        if name in members:
            shared[trait, value].append(name)
    found = []
    for (trait, value), names in sorted(shared.items()):
        if len(names) > 1:
            found += [(name, Tie(f"same {trait} · {value[:6]}", "")) for name in sorted(names)]
    return found
