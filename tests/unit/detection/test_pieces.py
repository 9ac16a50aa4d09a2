"""Pieces of a text: what a template leaves unchanged keeps its marks, wherever it stands."""

from __future__ import annotations

from proxy.detection import pieces


def test_a_slot_changes_only_its_own_piece() -> None:
    """Two fills of one template share all pieces but the slot's, before the fill or behind it, whatever the numbers."""
    one = pieces.cut("Write 5 lines about the topic. The topic is old lighthouses. Keep the tone calm and plain.")
    two = pieces.cut("The topic is a very new bridge. Keep the tone calm and plain!\nwrite 7 lines about the topic")
    assert {one[mark] for mark in one.keys() & two.keys()} == {"write 0 lines about the topic", "keep the tone calm and plain"}


def test_short_pieces_and_long_texts() -> None:
    """Crumbs are no pieces; a long text gives its first and its last pieces and no more."""
    assert pieces.cut("A: yes. B: no.") == {}
    many = list(pieces.cut("\n".join(f"this is line {chr(97 + n % 26) * 3} {'x' * (n // 26 + 1)}" for n in range(400))).values())
    assert len(many) == pieces.MOST
    assert many[0].endswith("aaa x")
    assert many[-1].endswith("jjj " + "x" * 16)


def test_default_prompts_are_no_pieces() -> None:
    """What a framework puts into every prompt is left out, and only that."""
    assert list(pieces.cut("You are a helpful assistant. You answer as a pirate would.").values()) == [
        "you answer as a pirate would"
    ]


def test_stems() -> None:
    """Beginnings and ends of pieces long enough to have a slot, of the first few alone."""
    found = [text for _, text in pieces.stems(["write three questions about old lighthouses by the sea", "too short for one"])]
    assert found == ["write three questions about", "write three questions about old lighthouses by the", *found[2:]]
    assert found[2:] == ["three questions about old lighthouses by the sea"]
    assert [text for _, text in pieces.stems(["one two three four five six"])] == ["one two three four"]
    assert len(pieces.stems([f"piece {n} of many words that is long enough" for n in range(9)])) == 3 * pieces.STEMMED


def test_any_text() -> None:
    """A lone surrogate is text like any other."""
    assert len(pieces.cut("half of a pair \ud800 stands here")) == 1
