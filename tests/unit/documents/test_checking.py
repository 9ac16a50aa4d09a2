"""A document is a checked model, or a list of problems with places."""

from __future__ import annotations

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
        "a.yaml:3:14: rules.0.seconds: Input should be a valid integer, unable to parse string as an integer",
        "a.yaml:2:5: rules.0.efect: unknown key (did you mean effect?)",
    ]


def test_what_is_no_table_and_what_is_no_yaml_are_problems_too() -> None:
    """Nothing raises."""
    assert [problem.message for problem in checked(read_document(b"- 1\n", "a.yaml"), _Outer)[1]] == ["should be a table of keys"]
    assert checked(read_document(b"rules: [\n", "a.yaml"), _Outer)[1][0].message.startswith("not YAML")
