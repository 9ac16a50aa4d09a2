"""Moves how principals stand: up by what the detector proposes, down by time, a declared purpose, or a person.

Rows are held in memory beside the store; what another process or a person changed is read again every few seconds. A move to
another standing is an entry of the ledger before it counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger import store_standings
from proxy.ledger.review_tables import findings
from proxy.ledger.store import Store
from proxy.review import moves, standing
from proxy.review.moves import SPARING
from proxy.review.standing import DISMISSED_US, Stands

Record = Callable[[str, dict[str, str | int]], Awaitable[None]]


class Standings:
    """All rows, by principal. `changed`: gateways have not been told of a change yet."""

    def __init__(self, store: Store, record: Record) -> None:
        self.rows: dict[str, Stands] = {}
        self.changed = True
        self._store = store
        self._record = record
        self._decided_at = 0
        self._stamp = (-1, -1)

    def row(self, principal: str) -> Stands:
        """How it stands, as far as it was ever moved."""
        return self.rows.get(principal) or Stands(principal)

    async def load(self) -> None:
        """Read every row, if any has changed. Raises: StoreUnavailableError."""
        stamp = await store_standings.stamp(self._store)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        rows = {row["principal"]: Stands(**row) for row in await store_standings.listed(self._store)}
        self.changed |= rows != self.rows
        self.rows = rows

    async def keep(self, connection: AsyncConnection, moved: Iterable[Stands]) -> None:
        """Write rows in the transaction that `connection` is in; the last thing in it, since each change of a standing is recorded.

        `took` tells them to memory once that transaction has ended.
        """
        rows = list(moved)
        changed = await moves.note(connection, [row for row in rows if self.row(row.principal).standing != row.standing])
        await store_standings.keep(connection, [msgspec.structs.asdict(row) for row in rows])
        for row, was in changed:
            detail: dict[str, str | int] = {"principal": row.principal, "from": was, "to": row.standing}
            await self._record("standing_moved", detail | ({"group": row.group_key} if row.group_key else {}))

    def took(self, moved: Iterable[Stands]) -> None:
        """These rows are in the store."""
        for row in moved:
            before = self.row(row.principal)
            self.changed |= (before.standing, before.group_key, before.until) != (row.standing, row.group_key, row.until)
            self.rows[row.principal] = row

    async def settle(self, now: int) -> list[str]:
        """Let time and people's decisions work. Gives the principals whose evidence is to begin anew.

        Raises: StoreUnavailableError, whatever recording raises.
        """
        moved: dict[str, Stands] = {}
        forgiven: list[str] = []
        for principal, decision, decided_at, until in await self._decisions():
            row = moved.get(principal) or self.row(principal)
            spared = (until or 0) if decision == "exempt" else decided_at + DISMISSED_US
            if row.set_by or spared <= row.spared_until or spared <= now:
                continue
            moved[principal] = standing.cleared(row, now, spared_until=spared, again=decision == "dismissed")
            forgiven.append(principal)
        for principal, row in self.rows.items():
            if principal not in moved and (later := standing.decayed(row, now)) != row:
                moved[principal] = later
        if moved:
            async with self._store.write() as connection:
                await self.keep(connection, moved.values())
            self.took(moved.values())
        return forgiven

    async def _decisions(self) -> list[tuple[str, str, int, int | None]]:
        """Decisions about findings of extraction that lower a standing, since the last look; the last moment is looked at again."""
        columns = findings.c
        query = (
            select(columns.principal, columns.decision, columns.decided_at, columns.until)
            .where(columns.kind == "extraction", columns.state == "decided", columns.decided_at >= self._decided_at)
            .order_by(columns.decided_at)
        )
        async with self._store.read() as connection:
            rows = (await connection.execute(query)).all()
        if rows:
            self._decided_at = rows[-1][2]
        return [(row[0], row[1], row[2], row[3]) for row in rows if row[1] in SPARING]
