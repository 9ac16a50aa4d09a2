"""From a document's values to a checked model, or every problem with its place and, where one can be guessed, what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from proxy.documents.problems import Path, Problem, dotted
from proxy.documents.reading import Document

Model = TypeVar("Model", bound=BaseModel)
Place = Callable[[Path, bool], str]
"""`file:line:column` of the value at a path, or of its key."""


def checked(document: Document, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """The document as a model, and what is wrong with it; the model is None when anything is."""
    problems = list(document.problems)
    tree = document.tree if document.tree is not None else {}
    if not problems and not isinstance(tree, dict):
        problems.append(Problem(document.place(()), "", "should be a table of keys"))
    if problems:
        return None, problems
    try:
        return model.model_validate(tree), []
    except ValidationError as error:
        return None, invalid(error, model, lambda path, of_key: document.place(path, of_key=of_key))


def invalid(error: ValidationError, model: type[BaseModel], place: Place) -> list[Problem]:
    """What pydantic found, one problem each, in words for whoever wrote the file."""
    return [_invalid(dict(each), model, place) for each in error.errors(include_url=False, include_input=False)]


def _invalid(error: dict[str, Any], model: type[BaseModel], place: Place) -> Problem:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    unknown = error["type"] == "extra_forbidden"
    message = str(error["msg"]).removeprefix("Value error, ")
    hint = ""
    if unknown:
        message, hint = "unknown key", near(str(path[-1]), model_at(model, path[:-1]))
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"] == "string_type":
        message, hint = "should be text", "put it in quotes"
    return Problem(place(path, unknown), dotted(path), message, hint)


def near(key: str, model: type[BaseModel]) -> str:
    """`did you mean …?` among the keys that `model` knows."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model of the table at `path`, or of the nearest one around it."""
    annotation: Any = model
    for part in path:
        named = model.model_fields.get(str(part)) if annotation is model else None
        annotation = named.annotation if named else (get_args(annotation) or (annotation,))[-1]
        options = [
            option for option in (annotation, *get_args(annotation)) if isinstance(option, type) and issubclass(option, BaseModel)
        ]
        if options and not (hasattr(annotation, "__origin__") and annotation.__origin__ is dict):
            annotation = model = options[0]
    return model


def in_file_order(problem: Problem) -> tuple[list[int], str]:
    """Sorts problems by line and column, those without a place in a file last."""
    numbers = [int(part) for part in problem.place.split(":")[-2:] if part.isdigit()]
    return (numbers or [1 << 30], problem.place)
