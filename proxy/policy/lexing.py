"""The words of an expression: CEL's lexis (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax)."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME, INT, UINT, DOUBLE, STRING, BYTES, MARK, OTHER, END = (
    "name",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "mark",
    "other",
    "end",
)

# fmt: off
RESERVED = frozenset((
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace",
    "null", "package", "return", "true", "var", "void", "while",
))
# fmt: on
"""Words that cannot be names."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\n\r\f]+|//[^\n]*)"""
    r"""|(?P<string>(?P<prefix>[rRbB]{0,2})(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n\r])*'|"(?:\\.|[^"\\\n\r])*"))"""
    r"""|(?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"""
    r"""|(?P<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])"""
    r"""|(?P<int>0x[0-9a-fA-F]+|[0-9]+)"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<mark>&&|\|\||==|!=|<=|>=|[<>!?:()\[\]{},.+\-*/%])"""
    r"""|(?P<other>.)""",
    re.DOTALL,
)


class Token(NamedTuple):
    """A word at an offset of the text; `prefix` is that of a string (`r`), lower case."""

    kind: str
    text: str
    at: int
    prefix: str = ""


def tokens(source: str) -> list[Token]:
    """All words, white space and comments left out, and one of kind `end` after them. What is no word is of kind `other`."""
    found: list[Token] = []
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup or OTHER
        prefix = (match["prefix"] or "").lower()
        if kind == STRING and "b" in prefix:
            kind = BYTES
        if kind != "space":
            found.append(Token(kind, match[0], match.start(), prefix))
    found.append(Token(END, "", len(source)))
    return found


def chain(words: list[Token], at: int) -> list[str]:
    """The names joined by dots from `at` on: `terms`, `verdict` of `terms.verdict == …`; empty where no name stands."""
    found: list[str] = []
    while words[at].kind == NAME and words[at].text not in RESERVED:
        found.append(words[at].text)
        if words[at + 1].text != ".":
            break
        at += 2
    return found
