"""What of the snapshot in force duties of control go by: its rules, read again when the file has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.rules import Rule
from proxy.core.terms import Clause
from proxy.review import clauses
from proxy.review.raised import Raised

_rule = msgspec.json.Decoder(Rule).decode


class InForce:
    """`clauses_of` gives the clauses of the catalogue in force."""

    def __init__(self, data_dir: Path, clauses_of: Callable[[], Iterable[Clause]]) -> None:
        self._publisher = Publisher(data_dir)
        self._file = data_dir / "snapshot" / "current"
        self._clauses_of = clauses_of
        self._seen: tuple[int, int, int] | None = None
        self._rules: dict[str, Rule] = {}

    def rules(self) -> Mapping[str, Rule]:
        """Rules by name; those of the last snapshot that could be read."""
        try:
            stat = self._file.stat()
        except OSError:
            return self._rules
        seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if seen != self._seen:
            self._rules = dict(self._read())
            self._seen = seen
        return self._rules

    def _read(self) -> Iterator[tuple[str, Rule]]:
        for (section, name), framed in self._publisher.entries().items():
            if section == "rule":
                for line in snapshot.lines(framed):
                    yield name, _rule(line.value)

    def due(self, now: int) -> Iterable[Raised]:
        """What is to be said of clauses on this day."""
        return clauses.due(self._clauses_of(), now)
