"""What ties a group, as people see it."""

from __future__ import annotations

from proxy.control.tying import PAIRS_EACH, ties_of
from proxy.detection.linkage import Edges, Group, Shared
from proxy.detection.sketch import Pieces
from proxy.detection.window import Streams


def _edges(using: dict[int, set[str]]) -> tuple[Edges, Group]:
    """A table in which each of these pieces is used by these accounts, all of them of one group."""
    edges = Edges()
    group = Group("g1", {}, list(using), Streams(Pieces(8)))
    for mark, names in using.items():
        accounts = {edges.number(name) for name in sorted(names)}
        edges.shared[mark] = Shared("a secret text", accounts, met=7, group=0)
        for account in accounts:
            group.members[account] = group.members.get(account, 0) + 1
    edges.groups.append(group)
    return edges, group


def test_pairs_share_what_both_use() -> None:
    """Counted piece by piece, the strongest first; who shares nothing makes no pair, and no text is told."""
    edges, group = _edges({1: {"a", "b", "c"}, 2: {"a", "b"}, 3: {"a", "d"}})
    edges.number("stranger")
    found = ties_of(edges, group, b"key")
    assert [(pair.one, pair.other, pair.pieces) for pair in found.pairs][:1] == [("a", "b", 2)]
    assert {frozenset((pair.one, pair.other)) for pair in found.pairs} == {
        frozenset(pair) for pair in (("a", "b"), ("a", "c"), ("b", "c"), ("a", "d"))
    }
    assert [(piece.members, piece.prompts) for piece in found.shared] == [(3, 7), (2, 7), (2, 7)]
    assert (found.pieces, found.everyone, [one.name for one in found.accounts]) == (3, 5, ["a", "b", "c", "d"])
    assert "secret" not in repr(found)
    assert {piece.mark for piece in found.shared}.isdisjoint(piece.mark for piece in ties_of(edges, group, b"another").shared)


def test_a_large_group_keeps_the_strongest_pairs_of_each() -> None:
    """Nobody is without a pair, and their number grows with that of accounts, not with its square."""
    names = {f"account-{number:03}" for number in range(120)}
    edges, group = _edges({1: names, 2: set(sorted(names)[:50])})
    found = ties_of(edges, group, b"key")
    assert len(found.pairs) <= PAIRS_EACH * len(names)
    assert {name for pair in found.pairs for name in (pair.one, pair.other)} == names
