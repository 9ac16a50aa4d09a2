"""Finds the row of a table that a method and a path ask for.

A row's pattern is written as the provider documents it (`/v1/responses/{response_id}/cancel`); since other hosts serve the same
API below other prefixes, the version in front may be replaced by whatever the dialect's prefix expression takes. `{model}` names a
model, any other place an id: `{response_id}` gives the reference `response:…`.
"""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import unquote

from proxy.dialects.contract import Endpoint, PathParameters
from proxy.dialects.gathering import WORD_LIMIT

_PLACE = re.compile(r"\{(\w+)\}")
_VERSION = re.compile(r"^(/upload)?/v1(?:beta)?(?=/)")
_WORD = re.compile(r"[^/:{}]+")


class PathTable:
    """The rows of one dialect.

    Args:
        endpoints: the rows; the first that fits is taken.
        prefix: expression for what may stand in front, from the first slash; its group `deployment` names a model.
        model: expression for a `{model}` in a pattern.
        place: expression for an id in a pattern.
        streams: endings of paths that ask for a stream.

    """

    def __init__(
        self,
        endpoints: tuple[Endpoint, ...],
        *,
        prefix: str,
        model: str = ".+",
        place: str = "[^/]+",
        streams: tuple[str, ...] = (),
    ) -> None:
        self._streams = streams
        self._places = {"model": model}
        self._place = place
        self._exact = {(row.method, row.pattern): (row, PathParameters()) for row in endpoints if "{" not in row.pattern}
        self._rows: dict[tuple[str, str], list[tuple[int, Endpoint, str]]] = {}
        for number, row in enumerate(endpoints):
            expression = self._expression(row.pattern, prefix)
            self._rows.setdefault((row.method, self._anchor(row.pattern)), []).append((number, row, expression))

    def _expression(self, pattern: str, prefix: str) -> str:
        version = _VERSION.match(pattern)
        above = "(?:/[^/]+)*?/upload" if version and version[1] else ""
        pieces = _PLACE.split(_VERSION.sub("", pattern))
        places = [f"(?P<{name}>{self._places.get(name, self._place)})" for name in pieces[1::2]]
        return above + prefix + "".join(re.escape(word) + place for word, place in zip(pieces[::2], [*places, ""], strict=True))

    @staticmethod
    def _anchor(pattern: str) -> str:
        """A word that every path of the pattern has between slashes or colons, so that few rows need to be tried."""
        words = _WORD.findall(_PLACE.sub("", _VERSION.sub("", pattern)))
        return words[0] if words else ""

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """See `Dialect.match`."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        if "%" in path:
            path = unquote(path)
        rows = self._rows
        candidates = [row for word in {"", *_WORD.findall(path)} for row in rows.get((method, word), ())]
        candidates.sort(key=_number)
        for _, row, expression in candidates:
            if fits := _compiled(expression).fullmatch(path):
                return row, self._parameters(fits.groupdict(), path)
        return None

    def _parameters(self, named: dict[str, str | None], path: str) -> PathParameters:
        deployment = named.pop("deployment", None)
        model = named.pop("model", None) or deployment
        references = tuple(
            f"{name.removesuffix('_id')}:{identifier}"[:WORD_LIMIT] for name, identifier in named.items() if identifier
        )
        stream = path.endswith(self._streams) if self._streams else False
        return PathParameters(model=model, stream=stream, references=references)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Compiled when it is first tried: most rows never are, and to compile them all takes 20 ms from every process's start."""
    return re.compile(expression)


def _number(row: tuple[int, Endpoint, str]) -> int:
    return row[0]
