"""A document is a checked model, or a list of problems with places."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from proxy.documents.checking import checked
from proxy.documents.reading import read_document


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    effect: str
    seconds: int = 1


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rules: list[_Inner] = []


class _Worded(BaseModel):
    kind: Literal["Worded"]
    mode: Literal["enforce", "shadow"] = "enforce"
    names: dict[str, str] = {}
    on: bool = False


def test_a_right_document_is_its_model() -> None:
    """What is written is what the model holds."""
    model, problems = checked(read_document(b"rules: [{effect: deny, seconds: 3}]\n", "a.yaml"), _Outer)
    assert problems == []
    assert model is not None
    assert model.rules == [_Inner(effect="deny", seconds=3)]


def test_every_problem_has_its_place_and_what_was_meant() -> None:
    """An unknown key is told from a missing one, and each is found where it stands, or should."""
    model, problems = checked(read_document(b"rules:\n  - efect: deny\n    seconds: three\n", "a.yaml"), _Outer)
    assert model is None
    assert [str(problem) for problem in problems] == [
        "a.yaml:2:5: rules.0.effect: is missing",
        "a.yaml:3:14: rules.0.seconds: should be a whole number",
        "a.yaml:2:5: rules.0.efect: unknown key (did you mean effect?)",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode: shadow", "a.yaml:1:1: kind: is missing (write kind: Worded)"),
        ("kind: Other", "a.yaml:1:7: kind: should be 'Worded'"),
        ("{kind: Worded, mode: shadows}", "a.yaml:1:22: mode: should be 'enforce' or 'shadow' (did you mean shadow?)"),
        ("{kind: Worded, mode: off}", "a.yaml:1:22: mode: should be 'enforce' or 'shadow'"),
        ("{kind: Worded, names: [a]}", "a.yaml:1:23: names: should be a table of keys (a line of its own for each: key: value)"),
        ("{kind: Worded, on: maybe}", "a.yaml:1:20: on: should be true or false"),
    ],
)
def test_what_to_do_is_said_in_words_of_the_file(text: str, problem: str) -> None:
    """Not in words of Python, and with what was meant where that can be guessed."""
    assert [str(each) for each in checked(read_document(text.encode(), "a.yaml"), _Worded)[1]] == [problem]


def test_what_is_no_table_and_what_is_no_yaml_are_problems_too() -> None:
    """Nothing raises."""
    assert [problem.message for problem in checked(read_document(b"- 1\n", "a.yaml"), _Outer)[1]] == ["should be a table of keys"]
    assert checked(read_document(b"rules: [\n", "a.yaml"), _Outer)[1][0].message.startswith("not YAML")
