"""Settings from environment variables: `TOS_PROXY_GATEWAY__PORT=9000` sets `gateway.port`.

Names are matched without case, and `-` and `.` in a configured name are written `_` (`TOS_PROXY_UPSTREAMS__MY_VLLM__BASE_URL`
sets the field of an existing `my-vllm`). A value that starts with `{` or `[` is YAML, so that whole tables and lists fit into
one variable. Kubernetes puts `TOS_PROXY_SERVICE_HOST`, `TOS_PROXY_PORT=tcp://…` and the like into every pod beside a Service of
our name; these are not ours and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy.documents.problems import Path, Problem
from proxy.documents.reading import read_document
from proxy.limits import resp

PREFIX = "TOS_PROXY_"
NOT_SETTINGS = {
    "TOS_PROXY_CONFIG",
    "TOS_PROXY_CHANNEL",
    "TOS_PROXY_IDENTITY_KEY",
    "TOS_PROXY_MASTER_KEY",
    "TOS_PROXY_NATIVE",
    resp.VARIABLE,
}

_SERVICE = re.compile(r"TOS_PROXY_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_PORT = re.compile(r"(tcp|udp|sctp)://.*")


def variables(environ: Mapping[str, str]) -> dict[Path, tuple[str, str]]:
    """`{path: (variable, value)}` of the variables that are settings; path segments are lower case."""
    found: dict[Path, tuple[str, str]] = {}
    for variable, value in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS and not _kubernetes(variable, value):
            found[tuple(variable.removeprefix(PREFIX).lower().split("__"))] = (variable, value)
    return found


def _kubernetes(variable: str, value: str) -> bool:
    if "__" in variable:
        return False
    return bool(_SERVICE.fullmatch(variable) or (variable.endswith("_PORT") and _SERVICE_PORT.fullmatch(value)))


class Overlay:
    """Lays variables over a tree of values. `origins` then tells which variable set which path."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree
        self.origins: dict[Path, str] = {}
        self.problems: list[Problem] = []

    def lay(self, path: Path, variable: str, value: str) -> None:
        """Set one value. A variable that would have to go through a plain value is a problem."""
        table: Any = self.tree
        taken: Path = ()
        for segment in path[:-1]:
            name = _existing(table, str(segment))
            taken = (*taken, name)
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                self.problems.append(Problem(f"environment: {variable}", ".".join(map(str, taken)), "is not a table of keys"))
                return
        last = _existing(table, str(path[-1]))
        table[last] = self._value(variable, value)
        self.origins[(*taken, last)] = variable

    def _value(self, variable: str, value: str) -> Any:
        if not value.startswith(("{", "[")):
            return value
        document = read_document(value.encode(), f"environment: {variable}")
        self.problems += document.problems
        return document.tree


def _existing(table: Mapping[str, Any], segment: str) -> str:
    """The table's own spelling of a segment, or the segment."""
    if segment in table:
        return segment
    spelled = {re.sub(r"[-.]", "_", str(key)).lower(): str(key) for key in table}
    return spelled.get(segment, segment)
