"""What is in force, as the admin application is told of it: sections of the snapshot, clauses, and how the ledger stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Adoption, Cell, Clause, Row


@dataclass(frozen=True)
class InForce:
    """`section` gives the entries of a section of the snapshot by name, `clauses` those of the terms in force."""

    section: Callable[[str], Mapping[str, Any]]
    clauses: Callable[[], Sequence[Clause]]

    def rules(self) -> Mapping[str, Rule]:
        """Rules by name."""
        return self.section("rule")

    def rows(self) -> Mapping[str, Row]:
        """Rows of the terms by name."""
        return self.section("terms")

    def adoptions(self) -> Mapping[str, Adoption]:
        """Who has read which row."""
        return self.section("adoption")

    def bundle(self) -> Bundle:
        """What names all of it."""
        found: Bundle = self.section("bundle").get("bundle", Bundle())
        return found


def cell_at(row: Row, purpose: str, at: int) -> Cell | None:
    """What a row says of a purpose at a time (microseconds since 1970 UTC); None where it says nothing."""
    for cell in row.cells.get(purpose, ()):
        if (cell.starts is None or cell.starts <= at) and (cell.until is None or at < cell.until):
            return cell
    return None


def read_by(row: Row, adoptions: Mapping[str, Adoption]) -> str:
    """Who has read the row as it is now; empty for nobody."""
    adopted = adoptions.get(row.id)
    return adopted.by if adopted is not None and adopted.digest == row.digest else ""


NOTHING = InForce(lambda _: {}, lambda: ())
"""Where no snapshot is there yet."""
