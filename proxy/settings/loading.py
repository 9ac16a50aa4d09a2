"""From file and environment to checked `Settings`, with the origin of every value, or all problems at once.

Order, later wins: defaults, built-in upstreams, the file, the environment. Command-line flags arrive as environment variables,
so that every process of one `serve` sees the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from proxy.documents.checking import in_file_order, invalid
from proxy.documents.problems import ConfigurationError, Path, Problem, dotted
from proxy.documents.reading import Document, read_document
from proxy.settings.builtin import builtin_upstreams, lend_usual_keys
from proxy.settings.checks import Finding, findings
from proxy.settings.described import config_file
from proxy.settings.environment import PREFIX, Overlay, variables
from proxy.settings.schema import Settings
from proxy.settings.units import at_home

DEFAULT_DATA_DIR = "tos-proxy-data"
_SECTIONS = ("gateway", "admin", "health", "ledger", "upstreams", "principals", "terms", "detection")
_PATHS = (("data_dir",), ("gateway", "unix_socket"), ("gateway", "tls", "certificate"), ("gateway", "tls", "key"))
_UPSTREAM_PATHS = ("client_certificate", "client_key")


@dataclass(frozen=True)
class Loaded:
    """`settings`, and where they come from. `file` is None when there is none; `digest` is of its bytes (for noticing a change)."""

    settings: Settings
    file: FilePath | None
    digest: str
    document: Document
    environment: dict[Path, str] = field(default_factory=dict)

    def origin(self, path: Path) -> str:
        """Where the value at `path` was set: a variable's name, `file:line`, `built-in` or `default`."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.environment:
                return self.environment[path[:length]]
            if path[:length] in self.document.values and (length == len(path) or path[:length] not in self.document.tables):
                return self.document.place(path[:length], of_key=True).rpartition(":")[0]
        named = path[0] == "upstreams" and len(path) == 3
        return "built-in" if named and path[2] in builtin_upstreams().get(str(path[1]), {}) else "default"


def load(environ: Mapping[str, str], folder: FilePath | None = None) -> Loaded:
    """The configuration in force for `environ` in `folder` (default: the current one).

    Raises: ConfigurationError with every problem found.
    """
    folder = (folder or FilePath.cwd()).absolute()
    file = config_file(environ, folder)
    text, document = _read(file)
    tree = document.tree if document.tree is not None else {}
    if not isinstance(tree, dict):
        raise ConfigurationError([*document.problems, Problem(document.place(()), "", "should be a table of keys")])
    _resolve_paths(tree, file.parent if file else folder)
    tree = _with_defaults(tree, folder)
    overlay = Overlay(tree)
    for path, (variable, value) in variables(environ).items():
        overlay.lay(path, variable, value)
    _resolve_paths(tree, folder)
    lend_usual_keys(tree["upstreams"])
    loaded = _Check(document, overlay)
    settings = loaded.settings()
    return Loaded(settings, file, hashlib.sha256(text).hexdigest(), document, overlay.origins)


def _read(file: FilePath | None) -> tuple[bytes, Document]:
    if file is None:
        return b"", Document("defaults")
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ConfigurationError([Problem(str(file), "", f"cannot be read: {error.strerror}")]) from None
    return text, read_document(text, _short(file))


def _short(file: FilePath) -> str:
    """Relative to the current folder where that is shorter, as compilers print names."""
    try:
        return str(file.relative_to(FilePath.cwd()))
    except ValueError:
        return str(file)


def _with_defaults(tree: dict[str, Any], folder: FilePath) -> dict[str, Any]:
    """The tree with built-in upstreams under it; what has the wrong shape is left for the checks to name."""
    tree.setdefault("data_dir", str(folder / DEFAULT_DATA_DIR))
    for section in _SECTIONS:
        if tree.get(section) is None:
            tree[section] = {}
    written = tree["upstreams"]
    if isinstance(written, dict):
        merged: dict[str, Any] = builtin_upstreams()
        for name, fields in written.items():
            usual = merged.get(name, {})
            merged[name] = {**usual, **fields} if isinstance(fields, dict) else (usual if fields is None and usual else fields)
        tree["upstreams"] = merged
    return tree


def _resolve_paths(tree: dict[str, Any], folder: FilePath) -> None:
    """Relative paths in a file are relative to its folder, those in the environment to the current one."""
    places: list[tuple[Any, str]] = []
    for *parents, last in _PATHS:
        table: Any = tree
        for parent in parents:
            table = table.get(parent) if isinstance(table, dict) else None
        places.append((table, last))
    upstreams = tree.get("upstreams")
    for upstream in upstreams.values() if isinstance(upstreams, dict) else ():
        places += [(upstream, name) for name in _UPSTREAM_PATHS]
    for table, name in places:
        if isinstance(table, dict) and isinstance(table.get(name), str) and table[name].strip():
            path = at_home(table[name])
            table[name] = str(path if path.parts[0].startswith("~") else folder / path)


class _Check:
    """Turns what pydantic and the cross-checks find into problems with places."""

    def __init__(self, document: Document, overlay: Overlay) -> None:
        self._document = document
        self._overlay = overlay

    def settings(self) -> Settings:
        tree = self._overlay.tree
        problems = [*self._document.problems, *self._overlay.problems]
        problems += [self._found(finding) for finding in findings(tree)]
        settings = None
        try:
            settings = Settings.model_validate(tree)
        except ValidationError as error:
            problems += map(_meant, invalid(error, Settings, lambda path, of_key: self._place(path, of_key=of_key)))
        if problems or settings is None:
            raise ConfigurationError(sorted(dict.fromkeys(problems), key=in_file_order))
        return settings

    def _found(self, finding: Finding) -> Problem:
        return Problem(self._place(finding.path, of_key=finding.of_key), dotted(finding.path), finding.message, finding.hint)

    def _place(self, path: Path, *, of_key: bool = False) -> str:
        origins = self._overlay.origins
        for length in range(len(path), 0, -1):
            if path[:length] in origins:
                return f"environment: {origins[path[:length]]}"
            if path[:length] in self._document.values:
                return self._document.place(path[:length], of_key=of_key and length == len(path))
        for length in range(len(path), max(len(path) - 2, 0), -1):  # what is missing is so for what is set beside it
            near = [variable for place, variable in origins.items() if place[:length] == path[:length]]
            if near:
                return f"environment: {near[0]}"
        return self._document.place(path)


def _meant(problem: Problem) -> Problem:
    """A key at the top that is a section and a key of it in one word is told how it is written."""
    section, _, key = problem.path.partition("_")
    if problem.message != "unknown key" or section not in Settings.model_fields or not key:
        return problem
    hint = f"did you mean {section}: {{{key}: …}}, as a variable {PREFIX}{section.upper()}__{key.upper()}?"
    return replace(problem, hint=hint)
