"""What may stand in the query of an address of the API: what its route takes, and nothing else. A mistyped name would be left out
without a word, and a filter that is left out answers with more than was asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel


async def only_known(request: Request) -> None:
    """A dependency of every route. Raises: RequestValidationError that names each parameter that the route does not take."""
    if not request.query_params:
        return
    known = set(_taken(request.scope["route"]))
    wrong = [
        {"type": "extra_forbidden", "loc": ("query", name), "msg": "There is no such parameter here"}
        for name in dict.fromkeys(request.query_params.keys())
        if name not in known
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _taken(route: APIRoute) -> Iterator[str]:
    """Names of parameters; those of a model are its fields."""
    for field in route.dependant.query_params:
        model = field.field_info.annotation
        if inspect.isclass(model) and issubclass(model, BaseModel):
            yield from model.model_fields
        else:
            yield field.alias
