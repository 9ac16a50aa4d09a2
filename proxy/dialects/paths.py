"""Finds the row of a table that a method and a path ask for.

A row's pattern is written as the provider documents it (`/v1/responses/{id}/cancel`); since other hosts serve the same
API below other prefixes, the version in front may be replaced by whatever the dialect's prefix expression takes.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from proxy.dialects.contract import Endpoint, PathParameters

_PLACE = re.compile(r"\{(\w+)\}")
_VERSION = re.compile(r"^/v1(?:beta)?(?=/)")


class PathTable:
    """The compiled rows of one dialect.

    Args:
        endpoints: the rows; the first that fits is taken.
        prefix: expression for what may stand in front, from the first slash; its group `deployment` names a model.
        model: expression for a `{model}` in a pattern.
        streams: endings of paths that ask for a stream.

    """

    def __init__(self, endpoints: tuple[Endpoint, ...], *, prefix: str, model: str = ".+", streams: tuple[str, ...] = ()) -> None:
        self._streams = streams
        self._exact = {(row.method, row.pattern): (row, PathParameters()) for row in endpoints if "{" not in row.pattern}
        self._rows = [(row, re.compile(prefix + self._expression(row.pattern, model))) for row in endpoints]

    @staticmethod
    def _expression(pattern: str, model: str) -> str:
        pieces = _PLACE.split(_VERSION.sub("", pattern))
        places = [f"(?P<model>{model})" if name == "model" else r"[^/]+" for name in pieces[1::2]]
        return "".join(re.escape(literal) + place for literal, place in zip(pieces[::2], [*places, ""], strict=True))

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """See `Dialect.match`."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        if "%" in path:
            path = unquote(path)
        for row, expression in self._rows:
            if row.method == method and (fits := expression.fullmatch(path)):
                named = fits.groupdict()
                model = named.get("model") or named.get("deployment")
                return row, PathParameters(model=model, stream=path.endswith(self._streams) if self._streams else False)
        return None
