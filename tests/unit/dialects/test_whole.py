"""Answers that are one document, or no text at all."""

from proxy.dialects.gathering import Gathering
from proxy.dialects.whole import CountedReader, WholeReader


def note(gathering: Gathering, tree: object) -> None:
    gathering.says(0, str(tree))


def test_a_document_is_read_once_it_is_complete() -> None:
    """Before that it is unread; facts may be asked for at any time."""
    reader = WholeReader(note)
    assert not reader.facts().unread
    reader.feed(b"[1,")
    assert reader.facts().unread
    reader.feed(b"2]")
    assert reader.facts().text_chars == len("[1, 2]")


def test_a_document_beyond_the_cap_is_unread_and_not_kept() -> None:
    """Memory is bounded by the cap."""
    reader = WholeReader(note, cap=10)
    for _ in range(5):
        assert reader.feed(b"[1,2,") == 0
    assert reader.facts().unread
    assert reader._pieces == []


def test_bytes_of_other_kinds_are_only_noted() -> None:
    """Sound and pictures."""
    reader = CountedReader()
    assert not reader.facts().unread
    assert reader.feed(b"\xff\xfb") == 0
    assert reader.facts().unread
    assert reader.error_event(502, "c", "m", "r") == b""
