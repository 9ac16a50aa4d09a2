"""The boolean anatomy of an expression: which tests it is made of, and how `&&`, `||` and `!` join them.

Reads the text alone (CEL's lexis and precedences, https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax) and is
only asked about expressions that compile. A ternary is one test: what it joins is not boolean algebra.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

AND, OR, NOT, TEST = "and", "or", "not", "test"
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "in")

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)"""
    r"""|(?P<string>[rRbB]{0,2}(?:'''(?:.|\n)*?'''|\"\"\"(?:.|\n)*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))"""
    r"""|(?P<mark>&&|\|\||==|!=|<=|>=|[<>!?:()\[\]{},.+\-*/%])"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.]*|`[^`]*`)"""
    r"""|(?P<other>.)""",
    re.DOTALL,
)
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Part:
    """A part of an expression, `text[start:end]` of it. `kind`: `and | or | not | test`; a test has no `parts` of its own.

    `comparison`: of a test that compares, its operator; `left` and `right` are then the texts on both sides.
    """

    kind: str
    text: str
    start: int
    end: int
    parts: tuple[Part, ...] = ()
    comparison: str = ""
    left: str = ""
    right: str = ""


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int
    depth: int


def anatomy(expression: str) -> Part:
    """The whole expression as a tree of parts. Raises: ValueError when its brackets do not match."""
    tokens = _tokens(expression)
    if not tokens:
        raise ValueError("an empty expression")
    return _part(expression, tokens)


def leaves(part: Part) -> Iterator[Part]:
    """The tests of a part, from left to right."""
    if part.kind == TEST:
        yield part
    for each in part.parts:
        yield from leaves(each)


def negated(expression: str, part: Part) -> str:
    """The expression with one part of it turned into its opposite."""
    return replaced(expression, part, f"!({part.text})")


def replaced(expression: str, part: Part, text: str) -> str:
    """The expression with another text in place of one part."""
    return f"{expression[: part.start]}{text}{expression[part.end :]}"


def outcome(part: Part, of: Callable[[Part], bool | None]) -> bool | None:
    """What the part comes to when `of` says what each test comes to; None is not known, as in Kleene's logic."""
    if part.kind == TEST:
        return of(part)
    found = [outcome(each, of) for each in part.parts]
    if part.kind == NOT:
        return None if found[0] is None else not found[0]
    decisive = part.kind == OR
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _tokens(expression: str) -> list[_Token]:
    """Everything but white space and comments, each with the number of brackets around it."""
    found: list[_Token] = []
    depth = 0
    for match in _TOKEN.finditer(expression):
        if match.lastgroup == "space":
            continue
        text = match[0]
        if text in _CLOSING:
            depth -= 1
        if depth < 0:
            raise ValueError("a closing bracket without its opening one")
        found.append(_Token(text, match.start(), match.end(), depth))
        if text in _OPENING:
            depth += 1
    if depth:
        raise ValueError("an opening bracket without its closing one")
    return found


def _part(expression: str, tokens: list[_Token]) -> Part:
    if not tokens:
        raise ValueError("an operator without operand")
    depth = tokens[0].depth
    level = [token.text for token in tokens if token.depth == depth]
    start, end = tokens[0].start, tokens[-1].end
    if "?" not in level:
        for operator, kind in (("||", OR), ("&&", AND)):
            if operator in level:
                parts = tuple(_part(expression, piece) for piece in _split(tokens, operator, depth))
                return Part(kind, expression[start:end], start, end, parts)
        compares = _comparison(tokens, depth)
        if compares is None and tokens[0].text == "!":
            return Part(NOT, expression[start:end], start, end, (_part(expression, tokens[1:]),))
        if _is_bracketed(tokens):
            return _part(expression, tokens[1:-1])
        if compares is not None:
            at = tokens[compares]
            left, right = expression[start : at.start].strip(), expression[at.end : end].strip()
            return Part(TEST, expression[start:end], start, end, (), at.text, left, right)
    return Part(TEST, expression[start:end], start, end)


def _split(tokens: list[_Token], operator: str, depth: int) -> list[list[_Token]]:
    pieces: list[list[_Token]] = [[]]
    for token in tokens:
        if token.depth == depth and token.text == operator:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _comparison(tokens: list[_Token], depth: int) -> int | None:
    """Where the last comparison of the outermost level is: comparisons join from the left."""
    found = [at for at, token in enumerate(tokens) if token.depth == depth and token.text in COMPARISONS]
    return found[-1] if found else None


def _is_bracketed(tokens: list[_Token]) -> bool:
    """Whether the first bracket's partner is the last token."""
    depth = tokens[0].depth
    return (
        len(tokens) > 2
        and tokens[0].text == "("
        and tokens[-1].text == ")"
        and not any(token.depth <= depth for token in tokens[1:-1])
    )
