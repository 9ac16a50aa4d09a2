"""The words of an expression."""

from __future__ import annotations

from proxy.policy import lexing
from proxy.policy.lexing import chain, tokens


def kinds(source: str) -> list[tuple[str, str]]:
    """Kinds and texts, the end left out."""
    return [(word.kind, word.text) for word in tokens(source)[:-1]]


def test_words_are_told_apart() -> None:
    """Names, numbers, texts and marks, comments and space between them left out."""
    assert kinds('n>=0x1F // more\n&& "a\\"b" != r\'c\'') == [
        (lexing.NAME, "n"),
        (lexing.MARK, ">="),
        (lexing.INT, "0x1F"),
        (lexing.MARK, "&&"),
        (lexing.STRING, '"a\\"b"'),
        (lexing.MARK, "!="),
        (lexing.STRING, "r'c'"),
    ]
    assert [kind for kind, _ in kinds('1 1u 1.5 .5 1e3 b\'x\' ~ """a\nb"""')] == [
        lexing.INT,
        lexing.UINT,
        lexing.DOUBLE,
        lexing.DOUBLE,
        lexing.DOUBLE,
        lexing.BYTES,
        lexing.OTHER,
        lexing.STRING,
    ]


def test_a_text_without_end_is_no_text() -> None:
    """An open quote is a word of its own kind, and everything has its offset."""
    assert [(word.kind, word.at) for word in tokens('a "b')] == [("name", 0), ("other", 2), ("name", 3), ("end", 4)]


def test_names_joined_by_dots_are_a_chain() -> None:
    """A chain ends where no name follows the dot, and does not begin with a reserved word."""
    assert chain(tokens("terms . verdict == 1"), 0) == ["terms", "verdict"]
    assert chain(tokens("n > 1"), 0) == ["n"]
    assert chain(tokens("true.x"), 0) == []
