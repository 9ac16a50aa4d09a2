"""Reads YAML into plain values, and remembers where each stood.

PyYAML silently keeps the last of two equal keys and reads `no` as false and `0755` as 493; here equal keys are a problem and
plain scalars follow the core schema of YAML 1.2 (§10.3.2). Bounds against hostile files: size, nesting (PyYAML's compose
recurses on the C stack and crashes the process when nested too deeply) and what aliases stand for (`proxy.documents.expanding`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from proxy.documents.expanding import DEPTH_CAP, VALUE_CAP, Expansion
from proxy.documents.problems import Path, Problem, dotted

SIZE_CAP = 16 * 1024 * 1024

_TAG = "tag:yaml.org,2002:"
_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = {".nan", ".NaN", ".NAN"}
_DIGITS_CAP = 400
_TAB = "indent by spaces, not by tabs"
_MEANT = {
    "mapping values are not allowed in this context": "a text with a colon is not in quotes, or a line is indented otherwise",
    "but found another document": "one document a file",
    "could not find expected ':'": "a key ends with a colon",
    "did not find expected ',' or '}'": "a brace is not closed, a comma is missing, or a text with a colon is not in quotes",
    "did not find expected ',' or ']'": "a bracket is not closed, or a comma is missing",
    "did not find expected key": "a line is indented otherwise than those beside it",
}
"""What most often lies behind a message of the reader's."""


class _Loader(yaml.CSafeLoader):
    """Resolves no plain scalar by itself, so that an explicit tag can be told from none."""

    yaml_implicit_resolvers: dict[str, Any] = {}


@dataclass
class Document:
    """A file's values (`tree`), the places of its keys and values (1-based `(line, column)` by path), which of them are tables,
    what is wrong with it, and its text as far as it could be read.
    """

    name: str
    tree: Any = None
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    tables: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    text: str = field(default="", repr=False)

    def at(self, path: Path) -> Any:
        """The value at `path`; None when there is none."""
        found = self.tree
        for part in path:
            if isinstance(found, dict):
                found = found.get(part)
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found

    def place(self, path: Path, *, of_key: bool = False) -> str:
        """`file:line:column` of the value at `path` (or of its key), or of the nearest value around it."""
        while path and path not in self.values:
            path = path[:-1]
        mark = self.keys.get(path) if of_key else None
        line, column = mark or self.values.get(path, (1, 1))
        return f"{self.name}:{line}:{column}"


def read_document(text: bytes, name: str) -> Document:
    """The values of one YAML document; `name` is the file's name for people. Never raises: problems are in the document."""
    document = Document(name)
    try:
        if len(text) > SIZE_CAP:
            document.problems.append(Problem(f"{name}:1:1", "", f"larger than {SIZE_CAP // 1024**2} MiB", "split it"))
            return document
        decoded = text.decode("utf-8-sig")
        if (deep := _too_deep(decoded)) is not None:
            document.problems.append(Problem(f"{name}:{deep + 1}:1", "", f"nested deeper than {DEPTH_CAP} levels"))
            return document
        document.text = decoded
        root = yaml.compose(decoded, Loader=_Loader)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        document.problems.append(Problem(f"{name}:{line}:1", "", "not UTF-8", "save it in this encoding"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        said = error.problem or error.context or ""
        tab = mark is not None and any("\t" in line[: mark.column + 1] for line in decoded.splitlines()[mark.line : mark.line + 1])
        document.problems.append(Problem(place, "", f"not YAML: {said}", _TAB if tab else _MEANT.get(said, "")))
    except yaml.YAMLError as error:
        document.problems.append(Problem(name, "", f"not YAML: {' '.join(str(error).split())}"))
    else:
        if root is not None:
            _fill(document, root)
    return document


def _fill(document: Document, root: yaml.Node) -> None:
    # Without an alias every value is written out, in a byte at least.
    plain = "*" not in document.text and len(document.text) <= VALUE_CAP
    if plain or (fault := Expansion(root).fault) is None:
        document.tree = _Walk(document).value(root, ())
        return
    path, node, message = fault
    place = f"{document.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    document.problems.append(Problem(place, dotted(path), message))


def _too_deep(text: str) -> int | None:
    """The line (from 0) where nesting passes the cap; the event reader does not recurse, `compose` does."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_CAP:
                return event.start_mark.line if event.start_mark else 0
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


class _Walk:
    """One pass over the nodes: values, places, problems."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._inside: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The plain value of a node (None where there is a problem)."""
        self._document.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in self._inside:
            self._problem(path, "an alias that contains itself")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._inside.add(id(node))
        result = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._inside.discard(id(node))
        return result

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._expect_tag(node, path, "map")
        self._document.tables.add(path)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(path, "a key that is not plain text", key_node)
                continue
            key = str(key_node.value)
            inner = (*path, key)
            if key in result:
                first = self._document.keys[inner][0]
                self._problem(inner, f"the same key twice (first in line {first})", key_node)
                continue
            if key == "<<" and key_node.style in (None, ""):
                self._problem(path, "merge keys (<<) are not part of YAML 1.2", key_node)
                continue
            self._document.keys[inner] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            result[key] = self.value(value_node, inner)
        return result

    def _sequence(self, node: yaml.Node, path: Path) -> list[Any]:
        self._expect_tag(node, path, "seq")
        return [self.value(item, (*path, at)) for at, item in enumerate(node.value)]

    def _expect_tag(self, node: yaml.Node, path: Path, short: str) -> None:
        if node.tag not in (_TAG + short, "!"):
            self._problem(path, f"the tag {node.tag} is not allowed")

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        plain = node.style in (None, "")
        if node.tag == _TAG + "str" or node.tag == "!":
            return plain_scalar(text) if plain and node.tag != "!" else text
        value = plain_scalar(text)
        kinds = {"null": type(None), "bool": bool, "int": int, "float": float}
        wanted = kinds.get(node.tag.removeprefix(_TAG))
        if wanted is None or type(value) is not wanted:
            self._problem(path, f"the tag {node.tag} is not allowed here")
            return None
        return value

    def _problem(self, path: Path, message: str, node: yaml.Node | None = None) -> None:
        place = self._document.place(path)
        if node is not None:
            place = f"{self._document.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        self._document.problems.append(Problem(place, dotted(path), message))


def plain_scalar(text: str) -> Any:
    """What an unquoted scalar means under the core schema of YAML 1.2: null, bool, int, float or the text itself."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > _DIGITS_CAP:
        return text
    for pattern, convert in ((_INT, int), (_OCTAL, lambda t: int(t, 0)), (_HEX, lambda t: int(t, 16)), (_FLOAT, float)):
        if pattern.fullmatch(text):
            return convert(text)
    if text in _NAN:
        return math.nan
    infinite = _INFINITY.fullmatch(text)
    return float(f"{infinite[1]}inf") if infinite else text
