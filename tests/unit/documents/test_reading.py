"""YAML as configuration: values, places, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.documents import reading as document
from proxy.documents.reading import plain_scalar, read_document


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_document(text.encode(), "f").problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("0755", 755),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("2026-01-01", "2026-01-01"),
        ("12:30:00", "12:30:00"),
        ("=", "="),
        ("9" * 500, "9" * 500),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """Unquoted scalars mean what the core schema of YAML 1.2 says, not what YAML 1.1 said."""
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_values_and_places() -> None:
    """Every key and value has its line and column, also in flow style and behind quotes."""
    read = read_document(b'a:\n  b: [1, "2"]\nc: {d: no}\n', "f")
    assert read.tree == {"a": {"b": [1, "2"]}, "c": {"d": "no"}}
    assert read.place(("a", "b", 1)) == "f:2:10"
    assert read.place(("c", "d"), of_key=True) == "f:3:5"
    assert read.place(("a", "missing", "deeper")) == "f:2:3"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: a: the same key twice (first in line 1)"),
        ("a: [1\n", "f:2:1: not YAML: did not find expected ',' or ']' (a bracket is not closed, or a comma is missing)"),
        ("a:\n\tb: 1\n", "f:2:1: not YAML: found character that cannot start any token (indent by spaces, not by tabs)"),
        ("a: &x [*x]\n", "f:1:4: a.0: an alias that contains itself"),
        ("a: !!python/object:os.system x\n", "f:1:4: a: the tag tag:yaml.org,2002:python/object:os.system is not allowed here"),
        ("? [a]\n: 1\n", "f:1:3: a key that is not plain text"),
        ("<<: {a: 1}\n", "f:1:1: merge keys (<<) are not part of YAML 1.2"),
        ("a: !!int x\n", "f:1:4: a: the tag tag:yaml.org,2002:int is not allowed here"),
        ("a: 1\n---\nb: 2\n", "f:2:1: not YAML: but found another document (one document a file)"),
        ("[" * 100_000, "f:1:1: nested deeper than 32 levels"),
        ("- " * 100_000, "f:1:1: nested deeper than 32 levels"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    """What is ambiguous, hostile or no YAML is one problem with a place, never an exception or a crash."""
    assert problems(text) == [problem]


def test_not_utf8() -> None:
    """A file in another encoding is told with its line."""
    assert [str(p) for p in read_document(b"a: 1\nb: \xff\n", "f").problems] == ["f:2:1: not UTF-8 (save it in this encoding)"]


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file past the cap is not even parsed."""
    monkeypatch.setattr(document, "SIZE_CAP", 1024)
    assert problems("a: " + "x" * 2000)[0].startswith("f:1:1: larger than")


@given(st.text(max_size=200) | st.text("a:\t\r\n\v\x85\u2028[{- ", max_size=40))
def test_never_raises(text: str) -> None:
    """No text makes the reader raise."""
    read_document(text.encode("utf-8", "surrogatepass"), "f")
