"""What of the snapshot in force duties of control go by: its sections, read again when the file has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.principal import UNDECLARED
from proxy.core.rules import Rule
from proxy.core.terms import Clause, Unsaid
from proxy.review import clauses as review_of_clauses
from proxy.review.judged import named_by
from proxy.review.raised import Raised
from proxy.review.standing import LIMITS, SHADOW


class InForce:
    """`clauses_of` gives the clauses of the catalogue in force, `unsaid_of` what it allows by silence."""

    def __init__(
        self, data_dir: Path, clauses_of: Callable[[], Iterable[Clause]], unsaid_of: Callable[[], Iterable[Unsaid]] = tuple
    ) -> None:
        self._publisher = Publisher(data_dir)
        self._file = data_dir / "snapshot" / "current"
        self._clauses_of = clauses_of
        self._unsaid_of = unsaid_of
        self._seen: tuple[int, int, int] | None = None
        self._sections: dict[str, dict[str, Any]] = {}

    def rules(self) -> Mapping[str, Rule]:
        """Rules by name; those of the last snapshot that could be read."""
        return self.section("rule")

    def declared(self) -> dict[str, str]:
        """The purpose of each principal that has one by configuration, by its name, and by those that its keys had before it."""
        purposes = {name: one.purpose for name, one in self.section("principal").items() if one.purpose != UNDECLARED}
        keys = self.section("credential").items()
        named = {name: purposes.get(key.principal, "") for fingerprint, key in keys for name in named_by(fingerprint)}
        return purposes | {name: purpose for name, purpose in named.items() if purpose}

    def enforce(self) -> str:
        """What findings may do to traffic: `limits`, or `shadow` where standings have no limit."""
        return LIMITS if "limited" in self.section("limit") else SHADOW

    def section(self, name: str) -> Mapping[str, Any]:
        """The entries of a section by name, as their types; those of the last snapshot that could be read."""
        try:
            stat = self._file.stat()
        except OSError:
            return self._sections.get(name, {})
        seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if seen != self._seen:
            self._sections.clear()
            self._seen = seen
        if name not in self._sections:
            self._sections[name] = dict(self._read(name))
        return self._sections[name]

    def _read(self, wanted: str) -> Iterator[tuple[str, Any]]:
        for (section, name), framed in self._publisher.entries().items():
            if section == wanted:
                for line in snapshot.lines(framed):
                    yield name, msgspec.json.decode(line.value, type=snapshot.SECTIONS[section])

    def clauses(self) -> Sequence[Clause]:
        """Clauses of the terms in force."""
        return tuple(self._clauses_of())

    def due(self, now: int) -> Iterable[Raised]:
        """What is to be said on this day of clauses, and of what rests on none."""
        yield from review_of_clauses.due(self._clauses_of(), now)
        yield from review_of_clauses.silent(self._unsaid_of(), now)
