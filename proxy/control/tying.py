"""From the detector's groups to what people see of them: who shares how many pieces of text with whom. Pure."""

from __future__ import annotations

import hmac
from itertools import combinations

from proxy.detection.linkage import Edges, Group
from proxy.review.ties import Account, Pair, Piece, Ties

MOST_ACCOUNTS = 150
MOST_PIECES = 512
MOST_SHOWN = 24
"""Pieces named one by one."""

PAIRS_EACH = 6


def ties_of(edges: Edges, group: Group, key: bytes) -> Ties:
    """What ties a group: its most active accounts, its most used pieces, of each account the pairs that share most.

    `key`: under which marks of pieces are told, since a bare hash would let anybody try out texts.
    """
    numbers = sorted(group.members, key=lambda account: (-group.members[account], edges.names[account]))[:MOST_ACCOUNTS]
    marks = [mark for mark in group.pieces if mark in edges.shared]
    marks.sort(key=lambda mark: (-len(edges.shared[mark].accounts), mark))
    having = dict.fromkeys(numbers, 0)
    pieces: list[Piece] = []
    for place, mark in enumerate(marks[:MOST_PIECES]):
        shared = edges.shared[mark]
        users = [account for account in shared.accounts if account in having]
        for account in users:
            having[account] |= 1 << place
        if len(pieces) < MOST_SHOWN:
            name = hmac.digest(key, mark.to_bytes(4, "big"), "sha256").hex()[:8]
            pieces.append(Piece(name, len(users), shared.met))
    return Ties(
        [Account(edges.names[each], group.members[each], *edges.sent_by(each)) for each in numbers],
        pieces,
        [Pair(edges.names[one], edges.names[other], both) for one, other, both in _pairs(having)],
        pieces=len(marks),
        everyone=len(edges.names),
    )


def _pairs(having: dict[int, int]) -> list[tuple[int, int, int]]:
    """The pairs that share most, at most `PAIRS_EACH` for each account to begin with, the strongest first."""
    every = [(one, other, both) for one, other in combinations(having, 2) if (both := (having[one] & having[other]).bit_count())]
    every.sort(key=lambda pair: -pair[2])
    left = dict.fromkeys(having, PAIRS_EACH)
    kept: list[tuple[int, int, int]] = []
    for one, other, both in every:
        if left[one] > 0 or left[other] > 0:
            kept.append((one, other, both))
            left[one] -= 1
            left[other] -= 1
    return kept
