"""What people decide: of a finding, or of a case and with it of all that is open in it. Each is an entry of the ledger before it
counts.

`dismissed`: nothing to it. `confirmed`: it is what it looks like. `exempt`: allowed until a date, after which it is open again.
`needs_answer`: the principal is asked. A note goes into the ledger, where nothing is erased: it names no content of an exchange.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core.errors import TosProxyError
from proxy.ledger.review_tables import cases, findings
from proxy.ledger.store import Store
from proxy.review.cases import NoSuchCaseError
from proxy.review.findings import NoSuchFindingError
from proxy.review.history import event

DECISIONS = ("dismissed", "needs_answer", "exempt", "confirmed")
"""From the mildest to the strictest: a case whose findings were decided one by one has the strictest of theirs."""

_AT_ONCE = 500
_MOST_NAMED = 4000
_MOST_TOLD = 5

Record = Callable[[str, dict[str, str | int]], Awaitable[None]]
"""Makes a change an entry of the ledger: event and details, durable on return. It is called last in the change's transaction,
so that a change without its entry is rolled back."""


class NotNowError(TosProxyError):
    """The case is not in a state in which this can be done to it; the message says why."""


class NoSuchMemberError(TosProxyError):
    """Somebody is left out of whom the case has nothing; the message says who."""


@dataclass(frozen=True)
class Disposition:
    """A decision, by whom (`by`: as they call themselves), and why. `until`: of an exemption, microseconds since 1970 UTC."""

    decision: str
    by: str
    note: str = ""
    until: int | None = None

    def columns(self, at: int) -> dict[str, object]:
        """What it makes of a finding or a case."""
        told = {"state": "decided", "decision": self.decision, "decided_by": self.by, "note": self.note}
        return {**told, "until": self.until, "decided_at": at}

    def detail(self) -> dict[str, str | int]:
        """What the ledger says of it."""
        said: dict[str, str | int] = {"decision": self.decision, "by": self.by}
        if self.note:
            said["note"] = self.note
        return said | ({"until": self.until} if self.until is not None else {})


async def decide_finding(store: Store, name: str, disposition: Disposition, at: int, record: Record) -> None:
    """Decide one finding, again if it was before; with the last that is open in a case, the case is decided too.

    Raises: NoSuchFindingError, StoreUnavailableError, whatever `record` raises.
    """
    async with store.write() as connection:
        row = (await connection.execute(select(findings).where(findings.c.id == name))).mappings().first()
        if row is None:
            raise NoSuchFindingError(f"no finding has the id {name}")
        await connection.execute(update(findings).where(findings.c.id == name).values(**disposition.columns(at)))
        case = row["case_id"]
        await event(
            connection,
            "finding_decided",
            at,
            case=case,
            finding=name,
            by=disposition.by,
            note=disposition.note,
            detail=disposition.detail(),
        )
        if case:
            await settle(connection, case, disposition.by, at)
        said: dict[str, str | int] = {
            "finding": name,
            "about": row["dedup_key"],
            "principal": row["principal"],
            "rule": row["rule"],
        }
        await record("finding_decided", said | disposition.detail())


async def settle(connection: AsyncConnection, case: str, by: str, at: int) -> None:
    """Decide a case in which nothing is open any more."""
    mine = findings.c.case_id == case
    row = await _case(connection, case)
    left = (await connection.execute(select(func.count()).where(mine, findings.c.state == "open"))).scalar_one()
    if left or row["state"] == "closed":
        return
    query = select(findings.c.decision, func.max(findings.c.until)).where(mine).group_by(findings.c.decision)
    found = {row[0]: row[1] for row in await connection.execute(query)}
    strictest = max(found, key=DECISIONS.index)
    values = Disposition(strictest, by, "", found[strictest]).columns(at)
    await connection.execute(update(cases).where(cases.c.id == case).values(**values, changed_at=at))
    await event(connection, "decided", at, case=case, by=by, detail={"decision": strictest})


async def decide_case(store: Store, name: str, disposition: Disposition, at: int, record: Record) -> None:
    """Decide a case and every finding that is open in it.

    Raises: NoSuchCaseError, NotNowError (closed), StoreUnavailableError, whatever `record` raises.
    """
    undecided = (findings.c.case_id == name) & (findings.c.state == "open")
    async with store.write() as connection:
        # findings before their case, as whoever raises them does: else the two could wait for each other
        await connection.execute(select(findings.c.id).where(undecided).order_by(findings.c.dedup_key).with_for_update())
        row = await _case(connection, name)
        if row["state"] == "closed":
            raise NotNowError("this case is closed; it opens again when something new is found")
        done = await connection.execute(update(findings).where(undecided).values(**disposition.columns(at)))
        await connection.execute(update(cases).where(cases.c.id == name).values(**disposition.columns(at), changed_at=at))
        said = disposition.detail()
        await event(connection, "decided", at, case=name, by=disposition.by, note=disposition.note, detail=said)
        await record("case_decided", {**_which(row), "findings": done.rowcount, **said})


async def decide_members(
    store: Store, name: str, disposition: Disposition, left_out: Collection[str], at: int, record: Record
) -> int:
    """Decide what is open in a case, but of the principals in `left_out`; the case is decided too where nothing is left open.

    Gives how many findings were decided. Raises: NoSuchMemberError (somebody is left out of whom the case has nothing: a name
    mistyped would be decided with the others); else as `decide_case`.
    """
    undecided = (findings.c.case_id == name) & (findings.c.state == "open")
    async with store.write() as connection:
        query = select(findings.c.id, findings.c.principal).where(undecided).order_by(findings.c.dedup_key).with_for_update()
        found = [row[0] for row in await connection.execute(query) if row[1] not in left_out]
        row = await _case(connection, name)
        if row["state"] == "closed":
            raise NotNowError("this case is closed; it opens again when something new is found")
        members = select(findings.c.principal).where(findings.c.case_id == name, findings.c.principal.in_(left_out))
        strangers = set(left_out).difference((await connection.execute(members)).scalars())
        if strangers:
            raise NoSuchMemberError(
                f"nothing in this case is about {', '.join(sorted(strangers)[:_MOST_TOLD])}; nothing was decided"
            )
        for begin in range(0, len(found), _AT_ONCE):
            some = findings.c.id.in_(found[begin : begin + _AT_ONCE])
            await connection.execute(update(findings).where(some).values(**disposition.columns(at)))
        left = sorted(left_out)
        said = disposition.detail() | {"findings": len(found), "left_out": len(left)}
        await event(connection, "members_decided", at, case=name, by=disposition.by, note=disposition.note, detail=said)
        if found:
            await settle(connection, name, disposition.by, at)
        await record("case_members_decided", {**_which(row), **said, "members_left_out": " ".join(left)[:_MOST_NAMED]})
    return len(found)


async def assign(store: Store, name: str, assignee: str, due: int | None, by: str, at: int, record: Record) -> None:
    """Give a case to somebody, until when; an empty `assignee` takes it back. A decided case stays decided.

    Raises: as `decide_case`.
    """
    async with store.write() as connection:
        row = await _case(connection, name)
        if row["state"] == "closed":
            raise NotNowError("this case is closed; it opens again when something new is found")
        state = row["state"] if row["state"] == "decided" else "assigned" if assignee else "open"
        values = {"assignee": assignee, "due": due, "state": state, "changed_at": at}
        await connection.execute(update(cases).where(cases.c.id == name).values(**values))
        said: dict[str, str | int] = {"assignee": assignee} | ({"due": due} if due is not None else {})
        await event(connection, "assigned", at, case=name, by=by, detail=said)
        await record("case_assigned", {**_which(row), **said, "by": by})


async def note(store: Store, name: str, words: str, by: str, at: int, record: Record) -> None:
    """Add a note to a case, whatever its state. Raises: NoSuchCaseError, StoreUnavailableError, whatever `record` raises."""
    async with store.write() as connection:
        row = await _case(connection, name)
        await connection.execute(update(cases).where(cases.c.id == name).values(changed_at=at))
        await event(connection, "note", at, case=name, by=by, note=words)
        await record("case_noted", {**_which(row), "note": words, "by": by})


async def close(store: Store, name: str, by: str, at: int, record: Record) -> None:
    """Close a case that is decided; closing it again changes nothing.

    Raises: NotNowError (not decided), else as `decide_case`.
    """
    async with store.write() as connection:
        row = await _case(connection, name)
        if row["state"] == "closed":
            return
        if row["state"] != "decided":
            raise NotNowError("this case is not decided yet; decide it first")
        await connection.execute(update(cases).where(cases.c.id == name).values(state="closed", closed_at=at, changed_at=at))
        await event(connection, "closed", at, case=name, by=by)
        await record("case_closed", {**_which(row), "by": by})


async def _case(connection: AsyncConnection, name: str) -> RowMapping:
    # held until the end: what is found at the same time waits, and opens the case again
    row = (await connection.execute(select(cases).where(cases.c.id == name).with_for_update())).mappings().first()
    if row is None:
        raise NoSuchCaseError(f"no case has the id {name}")
    return row


def _which(row: RowMapping) -> dict[str, str | int]:
    return {"case": row["id"], "subject": row["subject"]}
