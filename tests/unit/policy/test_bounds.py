"""Expressions that could take long are refused before they are evaluated."""

from __future__ import annotations

import pytest

from proxy.policy import bounds
from proxy.policy.lexing import tokens


def told(source: str) -> list[tuple[int, str]]:
    """Offset and message of each fault."""
    return [(fault.at, fault.message) for fault in bounds.faults(source, tokens(source))]


@pytest.mark.parametrize(
    "source",
    [
        'terms.verdict == "forbid"',
        'models.exists(m, m.startsWith("gpt-") || m.matches("^o[0-9]"))',
        "models.exists(m, terms.clauses.exists(c, c == m))",
        "models.filter(m, m != '').size() > 3",
        'model.matches("^(gpt|o[0-9])-.{1,20}$")',
        f"model in [{', '.join(repr(str(n)) for n in range(400))}]",
        "((((n > 1))))",
        'attributes.all(key, attributes[key] == "a") && "b" in attributes && attributes.competes == "true" && size(attributes) > 1',
        "models.all(m, [m, model].exists(x, x in flags))",
    ],
)
def test_what_policies_say_is_within_bounds(source: str) -> None:
    """Ordinary expressions pass, long lists of words and two comprehensions within each other among them."""
    assert told(source) == []


@pytest.mark.parametrize(
    ("source", "at", "message"),
    [
        ("models.all(a, models.all(b, [1].all(c, true)))", 32, "more than 2 comprehensions within each other"),
        ("models.map(a, models.map(b, a)).size() > 0", 24, "could take longer than 1 ms"),
        ("models.all(a, models.all(b, attributes == attributes))", 28, "could take longer than 1 ms"),
        (
            f"[{', '.join(['attributes'] * 9)}].all(a, [attributes].all(b, {' && '.join(['a == b'] * 9)}))",
            113,
            "could take longer than 1 ms",
        ),
        (f"[{', '.join(['models'] * 20)}].all(a, [models, models].all(b, a == b))", 165, "could take longer than 1 ms"),
        (f"[{', '.join(['[1, 2, 3]'] * 40)}].all(a, [[1, 2, 3]].all(b, a == b))", 445, "could take longer than 1 ms"),
        ("(models + models + models).all(a, models.all(b, a != b))", 46, "could take longer than 1 ms"),
        (f"[{', '.join('1' * 900)}].all(a, [{', '.join('1' * 400)}].all(b, a == b))", 2733, "could take longer than 1 ms"),
        ("models.map(a, a + a + a + a + a + a + a + a).size() > 0", 32, "could take longer than 1 ms"),
        ('model.matches("(x{40}){40}")', 6, "could take longer than 1 ms"),
        ('model.matches("x{1000,}")', 6, "could take longer than 1 ms"),
        ("model.matches(r'(\\pL{10}){10}')", 6, "could take longer than 1 ms"),
        ('model.matches("(\\\\pL{10}){10}")', 6, "could take longer than 1 ms"),
        ('model.matches("x\\x7B1000\\x7D")', 14, "an escape that the pattern hides behind"),
        ("model.matches(host)", 6, "the pattern should stand here as it is"),
        ('matches(model, "a")', 0, "the pattern should stand here as it is"),
        (f'model.matches("{"a" * 300}")', 14, "a pattern longer than 256 characters"),
        ("(" * 25 + "stream" + ")" * 25, 24, "nested deeper than 24 brackets"),
        ("x" * 5000, 4096, "longer than 4096 characters"),
    ],
)
def test_bombs_are_refused(source: str, at: int, message: str) -> None:
    """Nested and copying comprehensions, patterns that unfold, and sheer size are told with the place where it becomes too much."""
    assert told(source) == [(at, message)]


MATCHED = " && ".join(['(a.matches("^(a|b)*c$") || true)'] * 5)
JOINED = "[" * 7 + "model" + "].map(x, x + x)[0]" * 7


@pytest.mark.parametrize(
    "source",
    [
        f"[models][0].all(a, [models][0].all(b, {MATCHED}))",
        f"""{{"k": models}}["k"].all(a, {{"k": models}}["k"].all(b, {MATCHED}))""",
        "{'k': models + models + models}.k.all(a, a != '')",
        """[models + flags][0].all(a, (a.matches("x{200}y") || true) && (a.matches("x{200}y") || true))""",
        f"[{' + '.join(['models'] * 8)}].all(x, x.all(y, n > 0))",
        f"[[{', '.join(['model'] * 400)}]][0].all(y, y.matches('x'))",
        "[models + models + models].all(models, models.all(a, a != ''))",
        "(models + models + models).filter(a, true).all(a, a.matches('x'))",
        "[models + models + models].all(x, (x).all(a, a != ''))",
        f"{JOINED}.size() >= 0",
        f"[{' + '.join(['model'] * 30)}].all(a, {MATCHED} && {MATCHED})",
    ],
)
def test_what_is_within_others_counts_in_full(source: str) -> None:
    """An element, a field, a variable, what a comprehension made: each may be the longest list or text that is joined anywhere."""
    assert [message for _, message in told(source)] == ["could take longer than 1 ms"]


def test_repetitions_count() -> None:
    """A pattern has as many states as its repetitions unfold to; brackets and escapes that do not belong are no matter."""
    assert [bounds.states(pattern) for pattern in ("abc", "(ab){3}", "a{2,5}b", "((a{2}){3}){4}", "a{3,}", "))((", "a{x}")] == [
        3,
        6,
        6,
        24,
        4,
        1 + 1,
        4,
    ]
