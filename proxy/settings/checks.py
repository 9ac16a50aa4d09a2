"""What a type cannot say about a configuration: names, and keys that refer to other keys. Works on the raw tree, so that these
problems are told together with those of types; whatever has the wrong shape is passed over here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.documents.problems import Path

_UPSTREAM_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_VERSION_NAME = re.compile(r"v[0-9]+(alpha|beta)?[0-9]*")
_PRINCIPAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,127}")
_AUTOMATIC = "anonymous"


@dataclass(frozen=True)
class Finding:
    """One problem at a path; `of_key` when the key itself is wrong and not its value."""

    path: Path
    message: str
    hint: str = ""
    of_key: bool = False


def findings(tree: dict[str, Any]) -> list[Finding]:
    """Everything found, in the order of the configuration."""
    return [*_upstream_names(tree), *_default_upstream(tree), *_principals(tree), *_second_place(tree)]


def _table(tree: dict[str, Any], name: str) -> dict[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _upstream_names(tree: dict[str, Any]) -> Iterator[Finding]:
    for name in _table(tree, "upstreams"):
        if not _UPSTREAM_NAME.fullmatch(name):
            hint = "lower-case letters, digits, '.', '_', '-'"
            yield Finding(("upstreams", name), "cannot be an upstream's name, since it stands in URLs", hint, of_key=True)
        elif _VERSION_NAME.fullmatch(name):
            yield Finding(("upstreams", name), "looks like an API version, which default_upstream serves un-prefixed", of_key=True)


def _default_upstream(tree: dict[str, Any]) -> Iterator[Finding]:
    name = tree.get("default_upstream")
    known = list(_table(tree, "upstreams"))
    if isinstance(name, str) and name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        yield Finding(("default_upstream",), f"no upstream is named {name!r}", f"did you mean {close[0]}?" if close else "")


def _principals(tree: dict[str, Any]) -> Iterator[Finding]:
    for name, fields in _table(tree, "principals").items():
        if not _PRINCIPAL_NAME.fullmatch(name) or name == _AUTOMATIC:
            hint = "letters, digits, '.', '_', '@', '/', '-', and not 'anonymous'"
            yield Finding(("principals", name), "cannot be a principal's name", hint, of_key=True)
        if isinstance(fields, dict):
            purpose, purposes = fields.get("purpose"), fields.get("purposes")
            if isinstance(purpose, str) and isinstance(purposes, list) and purpose not in purposes:
                yield Finding(("principals", name, "purpose"), f"{purpose} is not among this principal's purposes")


def _second_place(tree: dict[str, Any]) -> Iterator[Finding]:
    durability = _table(tree, "ledger").get("durability")
    table = isinstance(durability, dict)
    copies = durability.get("copies") if isinstance(durability, dict) else durability
    if copies == "local+db" and not tree.get("database_url"):
        path = ("ledger", "durability", "copies") if table else ("ledger", "durability")
        yield Finding(path, "local+db needs a database elsewhere", "set database_url; the default store dies with data_dir")
