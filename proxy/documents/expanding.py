"""Measures what the aliases of a YAML file stand for, without making it: each node is visited once, however often it is named.

Ten lines of ten aliases each stand for ten thousand million values, and forty aliases in a row for forty levels; both are told
before the first value is read.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from proxy.documents.problems import Path

DEPTH_CAP = 32
VALUE_CAP = 500_000
"""Values that a file may write."""
REPEATED_CAP = 10_000
"""Values that its aliases may stand for beside those."""

_Fault = tuple[Path, yaml.Node, str]


class Expansion:
    """What a file comes to. `fault`: path, node and message of the first place where it is too much; `visited`: nodes looked at."""

    def __init__(self, root: yaml.Node) -> None:
        self.fault: _Fault | None = None
        self.visited = 0
        self._sizes: dict[int, int] = {}
        self._heights: dict[int, int] = {}
        self._measure(root, ())

    def _measure(self, node: yaml.Node, path: Path) -> int:
        """How many values aliases add within the node. An alias stands behind what it names: this goes no deeper than the text."""
        self.visited += 1
        self._sizes[id(node)] = size = 1
        self._heights[id(node)] = height = 0
        repeated = 0
        if self.visited > VALUE_CAP:
            self._found(path, node, f"more than {VALUE_CAP:,} values")
        for name, child in _children(node):
            if self.fault is not None:
                break
            inner = (*path, name)
            if id(child) in self._sizes:
                repeated += self._sizes[id(child)]
                if len(inner) + self._heights[id(child)] > DEPTH_CAP:
                    self._found(inner, child, f"nested deeper than {DEPTH_CAP} levels once aliases are expanded")
            else:
                repeated += self._measure(child, inner)
            size += self._sizes[id(child)]
            height = max(height, 1 + self._heights[id(child)])
        self._sizes[id(node)], self._heights[id(node)] = size, height
        if repeated > REPEATED_CAP:
            self._found(path, node, "too many values once aliases are expanded")
        return repeated

    def _found(self, path: Path, node: yaml.Node, message: str) -> None:
        self.fault = self.fault or (path, node, message)


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), child) for key, child in node.value if isinstance(key, yaml.ScalarNode))
    elif isinstance(node, yaml.SequenceNode):
        yield from enumerate(node.value)
