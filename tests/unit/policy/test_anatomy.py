"""Expressions are taken apart along their boolean structure."""

from __future__ import annotations

import pytest

from proxy.policy.anatomy import Part, anatomy, leaves, negated, outcome


def shape(part: Part) -> object:
    """A part as nested tuples."""
    return part.text if part.kind == "test" else (part.kind, *map(shape, part.parts))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", "a"),
        ("a && b || c", ("or", ("and", "a", "b"), "c")),
        ("a && (b || c)", ("and", "a", ("or", "b", "c"))),
        ("!a && !(b == 1)", ("and", ("not", "a"), ("not", "b == 1"))),
        ("!a == b", "!a == b"),  # `!` binds more tightly than a comparison
        ("((a))", "a"),
        ("(a) && (b)", ("and", "a", "b")),
        ("a ? b && c : d", "a ? b && c : d"),
        ("x == 'a && b' || y", ("or", "x == 'a && b'", "y")),
        ('x == "it\'s" && y', ("and", 'x == "it\'s"', "y")),
        ("xs.exists(x, x > 1 && x < 3) && y", ("and", "xs.exists(x, x > 1 && x < 3)", "y")),
        ("m['a||b'] // || c\n&& d", ("and", "m['a||b']", "d")),
    ],
)
def test_structure(expression: str, expected: object) -> None:
    """Precedence, brackets, strings, comments, macros and ternaries are respected."""
    assert shape(anatomy(expression)) == expected


@pytest.mark.parametrize("broken", ["", "(a", "a)", "a &&", "   "])
def test_what_is_no_expression(broken: str) -> None:
    """Unmatched brackets and missing operands are refused."""
    with pytest.raises(ValueError, match=r"bracket|operand|empty"):
        anatomy(broken)


def test_comparisons() -> None:
    """A test that compares says with what, and `in` is a comparison only as a word."""
    part = anatomy("request.n >= 5 + 1")
    assert (part.left, part.comparison, part.right) == ("request.n", ">=", "5 + 1")
    assert anatomy("'a' in principal.roles").comparison == "in"
    assert anatomy("inside").comparison == ""


def test_one_part_can_be_negated() -> None:
    """Exactly the chosen test becomes its opposite."""
    expression = "a == 1 && (b > 2 || c)"
    assert [negated(expression, part) for part in leaves(anatomy(expression))] == [
        "!(a == 1) && (b > 2 || c)",
        "a == 1 && (!(b > 2) || c)",
        "a == 1 && (b > 2 || !(c))",
    ]


@pytest.mark.parametrize(
    ("known", "expected"),
    [({"a": True}, None), ({"a": False}, False), ({"a": True, "b": True}, True), ({"c": False, "a": True, "b": False}, False)],
)
def test_what_is_decidable(known: dict[str, bool], expected: bool | None) -> None:
    """What a whole comes to is said as soon as its known tests decide it, and not before."""
    assert outcome(anatomy("a && (b || !(!c))"), lambda test: known.get(test.text)) is expected
