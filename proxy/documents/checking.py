"""From a document's values to a checked model, or every problem with its place and, where one can be guessed, what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from proxy.documents.problems import Path, Problem, dotted
from proxy.documents.reading import Document

Model = TypeVar("Model", bound=BaseModel)
Place = Callable[[Path, bool], str]
"""`file:line:column` of the value at a path, or of its key."""

_TABLE = ("should be a table of keys", "a line of its own for each: key: value")
_LIST = ("should be a list", "write [one, another]")
_SWITCH = ("should be true or false", "")
_WHOLE = ("should be a whole number", "")
_NUMBER = ("should be a number", "")
_WORDED = {
    "string_type": ("should be text", "put it in quotes"),
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "too_short": ("is empty", ""),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
}
"""Message and hint for pydantic's kinds of errors, where its own words are for programmers."""


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
    return [_invalid(dict(each), model, place) for each in error.errors(include_url=False) if not _follows(dict(each))]


def _follows(error: dict[str, Any]) -> bool:
    """Whether it is said of a list only because what stands in it is wrong."""
    return error["type"] == "too_short" and bool(error["input"])


def _invalid(error: dict[str, Any], model: type[BaseModel], place: Place) -> Problem:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    unknown = error["type"] == "extra_forbidden"
    said = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    message, hint = _WORDED.get(error["type"], (said, ""))
    if unknown:
        message, hint = "unknown key", near(str(path[-1]), model_at(model, path[:-1]))
    elif error["type"] == "missing":
        message, hint = "is missing", _only(str(path[-1]), model_at(model, path[:-1]))
    elif error["type"] == "literal_error":
        words = re.findall(r"'([^']+)'", str(error["ctx"]["expected"]))
        close = difflib.get_close_matches(str(error["input"]), words, n=1)
        hint = f"did you mean {close[0]}?" if close and len(words) > 1 else ""
    return Problem(place(path, unknown), dotted(path), message, hint)


def _only(key: str, model: type[BaseModel]) -> str:
    """What to write for a key that has one value."""
    named = {field.alias or name: field for name, field in model.model_fields.items()}.get(key)
    values = get_args(named.annotation) if named and get_origin(named.annotation) is Literal else ()
    return f"write {key}: {values[0]}" if len(values) == 1 else ""


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
