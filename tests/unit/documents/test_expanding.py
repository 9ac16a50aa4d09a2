"""What aliases stand for is known before anything is made of it."""

from __future__ import annotations

import pytest
import yaml

from proxy.documents import reading
from proxy.documents.expanding import REPEATED_CAP, Expansion
from proxy.documents.reading import read_document


def chained(levels: int, width: int) -> str:
    """Lines that each name the one before `width` times."""
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (chained(9, 10), "f:5:5: a4: too many values once aliases are expanded"),
        (chained(30, 100), "f:3:5: a2: too many values once aliases are expanded"),
        (chained(40, 1), "f:32:6: a32.0: nested deeper than 32 levels once aliases are expanded"),
        ("a: &x [y, y]\nb: [" + "*x, " * 4000 + "]\n", "f:2:4: b: too many values once aliases are expanded"),
        ("a: {b: &x [y, y], c: {d: [" + "*x, " * 4000 + "]}}\n", "f:1:26: a.c.d: too many values once aliases are expanded"),
    ],
)
def test_bombs_are_measured_not_made(text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deep, wide or long, a bomb is told by its place; no value was read, and each node of the file was visited once at most."""
    monkeypatch.setattr(reading._Walk, "value", lambda *_: pytest.fail("read"))
    assert [str(problem) for problem in read_document(text.encode(), "f").problems] == [told]
    written = sum(isinstance(event, yaml.NodeEvent) for event in yaml.parse(text, Loader=yaml.CSafeLoader))
    assert Expansion(yaml.compose(text, Loader=reading._Loader)).visited <= written


def test_aliases_that_people_write_are_read() -> None:
    """As many as an author could want stand for what they name."""
    assert read_document(b"a: &x {y: 1}\nb: [*x, *x]\n", "f").tree == {"a": {"y": 1}, "b": [{"y": 1}, {"y": 1}]}
    many = REPEATED_CAP // 2
    read = read_document(("a: &x [1]\nb: [" + "*x, " * many + "]\n").encode(), "f")
    assert (read.problems, len(read.tree["b"])) == ([], many)


def test_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of too many values is refused where they become too many."""
    monkeypatch.setattr("proxy.documents.expanding.VALUE_CAP", 3)
    monkeypatch.setattr("proxy.documents.reading.VALUE_CAP", 3)
    assert [str(each) for each in read_document(b"a: 1\nb: [1, 2]\n", "f").problems] == ["f:2:5: b.0: more than 3 values"]
