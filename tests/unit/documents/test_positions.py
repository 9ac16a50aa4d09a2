"""Places within text values."""

from __future__ import annotations

import pytest

from proxy.documents.positions import place_within
from proxy.documents.reading import read_document


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("spec:\n  when: n > 1 && bad\n", "bad", "2:18"),
        ("spec:\n  when: n > 1 # bad is what\n", ">", "2:11"),
        ('spec:\n  when: "n > 1 && bad"\n', "bad", "2:19"),
        ("spec:\n  when: 'n > 1 && bad'\n", "bad", "2:19"),
        ("spec:\n  when: |\n    n > 1 &&\n      bad\n", "bad", "4:7"),
        ("spec:\n  when: |2-\n\n    n > 1 &&\n    bad\n", "bad", "5:5"),
        ("spec:\n  when: >-\n    n > 1 &&\n    bad\n    || x\n", "bad", "4:5"),
        ("spec:\n  when: >\n    n > 1\n\n    && bad\n", "bad", "5:8"),
        ("spec:\n  when: n > 1\n    && bad\n", "bad", "3:8"),
        ("spec: {when: n > 1 && bad}\n", "bad", "1:23"),
        ('spec:\n  when: "n == 1 && model != \\"x\\""\n', "model", "2:20"),
        ('spec:\n  when: "model != \\"x\\" && bad"\n', "bad", "2:9"),
        ("\ufeffspec:\n  when: é > 1 && bad\n", "bad", "2:18"),
        ("spec: {a: [x, bad]}\n", "nowhere", "1:7"),
    ],
)
def test_a_character_has_a_line_and_a_column(text: str, word: str, place: str) -> None:
    """In plain, quoted, literal and folded style; where escapes stand before it, the value's own place."""
    document = read_document(text.encode(), "p.yaml")
    value = document.at(("spec", "when")) or ""
    assert place_within(document, ("spec", "when"), max(value.find(word), 0)) == f"p.yaml:{place}"


def test_behind_the_end_is_the_end() -> None:
    """An offset behind the last character is right behind it, line breaks left out."""
    document = read_document(b"when: |\n  n >\n\nnext: 1\n", "p.yaml")
    assert place_within(document, ("when",), 100) == "p.yaml:2:6"


def test_values_are_found_by_path() -> None:
    """Keys and positions lead to values; a path that leads nowhere to None."""
    document = read_document(b"a: {b: [1, x]}\n", "p.yaml")
    assert document.at(("a", "b", 1)) == "x"
    assert [document.at(path) for path in (("a", "c"), ("a", "b", 2), ("a", "b", 1, "c"))] == [None, None, None]
